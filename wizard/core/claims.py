"""What an identity provider says of somebody, and which privilege at the desk follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wizard.core.actors import Privilege

Claims = Mapping[str, Any]

_EMAIL, _EMAIL_VERIFIED = "email", "email_verified"


@dataclass(frozen=True, slots=True)
class PrivilegeRule:
    """The claim that decides, and which of its values stand for which privilege; whoever has both is `main`."""

    claim: str
    admin: frozenset[str]
    main: frozenset[str]

    def privilege(self, claims: Claims) -> Privilege | None:
        """What somebody may do; None where nothing says so. An address that nobody has verified says nothing."""
        if self.claim == _EMAIL and claims.get(_EMAIL_VERIFIED) is not True:
            return None
        held = {value for found in _found(claims, self.claim) for value in _values(found)}
        if held & self.main:
            return Privilege.MAIN
        return Privilege.ADMIN if held & self.admin else None


@dataclass(frozen=True, slots=True)
class Strength:
    """How somebody must have signed in there: by one of these `acr`, with one of these `amr`; where empty, anyhow."""

    acr: frozenset[str] = frozenset()
    amr: frozenset[str] = frozenset()

    def suffices(self, claims: Claims) -> bool:
        """Whether they have."""
        acr = claims.get("acr")
        has_acr = not self.acr or (isinstance(acr, str) and acr in self.acr)
        return has_acr and (not self.amr or not self.amr.isdisjoint(_values(claims.get("amr"))))


def text_of(claims: Claims, *names: str, most: int) -> str:
    """The first of these claims that is a text with something in it, on one line and not too long; or nothing."""
    for name in names:
        text = claims.get(name)
        if isinstance(text, str) and (line := _line(text)):
            return line[:most]
    return ""


def _line(text: str) -> str:
    """A text on one line, without what is neither seen nor can be stored."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())


def _found(claims: object, name: str) -> Iterator[object]:
    """What stands under a name: as it is, or as a path by its dots, wherever a name itself has some."""
    if not isinstance(claims, Mapping):
        return
    if name in claims:
        yield claims[name]
    for at, char in enumerate(name):
        if char == "." and name[:at] in claims:
            yield from _found(claims[name[:at]], name[at + 1 :])


def _values(value: object) -> frozenset[str]:
    """The texts in a claim, which is one or a list."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, Sequence):
        return frozenset()
    return frozenset(each for each in listed if isinstance(each, str))
