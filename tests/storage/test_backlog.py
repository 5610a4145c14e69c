"""How much waits, counted in one statement on each kind of database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import event as sql_event
from sqlalchemy import select, update

from tests.services.test_statistics import recorded
from tests.storage.test_statistics import one_statement
from tests.support.seed import Seeded
from wizard.core.accounts import AccountStatus
from wizard.core.clock import FixedClock
from wizard.services.ports.backlog import Queue, Queued
from wizard.services.ports.bulk import BulkJob, BulkRow, BulkRowState, JobState, RowOutcome, RowState
from wizard.services.ports.messages import Message
from wizard.storage.tables import AccountRow, RecordRow
from wizard.storage.unit_of_work import SqlUnitsOfWork

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def waiting(units: SqlUnitsOfWork, clock: FixedClock) -> dict[tuple[Queue, str], Queued]:
    with one_statement(units), units.read() as unit:
        found = unit.backlog.waiting(given_up_since=clock.now() - DAY)
    return {(each.queue, each.kind): each for each in found if each.count}


def test_no_table_is_read_from_end_to_end(units: SqlUnitsOfWork, clock: FixedClock) -> None:
    engine = units.sessions().get_bind()
    said: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:  # noqa: ANN401 - the library's
        said.append((call[2], call[3]))

    sql_event.listen(engine, "before_cursor_execute", note)
    waiting(units, clock)
    statement, values = next(each for each in said if "UNION" in each[0])
    if engine.dialect.name == "postgresql":
        # Of tables so small it would read all of them, whatever there is an index for.
        plan = ["SET LOCAL enable_seqscan = off", f"EXPLAIN {statement}"]
    else:
        plan = [f"EXPLAIN QUERY PLAN {statement}"]
    with units.sessions() as session:
        connection = session.connection()
        for prepared in plan[:-1]:
            connection.exec_driver_sql(prepared)
        found = [str(row) for row in connection.exec_driver_sql(plan[-1], values)]
    assert len(found) > 5
    assert [row for row in found if "Seq Scan" in row or "'SCAN " in row] == []


def message(key: str, kind: str = "code", *, suppressed: bool = False) -> Message:
    return Message(kind=kind, recipient="a@example.org", language="en", key=key, suppressed=suppressed)


def job(units: SqlUnitsOfWork, clock: FixedClock, state: JobState, *, invite: bool = False) -> None:
    states = (RowState.WAITING, RowState.READY, RowState.READY, RowState.INCOMPLETE, RowState.CREATED)
    made = BulkJob(
        id=f"{state}-{invite}",
        state=state,
        created_by="staff:mia",
        created_at=clock.now(),
        total=len(states),
        invite=invite,
    )
    rows = [BulkRowState(BulkRow(number, {}), RowOutcome(each)) for number, each in enumerate(states, 2)]
    with units.write() as unit:
        unit.bulk.add(made, rows)
        unit.commit()


def test_nothing_waits_at_first(units: SqlUnitsOfWork, clock: FixedClock) -> None:
    assert waiting(units, clock) == {}


def test_messages_wait_by_kind_until_delivered_or_given_up(units: SqlUnitsOfWork, clock: FixedClock) -> None:
    now = clock.now()
    with units.write() as unit:
        for number, kind in enumerate(("code", "link", "code")):
            unit.outbox.add(message(f"key-{number}", kind), at=now - number * HOUR)
        unit.outbox.add(message("never", suppressed=True), at=now)
        unit.commit()
    assert waiting(units, clock) == {
        (Queue.OUTBOX, "code"): Queued(Queue.OUTBOX, "code", 2, now - 2 * HOUR),
        (Queue.OUTBOX, "link"): Queued(Queue.OUTBOX, "link", 1, now - HOUR),
    }
    with units.write() as unit:
        claimed = unit.outbox.claim(now)
        unit.outbox.delivered(claimed[0].id, at=now)
        unit.outbox.given_up(claimed[1], reason="refused", keep_until=None)
        unit.outbox.failed(claimed[2], reason="mail.unavailable", retry_at=now + HOUR)
        unit.commit()
    assert {key: each.count for key, each in waiting(units, clock).items()} == {
        (Queue.OUTBOX, "code"): 1,
        (Queue.GIVEN_UP, "link"): 1,
    }
    clock.instant += 2 * DAY
    assert (Queue.GIVEN_UP, "link") not in waiting(units, clock)


def test_rows_wait_while_their_job_is_under_way(units: SqlUnitsOfWork, clock: FixedClock) -> None:
    for state in (JobState.CHECKED, JobState.DONE, JobState.DISCARDED):
        job(units, clock, state)
    assert waiting(units, clock) == {}
    job(units, clock, JobState.CHECKING)
    assert waiting(units, clock)[Queue.BULK_ROWS, ""].count == 1
    job(units, clock, JobState.RUNNING)
    assert waiting(units, clock)[Queue.BULK_ROWS, ""].count == 1 + 2
    job(units, clock, JobState.RUNNING, invite=True)
    assert waiting(units, clock)[Queue.BULK_ROWS, ""] == Queued(Queue.BULK_ROWS, "", 1 + 2 + 3, clock.now())


def test_the_desk_is_waited_for(units: SqlUnitsOfWork, clock: FixedClock, seeded: Seeded) -> None:
    recorded(units, 3)
    with units.sessions.begin() as session:
        first, second, _ = session.scalars(select(RecordRow))
        first.verification_state, second.created_at = "verified", clock.now() - DAY
        session.execute(
            update(AccountRow).where(AccountRow.id == seeded.accounts[0].id).values(status=AccountStatus.PENDING)
        )
    found = waiting(units, clock)
    assert found[Queue.VERIFICATION, ""] == Queued(Queue.VERIFICATION, "", 2, clock.now() - DAY)
    assert found[Queue.ACCOUNTS, ""].count >= 1
