"""The registration desk's pages (03-web, Staff)."""

from collections.abc import Callable

from flask import Blueprint, redirect, request, url_for
from werkzeug import Response

from wizard.web.access import staff_call
from wizard.web.staff import accounts, links, registration, registrations, sign_in
from wizard.web.staff.banner import banner

blueprint = Blueprint("staff", __name__, url_prefix="/staff")
blueprint.app_context_processor(banner)

_SESSION = "/sessions/<session_id>"

_PRESSED = ("GET", "POST")


def _pressed(view: Callable[..., Response]) -> Callable[..., Response]:
    """What a button of a registration's page does; its address by itself, as on a reload, shows that page."""

    def either(session_id: str, **others: str) -> Response:
        if request.method != "POST":
            return redirect(url_for("staff.session", session_id=session_id), code=303)
        return view(session_id=session_id, **others)

    return either


for _address, _name, _view, _methods in (
    ("/", "desk", registrations.desk, ("GET",)),
    ("/sign-in", "sign_in", sign_in.sign_in, ("GET", "POST")),
    ("/sign-out", "sign_out", sign_in.sign_out, ("POST",)),
    ("/sessions", "sessions", registrations.sessions, ("GET", "POST")),
    ("/accounts", "accounts", accounts.accounts, ("GET",)),
    ("/accounts/<account_id>/approve", "approve_account", accounts.approve, _PRESSED),
    ("/accounts/<account_id>/refuse", "refuse_account", accounts.refuse, _PRESSED),
    (_SESSION, "session", registration.session, ("GET",)),
    (f"{_SESSION}/open", "open", _pressed(registration.open_), _PRESSED),
    (f"{_SESSION}/leave", "leave", _pressed(registration.leave), _PRESSED),
    (f"{_SESSION}/extend", "extend", _pressed(registration.extend), _PRESSED),
    (f"{_SESSION}/cancel", "cancel", registration.cancel, ("GET", "POST")),
    (f"{_SESSION}/links", "links", _pressed(links.create), _PRESSED),
    (f"{_SESSION}/links/<link_id>/revoke", "revoke", _pressed(links.revoke), _PRESSED),
):
    blueprint.add_url_rule(_address, _name, _view, methods=_methods)


@blueprint.before_request
def _signed_in() -> None:
    """Nobody else sees any of it; what they may do is the services' to say."""
    if request.endpoint != "staff.sign_in":
        staff_call()
