"""Running an operation: read, check, change, write under compare-and-set, tell (02-workflow)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from structlog.contextvars import bound_contextvars

from wizard.core.actors import ActorKind
from wizard.core.clock import Clock
from wizard.core.errors import (
    Conflict,
    ExternalServiceError,
    ValidationFailed,
    WizardError,
    from_problems,
)
from wizard.core.events import Event
from wizard.core.registration import Lifetimes, Registration, Status
from wizard.core.results import OperationResult
from wizard.core.steps import step_done
from wizard.core.workflow import Operation, require_allowed
from wizard.services.audit import AuditDrain
from wizard.services.events import EventBus
from wizard.services.opening import open_registration
from wizard.services.ports.calls import Call, require_seen
from wizard.services.ports.registrations import Documents, RevisionConflict
from wizard.services.ports.watching import OK, UNWATCHED, Doing, Watch, Work
from wizard.services.run import Change, Run

# Two writers at once are usual (two tabs), a dozen in a row are not.
_TRIES = 12


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
        require_seen(run.call, stored.tag)
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
        self.drain.record(event, behind=stored)
        self.events.publish(event)

    def _save(self, run: Run, stored: Registration | None, registration: Registration) -> Registration:
        touched = registration.touched(self.clock.now(), run.actor.name, self.lifetimes)
        timed = replace(
            touched,
            durations={**touched.durations, run.operation: run.milliseconds()},
        )
        settled = self.drain.settle(timed, stored) if stored is not None and stored.events else timed
        run.call.read_ahead.pop(registration.session_id, None)
        return self.registrations.save(settled, replacing=stored)
