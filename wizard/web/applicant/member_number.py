"""*I don't know my member number*: it goes by e-mail to the account's own address, if there is such an account."""

from __future__ import annotations

from flask import redirect, request, url_for
from werkzeug import Response

from wizard.core.registration import Registration
from wizard.web import limits
from wizard.web.access import current_call, require_access, services
from wizard.web.applicant import aside
from wizard.web.applicant.journey import read, spoken
from wizard.web.applicant.page import milestones, onward, page, to_step
from wizard.web.forms.newcomers import MailboxForm


def member_number(session_id: str) -> Response:
    """Ask for the address; the answer is the same whether or not there is an account."""
    require_access(session_id)
    call = current_call(session_id)
    registration = read(call, session_id)
    if registration is not None and not registration.is_open:
        return onward(session_id, registration)
    if aside.LEAVING in request.form:
        aside.put(session_id)
        if request.form[aside.LEAVING] == aside.BACK:
            return to_step(aside.left_step(session_id, registration), session_id)
        return redirect(url_for("applicant.member_number", session_id=session_id), code=303)
    if request.method == "GET":
        before = {**aside.typed(session_id), **aside.asked(session_id)}
        return _page(session_id, registration, MailboxForm(data={"email": before.get("email")}))
    form = MailboxForm()
    if not form.is_valid():
        return _page(session_id, registration, form, status=422)
    aside.put(session_id)
    limits.numbers(form.address)
    services().member_numbers.tell(call, session_id, email=form.address, language=spoken(call, registration))
    return redirect(url_for("applicant.member_number", session_id=session_id, sent="1"), code=303)


def _page(session_id: str, registration: Registration | None, form: MailboxForm, *, status: int = 200) -> Response:
    step = aside.left_step(session_id, registration)
    return page(
        "member_number.html",
        status=status,
        session_id=session_id,
        registration=registration,
        step=step,
        milestones=milestones(step, session_id, registration),
        form=form,
        sent="sent" in request.args and request.method == "GET",
    )
