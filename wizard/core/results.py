"""What an operation answers (02-workflow, Results)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from wizard.core.errors import Problem
from wizard.core.records import Record
from wizard.core.registration import Registration
from wizard.core.rules import RuleOutcome
from wizard.core.workflow import Operation, next_operation, possible_actions


@dataclass(frozen=True, slots=True)
class ResultMetadata:
    """Who did it, under which operation id, and how long it took, in milliseconds."""

    operation_id: str
    actor: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step of the whole workflow."""

    step: Operation
    success: bool
    duration_ms: int
    errors: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The registration as the operation left it, with what went wrong and what can be done next.

    `checks` are the linking checks, each on its own.
    """

    success: bool
    registration: Registration
    timestamp: datetime
    metadata: ResultMetadata
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    checks: tuple[RuleOutcome, ...] = ()
    record: Record | None = None
    rules_applied: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    steps: tuple[StepResult, ...] = ()
    created_now: bool = False

    @property
    def next_step(self) -> Operation | None:
        """The operation that moves the registration on."""
        return next_operation(self.registration.status)

    @property
    def actions(self) -> tuple[Operation, ...]:
        """The operations now possible."""
        return possible_actions(self.registration.status)
