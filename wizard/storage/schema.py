"""What all tables share: names of constraints that are the same on every database, and timestamps in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, CheckConstraint, DateTime, Dialect, Integer, MetaData, String
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite counts up only an INTEGER PRIMARY KEY.
Identity = BigInteger().with_variant(Integer, "sqlite")
# Compared and sorted by its bytes, as SQLite does it anyway.
Key = String().with_variant(String(collation="C"), "postgresql")


class Instant(TypeDecorator[datetime]):
    """An aware datetime, in UTC on both ways, whatever the database makes of time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored timestamp needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    """The base of all tables."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads a plain dict
        str: String,
        datetime: Instant,
        dict[str, str]: JSON,
        list[str]: JSON,
    }


def one_of(column: str, choices: type[StrEnum] | Iterable[str]) -> CheckConstraint:
    """A constraint that a column holds one of some stable slugs."""
    slugs = ", ".join(f"'{slug}'" for slug in choices)
    return CheckConstraint(f"{column} IN ({slugs})", name=column)
