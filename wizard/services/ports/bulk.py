"""Bulk registration: files whose rows become registrations, as jobs that outlive whoever works on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from wizard.core.errors import Problem


class JobState(StrEnum):
    """How far a job is."""

    CHECKING = "checking"
    CHECKED = "checked"
    RUNNING = "running"
    DONE = "done"
    DISCARDED = "discarded"


class RowState(StrEnum):
    """What is known of a row; from `rejected` on nothing is left to do with it."""

    WAITING = "waiting"
    READY = "ready"
    INCOMPLETE = "incomplete"
    REJECTED = "rejected"
    # The record is there already, with the same answers.
    PRESENT = "present"
    CREATED = "created"
    INVITED = "invited"


UNDER_WAY = frozenset({JobState.CHECKING, JobState.RUNNING})
# What of a row can be mended and loaded again; of the others nothing personal is kept.
TO_MEND = frozenset({RowState.REJECTED, RowState.INCOMPLETE})
SETTLED_WELL = frozenset({RowState.PRESENT, RowState.CREATED, RowState.INVITED})


@dataclass(frozen=True, slots=True)
class BulkRow:
    """A row as it stands in its file; `number` counts as a spreadsheet does.

    `values` are the education data, and `email` the person's address, as far as they are given, and None once they are
    erased.
    """

    number: int
    values: Mapping[str, str | None] | None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What came of a row. `keys` are digests of what only one row of a file may hold, by the rule that says so."""

    state: RowState
    problems: tuple[Problem, ...] = ()
    category: str | None = None
    record_number: str | None = None
    session_id: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BulkRowState:
    """A row with what came of it so far."""

    row: BulkRow
    outcome: RowOutcome


@dataclass(frozen=True, slots=True)
class BulkJob:
    """A file and how far it is; `counts` says how many rows there are in each state.

    `to_do` is how many rows were to go in when it was started, which it is by itself where it `goes_on`. `request_id`
    is the request that loaded it, then the one that started it. `name` is that of the file; it and the columns that are
    not known here are gone once the job is erased.
    """

    id: str
    state: JobState
    created_by: str
    created_at: datetime
    total: int
    name: str | None = None
    unknown_columns: tuple[str, ...] = ()
    invite: bool = False
    goes_on: bool = False
    to_do: int = 0
    started_by: str | None = None
    request_id: str | None = None
    finished_at: datetime | None = None
    erased: bool = False
    counts: Mapping[RowState, int] = field(default_factory=dict)

    @property
    def states_to_do(self) -> frozenset[RowState]:
        """The states of rows that have to be worked on now."""
        if self.state is JobState.CHECKING:
            return frozenset({RowState.WAITING})
        if self.state is not JobState.RUNNING:
            return frozenset()
        return self._going_in

    @property
    def _going_in(self) -> frozenset[RowState]:
        return frozenset({RowState.READY, RowState.INCOMPLETE} if self.invite else {RowState.READY})

    @property
    def rows_left(self) -> int:
        """How many rows something is still to be done with, to the end: one that is ready goes in where all do."""
        later = self._going_in if self.goes_on and self.state is JobState.CHECKING else frozenset()
        return self.count(*self.states_to_do, *later)

    def count(self, *states: RowState) -> int:
        """How many rows are in any of some states."""
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def steps(self) -> int:
        """How many rows what is under way has to do in all."""
        return self.total if self.state in {JobState.CHECKING, JobState.CHECKED} else self.to_do

    @property
    def steps_done(self) -> int:
        """How many of them it has done."""
        return self.steps - self.count(*self.states_to_do)


class BulkJobs(Protocol):
    """The jobs and their rows; what is personal in them lies encrypted."""

    def add(self, job: BulkJob, rows: Iterable[BulkRowState]) -> None:
        """A job with its rows, some of which may be rejected already."""
        ...

    def get(self, job_id: str) -> BulkJob | None: ...

    def newest(self, *, limit: int) -> Sequence[BulkJob]:
        """The newest jobs first."""
        ...

    def under_way(self, *, limit: int) -> Sequence[BulkJob]:
        """Jobs that have rows to work on, oldest first."""
        ...

    def hold(self, job_id: str) -> BulkJob | None:
        """A job as it is now; nobody else changes it or settles its rows before this transaction ends."""
        ...

    def update(self, job: BulkJob) -> None:
        """Write its state, and what it was started with."""
        ...

    def claim(self, job_id: str, states: Collection[RowState], *, now: datetime, limit: int) -> Sequence[BulkRow]:
        """Take some rows, in order, for this worker alone for a while. A row that cannot be decrypted has no values."""
        ...

    def settle(self, job_id: str, outcomes: Mapping[int, RowOutcome], *, before: Collection[RowState]) -> None:
        """Write what came of rows, by their numbers, and erase those where it went well.

        Those that are in none of the states before stay as they are.
        """
        ...

    def release(self, job_id: str, numbers: Collection[int]) -> None:
        """Give back rows that were claimed."""
        ...

    def rows(self, job_id: str, states: Collection[RowState], *, after: int = 0, limit: int) -> Sequence[BulkRowState]:
        """Rows in some states, in order, from behind a number."""
        ...

    def keys(self, job_id: str) -> Sequence[tuple[int, Mapping[str, str]]]:
        """The numbers of the rows that are ready, in order, with the digests of what only one of them may hold."""
        ...

    def erase(self, job_id: str) -> None:
        """Erase all that is personal in a job and its rows; what came of them stays."""
        ...

    def older_than(self, at: datetime, *, limit: int) -> Sequence[BulkJob]:
        """Some jobs that are not erased yet and came in before an instant."""
        ...
