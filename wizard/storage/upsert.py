"""INSERT … ON CONFLICT, which both databases have and SQLAlchemy offers once for each."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from wizard.storage.schema import Table

Insert = sqlite.Insert | postgresql.Insert
INSERT: dict[str, Callable[[type[Table]], Insert]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def insert_or(session: Session, table: type[Table]) -> Insert:
    """An INSERT to go on with `on_conflict_do_nothing` or `on_conflict_do_update`."""
    return INSERT[session.get_bind().dialect.name](table)
