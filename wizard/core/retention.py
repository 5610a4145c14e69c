"""For how long what a person typed is kept in the audit trail: by what came of it. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from wizard.core.events import EventName
from wizard.core.rules import CONFLICT_RULES


class Kind(StrEnum):
    """What a chain of the trail is about, by what came of it: each is kept for a time of its own."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    HISTORY = "history"
    DELETED = "deleted"
    DESK = "desk"


@dataclass(frozen=True, slots=True)
class Periods:
    """How long each kind is kept: registrations after their last event, a deleted record's history after its deletion.

    `history`, of records and accounts there are, and `desk`, all else, go value by value, each by its age.
    """

    completed: timedelta
    cancelled: timedelta
    expired: timedelta
    failed: timedelta
    history: timedelta
    deleted: timedelta
    desk: timedelta
    # How long a registration lives at most: one whose end nobody recorded is over then.
    lives_at_most: timedelta

    def of(self, kind: Kind) -> timedelta:
        """The period of a kind."""
        period: timedelta = getattr(self, kind.value)
        return period


@dataclass(frozen=True, slots=True)
class Course:
    """What happened in a chain, as far as it says what became of it.

    `rules` stopped it; `is_registration` tells it from the chains of records, accounts and the desk's own work.
    """

    chain: str
    names: Collection[EventName] = ()
    last_at: datetime | None = None
    rules: Collection[str] = ()
    is_registration: bool = False


def kind_of(course: Course) -> Kind:
    """What a chain is, by what came of it."""
    if course.is_registration:
        return _of_registration(course)
    if EventName.RECORD_DELETED in course.names:
        return Kind.DELETED
    return Kind.HISTORY if course.chain.startswith(_HISTORIES) else Kind.DESK


def kept_from(course: Course, periods: Periods, now: datetime) -> datetime | None:
    """What was typed before this instant is kept no longer; None where all of it is."""
    kind = kind_of(course)
    period = periods.of(kind)
    if kind in {Kind.HISTORY, Kind.DESK}:
        return now - period
    over = course.last_at or now
    if course.is_registration and not _ENDS & set(course.names):
        over += periods.lives_at_most
    return now if over + period <= now else None


def _of_registration(course: Course) -> Kind:
    names = set(course.names)
    if names & _MADE:
        return Kind.COMPLETED
    if names & _TROUBLE or CONFLICT_RULES & set(course.rules):
        return Kind.FAILED
    return Kind.CANCELLED if EventName.SESSION_CANCELLED in names else Kind.EXPIRED


_HISTORIES = ("record:", "account:")
_MADE = frozenset({EventName.EDUCATION_CREATED, EventName.WORKFLOW_COMPLETED})
_TROUBLE = frozenset({EventName.CREATION_FAILED, EventName.CONFLICT_RESOLVED})
_ENDS = _MADE | {EventName.SESSION_CANCELLED, EventName.SESSION_EXPIRED}
