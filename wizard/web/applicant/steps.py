"""The one route of all steps: access, reachability, then the step's own handler."""

from __future__ import annotations

from dataclasses import replace

from flask import abort, request
from werkzeug import Response

from wizard.core.errors import (
    Conflict,
    NotFound,
    PermissionDenied,
    RuleViolated,
    SessionExpired,
    StaleVersion,
    ValidationFailed,
    WizardError,
    WorkflowStateInvalid,
)
from wizard.core.registration import Registration, Status
from wizard.core.steps import DATA_STEPS, FIELDS_OF, Step, can_show, next_step
from wizard.web.access import require_access
from wizard.web.applicant.account import AccountStep
from wizard.web.applicant.answers import AnswersStep
from wizard.web.applicant.confirm import ConfirmStep
from wizard.web.applicant.journey import Handler, Visit
from wizard.web.applicant.page import onward
from wizard.web.applicant.receipt import ReceiptStep
from wizard.web.applicant.review import CategoryStep, ReviewStep

_ANSWERS = AnswersStep()
HANDLERS: dict[Step, Handler] = {
    **{data_step.step: _ANSWERS for data_step in DATA_STEPS},
    Step.REVIEW: ReviewStep(),
    Step.CATEGORY: CategoryStep(),
    Step.ACCOUNT: AccountStep(),
    Step.CONFIRM: ConfirmStep(),
    Step.COMPLETE: ReceiptStep(),
}
_MENDED_BY_A_FORM = (ValidationFailed, RuleViolated, Conflict, PermissionDenied)


_BY_NAME = {step.value: step for step in Step}


def step(session_id: str, step: str) -> Response:
    """Show a step, or take what it asked for."""
    if step not in _BY_NAME:
        abort(404)
    require_access(session_id)
    visit = Visit(session_id, _BY_NAME[step])
    if request.method != "POST":
        return _show(visit)
    if visit.step not in FIELDS_OF and _is_stale(visit):
        return _changed_meanwhile(visit, visit.registration())
    return _submit(visit)


def _show(visit: Visit) -> Response:
    registration = visit.registration()
    if not is_reachable(visit.step, registration):
        return onward(visit.session_id, registration)
    return HANDLERS[visit.step].show(visit, registration)


def _submit(visit: Visit) -> Response:
    handler = HANDLERS[visit.step]
    try:
        return handler.submit(visit)
    except WorkflowStateInvalid as error:
        return onward(visit.session_id, _registration_of(visit, error))
    except SessionExpired:
        raise
    except NotFound:
        if visit.registration() is not None:
            raise
        return onward(visit.session_id, None)
    except StaleVersion as error:
        return _superseded(visit, _registration_of(visit, error), error)
    except _MENDED_BY_A_FORM as error:
        registration = _registration_of(visit, error)
        if not is_reachable(visit.step, registration):
            return onward(visit.session_id, registration, because=error.message)
        return handler.refuse(visit, registration, error)


def _is_stale(visit: Visit) -> bool:
    """Whether a page without questions was sent from other answers than are there now."""
    seen, registration = request.form.get("version"), visit.registration()
    if seen is None or registration is None or not registration.is_open:
        return False
    return seen != str(registration.version)


def _superseded(visit: Visit, registration: Registration | None, error: StaleVersion) -> Response:
    """Answers have two versions to choose from; a page without questions is shown anew."""
    if visit.step in FIELDS_OF:
        return HANDLERS[visit.step].refuse(visit, registration, error)
    return _changed_meanwhile(visit, registration)


def _changed_meanwhile(visit: Visit, registration: Registration | None) -> Response:
    """The page as it is now, or the one that comes before it now, with a word about it."""
    step = visit.step if is_reachable(visit.step, registration) else next_step(registration)
    return HANDLERS[step].show(replace(visit, step=step, stale=True), registration)


def is_reachable(step: Step, registration: Registration | None) -> bool:
    """Whether a step can be shown; none of a cancelled registration can."""
    if registration is not None and registration.status is Status.CANCELLED:
        return False
    return can_show(step, registration)


def _registration_of(visit: Visit, error: WizardError) -> Registration | None:
    return error.result.registration if error.result is not None else visit.registration()
