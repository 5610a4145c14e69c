"""Proving whose account it is: a code by e-mail for the applicant, none for the desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from flask import request
from werkzeug import Response

from wizard.core.errors import Problem, WizardError
from wizard.core.registration import Registration, Status
from wizard.core.steps import Step
from wizard.web import limits
from wizard.web.access import grant_proof, services
from wizard.web.applicant import skeletons
from wizard.web.applicant.journey import Handler, Visit
from wizard.web.applicant.page import entries_elsewhere, onward, step_page, to_step
from wizard.web.forms.others import CodeForm

_FLAGS = (b"sent=1", b"entering=1")


@dataclass(frozen=True, slots=True)
class _Whose:
    """Whether the caller has proved the account that a registration is for, and it is linked to it."""

    linked: bool
    proved: bool

    @classmethod
    def of(cls, visit: Visit, registration: Registration | None) -> Self:
        """As it stands now."""
        call = visit.call
        linked = registration is not None and registration.linked and call.actor.account_id == registration.account_id
        return cls(linked, linked or services().member_numbers.proved(call, registration) is not None)


class AccountStep(Handler):
    """Sending without `code` sends one, with `code` checks it; staff link without."""

    def show(self, visit: Visit, registration: Registration | None) -> Response:
        """Where to ask for a code, or to enter the one that was sent."""
        whose = _Whose.of(visit, registration)
        if not skeletons.is_plain(visit, queries=_FLAGS):
            return _account(visit, registration, CodeForm(), whose=whose)

        def draw(standing_in: Registration | None, **values: object) -> Response:
            return _account(visit, standing_in, CodeForm(), (), status=200, whose=whose, **values)

        return skeletons.filled(visit, registration, draw, whose)

    def submit(self, visit: Visit) -> Response:
        """Send a code, or check it and link the account."""
        registration = visit.registration()
        if registration is None or not registration.has_reached(Status.CATEGORY_DETERMINED) or registration.is_created:
            return onward(visit.session_id, registration)
        if visit.call.actor.is_desk:
            return self._link(visit)
        if "take" in request.form:
            services().member_numbers.take(visit.call, visit.session_id)
            return onward(visit.session_id, visit.registration())
        if proved := services().member_numbers.proved(visit.call, registration):
            return self._link(visit, proved.id)
        return self._prove(visit, registration)

    def _prove(self, visit: Visit, registration: Registration) -> Response:
        form = CodeForm()
        if "code" not in request.form:
            limits.codes(registration.user_id or "")
            services().proofs.send_code(visit.call, visit.session_id)
            return to_step(Step.ACCOUNT, visit.session_id, query="sent")
        if not form.is_valid():
            return _account(visit, registration, form, status=422)
        account_id = services().proofs.check_code(visit.call, visit.session_id, form.code.data or "")
        grant_proof(visit.session_id, account_id)
        return self._link(visit, account_id)

    def refuse(self, visit: Visit, registration: Registration | None, error: WizardError) -> Response:
        """The same page with what is wrong, and the way out."""
        form = CodeForm()
        others = []
        has_record = any(problem.message == "account.one_record" for problem in error.problems)
        for problem in error.problems:
            if problem.field == "code":
                form.refuse(problem)
            elif not (has_record and problem.message == "user_business_id.unique"):
                # That the account has a record, and that a record has its number, is one thing to its owner.
                others.append(problem)
        return _account(visit, registration, form, tuple(others), status=422)

    def _link(self, visit: Visit, account_id: str | None = None) -> Response:
        services().orchestrator.link_account(visit.call, visit.session_id, account_id)
        return to_step(Step.CONFIRM, visit.session_id)


def _account(
    visit: Visit,
    registration: Registration | None,
    form: CodeForm,
    others: tuple[Problem, ...] = (),
    *,
    status: int = 200,
    whose: _Whose | None = None,
    **values: object,
) -> Response:
    whose = whose or _Whose.of(visit, registration)
    return step_page(
        visit,
        registration,
        status=status,
        form=form,
        other_errors=entries_elsewhere(others, visit.session_id),
        coto_conflict=any(problem.field == "coto_registration" for problem in others),
        may_take=any(problem.message == "account.member_number" for problem in others) and not visit.call.actor.is_desk,
        sent="sent" in request.args and request.method == "GET",
        # Where something else is wrong the code was right, and is used up.
        asks=not others and ("sent" in request.args or "entering" in request.args or "code" in request.form),
        linked=whose.linked,
        proved=whose.proved,
        **values,
    )
