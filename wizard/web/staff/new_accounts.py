"""Accounts added by the desk: one by one, or from a file."""

from __future__ import annotations

from collections.abc import Sequence

from flask import make_response, redirect, render_template, request, url_for
from werkzeug import Response

from wizard.core.errors import Conflict, ValidationFailed
from wizard.services.accounts import ImportReport
from wizard.web import access
from wizard.web.forms.base import Entry
from wizard.web.staff import account_wording
from wizard.web.staff.account_forms import ImportForm, NewAccountForm

# Each row is written by itself, while a browser waits.
MOST_ROWS = 2000


def add() -> Response:
    """Ask for it, and add it."""
    form = NewAccountForm()
    if request.method == "GET":
        return _form(form)
    try:
        account = access.services().accounts.add(access.staff_call(), form.new())
    except (ValidationFailed, Conflict) as error:
        return _form(form, others=form.refuse(error.problems), status=422)
    return redirect(url_for("staff.account", account_id=account.id, done="added"), code=303)


def import_() -> Response:
    """Ask for a file, add what can be added, and say of each other row what is wrong with it."""
    form = ImportForm()
    if request.method == "GET":
        return _file(form)
    sent = request.files.get("file")
    content = sent.read() if sent is not None else b""
    if not content:
        form.file.refuse(str(form.missing))
        return _file(form, status=422)
    try:
        report = access.services().accounts.import_csv(access.staff_call(), content, most=MOST_ROWS)
    except ValidationFailed as error:
        for problem in error.problems:
            form.file.refuse(account_wording.problem(problem))
        return _file(form, status=422)
    return _file(form, report=report, status=422 if report.rejected else 200)


def _form(form: NewAccountForm, *, others: Sequence[Entry] = (), status: int = 200) -> Response:
    drawn = render_template(
        "staff/add_account.html", member=access.signed_in_staff(), form=form, entries=form.entries(others)
    )
    return make_response(drawn, status)


def _file(form: ImportForm, *, report: ImportReport | None = None, status: int = 200) -> Response:
    # What came with the request is the file itself.
    form.file.data = ""
    drawn = render_template(
        "staff/import_accounts.html",
        member=access.signed_in_staff(),
        form=form,
        entries=form.entries(),
        report=report,
        rejected=[(each, account_wording.reason(each)) for each in report.rejected] if report else (),
        most=MOST_ROWS,
    )
    return make_response(drawn, status)
