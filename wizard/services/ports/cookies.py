"""The cookies of one browser's session: what each opens, and until when. Signing in or out ends all others at once.

A cookie is `<id of the session>.<token>`. The session is stored under its id; a token that it does not know opens
nothing. Whoever is given more gets another token, and the one before never opens what came with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, NamedTuple

from wizard.core.errors import RateLimited

# How the keys begin of what is somebody's own; the id of the registration follows.
OF_A_REGISTRATION = ("registration", "proof", "helping", "aside", "asked", "newcomer", "link_sent_to")
# Those of them that let a browser do something.
RIGHTS = ("registration", "proof", "helping")
# In what is left of values: registrations that could be opened are not open any more.
NOT_TAKEN = "not_taken"
# As long as a code: a browser that never heard of its new cookie goes on with the old one, and proves itself anew.
LEFT_FOR = timedelta(minutes=10)
# For so long a second press of a button is one. A request that was on its way with a cookie that has ended must not
# be given another then: its answer would take the place of the one that the browser has just been given.
REMEMBERED = timedelta(seconds=20)
# Of cookies in one session that may still go on; whoever would leave one more has to wait.
MOST = 100
# That a cookie opens; then the first is let go.
MOST_REGISTRATIONS = 30
_OF_STAFF = "staff"
# What a cookie that has ended keeps for so long: enough to be answered in the right language, and to sign in or out.
_OF_ANYBODY = ("language", "csrf_token", NOT_TAKEN)
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


def making_room(values: Mapping[str, Any], registration_id: str) -> list[str]:
    """The keys of the registrations that have been open for longest, where this one is one too many."""
    others = {key: when for key, when in values.items() if key != f"registration:{registration_id}"}
    since = sorted((when, key) for key, when in others.items() if key.startswith("registration:"))
    return [each for _, key in since[: 1 - MOST_REGISTRATIONS] for each in keys_of(key.partition(":")[2])]


class Held(NamedTuple):
    """What a cookie opens: from when it was left, until an instant only; likewise that it has ended is known.

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

    def is_over(self, at: int) -> bool:
        """Whether what was left, or that it has ended, is nothing any more."""
        return bool(self.until) and at >= self.until

    def was_left_long_ago(self, at: int) -> bool:
        """Whether whoever goes on from it has not just pressed twice."""
        return self.was_left and at >= self.until - (LEFT_FOR - REMEMBERED) // _MICROSECOND


class GoingOn(NamedTuple):
    """How a session goes on with another cookie: it leaves the one before, or (`taking` None) all others end.

    Where that had been left already, of registrations only the keys of `taking` come along: nobody is to make good
    again what is on its way to an end.
    """

    to: str
    taking: frozenset[str] | None = None

    @property
    def ends_others(self) -> bool:
        """Whether all others end, also what went on from the one before where that has ended a moment ago."""
        return self.taking is None

    def along(self, held: Held, values: dict[str, Any]) -> dict[str, Any]:
        """What comes along of values that a cookie has come to hold."""
        return _without_registrations(values, but=self.taking or ()) if held.was_left else values


@dataclass(frozen=True, slots=True)
class Cookies:
    """What each opens by its token, as it was read `at` an instant (in microseconds); revision 0 where nothing is."""

    revision: int = 0
    held: Mapping[str, Held] = field(default_factory=dict)
    at: int = 0

    def of(self, cookie: str) -> Held | None:
        """What a cookie opens, or that it has ended a moment ago; None where it is no cookie of the session."""
        held = self.held.get(_token_of(cookie))
        return None if held is None or held.is_over(self.at) else held

    def remains_of(self, cookie: str) -> dict[str, Any]:
        """What is left for a session to begin with, of a cookie that was left and is over: its language, its forms."""
        held = self.held.get(_token_of(cookie))
        return _without_registrations(held.values) if held and held.was_left else {}

    def require_room(self, cookie: str) -> None:
        """Raise `RateLimited` where a cookie is not to be left for one more."""
        if sum(not each.has_ended for each in self._others(cookie).values()) >= MOST - 1:
            raise RateLimited("rate_limited", retry_after=LEFT_FOR // timedelta(seconds=1))

    @property
    def have_ended(self) -> bool:
        """Whether none opens anything."""
        return all(each.has_ended for each in self.held.values())

    def after(self, cookie: str, held: Held, values: dict[str, Any], going_on: GoingOn | None) -> Cookies:
        """Once there are values in place of what a cookie held; with none, nothing is under any."""
        token, others = _token_of(cookie), self._others(cookie)
        if values and going_on is None:
            return self._next({**others, token: held._replace(values=values)})
        if not values or going_on is None or going_on.ends_others:
            now = {name: self._ended(each) for name, each in {**others, token: held}.items()}
        elif held.was_left_long_ago(self.at):
            # What went on from it before was never heard of, or is not the browser's.
            now = {**{name: self._ended(each) for name, each in others.items()}, token: self._left(held)}
        else:
            now = {**others, token: self._left(held)}
        return self._next({**now, _token_of(going_on.to): Held(values)} if values and going_on else now)

    def _left(self, held: Held) -> Held:
        """All but a sign-in of staff; what was left before is not prolonged."""
        values = {key: each for key, each in held.values.items() if not key.startswith(_OF_STAFF)}
        return Held(values, self.revision + 1, held.until or self.at + LEFT_FOR // _MICROSECOND)

    def _ended(self, held: Held) -> Held:
        if held.has_ended:
            return held
        values = {key: each for key, each in _without_registrations(held.values).items() if key in _OF_ANYBODY}
        return Held(values, _ENDED, self.at + REMEMBERED // _MICROSECOND)

    def _others(self, cookie: str) -> dict[str, Held]:
        token = _token_of(cookie)
        return {name: held for name, held in self.held.items() if name != token and not held.is_over(self.at)}

    def _next(self, held: Mapping[str, Held]) -> Cookies:
        return replace(self, revision=self.revision + 1, held=held)


def begun(cookie: str, values: dict[str, Any]) -> Cookies:
    """A session of one cookie, that holds values; nothing of it can have been left yet."""
    return Cookies(1, {_token_of(cookie): Held(values)})


def _token_of(cookie: str) -> str:
    return cookie.partition(".")[2]


def _without_registrations(values: dict[str, Any], *, but: Collection[str] = ()) -> dict[str, Any]:
    taken = {key: each for key, each in values.items() if key in but or not _is_of_a_registration(key)}
    forgone = any(key.startswith("registration:") for key in values.keys() - taken.keys())
    return taken | ({NOT_TAKEN: True} if forgone else {})


def _is_of_a_registration(key: str) -> bool:
    return key.partition(":")[0] in OF_A_REGISTRATION
