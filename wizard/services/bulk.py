"""Bulk registration: files are taken in, checked, started and looked after; the work is the workers' (bulk_work.py)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import IO

from wizard.core.actors import Actor
from wizard.core.clock import Clock
from wizard.core.errors import Conflict, Problem
from wizard.core.events import EventName
from wizard.services.authority import require_main_or_system
from wizard.services.bulk_files import BulkFile, from_values, read_file, write_rows
from wizard.services.bulk_work import BulkWork, begun, bulk_event, found
from wizard.services.events import EventBus
from wizard.services.ports.bulk import TO_MEND, BulkJob, BulkRowState, JobState, RowState
from wizard.services.ports.calls import Call
from wizard.services.ports.patience import take_long
from wizard.services.ports.units import UnitsOfWork
from wizard.services.sheets import SheetKind

_PAGE, _JOBS = 50, 20
_SLICE = 500
_SYSTEM = Call(Actor.system("bulk"))


@dataclass(frozen=True, slots=True)
class RowPage:
    """A page of a job's rows; `following` is what the next page comes after, None at the end.

    `records` has the ids of their records that are still there, by number.
    """

    rows: Sequence[BulkRowState]
    following: int | None
    records: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Bulk:
    """Jobs for `main` and the system's commands; every method raises PermissionDenied to others.

    What is personal in a job is `kept` for a while.
    """

    clock: Clock
    units: UnitsOfWork
    events: EventBus
    workers: BulkWork
    kept: timedelta

    def load(self, call: Call, name: str, content: bytes, *, goes_on: bool = False, invite: bool = False) -> BulkJob:
        """Take a CSV or XLSX file in, to be checked row by row; nothing is registered before it is started.

        Where it `goes_on`, it is started by itself once it is checked. Raises ValidationFailed as `read_file`.
        """
        require_main_or_system(call.actor)
        return self._add(call, read_file(name, content), goes_on=goes_on, invite=invite)

    def load_values(
        self,
        call: Call,
        given: Sequence[Mapping[str, str | None]],
        *,
        goes_on: bool = False,
        invite: bool = False,
    ) -> BulkJob:
        """The same of rows by the names of the columns, as a program has them: `bulk_validate`, or `bulk_process`."""
        require_main_or_system(call.actor)
        return self._add(call, from_values(given), goes_on=goes_on, invite=invite)

    def _add(self, call: Call, file: BulkFile, *, goes_on: bool, invite: bool) -> BulkJob:
        job = BulkJob(
            id=str(uuid.uuid4()),
            state=JobState.CHECKING,
            created_by=call.actor.name,
            created_at=self.clock.now(),
            total=len(file.rows),
            name=file.name,
            unknown_columns=file.unknown_columns,
            invite=invite,
            goes_on=goes_on,
            request_id=call.request_id,
        )
        event = bulk_event(EventName.BULK_LOADED, call, job, at=self.clock.now())
        with self.units.write() as unit:
            take_long()
            unit.bulk.add(job, file.rows)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        return self.job(call, job.id)

    def jobs(self, call: Call) -> Sequence[BulkJob]:
        """The newest jobs first."""
        require_main_or_system(call.actor)
        with self.units.read() as unit:
            return unit.bulk.newest(limit=_JOBS)

    def job(self, call: Call, job_id: str) -> BulkJob:
        """A job as it stands. Raises NotFound."""
        require_main_or_system(call.actor)
        with self.units.read() as unit:
            return found(unit.bulk.get(job_id))

    def page(
        self,
        call: Call,
        job_id: str,
        states: Collection[RowState] = frozenset(RowState),
        *,
        after: int = 0,
        limit: int = _PAGE,
    ) -> RowPage:
        """Rows in some states, in their order, from behind a number."""
        require_main_or_system(call.actor)
        with self.units.read() as unit:
            rows = unit.bulk.rows(job_id, states, after=after, limit=limit + 1)
            records = unit.records.ids({each.outcome.record_number for each in rows if each.outcome.record_number})
        return RowPage(rows[:limit], rows[limit - 1].row.number if len(rows) > limit else None, records)

    def start(self, call: Call, job_id: str, *, invite: bool = False) -> BulkJob:
        """Let the good rows go in; with `invite`, incomplete ones become registrations whose people get a link.

        Safe to repeat. Raises NotFound, and Conflict("bulk.state") for a job that is not checked yet, or discarded.
        """
        require_main_or_system(call.actor)
        with self.units.write() as unit:
            job = found(unit.bulk.hold(job_id))
            if job.state in {JobState.RUNNING, JobState.DONE}:
                return job
            if job.state is not JobState.CHECKED:
                raise Conflict("bulk.state")
            started, told = begun(replace(job, invite=invite), call, at=self.clock.now())
            unit.bulk.update(started)
            unit.audit.append(told)
            unit.commit()
        self.events.publish(*told)
        return started

    def discard(self, call: Call, job_id: str) -> None:
        """Stop a job where it is, and erase what is personal in it; what has gone in stays. Raises NotFound."""
        require_main_or_system(call.actor)
        with self.units.write() as unit:
            job = found(unit.bulk.hold(job_id))
            if job.erased:
                return
            take_long()
            if job.state is not JobState.DONE:
                job = replace(job, state=JobState.DISCARDED, finished_at=self.clock.now())
            event = bulk_event(EventName.BULK_DISCARDED, call, job, at=self.clock.now())
            unit.bulk.update(job)
            unit.bulk.erase(job_id)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)

    def erase_old(self) -> int:
        """For workers: discard jobs that are older than they may be kept; answers how many there were."""
        with self.units.read() as unit:
            old = unit.bulk.older_than(self.clock.now() - self.kept, limit=_JOBS)
        for job in old:
            self.discard(_SYSTEM, job.id)
        return len(old)

    def export(
        self, call: Call, job_id: str, kind: SheetKind, to: IO[bytes], *, worded: Callable[[Problem], str]
    ) -> None:
        """Write the rows that did not go in, with why, to be mended and loaded again. It is in the audit trail.

        Raises NotFound.
        """
        job = self.job(call, job_id)
        write_rows(self._to_mend(job), kind, to, worded=worded)
        event = bulk_event(EventName.BULK_EXPORTED, call, job, at=self.clock.now())
        with self.units.write() as unit:
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)

    def _to_mend(self, job: BulkJob) -> Iterator[BulkRowState]:
        after: int | None = 0
        while after is not None:
            with self.units.read() as unit:
                take_long()
                rows = unit.bulk.rows(job.id, TO_MEND, after=after, limit=_SLICE)
            yield from rows
            after = rows[-1].row.number if len(rows) == _SLICE else None

    def go_on(self, call: Call, job_id: str) -> BulkJob:
        """A batch of one job, for who waits for it, as a worker does one; answers how far it is. Raises NotFound."""
        self.workers.batch(self.job(call, job_id))
        return self.job(call, job_id)
