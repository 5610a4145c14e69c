"""The cookies of one browser's session: what each opens, and until when. All of them end with the session.

A cookie is `<id of the session>.<token>`. The session is stored under its id; a token that it does not know opens
nothing. Whoever is given more gets another token, and the one before never opens what came with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, NamedTuple

# How the keys begin of what is somebody's own; the id of the registration follows.
OF_A_REGISTRATION = ("registration", "proof", "helping", "aside", "asked", "newcomer", "link_sent_to")
# In values that went on from a cookie that was left: registrations that it opened did not come along.
NOT_TAKEN = "not_taken"
# As long as a code: a browser that never heard of its new cookie goes on with the old one, and proves itself anew.
LEFT_FOR = timedelta(minutes=10)
# A request that was on its way with a cookie that has ended must not be given another: its answer would take the
# place of the one that the browser has just been given.
REMEMBERED = timedelta(seconds=20)
_OF_STAFF = "staff"
_ENDED = -1
_MICROSECOND = timedelta(microseconds=1)


def new_cookie(beside: str | None = None) -> str:
    """A cookie that nobody can guess, of a new session or of the one that another opens."""
    session_id = session_id_of(beside) if beside else secrets.token_urlsafe(16)
    return f"{session_id}.{secrets.token_urlsafe(32)}"


def session_id_of(cookie: str) -> str:
    """The id of the session that a cookie is of."""
    return cookie.partition(".")[0]


def keys_of(registration_id: str) -> list[str]:
    """The keys of all that is about a registration."""
    return [f"{kind}:{registration_id}" for kind in OF_A_REGISTRATION]


class Held(NamedTuple):
    """What a cookie opens: until it is left, for good; then what is of a registration only until an instant.

    That is in microseconds; a leaving is known by the revision of the session that it made.
    """

    values: dict[str, Any]
    left_at: int = 0
    until: int = 0

    @property
    def was_left(self) -> bool:
        """Whether the browser has been given another cookie, which it may not have heard of."""
        return self.left_at > 0

    @property
    def has_ended(self) -> bool:
        """Whether it opens nothing any more, and did a moment ago."""
        return self.left_at == _ENDED


class GoingOn(NamedTuple):
    """How a session goes on with another cookie: all others end, unless it is `leaving` the one before.

    Where that had been left already, of registrations only the keys of `taking` come along. With `ending` it is done
    even where the one before has ended meanwhile, so that whatever went on from that ends as well.
    """

    to: str
    leaving: bool = False
    ending: bool = False
    taking: frozenset[str] = frozenset()

    def along(self, held: Held, values: dict[str, Any]) -> dict[str, Any]:
        """What comes along of values that a cookie has come to hold."""
        if not held.was_left:
            return values
        taken = {key: each for key, each in values.items() if not _is_of_a_registration(key) or key in self.taking}
        forgone = any(key.startswith("registration:") for key in values.keys() - taken.keys())
        return taken | ({NOT_TAKEN: True} if forgone else {})


@dataclass(frozen=True, slots=True)
class Cookies:
    """What each opens by its token, as it was read `at` an instant (in microseconds); revision 0 where nothing is."""

    revision: int = 0
    held: Mapping[str, Held] = field(default_factory=dict)
    at: int = 0

    def of(self, cookie: str) -> Held | None:
        """What a cookie opens; None where that is nothing, and it is not known to have ended a moment ago."""
        held = self.held.get(_token_of(cookie))
        if held is None or not held.until or self.at < held.until:
            return held
        if held.has_ended:
            return None
        return held._replace(values={key: each for key, each in held.values.items() if not _is_of_a_registration(key)})

    @property
    def have_ended(self) -> bool:
        """Whether none opens anything."""
        return all(each.has_ended for each in self.held.values())

    def after(self, cookie: str, held: Held, values: dict[str, Any], going_on: GoingOn | None) -> Cookies:
        """Once there are values in place of what a cookie held; with none, nothing is under any."""
        if not values:
            return self._next(self._all_ended())
        if going_on is None:
            return self._next({**self._still_held(), _token_of(cookie): held._replace(values=values)})
        others = {**self._still_held(), _token_of(cookie): self._left(held)} if going_on.leaving else self._all_ended()
        return self._next({**others, _token_of(going_on.to): Held(values)})

    def _left(self, held: Held) -> Held:
        """All but a sign-in of staff; what was left before is not prolonged."""
        values = {key: each for key, each in held.values.items() if not key.startswith(_OF_STAFF)}
        return Held(values, self.revision + 1, held.until or self.at + LEFT_FOR // _MICROSECOND)

    def _all_ended(self) -> dict[str, Held]:
        ended = Held({}, _ENDED, self.at + REMEMBERED // _MICROSECOND)
        return {token: each if each.has_ended else ended for token, each in self.held.items()}

    def _still_held(self) -> dict[str, Held]:
        return {token: held for token, held in self.held.items() if not held.until or self.at < held.until}

    def _next(self, held: Mapping[str, Held]) -> Cookies:
        return replace(self, revision=self.revision + 1, held=held)


def begun(cookie: str, values: dict[str, Any]) -> Cookies:
    """A session of one cookie, that holds values."""
    return Cookies(1, {_token_of(cookie): Held(values)})


def _token_of(cookie: str) -> str:
    return cookie.partition(".")[2]


def _is_of_a_registration(key: str) -> bool:
    return key.partition(":")[0] in OF_A_REGISTRATION
