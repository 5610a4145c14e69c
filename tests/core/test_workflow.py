import pytest

from tests.core.examples import BEFORE_CREATION, registration
from wizard.core.errors import WorkflowStateInvalid
from wizard.core.registration import Status
from wizard.core.workflow import ALLOWED_FROM, Operation, next_operation, possible_actions, require_allowed

# 02-workflow, Operations: each operation (but those of many sessions) × each status, + allowed, - refused.
#                      pen sta val cat acc fai cre com can
TABLE = {
    "stage":              "+   +   +   +   +   +   -   -   -",
    "update":             "+   +   +   +   +   +   -   -   -",
    "validate":           "+   +   +   +   +   +   -   -   -",
    "determine_category": "-   -   +   +   +   +   -   -   -",
    "link_account":       "-   -   -   +   +   +   -   -   -",
    "create":             "-   -   -   -   +   +   +   +   -",
    "execute_workflow":   "+   +   +   +   +   +   +   +   -",
    "get":                "+   +   +   +   +   +   +   +   +",
    "extend":             "+   +   +   +   +   +   -   -   -",
    "cancel":             "+   +   +   +   +   +   -   -   +",
}  # fmt: skip
COLUMNS = (*BEFORE_CREATION, Status.EDUCATION_CREATED, Status.WORKFLOW_COMPLETED, Status.CANCELLED)
CELLS = [
    (Operation(operation), status, cell == "+")
    for operation, row in TABLE.items()
    for status, cell in zip(COLUMNS, row.split(), strict=True)
]

NEXT = [
    ("pending", "update", "update extend cancel"),
    ("staged", "validate", "update validate extend cancel"),
    ("validated", "determine_category", "update determine_category extend cancel"),
    ("category_determined", "link_account", "update link_account extend cancel"),
    ("account_linked", "create", "update create extend cancel"),
    ("creation_failed", "create", "update create extend cancel"),
    ("education_created", "execute_workflow", "execute_workflow"),
    ("workflow_completed", None, ""),
    ("cancelled", None, ""),
]
POSSIBLE = {status: actions for status, _, actions in NEXT}


def test_table_has_every_operation_and_every_status() -> None:
    assert set(TABLE) == set(Operation) == set(ALLOWED_FROM)
    assert set(COLUMNS) == set(Status) == set(POSSIBLE)


@pytest.mark.parametrize(("operation", "status", "allowed"), CELLS)
def test_operation_fits_the_status_or_is_refused_with_what_would(
    *, operation: Operation, status: Status, allowed: bool
) -> None:
    if allowed:
        require_allowed(operation, registration(status))
        return
    with pytest.raises(WorkflowStateInvalid) as refusal:
        require_allowed(operation, registration(status))
    (problem,) = refusal.value.problems
    assert (problem.code, problem.message) == ("WORKFLOW_STATE_INVALID", "workflow.state")
    assert problem.params == {"operation": operation, "status": status, "possible": POSSIBLE[status]}


@pytest.mark.parametrize(("status", "following", "actions"), NEXT)
def test_status_says_what_is_next_and_possible(status: str, following: str | None, actions: str) -> None:
    assert next_operation(Status(status)) == following
    assert possible_actions(Status(status)) == tuple(actions.split())


@pytest.mark.parametrize("status", Status)
def test_whatever_is_said_to_be_possible_is_allowed(status: Status) -> None:
    assert all(status in ALLOWED_FROM[operation] for operation in possible_actions(status))


# 02-workflow: "repeating an earlier operation" — the status that each leads to allows it again.
@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ("stage", "pending"),
        ("stage", "staged"),
        ("update", "staged"),
        ("validate", "validated"),
        ("determine_category", "category_determined"),
        ("link_account", "account_linked"),
        ("create", "education_created"),
        ("create", "creation_failed"),
        ("execute_workflow", "workflow_completed"),
        ("cancel", "cancelled"),
    ],
)
def test_operation_can_be_repeated_where_it_led_to(operation: str, status: str) -> None:
    require_allowed(Operation(operation), registration(Status(status)))
