"""Working on bulk registrations: rows are claimed, worked on together, and settled; any number may be at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from wizard.core.actors import Actor, ActorKind, Privilege
from wizard.core.clock import Clock
from wizard.core.errors import ErrorCode, ExternalServiceError, NotFound, Problem
from wizard.core.events import Event, EventName
from wizard.services.bulk_batch import RowsTogether
from wizard.services.bulk_rows import BulkRows
from wizard.services.events import EventBus, logged_for, make_event
from wizard.services.ports.bulk import BulkJob, BulkRow, JobState, RowOutcome, RowState
from wizard.services.ports.calls import Call
from wizard.services.ports.units import UnitOfWork, UnitsOfWork

# How many rows a worker takes at once: seconds of work, far less than its claim lasts.
BATCH = 50
_JOBS = 20
_KINDS = {"staff": ActorKind.STAFF, "token": ActorKind.API}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BulkWork:
    """Killed anywhere, a worker's rows are free again after a while, and whoever takes them finds what it did.

    Each row's registration has an id that is made from job and row; a row is settled once, and a job closed once.
    """

    clock: Clock
    units: UnitsOfWork
    rows: BulkRows
    together: RowsTogether
    events: EventBus

    def run_once(self) -> bool:
        """A batch of the oldest job that has rows to take; True where there may be more."""
        with self.units.read() as unit:
            waiting = unit.bulk.under_way(limit=_JOBS)
        return any(self.batch(job) for job in waiting)

    def batch(self, job: BulkJob) -> bool:
        """A batch of a job; False where there is nothing to take, though others may still be at it."""
        if not job.states_to_do:
            return False
        with logged_for(job.request_id):
            return self._batch(job)

    def _batch(self, job: BulkJob) -> bool:
        with self.units.write() as unit:
            rows = unit.bulk.claim(job.id, job.states_to_do, now=self.clock.now(), limit=BATCH)
            unit.commit()
        outcomes: dict[int, RowOutcome] = {}
        try:
            outcomes.update(self._together(job, rows))
            for row in rows:
                if self._is_left(job, outcomes.get(row.number)):
                    outcomes[row.number] = self._alone(job, row)
        finally:
            # What is done is done, whatever the next row failed of.
            left = [row.number for row in rows if self._is_left(job, outcomes.get(row.number))]
            self._settle(job, {number: each for number, each in outcomes.items() if number not in left}, left)
        return bool(rows)

    def _together(self, job: BulkJob, rows: Sequence[BulkRow]) -> Mapping[int, RowOutcome]:
        """What comes of all rows at once; nothing where one of them stands in the way of the others.

        Raises ExternalServiceError.
        """
        try:
            return self.together.outcomes(call_of(job), job, rows)
        except ExternalServiceError:
            raise
        except Exception as error:  # noqa: BLE001
            # Each on its own: whatever it was costs the row that it was.
            _log.warning("bulk.one_by_one", job=job.id, reason=type(error).__name__)
            return {}

    @staticmethod
    def _is_left(job: BulkJob, outcome: RowOutcome | None) -> bool:
        """Whether a row is to be treated on its own: it was not treated with the others, or is to be invited."""
        return outcome is None or (
            job.invite and job.state is JobState.RUNNING and outcome.state is RowState.INCOMPLETE
        )

    def _alone(self, job: BulkJob, row: BulkRow) -> RowOutcome:
        """What comes of a row. Raises ExternalServiceError: that is not the row's fault, and it is tried again."""
        treat = self.rows.check if job.state is JobState.CHECKING else self.rows.enter
        try:
            return treat(call_of(job), job, row)
        except ExternalServiceError:
            raise
        except Exception:  # noqa: BLE001
            # Whatever a row meets costs that row alone.
            _log.exception("bulk.row_failed", job=job.id, row=row.number)
            return RowOutcome(RowState.REJECTED, (Problem(ErrorCode.INTERNAL_ERROR, "bulk.failed"),))

    def _settle(self, job: BulkJob, outcomes: Mapping[int, RowOutcome], given_back: Sequence[int]) -> None:
        with self.units.write() as unit:
            held = found(unit.bulk.hold(job.id))
            unit.bulk.settle(job.id, outcomes, before=job.states_to_do)
            unit.bulk.release(job.id, given_back)
            if held.erased:
                unit.bulk.erase(job.id)
            after, told = self._advanced(unit, found(unit.bulk.get(job.id)))
            if after.state is not held.state:
                unit.bulk.update(after)
                unit.audit.append(told)
            unit.commit()
        self.events.publish(*told)

    def _advanced(self, unit: UnitOfWork, job: BulkJob) -> tuple[BulkJob, tuple[Event, ...]]:
        """A job, held, on to its next state where nothing is left to do in this one."""
        if not job.states_to_do or job.count(*job.states_to_do):
            return job, ()
        if job.state is JobState.RUNNING:
            return _done(job, at=self.clock.now())
        _refuse_repeated(unit, job)
        if not job.goes_on:
            return replace(job, state=JobState.CHECKED), ()
        checked = found(unit.bulk.get(job.id))
        return begun(checked, call_of(job), at=self.clock.now())


def begun(job: BulkJob, call: Call, *, at: datetime) -> tuple[BulkJob, tuple[Event, ...]]:
    """A job, held and checked, started by somebody; done at once where no row can go in."""
    running = replace(job, state=JobState.RUNNING, started_by=call.actor.name, request_id=call.request_id)
    running = replace(running, to_do=running.count(*running.states_to_do))
    event = bulk_event(EventName.BULK_STARTED, call, running, at=at)
    if running.to_do:
        return running, (event,)
    done, told = _done(running, at=at)
    return done, (event, *told)


def _done(job: BulkJob, *, at: datetime) -> tuple[BulkJob, tuple[Event, ...]]:
    done = replace(job, state=JobState.DONE, finished_at=at)
    return done, (bulk_event(EventName.BULK_COMPLETED, call_of(done), done, at=at),)


def _refuse_repeated(unit: UnitOfWork, job: BulkJob) -> None:
    """Of rows that cannot go in both, the first is kept; one that cannot go in at all stands in nobody's way."""
    first: dict[tuple[str, str], int] = {}
    refused: dict[int, RowOutcome] = {}
    for number, keys in unit.bulk.keys(job.id):
        taken = [(rule, first[rule, key]) for rule, key in keys.items() if (rule, key) in first]
        if not taken:
            first.update(dict.fromkeys(keys.items(), number))
            continue
        field, row = taken[0]
        problem = Problem(ErrorCode.CONFLICT, "bulk.repeated", field, {"row": str(row)})
        refused[number] = RowOutcome(RowState.REJECTED, (problem,))
    unit.bulk.settle(job.id, refused, before={RowState.READY})


def call_of(job: BulkJob) -> Call:
    """Who let a job begin is who registers its rows, whichever worker does it; only `main` and the system can.

    The request that they did it with stands in the audit trail for all that comes of it.
    """
    name = job.started_by or job.created_by
    kind = _KINDS.get(name.partition(":")[0], ActorKind.SYSTEM)
    return Call(Actor(kind, name, Privilege.MAIN), job.request_id)


def bulk_event(name: EventName, call: Call, job: BulkJob, *, at: datetime) -> Event:
    """An event of a job, with how many rows are in which state."""
    counts = {state.value: str(count) for state, count in job.counts.items()}
    details = {"job": job.id, "rows": str(job.total), **counts}
    return make_event(name, call=call, at=at, chain=f"bulk:{job.id}", details=details)


def found(job: BulkJob | None) -> BulkJob:
    """A job. Raises NotFound where there is none."""
    if job is None:
        raise NotFound("bulk.unknown")
    return job
