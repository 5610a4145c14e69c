"""Parts that several answers share: what is wrong, what came of rules, why a category was decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pydantic.alias_generators import to_camel

from wizard.core.category import CategoryDecision, Rationale
from wizard.core.choices import EducationCategory
from wizard.core.errors import Problem
from wizard.core.rules import RuleOutcome
from wizard.web import wording
from wizard.web.api import answers, words


def issue(problem: Problem, say: Callable[[Problem], str] = words.problem) -> answers.Issue:
    """What is wrong."""
    return answers.Issue(
        code=problem.code,
        # What the API itself finds wrong it names as it was sent.
        field=problem.field if problem.message.startswith("api.") else field(problem.field),
        message=say(problem),
        context={"rule": problem.message, **{to_camel(name): value for name, value in problem.params.items()}},
    )


def issues(problems: Iterable[Problem], say: Callable[[Problem], str] = words.problem) -> list[answers.Issue]:
    """Several."""
    return [issue(problem, say) for problem in problems]


def category(kind: EducationCategory, why: Rationale) -> answers.CategoryAnswer:
    """A category and why."""
    return answers.CategoryAnswer(category=kind, rationale=reasons(kind, why))


def rules(outcomes: Iterable[RuleOutcome]) -> list[answers.RuleResult]:
    """What came of rules; with a sentence where they failed or warn."""
    return [
        answers.RuleResult(
            rule=each.rule,
            field=to_camel(each.field),
            outcome=each.outcome,
            message=words.rule(each),
        )
        for each in outcomes
    ]


def reasons_of(decided: CategoryDecision | None) -> answers.Reasons | None:
    """Why a category was decided, if it was."""
    return reasons(decided.category, decided.rationale) if decided else None


def reasons(kind: EducationCategory, why: Rationale) -> answers.Reasons:
    """Why a category was decided."""
    return answers.Reasons(codes=list(why.codes), text=wording.rationale(kind, why))


def field(name: str | None) -> str | None:
    """A field as other systems call it."""
    return to_camel(name) if name and name.islower() else name
