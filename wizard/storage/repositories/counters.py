"""Numbers that are given out once, counted in the transaction that uses them."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from wizard.storage.tables import CounterRow


class Counter(StrEnum):
    """What is numbered, and how its numbers begin."""

    MEMBER = "osot"
    RECORD = "osot-oted"

    def number(self, value: int) -> str:
        """The number as people see it."""
        return f"{self}-{value:07}"


def hold(session: Session, counter: Counter) -> int:
    """The last value given out; nobody else gets one until this transaction ends."""
    return session.execute(select(CounterRow.value).where(CounterRow.name == counter).with_for_update()).scalar_one()


def advance(session: Session, counter: Counter, *, to: int) -> None:
    """Note the last value given out."""
    session.execute(update(CounterRow).where(CounterRow.name == counter).values(value=to))


def take(session: Session, counter: Counter) -> str:
    """The next number; nobody else gets one until this transaction ends."""
    following = update(CounterRow).where(CounterRow.name == counter).values(value=CounterRow.value + 1)
    return counter.number(session.execute(following.returning(CounterRow.value)).scalar_one())
