"""What Redis keeps against dictionaries with time: registrations, their lists, browsers' sessions, kept answers.

Time passes for the injected clock and for Redis alike: when the clock goes on, every key is so much older. The
dictionaries forget at the same instant, and all that can be asked is asked of both after each step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from tests.conftest import NOW
from tests.storage.registration_examples import a_registration, an_event
from wizard.core.clock import FixedClock
from wizard.core.errors import Conflict, ValidationFailed
from wizard.core.registration import Channel, Registration, Status
from wizard.core.steps import Step, next_step
from wizard.core.trouble import SOON, Trouble, failing, troubles
from wizard.services.ports.answers import Claim, KeptAnswer
from wizard.services.ports.browsers import StoredSession
from wizard.services.ports.cookies import REMEMBERED, Cookies, Held, session_id_of
from wizard.services.ports.registrations import RevisionConflict, Selection
from wizard.storage.browser_sessions import BrowserSessions
from wizard.storage.codec import microseconds
from wizard.storage.crypto import Cipher
from wizard.storage.indexes import due_for_reminder
from wizard.storage.kept_answers import KEPT, RedisKeptAnswers
from wizard.storage.registrations import RedisRegistrationStore
from wizard.storage.stored_values import StoredValues, key_of

IDS = [f"00000000-0000-4000-8000-{each:012}" for each in range(5)]
NUMBERS = ["osot-0000001", "OSOT-0000001", "osot-0000002", None]
GRACE, LIFETIME = timedelta(days=7), timedelta(hours=25)
UNDER_WAY, UNSENT_FOR = timedelta(minutes=1), timedelta(minutes=2)
# Redis counts in milliseconds, and its clock goes on by itself while a test runs.
BLUR = timedelta(seconds=30)
PICKS = st.integers(0, 99)
RARELY = st.sampled_from([False, False, False, True])
LIVES = st.sampled_from([timedelta(minutes=30), timedelta(hours=24), timedelta(days=14)])
STATUSES = st.sampled_from([Status.PENDING, Status.STAGED, Status.VALIDATED, Status.CREATION_FAILED, Status.CANCELLED])
PASSES = st.sampled_from(
    [timedelta(minutes=2), timedelta(minutes=31), timedelta(hours=7), timedelta(hours=26), timedelta(days=8)]
)
COOKIES, KEYS, CALLS = st.sampled_from(["one.a", "one.b", "two.c"]), st.sampled_from(["k1", "k2"]), "ab"


@dataclass
class Kept:
    """Something, until it is gone."""

    what: Any
    gone: datetime


@dataclass
class Dictionary:
    """What is there, and no longer than it may be."""

    now: datetime = NOW
    kept: dict[str, Kept] = field(default_factory=dict)

    def put(self, key: str, what: Any, life: timedelta) -> None:  # noqa: ANN401
        self.kept[key] = Kept(what, self.now + life)

    def get(self, key: str) -> Any:  # noqa: ANN401
        return self.kept[key].what if key in self.kept else None

    def pass_time(self, now: datetime) -> None:
        self.now = now
        self.kept = {key: each for key, each in self.kept.items() if each.gone > now}

    def is_at_an_edge(self, now: datetime) -> bool:
        """Whether Redis and the dictionary could disagree for a moment."""
        return any(abs(each.gone - now) < BLUR for each in self.kept.values())


class Storing(RuleBasedStateMachine):
    """Any writes in any order, right ones and stale ones, while time passes."""

    redis: Redis
    cipher: Cipher

    @initialize()
    def begin(self) -> None:
        self.redis.flushall()
        self.clock = FixedClock(NOW)
        self.store = RedisRegistrationStore(self.redis, self.cipher, self.clock, grace=GRACE)
        values = StoredValues(self.cipher, self.clock, GRACE)
        self.browsers = BrowserSessions(self.redis, self.cipher, LIFETIME, values, self.store.lists)
        self.answers = RedisKeptAnswers(self.redis, self.cipher)
        self.documents, self.sessions = Dictionary(), Dictionary()
        self.unsent, self.calls, self.recorded = Dictionary(), Dictionary(), dict[str, int]()
        self.before: dict[str, Registration] = {}
        self.claims: dict[str, tuple[Claim, str]] = {}
        self.dictionaries = (self.documents, self.sessions, self.unsent, self.calls)

    # Registrations

    @rule(session_id=st.sampled_from(IDS), number=st.sampled_from(NUMBERS), life=LIVES, reachable=st.booleans())
    def make(self, session_id: str, number: str | None, life: timedelta, reachable: bool) -> None:
        email = "graduate@example.org" if reachable else None
        made = a_registration(session_id, at=self.clock.now(), number=number, email=email, life=life)
        self._save(made, replacing=None)

    @precondition(lambda self: self.documents.kept)
    @rule(pick=PICKS, status=STATUSES, life=LIVES, stale=RARELY, tells=st.booleans())
    def change(self, pick: int, status: Status, life: timedelta, stale: bool, tells: bool) -> None:
        standing = self._one(pick)
        seen = self._before(standing) if stale else standing
        changed = replace(
            seen,
            status=status,
            channel=Channel.API if tells else seen.channel,
            updated_at=self.clock.now(),
            expires_at=self.clock.now() + life,
            flag="record.exists" if status is Status.CREATION_FAILED else None,
        )
        self._save(changed.with_event(an_event()) if tells else replace(changed, events=()), replacing=seen)

    @precondition(lambda self: self.documents.kept)
    @rule(pick=PICKS)
    def extend(self, pick: int) -> None:
        standing = self._one(pick)
        self._save(replace(standing, expires_at=self.clock.now() + timedelta(days=2)), replacing=standing)

    @precondition(lambda self: self.documents.kept)
    @rule(pick=PICKS)
    def remind(self, pick: int) -> None:
        standing = self._one(pick)
        self._save(replace(standing, reminded=True), replacing=standing)

    @precondition(lambda self: self.documents.kept)
    @rule(pick=PICKS)
    def end(self, pick: int) -> None:
        standing = self._one(pick)
        self._save(standing.as_ended(), replacing=standing)

    @precondition(lambda self: self.documents.kept)
    @rule(pick=PICKS, other=PICKS, number=st.sampled_from(NUMBERS), stale=RARELY)
    def change_together(self, pick: int, other: int, number: str | None, stale: bool) -> None:
        standing = {each.session_id: each for each in (self._one(pick), self._one(other))}
        seen = standing | ({self._one(pick).session_id: self._before(self._one(pick))} if stale else {})
        changed = [(_changed(each, number, at=self.clock.now()), each) for each in seen.values()]
        fitting = [(saved, each) for saved, each in changed if each.revision == standing[each.session_id].revision]
        with pytest.raises(RevisionConflict) if fitting != changed else nullcontext():
            self.store.save_all(changed)
        for saved, replaced in fitting:
            self._note(saved, replaced)

    @precondition(lambda self: self.documents.kept)
    @rule(pick=PICKS, old=st.booleans())
    def record_events(self, pick: int, old: bool) -> None:
        standing = self._one(pick)
        told = self._before(standing) if old else standing
        self.store.events_recorded(told)
        if told.revision == standing.revision and standing.events:
            self.recorded[standing.session_id] = standing.revision

    def _one(self, pick: int) -> Registration:
        every = sorted(self.documents.kept)
        found: Registration = self.documents.get(every[pick % len(every)])
        return found

    def _before(self, standing: Registration) -> Registration:
        """What stood there before; the same where nothing did."""
        return self.before.get(standing.session_id, standing)

    def _save(self, changed: Registration, *, replacing: Registration | None) -> None:
        standing = self.documents.get(changed.session_id)
        fits = (standing.revision if standing else None) == (replacing.revision if replacing else None)
        try:
            saved = self.store.save(changed, replacing=replacing)
        except RevisionConflict:
            assert not fits
            return
        assert fits
        assert saved == replace(changed, revision=(replacing.revision if replacing else 0) + 1)
        self._note(saved, replacing)

    def _note(self, saved: Registration, replaced: Registration | None) -> None:
        if replaced:
            self.before[saved.session_id] = replaced
        life = max(saved.expires_at - self.clock.now() + GRACE, timedelta(minutes=1))
        self.documents.put(saved.session_id, saved, life)

    # Browsers

    @rule(cookie=COOKIES, value=st.integers(0, 9), stale=st.booleans())
    def write(self, cookie: str, value: int, stale: bool) -> None:
        session_id = session_id_of(cookie)
        standing = self.sessions.get(session_id) or Cookies()
        changed = standing.after(cookie, standing.of(cookie) or Held({}), {"value": value}, None)
        self._write(session_id, changed, stale=stale)

    @precondition(lambda self: self.sessions.kept)
    @rule(pick=PICKS, stale=st.booleans())
    def sign_out(self, pick: int, stale: bool) -> None:
        session_id = sorted(self.sessions.kept)[pick % len(self.sessions.kept)]
        self._write(session_id, self.sessions.get(session_id).after("", Held({}), {}, None), stale=stale)

    def _write(self, session_id: str, changed: Cookies, *, stale: bool) -> None:
        at = microseconds(self.clock.now())
        sent = replace(changed, revision=changed.revision + stale)
        assert self.browsers.write(session_id, sent) == (not stale)
        if not stale:
            life = REMEMBERED if changed.have_ended else LIFETIME
            self.sessions.put(session_id, replace(changed, at=at), life)

    @rule(cookie=COOKIES, value=st.integers(0, 9))
    def keep_unsent(self, cookie: str, value: int) -> None:
        self.browsers.keep_unsent(cookie, {"typed": value})
        self.unsent.put(cookie, {"typed": value}, UNSENT_FOR)

    @rule(cookie=COOKIES)
    def take_unsent(self, cookie: str) -> None:
        assert self.browsers.read(cookie, takes_unsent=True).unsent == (self.unsent.get(cookie) or {})
        self.unsent.kept.pop(cookie, None)
        self._was_read(session_id_of(cookie))

    def _was_read(self, session_id: str) -> None:
        """A browser that comes begins its session's life again."""
        if session_id in self.sessions.kept:
            now = microseconds(self.clock.now())
            self.sessions.put(session_id, replace(self.sessions.get(session_id), at=now), LIFETIME)

    # Answers to other systems

    @rule(key=KEYS, asked=st.sampled_from(CALLS))
    def call(self, key: str, asked: str) -> None:
        standing = self.calls.get(key)
        if standing is None:
            claim = self.answers.claim(key, asked)
            assert isinstance(claim, Claim)
            self.claims[key] = (claim, asked)
            self.calls.put(key, (asked, None), UNDER_WAY)
        elif standing[0] != asked:
            with pytest.raises(ValidationFailed):
                self.answers.claim(key, asked)
        elif standing[1] is None:
            with pytest.raises(Conflict):
                self.answers.claim(key, asked)
        else:
            assert self.answers.claim(key, asked) == standing[1]

    @precondition(lambda self: self.claims)
    @rule(pick=PICKS, gives_up=st.booleans(), body=st.binary(max_size=8))
    def answer(self, pick: int, gives_up: bool, body: bytes) -> None:
        """Whoever claimed it, perhaps so long ago that somebody else has it now."""
        key = sorted(self.claims)[pick % len(self.claims)]
        claim, asked = self.claims.pop(key)
        answer = KeptAnswer(200, {"ETag": "x"}, body)
        if gives_up:
            self.answers.release(claim)
        else:
            self.answers.keep(claim, asked, answer)
        # A claim that ran out, and was made anew under the same key, is in `claims` in place of this one.
        if self.calls.get(key) == (asked, None):
            del self.calls.kept[key]
            if not gives_up:
                self.calls.put(key, (asked, answer), KEPT)

    # Time

    @rule(by=PASSES)
    def pass_time(self, by: timedelta) -> None:
        now = self.clock.instant + by
        if any(each.is_at_an_edge(now) for each in self.dictionaries):
            now += 2 * BLUR
            if any(each.is_at_an_edge(now) for each in self.dictionaries):
                return
        _age(self.redis, now - self.clock.instant)
        self.clock.instant = now
        for each in self.dictionaries:
            each.pass_time(now)
        self.before = {key: each for key, each in self.before.items() if key in self.documents.kept}

    @rule()
    def repair(self) -> None:
        cursor = None
        while cursor := self.store.repair_indexes(cursor=cursor, limit=3):
            pass
        listed = self._listed()
        tally = self.store.tally()
        assert (tally.everything, tally.overdue) == (len(listed), sum(_is_over(each, self.clock) for each in listed))
        assert tally.stuck == sum(bool(troubles(each)) for each in listed)
        for status in Status:
            assert tally.statuses[status] == sum(each.status is status for each in listed)
        for step in Step:
            assert tally.steps[step] == sum(each.is_open and next_step(each) is step for each in listed)
        for channel in Channel:
            assert tally.channels[channel] == sum(each.channel is channel for each in listed)
        for trouble in Trouble:
            assert tally.troubles[trouble] == sum(trouble in troubles(each) for each in listed)

    # What can be asked

    def _listed(self) -> list[Registration]:
        return [each.what for each in self.documents.kept.values() if not each.what.ended]

    @invariant()
    def documents_are_there_until_their_time(self) -> None:
        expected = {each: self.documents.get(each) for each in IDS}
        assert dict(self.store.load_all(IDS)) == expected
        for session_id, each in self.documents.kept.items():
            left = timedelta(milliseconds=self.redis.pttl(key_of(session_id)))
            assert abs(self.clock.now() + left - each.gone) < BLUR

    @invariant()
    def lists_are_of_these(self) -> None:
        listed, now = self._listed(), self.clock.now()
        for selection, belongs in SELECTIONS:
            expected = sorted((each for each in listed if belongs(each)), key=_newest, reverse=True)
            assert list(self._pages(selection)) == expected, selection
        soon = [each for each in listed if each.is_open and now < each.expires_at <= now + SOON]
        assert list(self._pages(Selection(expiring=True))) == sorted(soon, key=_soonest)
        for number in NUMBERS:
            if number:
                theirs = {each.session_id for each in listed if (each.user_id or "").lower() == number.lower()}
                assert {each.session_id for each in self.store.of_member(number)} == theirs

    @invariant()
    def what_is_due_is_found(self) -> None:
        listed, now = self._listed(), self.clock.now()
        assert list(self.store.expired(now)) == sorted((e for e in listed if _is_over(e, self.clock)), key=_soonest)
        due = {each.session_id for each in listed if (at := due_for_reminder(each)) and at <= now}
        assert {each.session_id for each in self.store.reminders_due(now)} == due
        waiting = {e.session_id for e in listed if e.events and self.recorded.get(e.session_id) != e.revision}
        assert {each.session_id for each in self.store.with_waiting_events()} == waiting

    @invariant()
    def browsers_have_what_they_wrote(self) -> None:
        for cookie in ("one.a", "one.b", "two.c"):
            session_id = session_id_of(cookie)
            self._was_read(session_id)
            assert self.browsers.read(cookie) == StoredSession(self.sessions.get(session_id) or Cookies())

    def _pages(self, selection: Selection) -> Iterable[Registration]:
        cursor, limit = None, 2
        while True:
            page = self.store.page(selection, cursor=cursor, limit=limit)
            yield from page.registrations
            if (cursor := page.cursor) is None:
                return


SELECTIONS: list[tuple[Selection, Callable[[Registration], bool]]] = [
    (Selection(), lambda _: True),
    (Selection(status=Status.STAGED), lambda each: each.status is Status.STAGED),
    (Selection(channel=Channel.API), lambda each: each.channel is Channel.API),
    (Selection(stuck=True), lambda each: bool(troubles(each))),
    (Selection(step=Step.EDUCATION), lambda each: each.is_open and next_step(each) is Step.EDUCATION),
    (
        Selection(status=Status.CREATION_FAILED, stuck=True),
        lambda each: each.status is Status.CREATION_FAILED and bool(troubles(each)),
    ),
    (Selection(rule="other_details.required"), lambda each: "other_details.required" in failing(each)),
]


def _changed(each: Registration, number: str | None, *, at: datetime) -> Registration:
    data = replace(each.data, user_business_id=number)
    return replace(each, data=data, updated_at=at, revision=each.revision + 1)


def _newest(each: Registration) -> tuple[datetime, bytes]:
    return each.updated_at, UUID(each.session_id).bytes


def _soonest(each: Registration) -> tuple[datetime, bytes]:
    return each.expires_at, UUID(each.session_id).bytes


def _is_over(each: Registration, clock: FixedClock) -> bool:
    return each.is_expired(clock.now())


def _age(redis: Redis, by: timedelta) -> None:
    """Let every key be so much older."""
    milliseconds = by // timedelta(milliseconds=1)
    for key in redis.scan_iter():
        left = redis.pttl(key)
        if left > milliseconds:
            redis.pexpire(key, left - milliseconds)
        elif left >= 0:
            redis.delete(key)


def test_redis_keeps_what_a_dictionary_with_time_would(redis_client: Redis, cipher: Cipher) -> None:
    class Here(Storing):
        pass

    Here.redis, Here.cipher = redis_client, cipher
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            # A shorter example is worth minutes only to whoever looks for it: add Phase.shrink.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
