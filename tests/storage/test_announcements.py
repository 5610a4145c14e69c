"""Events on their way to other systems: written with the change, once, and claimed in their order."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from tests.conftest import NOW
from tests.support.racing import race
from wizard.core.clock import FixedClock
from wizard.core.events import Event, EventName
from wizard.services.ports.messages import ClaimedMessage, Medium, Message
from wizard.storage.crypto import Cipher
from wizard.storage.trail_tables import OutboxRow
from wizard.storage.unit_of_work import SqlUnitsOfWork

SECOND = timedelta(seconds=1)


@pytest.fixture
def announcing(sessions: sessionmaker[Session], cipher: Cipher, clock: FixedClock) -> SqlUnitsOfWork:
    return SqlUnitsOfWork(sessions, cipher, clock, announces=True)


def extended(number: int, chain: str = "s1") -> Event:
    return Event(
        EventName.SESSION_EXTENDED,
        NOW + number * SECOND,
        "applicant",
        chain,
        session_id=chain,
        sequence=number,
        operation_id=f"o{number}",
    )


def deleted(record_id: str, number: int = 1) -> Event:
    at = NOW + number * SECOND
    details = {"number": "osot-oted-0000001"}
    return Event(EventName.RECORD_DELETED, at, "staff:mia", f"record:{record_id}", record_id=record_id, details=details)


def created(session_id: str, record_id: str, number: int) -> Event:
    return Event(
        EventName.EDUCATION_CREATED,
        NOW + number * SECOND,
        "applicant",
        session_id,
        session_id=session_id,
        sequence=number,
        record_id=record_id,
        operation_id=f"o{number}",
        details={"number": "osot-oted-0000001", "category": "graduated"},
    )


def append(units: SqlUnitsOfWork, *events: Event) -> None:
    with units.write() as unit:
        unit.audit.append(events)
        unit.commit()


def claim(units: SqlUnitsOfWork, *, after: timedelta = timedelta(minutes=1), limit: int = 20) -> list[ClaimedMessage]:
    with units.write() as unit:
        claimed = list(unit.outbox.claim(NOW + after, medium=Medium.WEBHOOK, limit=limit))
        unit.commit()
    return claimed


def deliver(units: SqlUnitsOfWork, *claims: ClaimedMessage) -> None:
    with units.write() as unit:
        for claimed in claims:
            unit.outbox.delivered(claimed.id, at=NOW)
        unit.commit()


def told(claims: list[ClaimedMessage]) -> list[str]:
    return [json.loads(claimed.message.values["event"])["operationId"] for claimed in claims]


def streams(claims: list[ClaimedMessage]) -> list[str]:
    return [claimed.message.place.stream or "" for claimed in claims if claimed.message.place]


def test_an_event_is_written_with_the_change_and_says_what_it_is(announcing: SqlUnitsOfWork) -> None:
    append(announcing, extended(1))
    (claimed,) = claim(announcing)
    assert (claimed.message.kind, claimed.message.medium) == ("session.extended", Medium.WEBHOOK)
    assert json.loads(claimed.message.values["event"])["sessionId"] == "s1"
    place = claimed.message.place
    assert place is not None
    assert (place.stream, place.record_id) == ("s1", None)


def test_an_event_of_a_transaction_rolled_back_is_not_sent(announcing: SqlUnitsOfWork) -> None:
    with announcing.write() as unit:
        unit.audit.append([extended(1)])
    assert claim(announcing) == []


def test_an_event_that_is_in_the_trail_already_is_not_sent_again(announcing: SqlUnitsOfWork) -> None:
    append(announcing, extended(1))
    append(announcing, extended(1), extended(2))
    first = claim(announcing)
    deliver(announcing, *first)
    second = claim(announcing)
    deliver(announcing, *second)
    assert told(first) + told(second) == ["o1", "o2"]
    assert claim(announcing) == []


def test_what_is_not_for_other_systems_and_where_there_are_none_nothing_is_written(
    announcing: SqlUnitsOfWork, units: SqlUnitsOfWork
) -> None:
    append(announcing, Event(EventName.STAFF_SIGNED_IN, NOW, "staff:ann", "staff:1", details={"staff": "1"}))
    append(units, extended(1))
    assert claim(announcing) == []


def test_mails_and_events_are_claimed_apart(announcing: SqlUnitsOfWork) -> None:
    append(announcing, extended(1))
    with announcing.write() as unit:
        unit.outbox.add(Message(kind="link", recipient="x@example.org", language="en", key="a"), at=NOW)
        mails = unit.outbox.claim(NOW)
        assert [claimed.message.kind for claimed in mails] == ["link"]
        unit.commit()
    assert [claimed.message.kind for claimed in claim(announcing)] == ["session.extended"]


# --- Order -----------------------------------------------------------------------------------------------------


def test_of_one_registration_only_the_earliest_that_waits_is_claimed(announcing: SqlUnitsOfWork) -> None:
    append(announcing, extended(1), extended(2), extended(3))
    append(announcing, extended(1, "s2"))
    first = claim(announcing)
    assert sorted(streams(first)) == ["s1", "s2"]
    assert claim(announcing) == [], "the second waits for the first to be out, not to be taken"
    deliver(announcing, *first)
    assert told(claim(announcing)) == ["o2"]


def test_one_that_failed_holds_up_the_later_ones_until_it_is_given_up(announcing: SqlUnitsOfWork) -> None:
    append(announcing, extended(1), extended(2))
    (first,) = claim(announcing)
    with announcing.write() as unit:
        unit.outbox.failed(first, reason="webhook.answer", retry_at=NOW + timedelta(hours=1))
        unit.commit()
    assert claim(announcing) == []
    (again,) = claim(announcing, after=timedelta(hours=1))
    assert (again.id, again.attempts) == (first.id, 2)
    with announcing.write() as unit:
        unit.outbox.given_up(again, reason="webhook.answer", keep_until=NOW + timedelta(days=30))
        unit.commit()
    assert told(claim(announcing, after=timedelta(hours=1))) == ["o2"]


def test_what_happens_to_a_record_comes_behind_its_creation(announcing: SqlUnitsOfWork) -> None:
    append(announcing, created("s1", "r1", 1))
    append(announcing, deleted("r1"))
    append(announcing, deleted("r2"))
    first = claim(announcing)
    assert sorted(claimed.message.kind for claimed in first) == ["education.created", "record.deleted"]
    deliver(announcing, *first)
    (last,) = claim(announcing)
    assert last.message.place is not None
    assert (last.message.kind, last.message.place.record_id) == ("record.deleted", "r1")


def test_events_of_one_moment_come_in_the_order_of_the_trail(announcing: SqlUnitsOfWork) -> None:
    append(announcing, *(extended(1, f"s{number}") for number in range(9)))
    claims = claim(announcing)
    places = [claimed.message.place.event_id or 0 for claimed in claims if claimed.message.place]
    assert places == sorted(places)
    assert len(places) == 9


def test_an_event_that_can_no_longer_be_read_does_not_hold_up_the_others(
    announcing: SqlUnitsOfWork, sessions: sessionmaker[Session], clock: FixedClock
) -> None:
    other = SqlUnitsOfWork(sessions, Cipher(("a-key-long-gone-0123456789-abcdefghijkl",)), clock, announces=True)
    append(other, extended(1))
    append(announcing, extended(2))
    assert told(claim(announcing)) == ["o2"]


def test_workers_at_once_never_hold_two_events_of_one_registration(announcing: SqlUnitsOfWork) -> None:
    append(announcing, *(extended(number, f"s{chain}") for chain in range(3) for number in range(1, 5)))
    held: list[str] = []
    for _ in range(4):
        outcome = race(*(lambda: claim(announcing, limit=2) for _ in range(3)))
        assert outcome.errors == ()
        claims = [claimed for claims in outcome.results for claimed in claims] + claim(announcing)
        assert len(set(streams(claims))) == len(streams(claims)) == 3
        deliver(announcing, *claims)
        held += told(claims)
    assert sorted(held) == sorted([f"o{number}" for number in range(1, 5)] * 3)
    assert claim(announcing) == []


def due(sessions: sessionmaker[Session]) -> list[timedelta]:
    """When each message is due, in the order of the trail."""
    with sessions() as session:
        rows = session.scalars(select(OutboxRow).order_by(OutboxRow.event_id)).all()
    return [row.due_at - NOW for row in rows]


def test_those_behind_one_that_failed_are_not_looked_at_before_it_is_due(
    announcing: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    """Else each look for work would pass over everything that waits for a receiver which is down."""
    append(announcing, created("s1", "r1", 1), extended(2), extended(3))
    append(announcing, deleted("r1"), deleted("r2"))
    (first, _) = claim(announcing)
    hour = timedelta(hours=1)
    with announcing.write() as unit:
        unit.outbox.failed(first, reason="webhook.timeout", retry_at=NOW + hour)
        unit.commit()
    assert due(sessions) == [hour, hour, hour, hour, SECOND]
    with announcing.write() as unit:
        assert unit.deliveries.retry(first.id, at=NOW + SECOND)
        unit.commit()
    assert due(sessions) == [SECOND] * 5
    for name in ("o1", "o2", "o3"):
        (claimed, *_) = claim(announcing)
        assert told([claimed]) == [name]
        deliver(announcing, claimed)


def test_what_a_slow_worker_says_of_one_that_another_delivered_holds_up_nothing(
    announcing: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    append(announcing, extended(1), extended(2))
    (slow,) = claim(announcing)
    (quick,) = claim(announcing, after=timedelta(minutes=10))
    assert quick.id == slow.id
    deliver(announcing, quick)
    with announcing.write() as unit:
        unit.outbox.failed(slow, reason="webhook.timeout", retry_at=NOW + timedelta(hours=1))
        unit.commit()
    assert due(sessions) == [SECOND, 2 * SECOND]
    assert told(claim(announcing, after=timedelta(minutes=10))) == ["o2"]


@pytest.mark.parametrize("gives_up", [False, True])
def test_what_a_slow_worker_says_of_one_that_another_holds_changes_nothing(
    announcing: SqlUnitsOfWork, sessions: sessionmaker[Session], gives_up: bool
) -> None:
    append(announcing, extended(1), extended(2))
    (slow,) = claim(announcing)
    (quick,) = claim(announcing, after=timedelta(minutes=10))
    with announcing.write() as unit:
        if gives_up:
            unit.outbox.given_up(slow, reason="webhook.answer", keep_until=None)
        else:
            unit.outbox.failed(slow, reason="webhook.timeout", retry_at=NOW + timedelta(hours=1))
        unit.commit()
    # Nobody takes it from the other one, and nothing behind it is put off.
    assert told(claim(announcing, after=timedelta(minutes=10))) == []
    deliver(announcing, quick)
    assert due(sessions) == [SECOND, 2 * SECOND]
    assert told(claim(announcing, after=timedelta(minutes=10))) == ["o2"]
