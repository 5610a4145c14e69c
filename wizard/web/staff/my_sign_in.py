"""How whoever is signed in signs in: the app, recovery codes, the password, and signing out everywhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from flask import make_response, redirect, render_template, request, url_for
from werkzeug import Response

from wizard.core.accounts import StaffMember
from wizard.core.errors import Unauthenticated, ValidationFailed
from wizard.services.authenticator import new_key
from wizard.services.my_sign_in import MySignIn, Standing
from wizard.services.ports.calls import Call
from wizard.web import access, limits, signing_in
from wizard.web.staff import sign_in, wording
from wizard.web.staff.app_key import drawn_key
from wizard.web.staff.sign_in_forms import AppForm, Asking, NewPasswordForm, PasswordForm

Done = TypeVar("Done")


def my_sign_in() -> str:
    """How it stands, and what can be changed."""
    return render_template(
        "staff/my_sign_in.html",
        member=_member(),
        standing=_standing(),
        oidc_label=access.settings().oidc_label,
        done=wording.DONE.get(request.args.get("done", "")),
    )


def _by_password(view: Callable[[], Response]) -> Callable[[], Response]:
    """What belongs to signing in with a password; who does not is shown how it stands."""

    @wraps(view)
    def either() -> Response:
        return view() if _standing().has_password else _back()

    return either


@_by_password
def begin_app() -> Response:
    """Make a key for an app, and show it; the address by itself, as on a reload, shows how it stands."""
    if request.method != "POST":
        return _back()
    signing_in.give_app_key(new_key())
    return redirect(url_for("staff.my_app"), code=303)


@_by_password
def app() -> Response:
    """Show the key, and have the app as the second factor once it shows a right code."""
    form, key = AppForm(), signing_in.app_key()
    if key is None:
        return _back()
    code, typed = form.code.data or "", form.password.data or ""
    made = _changed(form, lambda call: _service().set_up(call, key, code=code, password=typed))
    if made is None:
        return _page("staff/my_app.html", form, app=drawn_key(key, _member().username), standing=_standing())
    return _codes(*made)


@_by_password
def recovery_codes() -> Response:
    """Make new recovery codes and show them, this once."""
    form = PasswordForm()
    if _standing().since is None:
        return _back()
    typed = form.password.data or ""
    made = _changed(form, lambda call: _service().renew_recovery_codes(call, password=typed))
    return _page("staff/renew_recovery_codes.html", form) if made is None else _codes(*made)


@_by_password
def remove_app() -> Response:
    """Go back to the password alone."""
    form, standing = PasswordForm(), _standing()
    if standing.since is None or standing.is_required:
        return _back()
    typed = form.password.data or ""
    member = _changed(form, lambda call: _service().remove(call, password=typed))
    if member is None:
        return _page("staff/remove_app.html", form)
    signing_in.sign_in(member, by_two=False)
    return _back("app_removed")


@_by_password
def password() -> Response:
    """Change the password."""
    form = NewPasswordForm()
    typed, new = form.password.data or "", form.new_password.data or ""
    member = _changed(form, lambda call: _service().change_password(call, password=typed, new=new))
    if member is None:
        return _page("staff/my_password.html", form)
    signing_in.sign_in(member, by_two=signing_in.by_two())
    return _back("password_changed")


def sign_out_everywhere() -> Response:
    """End every sign-in, this one too; the address by itself, as on a reload, shows how it stands."""
    if request.method != "POST":
        return _back()
    _service().sign_out_everywhere(access.staff_call())
    return sign_in.signed_out()


def _changed(form: Asking, change: Callable[[Call], Done]) -> Done | None:
    """What a change answers; None where there is nothing to change yet, or the form says what is wrong."""
    if request.method != "POST" or not form.is_valid():
        return None
    limits.second_factor(_member().id)
    try:
        return change(access.staff_call())
    except ValidationFailed as error:
        form.refuse(error)
        return None


def _codes(member: StaffMember, codes: tuple[str, ...]) -> Response:
    signing_in.sign_in(member, by_two=True)
    going_to = url_for("staff.my_sign_in")
    return make_response(render_template("staff/recovery_codes.html", member=member, codes=codes, going_to=going_to))


def _page(template: str, form: Asking, **more: object) -> Response:
    entries = form.drawn_again()
    drawn = render_template(template, member=_member(), form=form, entries=entries, **more)
    return make_response(drawn, 422 if entries else 200)


def _back(done: str | None = None) -> Response:
    return redirect(url_for("staff.my_sign_in", done=done), code=303)


def _member() -> StaffMember:
    member = access.signed_in_staff()
    if member is None:
        raise Unauthenticated("sign_in")
    return member


def _standing() -> Standing:
    return _service().standing(access.staff_call())


def _service() -> MySignIn:
    return access.services().my_sign_in
