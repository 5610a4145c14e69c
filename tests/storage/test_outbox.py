"""The outbox: written once, claimed by one worker at a time, lost by none, erased when sent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from tests.conftest import NOW
from tests.support.racing import race
from wizard.core.clock import FixedClock
from wizard.services.ports.messages import ClaimedMessage, Message
from wizard.storage.crypto import Cipher
from wizard.storage.outbox import CLAIM
from wizard.storage.trail_tables import OutboxRow
from wizard.storage.unit_of_work import SqlUnitsOfWork

CODE = Message(
    kind="code",
    recipient="ada@example.org",
    language="en",
    key="code:1",
    values={"name": "Ada Applicant"},
    secret={"code": "123456"},
)
SECOND = timedelta(seconds=1)


def message(key: str, *, suppressed: bool = False) -> Message:
    return Message(kind="link", recipient="x@example.org", language="fr", key=key, suppressed=suppressed)


def add(units: SqlUnitsOfWork, *messages: Message) -> None:
    with units.write() as uow:
        for each in messages:
            uow.outbox.add(each, at=NOW)
        uow.commit()


def claim(units: SqlUnitsOfWork, *, after: timedelta = timedelta(), limit: int = 20) -> list[ClaimedMessage]:
    with units.write() as uow:
        claimed = list(uow.outbox.claim(NOW + after, limit=limit))
        uow.commit()
    return claimed


def row_of(sessions: sessionmaker[Session], key: str) -> OutboxRow:
    with sessions() as session:
        return session.scalars(select(OutboxRow).where(OutboxRow.key == key)).one()


def test_message_comes_out_as_it_went_in(units: SqlUnitsOfWork) -> None:
    add(units, CODE)
    (claimed,) = claim(units)
    assert claimed.message == CODE
    assert claimed.attempts == 1


def test_row_holds_nothing_personal_or_secret_in_the_clear(
    units: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    add(units, CODE)
    row = row_of(sessions, CODE.key)
    stored = str([getattr(row, column.name) for column in OutboxRow.__table__.columns])
    assert not any(personal in stored for personal in ("ada@", "Ada", "123456"))


def test_whoever_adds_a_message_is_told_whether_its_key_was_free(units: SqlUnitsOfWork) -> None:
    with units.write() as uow:
        assert uow.outbox.add(message("a"), at=NOW)
        assert not uow.outbox.add(message("a"), at=NOW)
        assert uow.outbox.add(message("b", suppressed=True), at=NOW)


def test_message_under_the_same_key_is_passed_over(units: SqlUnitsOfWork) -> None:
    add(units, message("a"), message("a"))
    add(units, CODE, message("a"))
    assert sorted(claimed.message.key for claimed in claim(units)) == ["a", CODE.key]


def test_message_of_a_transaction_rolled_back_is_not_sent(units: SqlUnitsOfWork) -> None:
    with units.write() as uow:
        uow.outbox.add(CODE, at=NOW)
    assert claim(units) == []


def test_suppressed_message_is_written_and_never_claimed(
    units: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    add(units, message("nobody", suppressed=True))
    assert claim(units, after=timedelta(days=9)) == []
    assert row_of(sessions, "nobody").sealed is None


def test_claims_are_oldest_first_and_limited(units: SqlUnitsOfWork) -> None:
    with units.write() as uow:
        for age in (1, 3, 2):
            uow.outbox.add(message(f"m{age}"), at=NOW - age * SECOND)
        uow.outbox.add(message("later"), at=NOW + SECOND)
        uow.commit()
    assert [claimed.message.key for claimed in claim(units, limit=2)] == ["m3", "m2"]
    assert [claimed.message.key for claimed in claim(units)] == ["m1"]
    assert [claimed.message.key for claimed in claim(units, after=SECOND)] == ["later"]


def test_claimed_message_is_for_one_worker_until_that_is_taken_for_dead(units: SqlUnitsOfWork) -> None:
    add(units, CODE)
    (first,) = claim(units)
    assert claim(units, after=CLAIM - SECOND) == []
    # The worker was killed and never said what became of it.
    (again,) = claim(units, after=CLAIM)
    assert (again.id, again.message, again.attempts) == (first.id, CODE, 2)


def test_claim_that_is_rolled_back_is_free_at_once(units: SqlUnitsOfWork) -> None:
    add(units, CODE)
    with units.write() as uow:
        assert uow.outbox.claim(NOW)
    (claimed,) = claim(units)
    assert claimed.attempts == 1


def test_workers_that_claim_at_once_share_without_overlap(units: SqlUnitsOfWork) -> None:
    add(units, *(message(f"m{number}") for number in range(12)))
    outcome = race(*(lambda: claim(units, limit=3) for _ in range(4)))
    assert outcome.errors == ()
    keys = [claimed.message.key for claims in outcome.results for claimed in claims]
    left = [claimed.message.key for claimed in claim(units)]
    assert sorted([*keys, *left]) == sorted(f"m{number}" for number in range(12))


@pytest.mark.postgres
def test_worker_does_not_wait_for_what_another_is_claiming(units: SqlUnitsOfWork) -> None:
    if units.sessions.kw["bind"].dialect.name != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    add(units, message("a"), message("b"))
    with units.write() as one, units.write() as other:
        assert len(one.outbox.claim(NOW, limit=1)) == 1
        assert len(other.outbox.claim(NOW)) == 1


def test_delivered_message_is_erased_and_not_claimed_again(
    units: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    add(units, CODE)
    (claimed,) = claim(units)
    with units.write() as uow:
        uow.outbox.delivered(claimed.id, at=NOW)
        uow.commit()
    assert claim(units, after=timedelta(days=9)) == []
    row = row_of(sessions, CODE.key)
    assert (row.sealed, row.delivered_at, row.reason) == (None, NOW, None)
    # Its key stays taken: the same cause does not send it once more.
    add(units, CODE)
    assert claim(units, after=timedelta(days=9)) == []


def test_failed_message_comes_again_when_it_is_due(units: SqlUnitsOfWork) -> None:
    add(units, CODE)
    (claimed,) = claim(units)
    with units.write() as uow:
        uow.outbox.failed(claimed, reason="mail.unavailable", retry_at=NOW + 10 * SECOND)
        uow.commit()
    assert claim(units, after=9 * SECOND) == []
    (again,) = claim(units, after=10 * SECOND)
    assert (again.id, again.attempts) == (claimed.id, 2)


def test_message_given_up_for_good_is_erased_and_stays_with_its_reason(
    units: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    add(units, CODE)
    (claimed,) = claim(units)
    with units.write() as uow:
        uow.outbox.given_up(claimed, reason="refused", keep_until=None)
        uow.commit()
    assert claim(units, after=timedelta(days=9)) == []
    row = row_of(sessions, CODE.key)
    assert (row.state, row.reason, row.attempts, row.sealed) == ("given_up", "refused", 1, None)


@pytest.mark.parametrize("gives_up", [False, True])
def test_slow_worker_changes_nothing_of_what_another_delivered(
    units: SqlUnitsOfWork, sessions: sessionmaker[Session], gives_up: bool
) -> None:
    add(units, CODE)
    claim(units)
    (taken_over,) = claim(units, after=CLAIM)
    with units.write() as uow:
        uow.outbox.delivered(taken_over.id, at=NOW)
        if gives_up:
            uow.outbox.given_up(taken_over, reason="slow", keep_until=NOW)
        else:
            uow.outbox.failed(taken_over, reason="slow", retry_at=NOW)
        uow.commit()
    assert claim(units, after=timedelta(days=9)) == []
    row = row_of(sessions, CODE.key)
    assert (row.state, row.delivered_at, row.reason) == ("delivered", NOW, None)


def test_message_whose_key_is_gone_does_not_hold_up_the_others(
    units: SqlUnitsOfWork, sessions: sessionmaker[Session], clock: FixedClock
) -> None:
    other = SqlUnitsOfWork(sessions, Cipher(("a-key-long-gone-0123456789-abcdefghijkl",)), clock)
    with other.write() as uow:
        uow.outbox.add(message("lost"), at=NOW - SECOND)
        uow.commit()
    add(units, CODE)
    assert [claimed.message.key for claimed in claim(units, limit=1)] == [CODE.key]
    assert row_of(sessions, "lost").reason == "undecipherable"


def test_sealed_message_does_not_open_in_another_row(units: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    add(units, CODE, message("b"))
    with sessions() as session:
        stolen = session.scalar(select(OutboxRow.sealed).where(OutboxRow.key == CODE.key))
        session.execute(update(OutboxRow).where(OutboxRow.key == "b").values(sealed=stolen))
        session.commit()
    assert [claimed.message.key for claimed in claim(units)] == [CODE.key]
