"""What cookies open, against a plain model: whoever has a copy of any that ever was, and two requests at once.

A request is what it does to a session: *Start*, a code, a sign-in, *Finish and clear*, something noted. Two at once
have both read before either writes, and the model has one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from redis import Redis

from tests.conftest import NOW
from wizard.core.clock import FixedClock
from wizard.services.ports import cookies
from wizard.services.ports.cookies import LEFT_FOR, REMEMBERED, keys_of
from wizard.storage.browser_sessions import BrowserSessions
from wizard.storage.crypto import Cipher
from wizard.storage.registrations import RedisRegistrationStore
from wizard.storage.stored_values import StoredValues
from wizard.web.lazy_session import BrowserSession

PICKS = st.integers(0, 999)
WHATS = st.sampled_from(["start", "start", "prove", "sign in", "sign out", "finish", "note"])
ENDING = frozenset({"sign in", "sign out", "finish"})


@dataclass
class Opens:
    """What one cookie opens: registrations (until it was left for so long), and the desk."""

    family: int
    registrations: frozenset[str]
    signed_in: bool = False
    left_until: datetime | None = None
    ended: datetime | None = None
    leavings: int = 0

    def now(self, at: datetime) -> frozenset[str]:
        """The registrations that it opens at an instant."""
        return frozenset() if self.ended or self.is_over(at) else self.registrations

    def is_over(self, at: datetime) -> bool:
        """Whether it was left for long enough."""
        return self.left_until is not None and at >= self.left_until

    def is_a_stranger_s(self, at: datetime) -> bool:
        """Whether whoever comes with it is like one who comes without; within a moment of its end they are refused."""
        return self.is_over(at) or (self.ended is not None and at - self.ended >= REMEMBERED)

    def was_left_long_ago(self, at: datetime) -> bool:
        """Whether whoever goes on from it has not just pressed twice."""
        return self.left_until is not None and at >= self.left_until - LEFT_FOR + REMEMBERED


@dataclass
class Request:
    """A request with a cookie that has read its session, and not written yet."""

    what: str
    cookie: str
    session: BrowserSession
    registration: str
    before: Opens


class Opening(RuleBasedStateMachine):
    """Any requests with any cookie, alone and two at once, while time passes."""

    redis: Redis
    cipher: Cipher

    @initialize()
    def begin(self) -> None:
        self.redis.flushall()
        self.clock, self.names = FixedClock(NOW), count(1)
        values = StoredValues(self.cipher, self.clock, timedelta(days=1))
        lists = RedisRegistrationStore(self.redis, self.cipher, self.clock, grace=timedelta(days=1)).lists
        self.store = BrowserSessions(self.redis, self.cipher, timedelta(days=2), values, lists)
        self.cookies: dict[str, Opens] = {}
        self.newcomer()

    @rule()
    def newcomer(self) -> None:
        """A browser that was never here."""
        session = BrowserSession(self.store, cookie=None)
        session["language"] = "fr"
        assert session.save()
        assert session.cookie_to_set
        self.cookies[session.cookie_to_set] = Opens(next(self.names), frozenset())

    @rule(pick=PICKS, what=WHATS)
    def alone(self, pick: int, what: str) -> None:
        self._answer(self._ask(pick, what))

    @rule(pick=PICKS, what=WHATS, other=PICKS, others=WHATS)
    def two_at_once(self, pick: int, what: str, other: int, others: str) -> None:
        first, second = self._ask(pick, what), self._ask(other, others)
        self._answer(first)
        self._answer(second)

    @rule(pick=PICKS, whats=st.tuples(WHATS, WHATS))
    def twice_at_once(self, pick: int, whats: tuple[str, str]) -> None:
        """A double click, two tabs; somebody with a copy of the cookie."""
        for each in [self._ask(pick, what) for what in whats]:
            self._answer(each)

    @rule(by=st.sampled_from([REMEMBERED / 2, REMEMBERED, LEFT_FOR / 2, LEFT_FOR]))
    def pass_time(self, by: timedelta) -> None:
        self.clock.instant += by

    def _ask(self, pick: int, what: str) -> Request:
        cookie = list(self.cookies)[pick % len(self.cookies)]
        session, opens = BrowserSession(self.store, cookie=cookie), self.cookies[cookie]
        open_now = sorted(opens.now(self.clock.now()))
        registration = open_now[0] if what == "prove" and open_now else f"r{next(self.names)}"
        DOES[what](session, registration)
        return Request(what, cookie, session, registration, replace(opens))

    def _answer(self, asked: Request) -> None:
        """Write it, and see that it is refused or done as the model says."""
        refused = self._is_refused(asked)
        assert asked.session.save() == (not refused), (asked, self.cookies[asked.cookie])
        if refused:
            asked.session.give_up()
        elif asked.before.is_a_stranger_s(self.clock.now()):
            self._add(asked, Opens(next(self.names), frozenset()), frozenset())
        else:
            self._done(asked, self.cookies[asked.cookie])

    def _is_refused(self, asked: Request) -> bool:
        opens = self.cookies[asked.cookie]
        if asked.before.is_a_stranger_s(self.clock.now()):
            return False
        if opens.ended:
            return asked.what not in ENDING
        return asked.what == "note" and opens.leavings != asked.before.leavings

    def _done(self, asked: Request, opens: Opens) -> None:
        now = self.clock.now()
        late, signed_in = opens.was_left_long_ago(now), opens.signed_in
        along = frozenset() if opens.left_until else opens.now(now)
        others = [each for each in self.cookies.values() if each.family == opens.family and each is not opens]
        ends = asked.what in ENDING
        if asked.what != "note" and (ends or late):
            for each in (*others, *([opens] if ends else [])):
                if not each.is_over(now):
                    each.ended, each.signed_in = each.ended or now, False
        if asked.what in {"start", "prove"}:
            opens.left_until, opens.signed_in = opens.left_until or now + LEFT_FOR, False
            opens.leavings += 1
        if asked.what != "note":
            self._add(asked, replace(opens, signed_in=signed_in), along)

    def _add(self, asked: Request, opens: Opens, along: frozenset[str]) -> None:
        if asked.what == "sign out" and not asked.session.cookie_to_set:
            # Of whoever had nothing else nothing is left.
            return
        assert asked.session.cookie_to_set
        granted = {
            "start": along | {asked.registration},
            "prove": along | {asked.registration},
            "finish": frozenset[str](),
        }
        signed_in = {"sign in": True, "sign out": False, "finish": False}.get(asked.what, opens.signed_in)
        self.cookies[asked.session.cookie_to_set] = Opens(opens.family, granted.get(asked.what, along), signed_in)

    @invariant()
    def every_cookie_opens_what_it_may(self) -> None:
        now = self.clock.now()
        for cookie, opens in self.cookies.items():
            session = BrowserSession(self.store, cookie=cookie)
            opened = {key.partition(":")[2] for key in session if key.startswith(("registration:", "proof:"))}
            assert opened == opens.now(now), (cookie, opens)
            assert ("staff" in session) == opens.signed_in, (cookie, opens)


def _start(session: BrowserSession, registration: str) -> None:
    session[f"registration:{registration}"] = "since"
    session.leave(taking=keys_of(registration))


def _sign_in(session: BrowserSession, _registration: str) -> None:
    session.pop("staff", None)
    session["staff"] = "somebody"
    session.regenerate()


def _sign_out(session: BrowserSession, _registration: str) -> None:
    session.pop("staff", None)
    session.regenerate()


def _finish(session: BrowserSession, _registration: str) -> None:
    session.regenerate()
    session.clear()
    session["language"] = "fr"


def _note(session: BrowserSession, registration: str) -> None:
    session["noted"] = registration


DOES: dict[str, Callable[[BrowserSession, str], None]] = {
    "start": _start,
    "prove": _start,
    "sign in": _sign_in,
    "sign out": _sign_out,
    "finish": _finish,
    "note": _note,
}


def test_cookies_open_what_a_plain_model_says(
    redis_client: Redis, cipher: Cipher, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How many may be left is another test's: here each that ever was is looked at.
    monkeypatch.setattr(cookies, "MOST", 1000)

    class Here(Opening):
        pass

    Here.redis, Here.cipher = redis_client, cipher
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=150, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
