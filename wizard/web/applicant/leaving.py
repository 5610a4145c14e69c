"""More time, giving up, and a link to continue elsewhere."""

from __future__ import annotations

from flask import redirect, request, url_for
from werkzeug import Response

from wizard.core.errors import RuleViolated, WorkflowStateInvalid
from wizard.core.registration import Registration
from wizard.core.steps import Step
from wizard.web import limits, wording
from wizard.web.access import browser_session, current_call, forget_registration, require_access, services
from wizard.web.applicant.journey import read
from wizard.web.applicant.page import onward, page, to_step
from wizard.web.forms.others import AddressForm
from wizard.web.mail_addresses import student_notice

_TIME_REGION = "section#time"


def extend(session_id: str) -> Response:
    """More time: the page goes on as it is where htmx asks, else back to the step it was asked from."""
    require_access(session_id)
    if request.method == "GET":
        return _back(session_id)
    call = current_call(session_id)
    try:
        extended = services().orchestrator.extend(call, session_id).registration
    except WorkflowStateInvalid:
        return _back(session_id)
    except RuleViolated as error:
        return _not_extended(session_id, error)
    if _in_place():
        return page("time_left.html", registration=extended, session_id=session_id)
    return _back(session_id)


def _not_extended(session_id: str, error: RuleViolated) -> Response:
    return page(
        "time_left.html" if _in_place() else "not_extended.html",
        status=422,
        registration=read(current_call(session_id), session_id),
        session_id=session_id,
        refused=wording.problem(error.problems[0]),
    )


def _in_place() -> bool:
    return request.headers.get("HX-Target") == _TIME_REGION


def cancel(session_id: str) -> Response:
    """Abandon a registration; asks first."""
    require_access(session_id)
    call = current_call(session_id)
    registration = read(call, session_id)
    if registration is not None and not registration.is_open:
        return onward(session_id, registration)
    if request.method == "GET" or request.form.get("confirm") != "yes":
        return page("cancel.html", registration=registration, session_id=session_id)
    if registration is None:
        forget_registration(session_id)
        return redirect(url_for("applicant.start"), code=303)
    services().orchestrator.cancel(call, session_id)
    return redirect(url_for("applicant.registration", session_id=session_id), code=303)


def link(session_id: str) -> Response:
    """E-mail a link to continue; a new one works beside the older ones."""
    require_access(session_id)
    registration = read(current_call(session_id), session_id)
    if registration is None or not registration.is_open:
        return onward(session_id, registration)
    if request.method == "GET":
        if "sent" in request.args:
            return _sent_page(registration)
        return _link_page(registration, AddressForm(data={"email": registration.contact_email}))
    form = AddressForm()
    if not form.is_valid():
        return _link_page(registration, form, status=422)
    send_link(session_id, form.address)
    _note(session_id, form.address)
    return redirect(url_for("applicant.link", session_id=session_id, sent="1"), code=303)


def send_link(session_id: str, address: str) -> None:
    """E-mail a link to continue a registration."""
    limits.links(session_id)
    services().links.create(current_call(session_id), session_id, email=address)


def _link_page(registration: Registration, form: AddressForm, *, status: int = 200) -> Response:
    form.remark()
    session_id = registration.session_id
    return page("link.html", status=status, registration=registration, session_id=session_id, form=form)


def _sent_page(registration: Registration) -> Response:
    session_id = registration.session_id
    address = browser_session().get(_noted_key(session_id))
    notices = student_notice(address)
    return page(
        "link_sent.html", registration=registration, session_id=session_id, address=address, notices_of_address=notices
    )


def _note(session_id: str, address: str) -> None:
    """Keep an address that the next page has something to say of; any other needs no place in the browser's session."""
    if student_notice(address):
        browser_session()[_noted_key(session_id)] = address
    else:
        browser_session().pop(_noted_key(session_id), None)


def _noted_key(session_id: str) -> str:
    return f"link_sent_to:{session_id}"


def _back(session_id: str) -> Response:
    asked_from = request.form.get("step", "")
    if asked_from in set(Step):
        return to_step(Step(asked_from), session_id)
    return onward(session_id, read(current_call(session_id), session_id))
