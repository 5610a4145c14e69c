"""One account: its data, record, registrations and history; opened, closed, its person exported or erased."""

from __future__ import annotations

from io import BytesIO

from flask import make_response, redirect, render_template, request, send_file, url_for
from werkzeug import Response

from wizard.core.accounts import Account
from wizard.core.errors import ValidationFailed
from wizard.web import access, choices
from wizard.web import wording as sentences
from wizard.web.staff import account_wording, wording
from wizard.web.staff.account_forms import ClosingForm, ErasureForm
from wizard.web.staff.history import happened


def account(account_id: str) -> str:
    """All that there is of it, the newest of what happened first."""
    found = access.services().account_desk.view(access.staff_call(), account_id)
    return render_template(
        "staff/account.html",
        member=access.signed_in_staff(),
        account=found.account,
        status=account_wording.status(found.account),
        may_erase=access.may_delete(access.signed_in_staff()),
        language=account_wording.LANGUAGES.get(found.account.language, found.account.language),
        record=found.record,
        category=choices.label("education_category", found.record.category) if found.record else "",
        registrations=[(each, wording.STATUSES[each.status]) for each in found.registrations],
        history=[happened(event) for event in reversed(found.history)],
        done=wording.DONE.get(request.args.get("done", "")),
    )


def activate(account_id: str) -> Response:
    """Open it again; the address by itself, as on a reload, shows the account."""
    if request.method != "POST":
        return _back(account_id)
    access.services().account_desk.activate(access.staff_call(), account_id)
    return _back(account_id, "activated")


def deactivate(account_id: str) -> Response:
    """Ask for the reason, and close it."""
    call, services, form = access.staff_call(), access.services(), ClosingForm()
    status = 200
    if request.method == "POST":
        try:
            services.account_desk.deactivate(call, account_id, reason=form.reason.data or "")
            return _back(account_id, "deactivated")
        except ValidationFailed as error:
            status = 422
            for problem in error.problems:
                form.reason.refuse(sentences.problem(problem))
    drawn = render_template(
        "staff/close_account.html",
        member=access.signed_in_staff(),
        account=services.accounts.get(call, account_id),
        form=form,
        entries=form.entries(),
    )
    return make_response(drawn, status)


def export(account_id: str) -> Response | str:
    """Say what is in the file, and hand it over."""
    call, service = access.staff_call(), access.services().person_export
    if request.method == "GET":
        held = service.to_be_exported(call, account_id)
        return render_template("staff/export_person.html", member=access.signed_in_staff(), account=held)
    made = service.export(call, account_id)
    name = f"{made.account.number}.json"
    return send_file(BytesIO(made.as_json()), mimetype="application/json", as_attachment=True, download_name=name)


def erase(account_id: str) -> Response:
    """Ask for the reason and the number, and erase the person."""
    call, service = access.staff_call(), access.services().erasure
    kept, form = service.to_be_erased(call, account_id), ErasureForm()
    if request.method == "GET":
        return _erasure(kept, form)
    if not form.confirms(kept):
        return _erasure(kept, form, status=422)
    try:
        service.erase(call, account_id, reason=form.reason.data or "")
    except ValidationFailed as error:
        for problem in error.problems:
            form.reason.refuse(account_wording.problem(problem))
        return _erasure(kept, form, status=422)
    return _back(account_id, "erased")


def _erasure(kept: Account, form: ErasureForm, *, status: int = 200) -> Response:
    drawn = render_template(
        "staff/erase_account.html",
        member=access.signed_in_staff(),
        account=kept,
        form=form,
        entries=form.entries(),
    )
    return make_response(drawn, status)


def _back(account_id: str, done: str | None = None) -> Response:
    return redirect(url_for("staff.account", account_id=account_id, done=done), code=303)
