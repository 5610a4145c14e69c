"""The state machine: which operation fits which status, and what may be done next (02-workflow)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from wizard.core.errors import WorkflowStateInvalid
from wizard.core.registration import Registration, Status


class Operation(StrEnum):
    """What can be done to a registration."""

    STAGE = "stage"
    UPDATE = "update"
    VALIDATE = "validate"
    DETERMINE_CATEGORY = "determine_category"
    LINK_ACCOUNT = "link_account"
    CREATE = "create"
    EXECUTE_WORKFLOW = "execute_workflow"
    GET = "get"
    EXTEND = "extend"
    CANCEL = "cancel"


_BEFORE_CREATION = frozenset(
    {
        Status.PENDING,
        Status.STAGED,
        Status.VALIDATED,
        Status.CATEGORY_DETERMINED,
        Status.ACCOUNT_LINKED,
        Status.CREATION_FAILED,
    }
)
_CREATED = frozenset({Status.EDUCATION_CREATED, Status.WORKFLOW_COMPLETED})
_DECIDED = frozenset({Status.CATEGORY_DETERMINED, Status.ACCOUNT_LINKED, Status.CREATION_FAILED})
_LINKED = frozenset({Status.ACCOUNT_LINKED, Status.CREATION_FAILED})

# From which statuses each operation may be called; repeating one that is done already is always among them.
ALLOWED_FROM: Mapping[Operation, frozenset[Status]] = {
    Operation.STAGE: _BEFORE_CREATION,
    Operation.UPDATE: _BEFORE_CREATION,
    Operation.VALIDATE: _BEFORE_CREATION,
    Operation.DETERMINE_CATEGORY: _DECIDED | {Status.VALIDATED},
    Operation.LINK_ACCOUNT: _DECIDED,
    Operation.CREATE: _LINKED | _CREATED,
    Operation.EXECUTE_WORKFLOW: _BEFORE_CREATION | _CREATED,
    Operation.GET: frozenset(Status),
    Operation.EXTEND: _BEFORE_CREATION,
    Operation.CANCEL: _BEFORE_CREATION | {Status.CANCELLED},
}

_NEXT: Mapping[Status, Operation | None] = {
    Status.PENDING: Operation.UPDATE,
    Status.STAGED: Operation.VALIDATE,
    Status.VALIDATED: Operation.DETERMINE_CATEGORY,
    Status.CATEGORY_DETERMINED: Operation.LINK_ACCOUNT,
    Status.ACCOUNT_LINKED: Operation.CREATE,
    Status.CREATION_FAILED: Operation.CREATE,
    Status.EDUCATION_CREATED: Operation.EXECUTE_WORKFLOW,
    Status.WORKFLOW_COMPLETED: None,
    Status.CANCELLED: None,
}


def next_operation(status: Status) -> Operation | None:
    """The operation that moves a registration on; None when there is nothing left to do."""
    return _NEXT[status]


def possible_actions(status: Status) -> tuple[Operation, ...]:
    """What a caller may sensibly do now: change the data, the next operation, prolong, abandon."""
    if status not in _BEFORE_CREATION:
        following = next_operation(status)
        return (following,) if following else ()
    following = _NEXT[status]
    steps = (Operation.UPDATE, following, Operation.EXTEND, Operation.CANCEL)
    return tuple(dict.fromkeys(operation for operation in steps if operation))


def require_allowed(operation: Operation, registration: Registration) -> None:
    """Raise `WorkflowStateInvalid`, saying what would fit, unless the operation fits the status."""
    if registration.status not in ALLOWED_FROM[operation]:
        raise refusal(operation, registration)


def refusal(operation: Operation, registration: Registration) -> WorkflowStateInvalid:
    """That an operation does not fit the status, and what would."""
    return WorkflowStateInvalid(
        "workflow.state",
        params={
            "operation": operation,
            "status": registration.status,
            "possible": " ".join(possible_actions(registration.status)),
        },
    )
