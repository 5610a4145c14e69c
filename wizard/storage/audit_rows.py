"""Rows of the audit trail as they stand in the database: one that was tampered with must be readable to be told of."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, String, select, type_coerce

from wizard.storage.audit_chain import Link
from wizard.storage.trail_tables import AuditEventRow

# Shown in place of a time that is none.
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = AuditEventRow.__table__.columns


class _Unreadable(ValueError):
    """What stands in a column is not of its kind."""


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A row, with the names of the columns in which nothing stands that could be read; they are empty in it."""

    row: Link
    unreadable: tuple[str, ...]


def kept_rows() -> Select[*tuple[Any, ...]]:
    """The rows as the database holds them, nothing parsed: for `kept_row`."""
    return select(*(type_coerce(column, String).label(column.name) for column in _COLUMNS))


def kept_row(raw: Row[Any]) -> KeptRow:
    """A row of `kept_rows`, whatever stands in it."""
    values: dict[str, Any] = {}
    unreadable: list[str] = []
    for column in _COLUMNS:
        read, otherwise = _KINDS[column.name]
        stored = getattr(raw, column.name)
        try:
            values[column.name] = None if stored is None and column.nullable else read(stored)
        except _Unreadable:
            unreadable.append(column.name)
            values[column.name] = otherwise
    return KeptRow(Link(**values), tuple(unreadable))


def _text(stored: object) -> str:
    if not isinstance(stored, str):
        raise _Unreadable
    return stored


def _number(stored: object) -> int:
    if not isinstance(stored, int):
        raise _Unreadable
    return stored


def _instant(stored: object) -> datetime:
    """SQLite keeps times as texts, in UTC."""
    try:
        found = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    except ValueError as error:
        raise _Unreadable from error
    if not isinstance(found, datetime):
        raise _Unreadable
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _texts(stored: object) -> dict[str, str]:
    """SQLite keeps JSON as a text."""
    try:
        found = json.loads(stored) if isinstance(stored, str) else stored
    except ValueError as error:
        raise _Unreadable from error
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise _Unreadable
    return found


_NUMBERS, _INSTANTS, _TEXTS = {"id", "position", "sequence"}, {"at"}, {"details", "changes"}


def _kind(name: str) -> tuple[Callable[[object], Any], Any]:
    """What reads a column, and what stands for what cannot be read."""
    if name in _NUMBERS:
        return _number, 0
    if name in _INSTANTS:
        return _instant, NO_TIME
    return (_texts, {}) if name in _TEXTS else (_text, "")


_KINDS = {column.name: _kind(column.name) for column in _COLUMNS}
