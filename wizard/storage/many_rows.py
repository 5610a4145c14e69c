"""Many rows added by one statement, whose text is the same however many they are.

On PostgreSQL all of them are one parameter, an array in JSON. Were each value one, psycopg would look for the places of
all in a long text, anew each time; were each row sent by itself, that would cost as much (docs/benchmarks.md). SQLite's
driver takes rows as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    CursorResult,
    Integer,
    String,
    Table,
    TableValuedAlias,
    TypeDecorator,
    bindparam,
    cast,
    column,
    func,
    insert,
    select,
)

_ROWS, _PLACE = "rows", "place"


class ManyRows:
    """Adds rows to some columns of a table, numbered in their order; what is `returned` of each comes in any order."""

    def __init__(self, table: Table, columns: Sequence[Column[Any]], *returned: Column[Any]) -> None:
        singly, rows = insert(table), _rows(columns)
        together = singly.from_select(
            [each.name for each in columns],
            select(*(rows.c[each.name] for each in columns)).order_by(rows.c[_PLACE]),
        )
        self._singly = singly.returning(*returned) if returned else singly
        self._together = together.returning(*returned) if returned else together
        self._kinds = {each.name: each.type for each in columns if isinstance(each.type, TypeDecorator)}

    def add(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> CursorResult[Any]:
        """Add at least one."""
        if connection.dialect.name != "postgresql":
            return connection.execute(self._singly, rows)
        return connection.execute(self._together, {_ROWS: self._as_text(connection, rows)})

    def _as_text(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> str:
        kinds, dialect = self._kinds.items(), connection.dialect
        bound = [{name: kind.process_bind_param(row[name], dialect) for name, kind in kinds} for row in rows]
        placed = [{_PLACE: place, **row, **own} for place, (row, own) in enumerate(zip(rows, bound, strict=True))]
        return json.dumps(placed, default=datetime.isoformat)


def _rows(columns: Sequence[Column[Any]]) -> TableValuedAlias:
    """The parameter as a table."""
    given = func.json_to_recordset(cast(bindparam(_ROWS, type_=String), JSON))
    named = [column(_PLACE, Integer), *(column(each.name, each.type) for each in columns)]
    return given.table_valued(*named).render_derived(name=_ROWS, with_types=True)
