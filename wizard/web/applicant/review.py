"""Checking all answers, and the category that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from flask import request
from flask_babel.speaklater import LazyString
from werkzeug import Response

from wizard.core.actors import Actor
from wizard.core.education import FIELDS, coto_number_applies, school_name_applies
from wizard.core.errors import Problem, WizardError
from wizard.core.registration import Registration, Status
from wizard.core.rules import CONFLICT_RULES, Outcome, RuleOutcome, evaluate
from wizard.core.steps import STEP_OF_FIELD, Step
from wizard.web import wording
from wizard.web.access import services
from wizard.web.applicant import skeletons
from wizard.web.applicant.journey import Handler, Visit
from wizard.web.applicant.page import onward, step_address, step_page, to_step
from wizard.web.facts import facts_of
from wizard.web.mail_addresses import student_notice
from wizard.web.rule_wording import NOT_APPLICABLE, OUTCOMES, SUBJECTS


@dataclass(frozen=True, slots=True)
class Row:
    """An answer in the summary, with what the rules say of it."""

    name: str
    label: LazyString
    value: str
    change: str
    failed: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A rule in the list of checks."""

    subject: LazyString
    outcome: Outcome
    word: LazyString


class ReviewStep(Handler):
    """All answers with a link to change each, and every rule's outcome; sending validates and decides."""

    def show(self, visit: Visit, registration: Registration | None) -> Response:
        """The summary."""
        if registration is None:
            return onward(visit.session_id, registration)
        outcomes = _outcomes(registration)
        if skeletons.is_plain(visit) and not _is_remarked(registration, outcomes):
            draw = partial(_drawn, visit, outcomes=outcomes, problems=())
            return skeletons.filled(visit, registration, draw, skeletons.said(outcomes))
        return _drawn(visit, registration, outcomes=outcomes, problems=registration.errors)

    def submit(self, visit: Visit) -> Response:
        """Run every rule and decide the category."""
        result = services().orchestrator.review(visit.call, visit.session_id)
        if not result.success:
            return _summary(visit, result.registration, result.errors, status=422)
        return to_step(Step.CATEGORY, visit.session_id)

    def refuse(self, visit: Visit, registration: Registration | None, error: WizardError) -> Response:
        """The summary with what is wrong."""
        return _summary(visit, registration, error.problems, status=422)


class CategoryStep(Handler):
    """The category and why."""

    def show(self, visit: Visit, registration: Registration | None) -> Response:
        """The category as it was decided."""
        draw = partial(step_page, visit, changed="changed" in request.args)
        decision = registration.validation.decision if registration else None
        if registration is None or decision is None or not skeletons.is_plain(visit, queries=(b"changed=1",)):
            return draw(registration)
        why, warnings = skeletons.explained(decision.rationale), skeletons.worded(registration.warnings)
        return skeletons.filled(visit, registration, draw, decision.category, why, warnings)

    def submit(self, visit: Visit) -> Response:
        """On to the account, or past it where it is linked already."""
        registration = visit.registration()
        if registration is None or registration.status is not Status.CATEGORY_DETERMINED:
            return onward(visit.session_id, registration)
        if not registration.linked or not _may_link_again(visit.call.actor, registration):
            return to_step(Step.ACCOUNT, visit.session_id)
        # The category changed after the account was linked; that it is theirs has been shown.
        orchestrator = services().orchestrator
        linked = orchestrator.link_account(visit.call, visit.session_id, registration.account_id)
        return onward(visit.session_id, linked.registration)


def _may_link_again(actor: Actor, registration: Registration) -> bool:
    return actor.is_desk or actor.account_id == registration.account_id


def answer_rows(registration: Registration, outcomes: Sequence[RuleOutcome]) -> tuple[Row, ...]:
    """The answers of a registration that apply, in the order of the form."""
    return tuple(_row(name, registration, outcomes) for name in FIELDS if _is_shown(name, registration))


def _rows_with_address(registration: Registration, outcomes: Sequence[RuleOutcome]) -> tuple[Row, ...]:
    """The same, and after the member number the address for links, which is no part of the record."""
    rows = answer_rows(registration, outcomes)
    email = Row(
        name="email",
        label=wording.FIELD_LABELS["email"],
        value=registration.contact_email or "",
        change=step_address(Step.IDENTITY, registration.session_id, anchor="email"),
        notices=tuple(student_notice(registration.contact_email)),
    )
    return (rows[0], email, *rows[1:])


def _word(outcome: RuleOutcome) -> LazyString:
    """What came of a rule, in a word; the CONFLICT rules wait until the account is known."""
    if outcome.outcome is Outcome.NOT_CHECKED and outcome.rule not in CONFLICT_RULES:
        return NOT_APPLICABLE
    return OUTCOMES[outcome.outcome]


def _row(name: str, registration: Registration, outcomes: Sequence[RuleOutcome]) -> Row:
    said = [outcome for outcome in outcomes if outcome.field == name]
    return Row(
        name=name,
        label=wording.FIELD_LABELS[name],
        value=wording.answer(name, registration.data),
        change=step_address(STEP_OF_FIELD[name], registration.session_id, anchor=name),
        failed=tuple(wording.outcome(each) for each in said if each.outcome is Outcome.FAILED),
        notices=tuple(wording.outcome(each) for each in said if each.outcome is Outcome.WARNING),
    )


def _is_shown(name: str, registration: Registration) -> bool:
    """Whether an answer applies, or is there although it does not."""
    data = registration.data
    asked = {
        "other_details": school_name_applies(data.university),
        "coto_registration": coto_number_applies(data.coto_status),
    }
    return asked.get(name, True) or getattr(data, name) is not None


def _summary(
    visit: Visit, registration: Registration | None, problems: Sequence[Problem], *, status: int = 200
) -> Response:
    if registration is None:
        return onward(visit.session_id, registration)
    return _drawn(visit, registration, outcomes=_outcomes(registration), problems=problems, status=status)


def _outcomes(registration: Registration) -> tuple[RuleOutcome, ...]:
    """What the rules said when they were last run, or say now."""
    return registration.validation.outcomes or evaluate(facts_of(registration.data))


def _is_remarked(registration: Registration, outcomes: Sequence[RuleOutcome]) -> bool:
    """Whether more is to be said than what the choices lead to."""
    stopped = registration.errors or registration.flag or any(each.outcome is Outcome.FAILED for each in outcomes)
    return bool(stopped or student_notice(registration.contact_email))


def _drawn(
    visit: Visit,
    registration: Registration,
    *,
    outcomes: Sequence[RuleOutcome],
    problems: Sequence[Problem],
    status: int = 200,
    **values: object,
) -> Response:
    checked: dict[str, list[Checked]] = {}
    for each in outcomes:
        checked.setdefault(each.field, []).append(Checked(SUBJECTS[each.rule], each.outcome, _word(each)))
    return step_page(
        visit,
        registration,
        status=status,
        rows=_rows_with_address(registration, outcomes),
        checked={wording.FIELD_LABELS[field]: checked[field] for field in FIELDS if field in checked},
        problems=[(problem.field, wording.problem(problem)) for problem in problems],
        **values,
    )
