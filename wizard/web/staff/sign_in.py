"""Signing in and out."""

from __future__ import annotations

from flask import make_response, redirect, render_template, request, url_for
from werkzeug import Response

from wizard.core.actors import Actor
from wizard.core.errors import Unauthenticated
from wizard.services.ports.calls import Call
from wizard.web import access, limits, wording
from wizard.web.language import local_path
from wizard.web.staff.forms import SignInForm


def sign_in() -> Response:
    """Ask who it is, and go on to where they were going."""
    going_to = local_path(request.values.get("next")) or url_for("staff.sessions")
    if request.method == "POST":
        return _signed_in(going_to)
    if access.signed_in_staff() is not None:
        return redirect(going_to, code=303)
    return _page(SignInForm(), going_to)


def sign_out() -> Response:
    """End the sign-in."""
    access.sign_out_browser()
    return redirect(url_for("staff.sign_in"), code=303)


def _signed_in(going_to: str) -> Response:
    form = SignInForm()
    if not form.is_valid():
        return _page(form, going_to, status=422)
    username = form.username.data or ""
    limits.sign_in(username)
    nobody = Call(Actor.system("sign-in"), access.request_id())
    try:
        member = access.services().desk.sign_in(nobody, username, form.password.data or "")
    except Unauthenticated as error:
        form.username.refuse(wording.sentence(error.message))
        return _page(form, going_to, status=422)
    access.sign_in_browser(member)
    return redirect(going_to, code=303)


def _page(form: SignInForm, going_to: str, *, status: int = 200) -> Response:
    form.password.data = ""
    return make_response(
        render_template("staff/sign_in.html", form=form, entries=form.entries(), going_to=going_to), status
    )
