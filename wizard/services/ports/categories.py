"""The categories that stand in the records, and the runs that refresh them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from wizard.core.category import CategoryDecision
from wizard.core.choices import EducationCategory


@dataclass(frozen=True, slots=True)
class Group:
    """What a category is decided from, and the one that stands: all records alike in it move together."""

    graduation_year: str
    coto_status: str
    category: EducationCategory


@dataclass(frozen=True, slots=True)
class Standing:
    """A record by what a refresh looks at."""

    record_id: str
    number: str
    member_number: str
    group: Group


class Categories(Protocol):
    """The categories that stand in the records."""

    def groups(self) -> Mapping[Group, int]:
        """How many records there are of each group."""
        ...

    def page(self, groups: Collection[Group], *, after: str | None, limit: int) -> Sequence[Standing]:
        """Records of some groups in the order of their numbers, from behind the one with the id `after`."""
        ...

    def hold(self, groups: Collection[Group], *, limit: int) -> Sequence[Standing]:
        """Some records of some groups; nobody else changes them before this transaction ends."""
        ...

    def move(self, record_ids: Collection[str], decision: CategoryDecision, *, at: datetime) -> None:
        """Give records another category. Their version stays: it counts what people changed."""
        ...


# From, to, and how many.
Moves = Mapping[tuple[EducationCategory, EducationCategory], int]


@dataclass(frozen=True, slots=True)
class RefreshRun:
    """A refresh: who began it, when, and by which request; how far it came. `day` is that it was due on, if it was."""

    id: int
    day: date | None
    started_by: str
    privilege: str | None
    started_at: datetime
    membership_ends: date | None = None
    finished_at: datetime | None = None
    moves: Moves = field(default_factory=dict)
    request_id: str | None = None

    @property
    def moved(self) -> int:
        """How many records it has moved."""
        return sum(self.moves.values())


class RefreshRuns(Protocol):
    """The runs, remembered."""

    def begin(
        self, *, day: date | None, started_by: str, privilege: str | None, at: datetime, request_id: str | None = None
    ) -> bool:
        """Begin a run; False where there is one for this day already."""
        ...

    def of_day(self, day: date) -> RefreshRun | None:
        """The run that was due on a day."""
        ...

    def open(self) -> RefreshRun | None:
        """The oldest run that is not finished."""
        ...

    def hold_open(self, *, wait: bool) -> RefreshRun | None:
        """The same; nobody else goes on with it before this transaction ends.

        Without waiting, None too where somebody else is at work on it.
        """
        ...

    def update(self, run: RefreshRun) -> None: ...

    def newest(self, *, limit: int) -> Sequence[RefreshRun]:
        """The newest runs first."""
        ...
