"""What the desk reads every day is read by an index, in its order, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session

from tests.support.new_records import education, new_record
from wizard.core.accounts import AccountStatus
from wizard.services.ports.statistics import Period
from wizard.storage.repositories.statistics import SqlStatistics
from wizard.storage.repositories.verifications import SqlVerificationQueue
from wizard.storage.unit_of_work import SqlUnitsOfWork

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
LAST_MONTH = Period(NOW - timedelta(days=30), NOW)

YEARS_OF_EVENTS = """
    INSERT INTO audit_events (chain, position, name, at, actor, session_id, sequence, operation_id, details, changes,
        previous, key_id, mac)
    SELECT number::text, 1, 'kind ' || number % 20, TIMESTAMPTZ '2026-11-23' - number * INTERVAL '10 hours', 'system',
        number::text, 1, 'x', '{}', '{}', '', '', ''
    FROM generate_series(1, 5000) AS number
"""

WAITING = 200

Statement = tuple[str, Any]


def a_queue(units: SqlUnitsOfWork) -> None:
    """So long that it is sooner read from its index than sorted."""
    with units.write() as unit:
        for each in range(WAITING):
            account = unit.accounts.add(
                name="A", email=f"{each}@example.org", status=AccountStatus.ACTIVE, language="en", number=None
            )
            unit.records.add(new_record(account.id, data=education(user_business_id=account.number)))
        unit.commit()


@contextmanager
def overheard(connection: Connection) -> Iterator[list[Statement]]:
    """What is sent to the database meanwhile."""
    sent: list[Statement] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:  # noqa: ANN401
        sent.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    yield sent
    event.remove(connection, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("read", "index"),
    [
        pytest.param(
            lambda session: SqlVerificationQueue(session).page(after=None, limit=25),
            "ix_education_records_verification_state_created_at_id",
            id="the verification queue",
        ),
        pytest.param(
            lambda session: SqlStatistics(session).completed(LAST_MONTH),
            "ix_audit_events_name_at",
            id="completed by day",
        ),
        pytest.param(
            lambda session: SqlStatistics(session).furthest(LAST_MONTH),
            "ix_audit_events_name_at",
            id="where people leave",
        ),
    ],
)
def test_it_is_read_by_an_index(units: SqlUnitsOfWork, read: Callable[[Session], object], index: str) -> None:
    a_queue(units)
    with units.sessions() as session:
        connection = session.connection()
        is_sqlite = connection.dialect.name == "sqlite"
        if not is_sqlite:
            # Of an empty table any plan is as good as another: a few years' rows, so that one is better.
            session.execute(text(YEARS_OF_EVENTS))
            session.execute(text("ANALYZE accounts, audit_events, education_records"))
            session.execute(text("SET LOCAL enable_seqscan = off"))
            session.execute(text("SET LOCAL enable_bitmapscan = off"))
        with overheard(connection) as sent:
            read(session)
        ((statement, parameters),) = sent
        explained = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{statement}", parameters)
        plan = "\n".join(str(row) for row in explained)
    assert index in plan
    if "verification" in index:
        assert "ORDER BY" not in plan, "sorted by the index, not once more"
        assert "Sort" not in plan
