"""The steps that ask for answers: shown from what is stored, sent back with the version seen."""

from __future__ import annotations

from functools import partial

from flask import request, url_for
from werkzeug import Response
from werkzeug.utils import redirect

from wizard.core.choices import University
from wizard.core.errors import NotFound, SessionExpired, StaleVersion, WizardError
from wizard.core.registration import Registration
from wizard.core.results import OperationResult
from wizard.core.steps import FIELDS_OF, Step
from wizard.services.ports.calls import Staging
from wizard.web import wording
from wizard.web.access import services
from wizard.web.applicant import aside, skeletons
from wizard.web.applicant.journey import Handler, Visit
from wizard.web.applicant.page import STEP_TITLES, entries_elsewhere, onward, page, step_page, to_step
from wizard.web.forms.base import Entry
from wizard.web.forms.steps import STEP_FORMS, IdentityForm, StepForm
from wizard.web.language import current
from wizard.web.mail_addresses import student_notice
from wizard.web.metrics import tell_of_refusal

SAVE_FOR_LATER = "save_for_later"


class AnswersStep(Handler):
    """Identity, education, COTO and privacy are alike."""

    def show(self, visit: Visit, registration: Registration | None) -> Response:
        """The questions with what is stored."""
        if skeletons.is_plain(visit) and not _is_remarked(visit, registration):
            return skeletons.filled(visit, registration, partial(_as_stored, visit))
        form = STEP_FORMS[visit.step].of(registration)
        aside.bring_back(visit, form)
        if registration is not None and form.seen_version != registration.version:
            # Typed before the language was changed or the page left, and before the answers were, elsewhere.
            aside.drop(visit)
            return _both_versions(visit, registration, form, status=200)
        form.remark()
        return _questions(visit, registration, form)

    def submit(self, visit: Visit) -> Response:
        """Save the answers and go on. One read and one write of the document."""
        form = STEP_FORMS[visit.step]()
        aside.drop(visit)
        if visit.step is not Step.IDENTITY and not form.seen_version and visit.registration() is None:
            return onward(visit.session_id, None)
        if not form.is_valid():
            tell_of_refusal(form.stopped)
            return self._again(visit, visit.registration(), form)
        saved = _save(visit, form).registration
        if SAVE_FOR_LATER in request.form:
            return redirect(url_for("applicant.link", session_id=visit.session_id), code=303)
        return onward(visit.session_id, saved)

    def refuse(self, visit: Visit, registration: Registration | None, error: WizardError) -> Response:
        """The same page with what is wrong; both versions side by side where the answers were changed elsewhere."""
        form = STEP_FORMS[visit.step]()
        if isinstance(error, StaleVersion) and registration is not None:
            return _both_versions(visit, registration, form)
        form.validate()
        others = form.refuse(error.problems)
        return self._again(visit, registration, form, entries_elsewhere(others, visit.session_id))

    def _again(
        self, visit: Visit, registration: Registration | None, form: StepForm, others: tuple[Entry, ...] = ()
    ) -> Response:
        if registration is not None and registration.is_created:
            return onward(visit.session_id, registration)
        form.remark()
        return _questions(visit, registration, form, others, status=422)


def _save(visit: Visit, form: StepForm) -> OperationResult:
    orchestrator = services().orchestrator
    identity = form if isinstance(form, IdentityForm) else None
    email, email_seen = (identity.contact_email, identity.email_seen.data) if identity else (None, None)
    if visit.step is Step.IDENTITY and not form.seen_version:
        staging = Staging(data=form.answers, contact_email=email, language=current())
        return orchestrator.stage(visit.call, staging, session_id=visit.session_id)
    try:
        return orchestrator.update(
            visit.call,
            visit.session_id,
            form.answers,
            version=form.seen_version,
            contact_email=email,
            contact_seen=email_seen,
            drop_inapplicable=True,
        )
    except SessionExpired:
        raise
    except NotFound:
        # There were answers, which this form was drawn from: their time has been over for long.
        raise SessionExpired from None


def _questions(
    visit: Visit,
    registration: Registration | None,
    form: StepForm,
    others: tuple[Entry, ...] = (),
    *,
    status: int = 200,
) -> Response:
    return step_page(visit, registration, status=status, form=form, other_errors=others)


def _is_remarked(visit: Visit, registration: Registration | None) -> bool:
    """Whether something is to be said on what was typed, or it waits to be brought back."""
    if visit.step is Step.IDENTITY:
        email = registration.contact_email if registration else None
        return bool(student_notice(email) or aside.typed(visit.session_id))
    return (
        visit.step is Step.EDUCATION and registration is not None and registration.data.university == University.OTHER
    )


def _as_stored(visit: Visit, registration: Registration | None, **values: object) -> Response:
    form = STEP_FORMS[visit.step].of(registration)
    form.remark()
    return step_page(visit, registration, status=200, form=form, other_errors=(), **values)


def _both_versions(visit: Visit, registration: Registration, form: StepForm, *, status: int = 409) -> Response:
    """Yours and the saved answers side by side, with a choice (promise 5)."""
    if registration.is_created:
        return to_step(Step.COMPLETE, visit.session_id)
    rows: list[dict[str, object]] = [
        {
            "name": name,
            "label": wording.FIELD_LABELS[name],
            "yours": wording.answer_of(name, form.answers[name]),
            "saved": wording.answer(name, registration.data),
        }
        for name in FIELDS_OF[visit.step]
    ]
    if isinstance(form, IdentityForm):
        label, saved = wording.FIELD_LABELS["email"], registration.contact_email or ""
        rows.append({"name": "email", "label": label, "yours": form.contact_email, "saved": saved})
    return page(
        "stale.html",
        status=status,
        registration=registration,
        session_id=visit.session_id,
        form=form,
        rows=rows,
        step=visit.step,
        step_title=STEP_TITLES[visit.step],
    )
