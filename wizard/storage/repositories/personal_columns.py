"""Personal columns in the database, rewritten as setting and newest secret would have them (storage/sealed_columns)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, func, or_, select, tuple_, type_coerce, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from wizard.core.accounts import email_key
from wizard.core.spelling import folded
from wizard.services.ports.personal_columns import Slice, Standing
from wizard.storage.crypto import Undecipherable
from wizard.storage.schema import Table
from wizard.storage.sealed_columns import Sealed, in_the_open, is_sealed, seals_of
from wizard.storage.tables import AccountRow, RecordRow
from wizard.storage.trail_tables import NUMBER, AuditValueRow

TABLES: Mapping[str, type[Table]] = {each.__tablename__: each for each in (AccountRow, RecordRow, AuditValueRow)}

_Row = dict[str, Any]


class SqlPersonalColumns:
    """`ports.PersonalColumns`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def standing(self) -> Sequence[Standing]:
        """Of every table that has such columns; each is read through once."""
        return [self._standing(name, table) for name, table in TABLES.items()]

    def _standing(self, name: str, table: type[Table]) -> Standing:
        lost = or_(*map(self._is_lost, sealed_columns(table)))
        counted = select(*(func.count(case((each, 1))) for each in (self._is_otherwise(table), lost)))
        counts: Sequence[int] = self._session.execute(counted.select_from(table)).one()
        return Standing(name, otherwise=counts[0], lost=counts[1])

    def rewrite(self, table: str, *, after: tuple[Any, ...] | None, limit: int) -> Slice:
        """Rewrite some rows that are written otherwise, in the order of their keys, from behind one.

        Left are those whose secret is gone, and those with a number that only one record may hold and another has.
        """
        kept = TABLES[table]
        found = self._held(kept, after, limit)
        opened = [row for each in found if (row := self._opened(kept, each))]
        left = len(found) - len(opened) + self._write(kept, opened)
        last = tuple(found[-1][name] for name in _key(kept)) if len(found) == limit else None
        return Slice(len(found), left, last)

    def _held(self, table: type[Table], after: tuple[Any, ...] | None, limit: int) -> Sequence[_Row]:
        """Rows as they stand there; nobody else changes them before this transaction ends."""
        key = [getattr(table, name) for name in _key(table)]
        texts = [type_coerce(column, String).label(column.key) for column in sealed_columns(table)]
        mine = select(*key, *texts).where(self._is_otherwise(table)).order_by(*key).limit(limit)
        if after is not None:
            mine = mine.where(tuple_(*key) > tuple_(*after))
        return [dict(row) for row in self._session.execute(mine.with_for_update()).mappings()]

    def _opened(self, table: type[Table], row: _Row) -> _Row | None:
        """A row as it is to be written; None where it cannot be read."""
        cipher = seals_of(self._session).cipher
        try:
            plain = {each.key: each.type.read(cipher, row[each.key]) for each in sealed_columns(table)}
        except Undecipherable:
            return None
        return {**row, **_MADE.get(table, dict)({**row, **plain})}

    def _write(self, table: type[Table], rows: Sequence[_Row]) -> int:
        """How many of some rows could not be written."""
        if not rows or self._is_written(table, rows):
            return 0
        return sum(not self._is_written(table, [row]) for row in rows)

    def _is_written(self, table: type[Table], rows: Sequence[_Row]) -> bool:
        try:
            with self._session.begin_nested():
                self._session.execute(update(table), rows)
        except IntegrityError:
            return False
        return True

    def _is_otherwise(self, table: type[Table]) -> ColumnElement[bool]:
        return or_(*map(self._stands_otherwise, sealed_columns(table)))

    def _stands_otherwise(self, column: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
        seals = seals_of(self._session)
        if not seals.on:
            return is_sealed(column)
        old = and_(column != "", ~column.startswith(seals.newest, autoescape=True))
        return and_(old, AuditValueRow.field != NUMBER) if column.key in _OPEN_FOR_NUMBERS else old

    def _is_lost(self, column: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
        ours = (column.startswith(each, autoescape=True) for each in seals_of(self._session).beginnings)
        return and_(is_sealed(column), ~or_(*ours))


def sealed_columns(table: type[Table]) -> Iterator[InstrumentedAttribute[Any]]:
    """Those columns of a table that may be sealed."""
    return (getattr(table, each.key) for each in table.__table__.columns if isinstance(each.type, Sealed))


def _key(table: type[Table]) -> tuple[str, ...]:
    return tuple(column.key for column in table.__table__.primary_key)


def _account(row: _Row) -> _Row:
    """What is only looked for is made anew of what it was made of."""
    return {**row, "name_key": folded(row["name"]), "email_key": email_key(row["email"])}


_OPEN_FOR_NUMBERS = ("before", "after")


def _value(row: _Row) -> _Row:
    """As the audit trail writes it."""
    is_open = row["field"] == NUMBER
    return {**row, **{name: in_the_open(row[name]) for name in _OPEN_FOR_NUMBERS if is_open}}


_MADE: Mapping[type[Table], Callable[[_Row], _Row]] = {AccountRow: _account, AuditValueRow: _value}
