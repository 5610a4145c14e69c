"""When a registration is stuck, and which rules stop it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.storage.registration_examples import DATA, NOW, a_registration
from wizard.core.errors import ErrorCode, Problem
from wizard.core.registration import Registration, Status
from wizard.core.rules import Facts, Outcome, RuleOutcome, evaluate
from wizard.core.trouble import STOPPING, Trouble, counted, failing, troubles

RULE, OTHER = "coto_registration.unique", "user_business_id.unique"


def failed(*rules: str, of: Registration | None = None) -> Registration:
    problems = tuple(Problem(ErrorCode.CONFLICT, rule) for rule in rules)
    registration = of or a_registration()
    return replace(registration, errors=problems, failed=counted(registration.failed, problems))


def test_failing_once_is_no_trouble_failing_twice_at_the_same_rule_is() -> None:
    once = failed(RULE)
    assert troubles(once) == frozenset()
    assert troubles(failed(OTHER, of=once)) == frozenset(), "another rule each time"
    assert troubles(failed(RULE, of=failed(OTHER, of=once))) == {Trouble.REPEATED}


def test_only_what_stops_is_counted() -> None:
    # A database that does not answer is no rule.
    assert counted({}, (Problem(ErrorCode.EXTERNAL_SERVICE_ERROR, "database.unavailable"),)) == {}
    assert "graduation_year.future" not in STOPPING


def test_a_rule_that_passes_is_forgotten_one_that_is_not_checked_is_not() -> None:
    stuck = failed("graduation_year.range", RULE, of=failed("graduation_year.range", RULE))
    outcomes = (RuleOutcome(RULE, "coto_registration", Outcome.NOT_CHECKED), *evaluate(Facts(DATA, NOW.date()))[1:])
    passed = stuck.with_data(DATA).with_outcomes(outcomes)
    assert passed.failed == {RULE: 2}
    assert troubles(passed) == {Trouble.REPEATED}
    assert troubles(passed.with_account("account")) == frozenset()


def test_a_conflict_and_a_creation_that_failed_are_trouble() -> None:
    registration = replace(a_registration(status=Status.CREATION_FAILED), flag="account.one_record")
    assert troubles(registration) == {Trouble.CONFLICT, Trouble.CREATION}


@pytest.mark.parametrize("status", [Status.EDUCATION_CREATED, Status.WORKFLOW_COMPLETED, Status.CANCELLED])
def test_what_is_over_is_not_stuck(status: Status) -> None:
    over = replace(failed(RULE, of=failed(RULE)), status=status, flag=RULE)
    assert troubles(over) == failing(over) == frozenset()
    assert over.as_tombstone(status).failed == {}


def test_an_applicant_learns_nothing_of_conflicts_from_how_often_they_failed() -> None:
    assert failed(RULE, "graduation_year.range").without_conflicts().failed == {"graduation_year.range": 1}
