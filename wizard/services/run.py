"""One run of an operation: for whom and since when, what it makes of a registration, and its answer."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter

from wizard.core.actors import Actor
from wizard.core.clock import Clock
from wizard.core.errors import (
    PermissionDenied,
    Problem,
    WizardError,
)
from wizard.core.events import Event, EventName
from wizard.core.records import Record
from wizard.core.registration import Registration
from wizard.core.results import OperationResult, ResultMetadata, StepResult
from wizard.core.rules import RuleOutcome, warnings
from wizard.core.workflow import Operation
from wizard.services.events import make_event
from wizard.services.opening import as_shown_to
from wizard.services.ports.calls import Call


@dataclass(frozen=True, slots=True)
class Change:
    """What an operation makes of a registration; with problems it is stored all the same, then raised.

    `raises` is off where finding problems is what the operation is for. `applied` are the outcomes that a record was
    made by, which its registration no longer tells.
    """

    registration: Registration
    problems: tuple[Problem, ...] = ()
    error: WizardError | None = None
    checks: tuple[RuleOutcome, ...] = ()
    applied: tuple[RuleOutcome, ...] = ()
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
        outcomes = change.applied or registration.validation.outcomes
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
