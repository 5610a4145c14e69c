"""A registration under many hands at once behaves as if each had come after the other; so does a browser's session."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf
from random import Random
from threading import Event, Thread
from typing import NamedTuple

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.storage.registration_examples import a_registration
from tests.support.linearizability import Call, History, is_linearizable
from tests.support.racing import race
from tests.support.valkey import Valkey
from wizard.core.clock import FixedClock
from wizard.core.errors import ExternalServiceError
from wizard.core.registration import Registration
from wizard.services.ports.cookies import begun, session_id_of
from wizard.services.ports.registrations import RevisionConflict
from wizard.storage.browser_sessions import BrowserSessions
from wizard.storage.crypto import Cipher
from wizard.storage.redis_client import connect
from wizard.storage.registrations import RedisRegistrationStore
from wizard.storage.stored_values import StoredValues, key_of

THREADS, CALLS = 5, 12
COOKIE = "browser.token"
SESSION = "00000000-0000-4000-8000-000000000001"
HOUR = timedelta(hours=1)


class Stored(NamedTuple):
    """A document as far as it is told apart: which write it is of; None is no document."""

    revision: int
    mark: str


Document = Stored | None


@dataclass(frozen=True, slots=True)
class Told:
    """`read` saw it; `write` replaced a revision (0: none) by it, or was refused; `gone` took away whatever there was.

    Nobody knows of a write that was sent twice whether it was refused for what it had written itself.
    """

    what: str
    document: Document = None
    replacing: int = 0
    accepted: bool = True
    unsure: bool = False


def apply(state: Document, told: Told) -> Iterable[Document]:
    if told.what == "read":
        return [state] if state == told.document else []
    if told.what == "gone":
        return [None]
    fits = (state.revision if state else 0) == told.replacing
    if told.unsure:
        return [state, told.document] if fits else [state]
    return [told.document if told.accepted else state] if fits is told.accepted else []


# --- The checker ------------------------------------------------------------------------------------------

A, B, SECOND = Stored(1, "a"), Stored(1, "b"), Stored(2, "c")


def holds(*calls: tuple[float, float, Told]) -> bool:
    return is_linearizable([Call(*each) for each in calls], None, apply)


@pytest.mark.parametrize(
    "calls",
    [
        [],
        [(0, 1, Told("read")), (2, 3, Told("write", A)), (4, 5, Told("read", A))],
        # Of two at the same time either may be the first.
        [(0, 3, Told("write", A)), (1, 2, Told("read"))],
        [(0, 3, Told("write", A)), (1, 2, Told("read", A))],
        [(0, 3, Told("write", A)), (1, 2, Told("write", B, accepted=False)), (4, 5, Told("read", A))],
        # What nobody knows of may have happened late, or never.
        [(0, inf, Told("write", A, unsure=True)), (1, 2, Told("read")), (3, 4, Told("read", A))],
        [(0, inf, Told("write", A, unsure=True)), (1, 2, Told("read")), (3, 4, Told("read"))],
        [(0, 1, Told("write", A)), (2, 5, Told("gone")), (3, 4, Told("read", A)), (6, 7, Told("read"))],
    ],
)
def test_what_could_have_happened_in_some_order_passes(calls: list[tuple[float, float, Told]]) -> None:
    assert holds(*calls)


@pytest.mark.parametrize(
    "calls",
    [
        # A value that nobody wrote; one that was not there yet; an old one.
        [(0, 1, Told("read", A))],
        [(0, 1, Told("read", A)), (2, 3, Told("write", A))],
        [(0, 1, Told("write", A)), (2, 3, Told("read"))],
        [(0, 1, Told("write", A)), (2, 3, Told("write", SECOND, 1)), (4, 5, Told("read", A))],
        # A lost update: both replaced the same.
        [(0, 3, Told("write", A)), (1, 2, Told("write", B))],
        # Refused for no reason; and seen to come, to go and to come again.
        [(0, 1, Told("write", A)), (2, 3, Told("write", SECOND, 1, accepted=False))],
        [(0, 9, Told("write", A)), (1, 2, Told("read", A)), (3, 4, Told("read")), (5, 6, Told("read", A))],
        [(0, inf, Told("write", A, unsure=True)), (1, 2, Told("read", A)), (3, 4, Told("read"))],
    ],
)
def test_what_could_have_happened_in_no_order_is_found(calls: list[tuple[float, float, Told]]) -> None:
    assert not holds(*calls)


# --- Redis ------------------------------------------------------------------------------------------------


@dataclass
class Hands:
    """Somebody at the document, who remembers what was read last."""

    store: RedisRegistrationStore
    client: Redis
    history: History[Told]
    random: Random
    name: str
    cut: bool
    known: Registration | None = None
    writes: int = 0

    def work(self) -> None:
        for _ in range(CALLS):
            self.history.call(self.random.choice([self.read, self.write, self.write, self.extend, self.take_away]))

    def read(self) -> tuple[Told | None, bool]:
        try:
            self.known = self.store.load(SESSION)
        except ExternalServiceError:
            return None, False
        return Told("read", stored(self.known)), True

    def write(self) -> tuple[Told, bool]:
        return self._save(self.known or a_registration(SESSION))

    def extend(self) -> tuple[Told, bool]:
        standing = self.known or a_registration(SESSION)
        return self._save(replace(standing, expires_at=standing.expires_at + HOUR))

    def _save(self, changed: Registration) -> tuple[Told, bool]:
        self.writes += 1
        changed = replace(changed, flag=f"{self.name}{self.writes}")
        seen = self.known.revision if self.known else 0
        told = Told("write", Stored(seen + 1, str(changed.flag)), seen)
        try:
            self.known = self.store.save(changed, replacing=self.known)
        except RevisionConflict:
            self.known = None if self.random.random() < 0.5 else self.known
            return replace(told, accepted=False, unsure=self.cut), True
        except ExternalServiceError:
            return replace(told, unsure=True), False
        return told, True

    def take_away(self) -> tuple[Told | None, bool]:
        """As when its time is over; which is not sent by anybody, and so not sent again."""
        if self.cut or self.random.random() < 0.5:
            return self.read()
        self.client.delete(key_of(SESSION))
        return Told("gone"), True


def stored(registration: Registration | None) -> Document:
    return Stored(registration.revision, str(registration.flag)) if registration else None


@pytest.mark.parametrize("cut", [False, True], ids=["undisturbed", "connections cut"])
@pytest.mark.parametrize("seed", range(8))
def test_a_registration_under_many_hands(
    valkey: Valkey, redis_client: Redis, cipher: Cipher, clock: FixedClock, seed: int, cut: bool
) -> None:
    history: History[Told] = History()
    with connect(valkey.url, timeout=8) as client:
        assert isinstance(client, Redis)
        store = RedisRegistrationStore(client, cipher, clock, grace=HOUR)
        hands = [Hands(store, client, history, seeded(seed, each), each, cut) for each in "abcdefgh"[:THREADS]]
        with_cuts(redis_client, cut, lambda: race(*(each.work for each in hands)))
    assert cut or len(history.calls) == THREADS * CALLS
    assert is_linearizable(history.calls, None, apply), sorted(history.calls, key=lambda call: call.since)


def seeded(seed: int, name: str) -> Random:
    return Random(f"{seed} {name}")  # noqa: S311 - to be the same each time


def with_cuts(redis: Redis, cut: bool, do: Callable[[], object]) -> None:
    """Do it, while everybody else's connections are lost again and again."""
    over = Event()

    def cut_off() -> None:
        while not over.wait(0.01):
            with suppress(RedisError):
                redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    cutting = Thread(target=cut_off)
    if cut:
        cutting.start()
    try:
        do()
    finally:
        over.set()
        if cut:
            cutting.join()


@pytest.mark.parametrize("seed", range(8))
def test_a_browser_s_session_under_many_hands(
    valkey: Valkey, redis_client: Redis, cipher: Cipher, clock: FixedClock, seed: int
) -> None:
    history: History[Told] = History()
    redis_client.ping()
    with connect(valkey.url, timeout=8) as client:
        values = StoredValues(cipher, clock, HOUR)
        store = RedisRegistrationStore(client, cipher, clock, grace=HOUR)
        browsers = BrowserSessions(client, cipher, HOUR, values, store.lists)

        def hands(name: str) -> Callable[[], None]:
            random = seeded(seed, name)
            known = 0

            def read() -> tuple[Told, bool]:
                nonlocal known
                cookies = browsers.read(COOKIE).cookies
                found, known = cookies.of(COOKIE), cookies.revision
                return Told("read", Stored(known, found.values["mark"]) if found else None), True

            def write() -> tuple[Told, bool]:
                mark = f"{name}{random.random()}"
                cookies = replace(begun(COOKIE, {"mark": mark}), revision=known + 1)
                accepted = browsers.write(session_id_of(COOKIE), cookies)
                return Told("write", Stored(known + 1, mark), known, accepted=accepted), True

            def work() -> None:
                for _ in range(CALLS):
                    history.call(random.choice([read, write, write]))

            return work

        race(*(hands(name) for name in "abcdefgh"[:THREADS]))
    assert len(history.calls) == THREADS * CALLS
    assert is_linearizable(history.calls, None, apply), sorted(history.calls, key=lambda call: call.since)
