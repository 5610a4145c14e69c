"""What the desk reads every day is read by an index, in its order, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session, sessionmaker

from wizard.services.ports.statistics import Period
from wizard.storage.repositories.statistics import SqlStatistics
from wizard.storage.repositories.verifications import SqlVerificationQueue

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
LAST_MONTH = Period(NOW - timedelta(days=30), NOW)

Statement = tuple[str, Any]


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
def test_it_is_read_by_an_index(sessions: sessionmaker[Session], read: Callable[[Session], object], index: str) -> None:
    with sessions() as session:
        connection = session.connection()
        is_sqlite = connection.dialect.name == "sqlite"
        if not is_sqlite:
            # With so few rows a plan that reads all of them is the cheaper one.
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
