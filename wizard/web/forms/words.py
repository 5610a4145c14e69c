"""How a form says what is wrong, by whom it is filled in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wizard.core.errors import Problem
from wizard.core.rules import RuleOutcome
from wizard.web import reported, wording


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences for what came of a rule, and for something that is wrong."""

    outcome: Callable[[RuleOutcome], str]
    problem: Callable[[Problem], str]


TO_APPLICANTS = Words(wording.outcome, wording.problem)
TO_THE_DESK = Words(reported.outcome, reported.problem)
