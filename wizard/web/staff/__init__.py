"""The registration desk's pages (03-web, Staff)."""

from collections.abc import Callable

from flask import Blueprint, redirect, request, url_for
from werkzeug import Response
from werkzeug.exceptions import NotFound

from wizard.web.access import SIGNING_IN, staff_call
from wizard.web.staff import (
    account,
    accounts,
    board,
    bulk,
    category_refresh,
    conflicts,
    deliveries,
    links,
    membership_year,
    my_sign_in,
    new_accounts,
    oidc,
    record,
    records,
    registration,
    registrations,
    sign_in,
    statistics,
    verification,
)
from wizard.web.staff.banner import banner

blueprint = Blueprint("staff", __name__, url_prefix=oidc.PREFIX)
blueprint.app_context_processor(banner)


@blueprint.before_request
def _findable() -> None:
    """Raise NotFound for an address with NUL: nothing has it, and PostgreSQL takes no question with it."""
    if "\0" in request.path or b"%00" in request.query_string:
        raise NotFound


_SESSION = "/sessions/<session_id>"

_PRESSED = ("GET", "POST")

# The lists of registrations, read along with the browser's session.
PAGES = {"staff.sessions": registrations.page_asked, "staff.conflicts": conflicts.page_asked}


def _pressed(view: Callable[..., Response]) -> Callable[..., Response]:
    """What a button of a registration's page does; its address by itself, as on a reload, shows that page."""

    def either(session_id: str, **others: str) -> Response:
        if request.method != "POST":
            return redirect(url_for("staff.session", session_id=session_id), code=303)
        return view(session_id=session_id, **others)

    return either


for _address, _name, _view, _methods in (
    ("/", "desk", board.board, ("GET",)),
    ("/mails", "mails", deliveries.mails, ("GET",)),
    ("/mails/again", "mails_again", deliveries.retry_mails, _PRESSED),
    ("/webhooks", "webhooks", deliveries.webhooks, ("GET",)),
    ("/webhooks/again", "webhooks_again", deliveries.retry_webhooks, _PRESSED),
    ("/deliveries/<message_id>", "delivery", deliveries.delivery, ("GET",)),
    ("/deliveries/<message_id>/again", "delivery_again", deliveries.retry, _PRESSED),
    ("/statistics", "statistics", statistics.statistics, ("GET",)),
    ("/sign-in", "sign_in", sign_in.sign_in, ("GET", "POST")),
    ("/sign-in/code", "sign_in_code", sign_in.code, ("GET", "POST")),
    ("/sign-in/set-up", "sign_in_set_up", sign_in.set_up, ("GET", "POST")),
    (oidc.BEGIN, "oidc_begin", oidc.begin, ("GET",)),
    (oidc.BACK, "oidc_callback", oidc.callback, ("GET",)),
    ("/signed-out", "signed_out", oidc.signed_out, ("GET",)),
    ("/signed-out/oidc", "oidc_leave", oidc.leave, ("GET",)),
    ("/my-sign-in", "my_sign_in", my_sign_in.my_sign_in, ("GET",)),
    ("/my-sign-in/app", "my_app", my_sign_in.app, ("GET", "POST")),
    ("/my-sign-in/app/begin", "begin_app", my_sign_in.begin_app, _PRESSED),
    ("/my-sign-in/app/remove", "remove_app", my_sign_in.remove_app, ("GET", "POST")),
    ("/my-sign-in/recovery-codes", "recovery_codes", my_sign_in.recovery_codes, ("GET", "POST")),
    ("/my-sign-in/password", "my_password", my_sign_in.password, ("GET", "POST")),
    ("/my-sign-in/sign-out-everywhere", "sign_out_everywhere", my_sign_in.sign_out_everywhere, _PRESSED),
    ("/sign-out", "sign_out", sign_in.sign_out, ("POST",)),
    ("/sessions", "sessions", registrations.sessions, ("GET", "POST")),
    ("/accounts", "accounts", accounts.accounts, ("GET", "POST")),
    ("/accounts/waiting", "waiting_accounts", accounts.waiting, ("GET",)),
    ("/accounts/new", "add_account", new_accounts.add, ("GET", "POST")),
    ("/accounts/import", "import_accounts", new_accounts.import_, ("GET", "POST")),
    ("/accounts/<account_id>", "account", account.account, ("GET",)),
    ("/accounts/<account_id>/activate", "activate_account", account.activate, _PRESSED),
    ("/accounts/<account_id>/deactivate", "deactivate_account", account.deactivate, _PRESSED),
    ("/accounts/<account_id>/export", "export_person", account.export, _PRESSED),
    ("/accounts/<account_id>/erase", "erase_account", account.erase, _PRESSED),
    ("/accounts/<account_id>/approve", "approve_account", accounts.approve, _PRESSED),
    ("/accounts/<account_id>/refuse", "refuse_account", accounts.refuse, _PRESSED),
    ("/verification", "verification", verification.queue, ("GET", "POST")),
    ("/verification/<record_id>", "verify", verification.record, ("GET", "POST")),
    ("/conflicts", "conflicts", conflicts.conflicts, ("GET",)),
    ("/conflicts/<session_id>", "conflict", conflicts.conflict, ("GET", "POST")),
    ("/conflicts/<session_id>/release", "release", conflicts.release, _PRESSED),
    ("/records", "records", records.records, _PRESSED),
    ("/records/export", "export_records", records.export, _PRESSED),
    ("/records/<record_id>", "record", record.record, ("GET",)),
    ("/records/<record_id>/correct", "correct_record", record.correct, _PRESSED),
    ("/records/<record_id>/delete", "delete_record", record.delete, _PRESSED),
    ("/membership-year", "membership_year", membership_year.membership_year, _PRESSED),
    ("/membership-year/close", "close_year", membership_year.close_year, _PRESSED),
    ("/category-refresh", "category_refresh", category_refresh.category_refresh, ("GET",)),
    ("/category-refresh/preview", "category_preview", category_refresh.preview, ("GET",)),
    ("/category-refresh/run", "run_category_refresh", category_refresh.run, _PRESSED),
    ("/bulk", "bulk", bulk.bulk, _PRESSED),
    ("/bulk/template", "bulk_template", bulk.template, ("GET",)),
    ("/bulk/<job_id>", "bulk_job", bulk.job, ("GET",)),
    ("/bulk/<job_id>/progress", "bulk_progress", bulk.progress, ("GET",)),
    ("/bulk/<job_id>/start", "start_bulk", bulk.start, _PRESSED),
    ("/bulk/<job_id>/rejected", "rejected_rows", bulk.rejected, _PRESSED),
    ("/bulk/<job_id>/discard", "discard_bulk", bulk.discard, _PRESSED),
    (_SESSION, "session", registration.session, ("GET",)),
    (f"{_SESSION}/open", "open", _pressed(registration.open_), _PRESSED),
    (f"{_SESSION}/leave", "leave", _pressed(registration.leave), _PRESSED),
    (f"{_SESSION}/extend", "extend", _pressed(registration.extend), _PRESSED),
    (f"{_SESSION}/cancel", "cancel", registration.cancel, ("GET", "POST")),
    (f"{_SESSION}/notes", "note", _pressed(registration.note), _PRESSED),
    (f"{_SESSION}/links", "links", _pressed(links.create), _PRESSED),
    (f"{_SESSION}/links/<link_id>/revoke", "revoke", _pressed(links.revoke), _PRESSED),
):
    blueprint.add_url_rule(_address, _name, _view, methods=_methods)


@blueprint.before_request
def _signed_in() -> None:
    """Nobody else sees any of it; what they may do is the services' to say."""
    if request.endpoint not in SIGNING_IN:
        staff_call()
