"""Signing in with the identity provider of the association, and out of it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from flask import redirect, render_template, request, url_for
from werkzeug import Response

from wizard.core.actors import Actor
from wizard.core.errors import ExternalServiceError, Unauthenticated
from wizard.services.oidc import OidcSignIn
from wizard.services.ports.calls import Call
from wizard.web import access, limits, signing_in
from wizard.web.language import local_path

PREFIX, BEGIN, BACK = "/staff", "/sign-in/oidc", "/sign-in/oidc/callback"
# Both are registered with the provider.
CALLBACK, AFTER_SIGN_OUT = f"{PREFIX}{BACK}", f"{PREFIX}/sign-in"
RETRY_AFTER = 5
# What the page to sign in says after it went wrong elsewhere, and the status with which it says it.
TROUBLE: Mapping[str, int] = {
    "oidc.unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "oidc.cancelled": HTTPStatus.OK,
    "oidc.over": HTTPStatus.BAD_REQUEST,
    "oidc.refused": HTTPStatus.BAD_GATEWAY,
    "oidc.untrusted": HTTPStatus.BAD_GATEWAY,
    "oidc.no_privilege": HTTPStatus.FORBIDDEN,
    "oidc.disabled": HTTPStatus.FORBIDDEN,
    "oidc.second_factor": HTTPStatus.FORBIDDEN,
    "oidc.still_signed_in": HTTPStatus.SERVICE_UNAVAILABLE,
}
# What the provider says where the person did not want to, or may not (OAuth 2.0, 4.1.2.1).
_CANCELLED, _DOWN = frozenset({"access_denied"}), frozenset({"server_error", "temporarily_unavailable"})


def begin() -> Response:
    """Go to the provider. By a link, not a form: what a form leads to is for this site alone (security.py)."""
    service, going_to = access.services().oidc, local_path(request.args.get("next")) or url_for("staff.desk")
    if service is None or access.signed_in_staff() is not None:
        return redirect(url_for("staff.sign_in", next=going_to), code=303)
    limits.elsewhere()
    try:
        address, pending = service.begin(choosing="choose" in request.args)
    except ExternalServiceError as error:
        return _trouble(error, going_to)
    signing_in.begin_elsewhere(pending, going_to)
    return redirect(address, code=303)


def callback() -> Response:
    """Come back from the provider, signed in there or not."""
    service, begun = access.services().oidc, signing_in.back_from_elsewhere(request.args.get("state", ""))
    if service is None or begun is None:
        # Signed in already: this is a reload, or the way back.
        return _trouble(Unauthenticated("oidc.over"), None)
    pending, going_to = begun
    try:
        member, identity = service.finish(_nobody(), pending, _code(service))
    except (ExternalServiceError, Unauthenticated) as error:
        return _trouble(error, going_to)
    # That it takes two factors there is for whoever looks after the provider to say.
    signing_in.sign_in(member, by_two=True, identity=identity)
    return redirect(going_to, code=303)


def signed_out() -> Response | str:
    """Signed out here; and there, if they like."""
    if signing_in.leaving() is None:
        return redirect(url_for("staff.sign_in"), code=303)
    return render_template("staff/signed_out.html", label=access.settings().oidc_label)


def leave() -> Response:
    """Go to be signed out at the provider, too; from there one comes back to the page to sign in."""
    service, id_token = access.services().oidc, signing_in.leaving()
    if service is None or id_token is None:
        return redirect(url_for("staff.sign_in"), code=303)
    try:
        address = service.provider.way_out(id_token)
    except ExternalServiceError:
        return redirect(url_for("staff.sign_in", trouble="oidc.still_signed_in"), code=303)
    signing_in.left()
    return redirect(address or url_for("staff.sign_in"), code=303)


def _code(service: OidcSignIn) -> str:
    """What the provider has sent somebody back with; raises what went wrong there."""
    error, code = request.args.get("error"), request.args.get("code", "")
    if not service.provider.is_issuer(request.args.get("iss")):
        raise service.failed(_nobody(), "oidc.untrusted")
    if error in _DOWN:
        raise ExternalServiceError("oidc")
    if error in _CANCELLED:
        raise service.failed(_nobody(), "oidc.cancelled")
    if error or not code:
        raise service.failed(_nobody(), "oidc.refused")
    return code


def _nobody() -> Call:
    return Call(Actor.system("sign-in"), access.request_id())


def _trouble(error: ExternalServiceError | Unauthenticated, going_to: str | None) -> Response:
    """Back to where one signs in, which says what went wrong; what else cannot be reached is said elsewhere."""
    if error.message not in TROUBLE:
        raise error
    return redirect(url_for("staff.sign_in", trouble=error.message, next=going_to), code=303)
