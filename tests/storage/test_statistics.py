"""Counts in SQL, on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event as sql_event

from tests.support.new_records import education, new_record
from tests.support.seed import Seeded
from wizard.core.accounts import AccountStatus
from wizard.core.events import Event, EventName
from wizard.core.records import Verification
from wizard.core.steps import Step
from wizard.services.ports.messages import Message
from wizard.services.ports.statistics import Furthest, Period, Records, Waiting
from wizard.storage.unit_of_work import SqlUnitsOfWork

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AUTUMN = Period(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


@dataclass
class Trail:
    """A registration's events as they are in the trail."""

    begun: datetime
    session_id: str = field(default_factory=lambda: str(uuid4()))
    events: list[Event] = field(default_factory=list)

    def then(self, name: EventName, after: timedelta = MINUTE, **details: str) -> Trail:
        self.events.append(
            Event(
                name,
                self.begun + after,
                "applicant",
                self.session_id,
                session_id=self.session_id,
                sequence=len(self.events) + 1,
                operation_id=str(uuid4()),
                details=details,
            )
        )
        return self


def begun(at: datetime = NOW, step: Step = Step.EDUCATION, channel: str = "web") -> Trail:
    return Trail(at).then(EventName.EDUCATION_STAGED, timedelta(), step=step, channel=channel)


def completed(at: datetime = NOW, *, took: timedelta = MINUTE, channel: str = "web") -> Trail:
    trail = begun(at - took, Step.REVIEW, channel)
    return trail.then(EventName.EDUCATION_CREATED, took).then(EventName.WORKFLOW_COMPLETED, took)


def write(units: SqlUnitsOfWork, *trails: Trail) -> None:
    with units.write() as unit:
        unit.audit.append(event for trail in trails for event in trail.events)
        unit.commit()


@contextmanager
def one_statement(units: SqlUnitsOfWork) -> Iterator[None]:
    said: list[str] = []
    with units.sessions() as session:
        engine = session.get_bind()

    def note(*call: object) -> None:
        if "SELECT" in str(call[2]):
            said.append(str(call[2]))

    sql_event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        sql_event.remove(engine, "before_cursor_execute", note)
    assert len(said) == 1, said


# What waits.


def a_message(key: str) -> Message:
    return Message("code", "ada@example.org", "en", key, secret={"code": "012345"})


def test_what_waits_is_counted_in_one_statement(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    with units.write() as unit:
        unit.records.add(new_record(seeded.accounts[0].id))
        unit.records.add(new_record(seeded.accounts[1].id, verification=Verification.because_of(())))
        for key in ("fresh", "late", "over", "long over", "sent"):
            unit.outbox.add(a_message(key), at=NOW)
        for claimed in unit.outbox.claim(NOW):
            match claimed.message.key:
                case "late":
                    unit.outbox.failed(claimed, reason="mail.unavailable", retry_at=NOW + HOUR)
                case "over":
                    unit.outbox.given_up(claimed, reason="refused", keep_until=None)
                case "sent":
                    unit.outbox.delivered(claimed.id, at=NOW)
        unit.commit()
    with units.read() as unit, one_statement(units):
        assert unit.statistics.waiting(now=NOW, kept=HOUR) == Waiting(records=1, accounts=1, mails=2, webhooks=0)
    with units.read() as unit:
        soon = unit.statistics.waiting(now=NOW + MINUTE / 2, kept=MINUTE / 4)
        assert soon.mails == 1, "given up too long ago to matter"
        assert unit.statistics.waiting(now=NOW + MINUTE, kept=HOUR).mails == 4, "nobody has sent the other two"


# Registrations.


def test_completions_are_counted_by_the_hour(units: SqlUnitsOfWork) -> None:
    write(
        units,
        *(completed(at) for at in (AUTUMN.begins, AUTUMN.begins + HOUR - timedelta(microseconds=1))),
        completed(AUTUMN.begins - timedelta(microseconds=1)),
        completed(AUTUMN.ends),
        completed(NOW, channel="bulk"),
        begun(),
    )
    with units.read() as unit, one_statement(units):
        assert unit.statistics.completed(AUTUMN) == {AUTUMN.begins: 2, NOW: 1}


def test_how_far_registrations_get(units: SqlUnitsOfWork) -> None:
    left = begun().then(EventName.EDUCATION_UPDATED, step=Step.COTO)
    back = begun().then(EventName.EDUCATION_UPDATED, step=Step.REVIEW).then(EventName.EDUCATION_UPDATED, step=Step.COTO)
    decided = begun().then(EventName.EDUCATION_VALIDATED).then(EventName.CATEGORY_DETERMINED)
    linked = begun().then(EventName.ACCOUNT_LINKED)
    write(
        units,
        left.then(EventName.SESSION_EXPIRED, DAY),
        back.then(EventName.SESSION_CANCELLED),
        decided.then(EventName.SESSION_EXPIRED, DAY),
        linked,
        begun(),
        completed(),
        completed(),
        # Neither begun in the period, nor by a person.
        begun(AUTUMN.begins - MINUTE),
        completed(channel="api"),
    )
    with units.read() as unit, one_statement(units):
        found = unit.statistics.furthest(AUTUMN)
    assert set(found) == {
        Furthest(Step.COTO, True, 1),
        Furthest(Step.REVIEW, True, 1),
        Furthest(Step.ACCOUNT, True, 1),
        Furthest(Step.CONFIRM, False, 1),
        Furthest(Step.EDUCATION, False, 1),
        Furthest(Step.COMPLETE, True, 2),
    }


@pytest.mark.parametrize(
    ("took", "bucket"),
    [
        (timedelta(), 0),
        (5 * MINUTE - timedelta(microseconds=1), 0),
        (5 * MINUTE, 1),
        (30 * MINUTE - timedelta(milliseconds=1), 1),
        (30 * MINUTE, 2),
        (20 * DAY, 2),
    ],
)
def test_how_long_it_took(units: SqlUnitsOfWork, took: timedelta, bucket: int) -> None:
    write(units, completed(NOW, took=took), completed(NOW, channel="bulk"), completed(AUTUMN.ends))
    with units.read() as unit, one_statement(units):
        counts = unit.statistics.durations(AUTUMN, minutes=(5, 30))
    assert list(counts) == [int(number == bucket) for number in range(3)]


# Records.


def test_records_are_counted_by_kind_without_private_ones(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    with units.write() as unit:
        accounts = [*(account.id for account in seeded.accounts)]
        accounts += [
            unit.accounts.add(
                name="N", email="n@example.org", status=AccountStatus.ACTIVE, language="en", number=None
            ).id
            for _ in range(2)
        ]
        made = (
            (education(access_modifier="public"), NOW),
            (education(access_modifier="protected"), NOW),
            (education(access_modifier="public", university="western"), NOW),
            (education(access_modifier="private"), NOW),
            (education(access_modifier="public"), AUTUMN.ends),
            (education(access_modifier="public"), AUTUMN.begins - timedelta(microseconds=1)),
            (education(access_modifier="public", university="queens"), AUTUMN.begins),
        )
        for account, (data, at) in zip(accounts, made, strict=True):
            unit.records.add(new_record(account, data=data, created_at=at))
        unit.commit()
    with units.read() as unit, one_statement(units):
        found = unit.statistics.records(AUTUMN)
    assert set(found) == {
        Records("new_graduated", "2026", "toronto", "general", 2),
        Records("new_graduated", "2026", "western", "general", 1),
        Records("new_graduated", "2026", "queens", "general", 1),
    }
