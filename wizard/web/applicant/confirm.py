"""The declaration, and submitting: the record is made here."""

from __future__ import annotations

from functools import partial

from flask import request
from werkzeug import Response

from wizard.core.accounts import AccountStatus
from wizard.core.errors import ExternalServiceError, WizardError
from wizard.core.records import DECLARATION_VERSION
from wizard.core.registration import Registration
from wizard.core.steps import Step, can_show
from wizard.web.access import services
from wizard.web.applicant import skeletons
from wizard.web.applicant.journey import Handler, Visit
from wizard.web.applicant.page import entries_elsewhere, onward, step_page, to_step
from wizard.web.applicant.review import answer_rows
from wizard.web.forms.base import Entry
from wizard.web.forms.others import DeclarationForm


class ConfirmStep(Handler):
    """Everything once more, the declaration, *Submit*."""

    def show(self, visit: Visit, registration: Registration | None) -> Response:
        """The declaration; without the proof in this browser, back to proving the account."""
        return _declaration(visit, registration)

    def submit(self, visit: Visit) -> Response:
        """Make the record; repeating it shows the same receipt."""
        form = DeclarationForm()
        if not form.is_valid():
            return _declaration(visit, visit.registration(), form, status=422)
        services().orchestrator.submit(
            visit.call,
            visit.session_id,
            version=request.form.get("version", type=int),
            declaration_version=DECLARATION_VERSION,
        )
        return to_step(Step.COMPLETE, visit.session_id)

    def refuse(self, visit: Visit, registration: Registration | None, error: WizardError) -> Response:
        """The same page with what stands in the way; without the proof, back to proving the account."""
        others = entries_elsewhere(error.problems, visit.session_id)
        return _declaration(visit, registration, DeclarationForm(), others, status=422)


def _may_submit(visit: Visit, registration: Registration) -> bool:
    """Whether this browser proved the account; whether staff may create, the page itself says."""
    actor = visit.call.actor
    return actor.is_desk or actor.account_id == registration.account_id


def _declaration(
    visit: Visit,
    registration: Registration | None,
    form: DeclarationForm | None = None,
    others: tuple[Entry, ...] = (),
    *,
    status: int = 200,
) -> Response:
    if registration is None or not can_show(Step.CONFIRM, registration):
        return onward(visit.session_id, registration)
    if not _may_submit(visit, registration):
        return to_step(Step.ACCOUNT, visit.session_id)
    waits = _account_waits(visit, registration)
    draw = partial(_drawn, visit, status=status, form=form, other_errors=others, account_waits=waits)
    decision, outcomes = registration.validation.decision, registration.validation.outcomes
    if decision is None or not skeletons.is_plain(visit):
        return draw(registration)
    why = skeletons.explained(decision.rationale)
    return skeletons.filled(visit, registration, draw, decision.category, why, skeletons.said(outcomes), waits)


def _drawn(
    visit: Visit, registration: Registration, *, status: int, form: DeclarationForm | None, **values: object
) -> Response:
    rows = answer_rows(registration, registration.validation.outcomes)
    return step_page(visit, registration, status=status, rows=rows, form=form or _new_form(visit), **values)


def _new_form(visit: Visit) -> DeclarationForm:
    form = DeclarationForm()
    if visit.stale:
        # What was declared of other answers than these is declared anew.
        form.declaration.data = False
    return form


def _account_waits(visit: Visit, registration: Registration) -> bool:
    """Whether the desk has yet to approve the applicant's account."""
    try:
        account = services().member_numbers.proved(visit.call, registration)
    except ExternalServiceError:
        # The page is there without the database, too: the receipt says it then.
        return False
    return account is not None and account.status is AccountStatus.PENDING
