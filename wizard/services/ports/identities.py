"""Who somebody is elsewhere: the identity provider that staff may sign in with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from wizard.core.claims import Claims


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that was begun: what the answer has to fit, known to this browser's session alone."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for. `issuer` and `subject` never change; all else may.

    `id_token` is what they are signed out by there, nothing where that is not offered.
    """

    issuer: str
    subject: str
    claims: Claims = field(repr=False)
    id_token: str = field(default="", repr=False)


class IdentityProvider(Protocol):
    """Raises ExternalServiceError("oidc") where it cannot be reached, or answers what it must not."""

    def begin(self, *, choosing: bool = False) -> tuple[str, Pending]:
        """Where to send the browser; `choosing`, to be asked there which account it is to be."""
        ...

    def identify(self, pending: Pending, code: str) -> Identity:
        """Who came back with a code.

        Raises Unauthenticated: "oidc.over" for a code that is used or too old, "oidc.refused" where the provider does
        not deal with us, and "oidc.untrusted" where what it says cannot be believed.
        """
        ...

    def is_issuer(self, named: str | None) -> bool:
        """Whether an answer that names its issuer comes from this one."""
        ...

    def way_out(self, id_token: str) -> str | None:
        """Where somebody is signed out there; None where that is not offered."""
        ...
