"""Signing in and out: the password, and after it the second factor where there is one or has to be."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from flask import make_response, redirect, render_template, request, url_for
from werkzeug import Response

from wizard.core.actors import Actor
from wizard.core.errors import Unauthenticated, ValidationFailed
from wizard.services.authenticator import new_key
from wizard.services.ports.calls import Call
from wizard.services.sign_in import Half, Lacking
from wizard.web import access, limits, signing_in, wording
from wizard.web.language import local_path
from wizard.web.staff import oidc
from wizard.web.staff.app_key import drawn_key
from wizard.web.staff.sign_in_forms import Asking, CodeForm, RecoveryForm, SignInForm


@dataclass(frozen=True, slots=True)
class Ways:
    """How one can sign in: with the provider of a name, with a password."""

    provider: bool
    label: str
    password: bool


_PASSWORD, _CODE = "staff/sign_in.html", "staff/sign_in_code.html"
_NEXT = {Lacking.CODE: "staff.sign_in_code", Lacking.SET_UP: "staff.sign_in_set_up"}


def sign_in() -> Response:
    """Ask who it is, and go on to where they were going."""
    if request.method == "POST":
        return _password()
    if access.signed_in_staff() is not None:
        return redirect(_going_to(), code=303)
    return _first_page(SignInForm())


def code() -> Response:
    """Ask for the code of the app, or for a recovery code."""
    if request.method == "GET" and access.signed_in_staff() is not None:
        return redirect(_going_to(), code=303)
    half = signing_in.half()
    form = RecoveryForm() if "recovery" in request.values else CodeForm()
    if request.method == "GET" or not form.is_valid():
        return _page(_CODE, form)
    limits.second_factor(half.staff_id)
    try:
        member = access.services().sign_in.code(_nobody(), half, form.code.data or "")
    except Unauthenticated as error:
        if error.message != "sign_in.code":
            raise
        form.code.refuse(wording.sentence(form.wrong))
        return _page(_CODE, form)
    signing_in.sign_in(member, by_two=True)
    return redirect(_going_to(), code=303)


def set_up() -> Response:
    """Have the app that is required set up before anything else."""
    if request.method == "GET" and access.signed_in_staff() is not None:
        return redirect(_going_to(), code=303)
    half, key, form = signing_in.half(), signing_in.app_key(), CodeForm()
    if key is None:
        raise Unauthenticated("sign_in")
    if request.method == "GET" or not form.is_valid():
        return _set_up_page(half, key, form)
    limits.second_factor(half.staff_id)
    try:
        member, codes = access.services().sign_in.set_up(_nobody(), half, key, form.code.data or "")
    except ValidationFailed as error:
        form.refuse(error)
        return _set_up_page(half, key, form)
    signing_in.sign_in(member, by_two=True)
    drawn = render_template("staff/recovery_codes.html", member=member, codes=codes, going_to=_going_to())
    return make_response(drawn)


def sign_out() -> Response:
    """End the sign-in."""
    return signed_out()


def signed_out() -> Response:
    """End the sign-in of this browser; with a provider that was signed in with, there is more to end."""
    return redirect(url_for("staff.signed_out" if signing_in.sign_out_offering() else "staff.sign_in"), code=303)


def _password() -> Response:
    form = SignInForm()
    if not access.settings().staff_passwords or not form.is_valid():
        return _first_page(form)
    username = form.username.data or ""
    limits.sign_in(username)
    try:
        member, lacking = access.services().sign_in.password(_nobody(), username, form.password.data or "")
    except Unauthenticated as error:
        form.refuse(error)
        return _first_page(form)
    if lacking is Lacking.NOTHING:
        signing_in.sign_in(member, by_two=False)
        return redirect(_going_to(), code=303)
    signing_in.begin(Half.of(member))
    if lacking is Lacking.SET_UP:
        signing_in.give_app_key(new_key())
    return redirect(url_for(_NEXT[lacking], next=_going_to()), code=303)


def _nobody() -> Call:
    return Call(Actor.system("sign-in"), access.request_id())


def _going_to() -> str:
    return local_path(request.values.get("next")) or url_for("staff.desk")


def _first_page(form: SignInForm) -> Response:
    """Where one signs in, in every way there is; with what went wrong elsewhere, if something did."""
    trouble = request.args.get("trouble", "") if request.method == "GET" else ""
    if trouble not in oidc.TROUBLE:
        return _page(_PASSWORD, form, ways=_ways())
    page = _page(_PASSWORD, form, ways=_ways(), trouble=trouble, sentences=wording.ERRORS)
    page.status_code = oidc.TROUBLE[trouble]
    if page.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        page.headers["Retry-After"] = str(oidc.RETRY_AFTER)
    return page


def _ways() -> Ways:
    settings = access.settings()
    return Ways(access.services().oidc is not None, settings.oidc_label, settings.staff_passwords)


def _page(template: str, form: Asking, **more: object) -> Response:
    entries = form.drawn_again()
    drawn = render_template(template, form=form, entries=entries, going_to=_going_to(), **more)
    return make_response(drawn, 422 if entries else 200)


def _set_up_page(half: Half, key: str, form: CodeForm) -> Response:
    return _page("staff/sign_in_set_up.html", form, app=drawn_key(key, half.username))
