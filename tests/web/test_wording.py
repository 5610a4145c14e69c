"""Every message has its sentence, and every sentence fits its parameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from flask import Flask

from wizard.commands import wording as commands
from wizard.core.category import determine_category
from wizard.core.choices import CotoStatus, EducationCategory
from wizard.core.education import FIELDS, EducationData
from wizard.core.errors import ErrorCode, Problem
from wizard.core.rules import RULES, Facts, Holdings, Outcome, Rule, RuleOutcome, evaluate
from wizard.core.trouble import LINKING_CHECKS
from wizard.services.checking import VERIFY_DISCOUNT
from wizard.web import choices, reported, row_wording, wording
from wizard.web.api import words
from wizard.web.rule_wording import FAILED, OUTCOMES, REASONS, SUBJECTS, WARNINGS

ROOT = Path(__file__).resolve().parents[2] / "wizard"
RAISED = {
    "NotFound",
    "RuleViolated",
    "ValidationFailed",
    "Conflict",
    "PermissionDenied",
    "Unauthenticated",
    "WorkflowStateInvalid",
    "RateLimited",
}
# Where ids stand in a table: what begins so is one.
TABLED = re.compile(r"account\.[a-z_]+")


@pytest.fixture(autouse=True)
def in_a_request(app: Flask) -> Iterator[None]:
    with app.test_request_context("/"):
        yield


def test_every_rule_has_its_wording() -> None:
    for rule in RULES:
        assert rule.id in (FAILED if rule.breach is Outcome.FAILED else WARNINGS), rule.id
        assert rule.id in SUBJECTS, rule.id
    assert VERIFY_DISCOUNT in WARNINGS
    assert set(OUTCOMES) == set(Outcome)


@pytest.mark.parametrize(
    ("tell", "messages"),
    [
        pytest.param(reported.problem, {*FAILED, *REASONS}, id="the desk"),
        pytest.param(row_wording.problem, {*FAILED, *row_wording.PROBLEMS}, id="the desk, of a row"),
        pytest.param(words.problem, {*FAILED, *REASONS, *LINKING_CHECKS}, id="a system"),
        pytest.param(words.row, {*FAILED, *row_wording.PROBLEMS}, id="a system, of a row"),
    ],
)
def test_what_is_wrong_is_told_others_as_of_somebody_else(tell: Callable[[Problem], str], messages: set[str]) -> None:
    names = ("university", "country", "coto_status", "graduation_year", "latest", "status", "possible")
    for message in sorted(messages):
        said = tell(Problem(ErrorCode.VALIDATION_ERROR, message, params=dict.fromkeys(names, "other")))
        assert not re.search(r"\b(your?|yours|we|write to the registration desk|above)\b", said, re.IGNORECASE), said


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_an_outcome_is_told_the_desk_and_other_systems_alike(rule: Rule) -> None:
    params = dict.fromkeys(("university", "country", "coto_status", "graduation_year", "latest"), "other")
    broken = RuleOutcome(rule.id, rule.field, rule.breach, params)
    kept = RuleOutcome(rule.id, rule.field, Outcome.PASSED)
    assert reported.outcome(broken) == reported.problem(Problem(ErrorCode.CONFLICT, rule.id, params=params))
    assert words.rule(broken) == words.problem(Problem(ErrorCode.CONFLICT, rule.id, params=params))
    assert reported.outcome(kept) == str(SUBJECTS[rule.id])
    assert words.rule(kept) is None


def test_every_broken_rule_makes_a_sentence() -> None:
    broken = (
        EducationData(),
        EducationData(*["!"] * len(FIELDS)),
        EducationData("n", "masters", "mcmaster", "x" * 200, "FR", "2040", "general", None, "private", "n" * 2000),
        EducationData("n", "masters", "other", None, "CA", "2028", "pending", "G1", "private"),
        EducationData("n", "masters", "not_applicable", None, "CA", "2020", "student", None, "private"),
        EducationData("n", "masters", "other", "x", "FR", "2028", "general", "G1", "private"),
    )
    seen = set()
    for data in broken:
        for outcome in evaluate(Facts(data, date(2026, 11, 23), holdings=Holdings(True, True, True))):
            sentence = wording.outcome(outcome)
            assert sentence
            assert "%(" not in sentence
            if outcome.outcome in {Outcome.FAILED, Outcome.WARNING}:
                seen.add(outcome.rule)
    assert seen == {rule.id for rule in RULES}


def test_every_message_that_is_raised_has_its_wording() -> None:
    found = set()
    for path in ROOT.rglob("*.py"):
        found |= set(_messages(ast.parse(path.read_text(encoding="utf-8"))))
    assert {"code.wrong", "session.unknown", "category.changed", "account.accessible"} <= found
    found |= {f"privilege.{action}" for action in ("create", "read", "change", "delete")}
    found |= {f"{service}.unavailable" for service in ("redis", "database", "mail")} | {"version.stale", "internal"}
    worded = set(wording.SENTENCES) | set(commands._SENTENCES) | set(words._SENTENCES)
    assert found <= worded, found - worded


def _messages(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            yield from (key for key in keys if isinstance(key, str) and TABLED.fullmatch(key))
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        position = 1 if node.func.id == "Problem" else 0
        if node.func.id in RAISED | {"Problem"} and len(node.args) > position:
            for constant in ast.walk(node.args[position]):
                value = constant.value if isinstance(constant, ast.Constant) else None
                if isinstance(value, str) and re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", value):
                    yield value


@pytest.mark.parametrize("status", list(CotoStatus))
@pytest.mark.parametrize("year", ["2029", "2026", "2025", "2010", "1970-1979", "1960-1969", "pre-1960"])
@pytest.mark.parametrize("ends", [None, date(2026, 9, 30), date(2027, 9, 30)])
def test_every_rationale_makes_a_sentence(status: str, year: str, ends: date | None) -> None:
    decision = determine_category(
        graduation_year=year, coto_status=status, today=date(2026, 11, 23), membership_ends=ends
    )
    sentence = wording.rationale(decision.category, decision.rationale)
    assert sentence.startswith("You ")
    assert sentence.endswith(f": {choices.label('education_category', decision.category)}.")
    assert "%(" not in sentence


def test_rationale_reads_as_specified() -> None:
    decision = determine_category(
        graduation_year="2026", coto_status="general", today=date(2026, 11, 23), membership_ends=date(2027, 9, 30)
    )
    assert wording.rationale(decision.category, decision.rationale) == (
        "You graduated in 2026 and the membership year runs to 30 September 2027: New Graduate."
    )


def test_problem_is_worded_with_labels_of_its_choices() -> None:
    problem = Problem(
        ErrorCode.BUSINESS_RULE_VIOLATION,
        "university_country.alignment",
        "country",
        {"university": "queens", "country": "FR"},
    )
    assert wording.problem(problem).startswith("Queen’s University is in Ontario, so the country cannot be France.")


def test_passed_rule_is_worded_by_its_subject() -> None:
    assert wording.outcome(RuleOutcome("country.required", "country", Outcome.PASSED)) == "A country is given"


def test_every_category_has_a_label() -> None:
    assert set(choices.LABELS["education_category"]) == set(EducationCategory)


@pytest.mark.parametrize("tongue", ["en", "fr"])
def test_country_names_begin_with_canada_and_follow_the_alphabet(tongue: str) -> None:
    names = list(choices.country_names(tongue).values())
    assert names[0] == "Canada"
    assert len(names) == 249
    accented = {"en": ("Åland Islands", "Albania"), "fr": ("États-Unis", "Éthiopie")}[tongue]
    assert names.index(accented[0]) < names.index(accented[1])
    assert names.index({"en": "Zimbabwe", "fr": "Zimbabwe"}[tongue]) == 248
