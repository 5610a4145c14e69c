import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core import errors
from wizard.core.errors import ErrorCode, Problem, WizardError, from_problems

# 02-workflow, Errors: each code and its class.
CLASSES = [
    ("VALIDATION_ERROR", errors.ValidationFailed),
    ("BUSINESS_RULE_VIOLATION", errors.RuleViolated),
    ("WORKFLOW_STATE_INVALID", errors.WorkflowStateInvalid),
    ("CONFLICT", errors.Conflict),
    ("UNAUTHENTICATED", errors.Unauthenticated),
    ("PERMISSION_DENIED", errors.PermissionDenied),
    ("NOT_FOUND", errors.NotFound),
    ("RATE_LIMITED", errors.RateLimited),
    ("EXTERNAL_SERVICE_ERROR", errors.ExternalServiceError),
    ("INTERNAL_ERROR", errors.InternalError),
]


def test_codes_are_the_tables() -> None:
    assert {code.value for code in ErrorCode} == {code for code, _ in CLASSES}


def test_each_code_has_one_class_in_one_hierarchy() -> None:
    assert {kind: kind.code for kind in WizardError.__subclasses__()} == {kind: code for code, kind in CLASSES}


@pytest.mark.parametrize(
    ("error", "code", "message", "params"),
    [
        (errors.ValidationFailed("code.format", field="code"), "VALIDATION_ERROR", "code.format", {}),
        (
            errors.RuleViolated("code.wrong", params={"left": "4"}),
            "BUSINESS_RULE_VIOLATION",
            "code.wrong",
            {"left": "4"},
        ),
        (errors.WorkflowStateInvalid("workflow.state"), "WORKFLOW_STATE_INVALID", "workflow.state", {}),
        (errors.Conflict("record.exists"), "CONFLICT", "record.exists", {}),
        (errors.StaleVersion(seen=1, current=3), "CONFLICT", "version.stale", {"seen": "1", "current": "3"}),
        (errors.Unauthenticated("sign_in"), "UNAUTHENTICATED", "sign_in", {}),
        (errors.PermissionDenied("privilege.desk"), "PERMISSION_DENIED", "privilege.desk", {}),
        (errors.NotFound("session.unknown"), "NOT_FOUND", "session.unknown", {}),
        (errors.SessionExpired(), "NOT_FOUND", "session.expired", {}),
        (errors.RateLimited("limit.codes", retry_after=90), "RATE_LIMITED", "limit.codes", {"seconds": "90"}),
        (
            errors.ExternalServiceError("redis"),
            "EXTERNAL_SERVICE_ERROR",
            "redis.unavailable",
            {"service": "redis"},
        ),
        (errors.KeyMissing(), "EXTERNAL_SERVICE_ERROR", "keys.unavailable", {"service": "keys"}),
        (errors.InternalError("e-1"), "INTERNAL_ERROR", "internal", {"error_id": "e-1"}),
        (WizardError("odd"), "INTERNAL_ERROR", "odd", {}),
    ],
)
def test_error_carries_its_problem(error: WizardError, code: str, message: str, params: dict[str, str]) -> None:
    assert error.code == code
    assert error.message == str(error) == message
    assert [(problem.code, problem.message, problem.params) for problem in error.problems] == [(code, message, params)]
    assert error.result is None


def test_error_names_its_field() -> None:
    assert errors.ValidationFailed("code.format", field="code").problems[0].field == "code"


def test_errors_that_pass_say_when_to_try_again() -> None:
    assert errors.RateLimited("limit.codes", retry_after=90).retry_after == 90
    down = errors.ExternalServiceError("database", retry_after=2)
    assert (down.service, down.retry_after) == ("database", 2)
    assert errors.ExternalServiceError("mail").retry_after > 0


def test_internal_error_is_found_by_its_id() -> None:
    assert errors.InternalError("e-1").error_id == "e-1"


@pytest.mark.parametrize("spread", [pickle.dumps, copy.copy], ids=["pickle", "copy"])
def test_error_stays_in_its_process(spread: object) -> None:
    assert callable(spread)
    with pytest.raises(TypeError, match="NotFound is not to be pickled"):
        spread(errors.NotFound("session.unknown"))


REFUSED = Problem(ErrorCode.PERMISSION_DENIED, "account.privilege", "user_business_id")
MALFORMED = Problem(ErrorCode.VALIDATION_ERROR, "notes.format", "notes")
VIOLATED = Problem(ErrorCode.BUSINESS_RULE_VIOLATION, "university_country.alignment", "country")
CONFLICTING = Problem(ErrorCode.CONFLICT, "account.one_record", "user_business_id")


@pytest.mark.parametrize(
    ("problems", "kind", "message"),
    [
        ((MALFORMED,), errors.ValidationFailed, "notes.format"),
        ((VIOLATED,), errors.RuleViolated, "university_country.alignment"),
        ((CONFLICTING,), errors.Conflict, "account.one_record"),
        ((REFUSED,), errors.PermissionDenied, "account.privilege"),
        ((CONFLICTING, VIOLATED), errors.RuleViolated, "university_country.alignment"),
        ((CONFLICTING, VIOLATED, MALFORMED), errors.ValidationFailed, "notes.format"),
        ((CONFLICTING, MALFORMED, REFUSED), errors.PermissionDenied, "account.privilege"),
    ],
)
def test_several_problems_are_named_by_the_first_in_the_order_of_checking(
    problems: tuple[Problem, ...], kind: type[WizardError], message: str
) -> None:
    error = from_problems(problems)
    assert type(error) is kind
    assert error.message == message
    assert error.problems == problems


@given(st.lists(st.sampled_from([REFUSED, MALFORMED, VIOLATED, CONFLICTING]), min_size=1))
def test_error_of_several_problems_loses_none(problems: list[Problem]) -> None:
    error = from_problems(tuple(problems))
    assert list(error.problems) == problems
    assert error.code in {problem.code for problem in problems}
