"""One run of an operation: read, check, change, write under compare-and-set, tell (02-workflow)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter

from structlog.contextvars import bound_contextvars

from wizard.core.actors import Actor, ActorKind
from wizard.core.clock import Clock
from wizard.core.errors import (
    Conflict,
    ExternalServiceError,
    PermissionDenied,
    Problem,
    ValidationFailed,
    WizardError,
    from_problems,
)
from wizard.core.events import Event, EventName
from wizard.core.records import Record
from wizard.core.registration import Lifetimes, Registration, Status
from wizard.core.results import OperationResult, ResultMetadata, StepResult
from wizard.core.rules import RuleOutcome, warnings
from wizard.core.steps import step_done
from wizard.core.workflow import Operation, require_allowed
from wizard.services.audit import AuditDrain
from wizard.services.events import EventBus, make_event
from wizard.services.opening import as_shown_to, open_registration
from wizard.services.ports.calls import Call
from wizard.services.ports.registrations import Documents, RevisionConflict
from wizard.services.ports.watching import OK, UNWATCHED, Doing, Watch, Work

# Two writers at once are usual (two tabs), a dozen in a row are not.
_TRIES = 12


@dataclass(frozen=True, slots=True)
class Change:
    """What an operation makes of a registration; with problems it is stored all the same, then raised.

    `raises` is off where finding problems is what the operation is for.
    """

    registration: Registration
    problems: tuple[Problem, ...] = ()
    error: WizardError | None = None
    checks: tuple[RuleOutcome, ...] = ()
    record: Record | None = None
    created_now: bool = False
    events_recorded: bool = False
    raises: bool = True
    steps: tuple[StepResult, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the operation did not do what it was to do."""
        return bool(self.errors)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What went wrong."""
        return self.error.problems if self.error else self.problems


@dataclass(frozen=True, slots=True)
class Run:
    """Which operation is being run, for whom, since when."""

    operation: Operation
    call: Call
    clock: Clock
    operation_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: float = field(default_factory=perf_counter)

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.call.actor

    def milliseconds(self) -> int:
        """How long it has taken so far."""
        return round((perf_counter() - self.started) * 1000)

    def event(
        self,
        name: EventName,
        registration: Registration,
        *,
        details: Mapping[str, str] | None = None,
        changes: Mapping[str, tuple[str | None, str | None]] | None = None,
    ) -> Event:
        """An event of this operation on a registration."""
        return make_event(
            name,
            call=self.call,
            at=self.clock.now(),
            chain=registration.session_id,
            session_id=registration.session_id,
            record_id=registration.record_id,
            operation_id=self.operation_id,
            details=details,
            changes=changes,
        )

    def failure(self, session_id: str, error: WizardError) -> Event:
        """That this operation was refused, or could not be done."""
        return make_event(
            EventName.ACCESS_DENIED if isinstance(error, PermissionDenied) else EventName.OPERATION_FAILED,
            call=self.call,
            at=self.clock.now(),
            chain=session_id,
            session_id=session_id,
            operation_id=self.operation_id,
            details={"operation": self.operation.value, "reason": error.message},
        )

    def result(self, change: Change, *, events: tuple[Event, ...] = ()) -> OperationResult:
        """The answer."""
        registration = as_shown_to(self.actor, change.registration)
        outcomes = registration.validation.outcomes
        return OperationResult(
            success=not change.failed,
            registration=registration,
            timestamp=self.clock.now(),
            metadata=ResultMetadata(self.operation_id, self.actor.name, self.milliseconds()),
            errors=change.errors,
            warnings=warnings(outcomes),
            checks=change.checks,
            record=change.record,
            rules_applied=tuple(outcome.rule for outcome in outcomes),
            events=tuple(event.name for event in events),
            steps=change.steps,
            created_now=change.created_now,
        )


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs operations on the store: access, expiry and state first, then the change, all or nothing."""

    clock: Clock
    registrations: Documents
    drain: AuditDrain
    events: EventBus
    lifetimes: Lifetimes
    watch: Watch = UNWATCHED

    def begin(self, operation: Operation, call: Call) -> Run:
        """A new run, with an operation id of its own."""
        return Run(operation, call, self.clock)

    def load(self, run: Run, session_id: str) -> Registration:
        """The registration, if the actor may open it and it lives.

        Raises NotFound, or SessionExpired to whom it belonged.
        """
        return open_registration(self.registrations, run.call, session_id, now=self.clock.now())

    def change(self, run: Run, session_id: str, transition: Callable[[Registration], Change]) -> OperationResult:
        """Change a registration, beginning anew where somebody else wrote in between."""
        with self.telling(run, session_id) as doing:
            result = self._changed(run, session_id, transition)
            # Finding what is wrong may be what it was for, and is then not raised.
            doing.outcome = result.errors[0].code.lower() if result.errors else OK
            return result

    @contextmanager
    def telling(self, run: Run, session_id: str) -> Iterator[Doing]:
        """Tell whoever watches, and of what failed before there was a registration to record it with.

        Whatever is logged meanwhile bears the operation's id.
        """
        with (
            bound_contextvars(operation_id=run.operation_id),
            self.watch.during(Work.OPERATION, run.operation) as doing,
        ):
            try:
                yield doing
            except (ValidationFailed, ExternalServiceError) as error:
                if error.result is None:
                    self.events.publish(run.failure(session_id, error))
                raise

    def _changed(self, run: Run, session_id: str, transition: Callable[[Registration], Change]) -> OperationResult:
        made: Change | None = None
        for _ in range(_TRIES):
            stored = self.load(run, session_id).spoken_in(run.call.language)
            try:
                change = self._again(made, stored) or self._first(run, stored, transition)
            except WizardError as error:
                error.result = run.result(Change(stored, error=error))
                self._refused(run, stored, error)
                raise
            # The record stays this operation's, though somebody else was quicker to write that it is there.
            change = replace(change, created_now=change.created_now or made is not None)
            try:
                return self.finish(run, stored, change)
            except RevisionConflict:
                made = change if change.created_now else made
        raise Conflict("session.busy")

    def _first(self, run: Run, stored: Registration, transition: Callable[[Registration], Change]) -> Change:
        require_allowed(run.operation, stored)
        return transition(stored)

    def _again(self, made: Change | None, stored: Registration) -> Change | None:
        """What was made while somebody cancelled: the record is there, so the registration is completed."""
        if made is None or stored.status is not Status.CANCELLED:
            return None
        sequence = max(made.registration.event_sequence, stored.event_sequence)
        completed = replace(made.registration, event_sequence=sequence, events=stored.events)
        return replace(made, registration=completed, events_recorded=False)

    def finish(self, run: Run, stored: Registration | None, change: Change) -> OperationResult:
        """Write what changed, record and tell what happened, and answer; raises the change's error."""
        registration, told = change.registration, tuple[Event, ...]()
        if isinstance(change.error, ExternalServiceError):
            self.drain.rest()
        if registration is not stored:
            seen = stored.event_sequence if stored else 0
            told = tuple(event for event in registration.events if (event.sequence or 0) > seen)
            if change.events_recorded:
                registration = replace(registration, events=())
            registration = self.drain.bring_in(self._save(run, stored, registration))
            if stored and run.actor.kind is ActorKind.APPLICANT and (done := step_done(stored, registration)):
                self.watch.stepped(done, self.clock.now() - stored.updated_at)
            self.events.publish(*told)
        result = run.result(replace(change, registration=registration), events=told)
        if change.failed and change.raises:
            error = change.error or from_problems(change.problems)
            error.result = result
            raise error
        return result

    def _refused(self, run: Run, stored: Registration, error: WizardError) -> None:
        if isinstance(error, ExternalServiceError):
            self.drain.rest()
        event = run.failure(stored.session_id, error)
        self.drain.record(event)
        self.events.publish(event)

    def _save(self, run: Run, stored: Registration | None, registration: Registration) -> Registration:
        touched = registration.touched(self.clock.now(), run.actor.name, self.lifetimes)
        timed = replace(
            touched,
            durations={**touched.durations, run.operation: run.milliseconds()},
        )
        settled = self.drain.settle(timed) if stored is not None and stored.events else timed
        run.call.read_ahead.pop(registration.session_id, None)
        return self.registrations.save(settled, replacing=stored)
