"""The error hierarchy: one class per code (02-workflow, Errors). Wording belongs to the edge."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from wizard.core.results import OperationResult


class ErrorCode(StrEnum):
    """What every error is known by, to people and to programs."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    BUSINESS_RULE_VIOLATION = "BUSINESS_RULE_VIOLATION"
    WORKFLOW_STATE_INVALID = "WORKFLOW_STATE_INVALID"
    CONFLICT = "CONFLICT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    RATE_LIMITED = "RATE_LIMITED"
    EXTERNAL_SERVICE_ERROR = "EXTERNAL_SERVICE_ERROR"
    INTERNAL_ERROR = "INTERNAL_ERROR"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a message id with parameters, turned into a sentence at the edge."""

    code: ErrorCode
    message: str
    field: str | None = None
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)


class WizardError(Exception):
    """Whatever the wizard refuses or cannot do; `message` is an id, never a sentence."""

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL_ERROR

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        params: Mapping[str, str] | None = None,
        problems: tuple[Problem, ...] = (),
        result: OperationResult | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.problems = problems or (Problem(self.code, message, field, params or {}),)
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors stay within their process: they carry results that are not to be copied about."""
        raise TypeError(f"{type(self).__name__} is not to be pickled")


class ValidationFailed(WizardError):
    """A field is malformed or missing."""

    code = ErrorCode.VALIDATION_ERROR


class RuleViolated(WizardError):
    """A business rule fails."""

    code = ErrorCode.BUSINESS_RULE_VIOLATION


class WorkflowStateInvalid(WizardError):
    """The operation does not fit the registration's state; the parameters say which would."""

    code = ErrorCode.WORKFLOW_STATE_INVALID


class Conflict(WizardError):
    """Something else stands in the way: a newer version, an existing record, another member number."""

    code = ErrorCode.CONFLICT


class StaleVersion(Conflict):
    """The answers were changed elsewhere since they were read."""

    def __init__(self, *, seen: int, current: int) -> None:
        super().__init__("version.stale", params={"seen": str(seen), "current": str(current)})


class Unauthenticated(WizardError):
    """Nobody is signed in."""

    code = ErrorCode.UNAUTHENTICATED


class PermissionDenied(WizardError):
    """The privilege does not suffice."""

    code = ErrorCode.PERMISSION_DENIED


class NotFound(WizardError):
    """There is no such thing, or it is not yours to know about."""

    code = ErrorCode.NOT_FOUND


class SessionExpired(NotFound):
    """The registration was there, and its time is over; only its owner may be told so.

    `record_number` is that of the record that it led to, if it did.
    """

    def __init__(self, record_number: str | None = None) -> None:
        super().__init__("session.expired")
        self.record_number = record_number


class RateLimited(WizardError):
    """Too many tries; `retry_after` is in seconds."""

    code = ErrorCode.RATE_LIMITED

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, params={"seconds": str(retry_after)})
        self.retry_after = retry_after


class ExternalServiceError(WizardError):
    """Redis, the database or mail cannot be reached; `retry_after` is in seconds."""

    code = ErrorCode.EXTERNAL_SERVICE_ERROR

    def __init__(self, service: str, *, retry_after: int = 5) -> None:
        super().__init__(f"{service}.unavailable", params={"service": service})
        self.service = service
        self.retry_after = retry_after


class KeyMissing(ExternalServiceError):
    """What is encrypted in the database needs a key that this process does not have: somebody has to put it back."""

    def __init__(self) -> None:
        super().__init__("keys", retry_after=60)


class InternalError(WizardError):
    """Anything else; `error_id` finds it in the logs."""

    def __init__(self, error_id: str) -> None:
        super().__init__("internal", params={"error_id": error_id})
        self.error_id = error_id


_BY_CODE: dict[ErrorCode, type[WizardError]] = {
    ErrorCode.VALIDATION_ERROR: ValidationFailed,
    ErrorCode.BUSINESS_RULE_VIOLATION: RuleViolated,
    ErrorCode.CONFLICT: Conflict,
    ErrorCode.PERMISSION_DENIED: PermissionDenied,
}
# The first of these among several problems names the whole.
_GRAVEST_FIRST = (
    ErrorCode.PERMISSION_DENIED,
    ErrorCode.VALIDATION_ERROR,
    ErrorCode.BUSINESS_RULE_VIOLATION,
    ErrorCode.CONFLICT,
)


def from_problems(problems: tuple[Problem, ...]) -> WizardError:
    """The error that carries failed rules, of the class that comes first in the order of checking."""
    codes = {problem.code for problem in problems}
    code = next(code for code in _GRAVEST_FIRST if code in codes)
    first = next(problem for problem in problems if problem.code == code)
    return _BY_CODE[code](first.message, problems=problems)
