"""Accounts: all of them, searched, page by page; those that wait, and what the desk decides of them."""

from __future__ import annotations

from flask import make_response, redirect, render_template, request, url_for
from werkzeug import Response

from wizard.core.accounts import Account, AccountStatus
from wizard.core.errors import ValidationFailed
from wizard.web import access, unsent
from wizard.web import wording as sentences
from wizard.web.staff import account_wording, wording
from wizard.web.staff.forms import RefusalForm


def accounts() -> str:
    """The list. A search is sent, not asked for: names and addresses have no place in an address."""
    sent = unsent.fields() or request.form
    sought, after = sent.get("sought", "").strip(), sent.get("after") or request.args.get("after")
    status = None if sought else _status(request.args.get("status"))
    page = access.services().account_desk.page(access.staff_call(), sought=sought, status=status, after=after)
    return render_template(
        "staff/accounts.html",
        member=access.signed_in_staff(),
        accounts=[(each, account_wording.status(each)) for each in page.accounts],
        sought=sought,
        status=status,
        statuses=account_wording.STATUSES,
        encrypted=access.settings().encrypt_columns,
        waiting=page.waiting,
        following=page.following,
        is_first=after is None,
    )


def waiting() -> str:
    """Those that wait, oldest first."""
    page = access.services().approvals.page(access.staff_call(), after=request.args.get("after"))
    return render_template(
        "staff/waiting_accounts.html",
        member=access.signed_in_staff(),
        waiting=page.waiting,
        following=page.following,
        is_first="after" not in request.args,
        done=wording.DONE.get(request.args.get("done", "")),
    )


def approve(account_id: str) -> Response:
    """Let it be active; the address by itself, as on a reload, shows the list."""
    if request.method != "POST":
        return redirect(url_for("staff.waiting_accounts"), code=303)
    access.services().approvals.approve(access.staff_call(), account_id)
    return _back("approved")


def refuse(account_id: str) -> Response:
    """Ask for the reason, and refuse it."""
    call, services = access.staff_call(), access.services()
    account, form = services.accounts.get(call, account_id), RefusalForm()
    if request.method == "GET":
        return _reason(account, form)
    try:
        services.approvals.refuse(call, account_id, reason=form.reason.data or "")
    except ValidationFailed as error:
        for problem in error.problems:
            form.reason.refuse(sentences.problem(problem))
        return _reason(account, form, status=422)
    return _back("refused")


def _status(asked: str | None) -> AccountStatus | None:
    return AccountStatus(asked) if asked in set(AccountStatus) else None


def _reason(account: Account, form: RefusalForm, *, status: int = 200) -> Response:
    drawn = render_template(
        "staff/refuse_account.html", member=access.signed_in_staff(), account=account, form=form, entries=form.entries()
    )
    return make_response(drawn, status)


def _back(done: str) -> Response:
    return redirect(url_for("staff.waiting_accounts", done=done), code=303)
