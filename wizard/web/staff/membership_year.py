"""The membership year: its last day set, or the year closed, with every setting there was."""

from __future__ import annotations

from datetime import date

from flask import make_response, redirect, render_template, request, url_for
from werkzeug import Response

from wizard.core.accounts import MembershipYear
from wizard.core.errors import ValidationFailed
from wizard.web import access, unsent
from wizard.web import wording as sentences
from wizard.web.facts import today
from wizard.web.staff import wording
from wizard.web.staff.forms import MembershipYearForm


def membership_year() -> Response:
    """Show it, and set the last day that was sent."""
    form = MembershipYearForm()
    if request.method == "GET":
        return _page(form)
    day = form.day()
    return _page(form, status=422) if day is None else _set(form, day)


def close_year() -> Response:
    """Close it without a next one; the address by itself, as on a reload, shows the page."""
    return _set(MembershipYearForm(), None) if request.method == "POST" else _back()


def _set(form: MembershipYearForm, day: date | None) -> Response:
    try:
        access.services().membership.set(access.staff_call(), day)
    except ValidationFailed as error:
        for problem in error.problems:
            form.ends_on.refuse(sentences.problem(problem))
        return _page(form, status=422)
    return _back("year_closed" if day is None else "year_set")


def _back(done: str | None = None) -> Response:
    return redirect(url_for("staff.membership_year", done=done), code=303)


def _page(form: MembershipYearForm, *, status: int = 200) -> Response:
    history = access.services().membership.history(access.staff_call())
    current = history[0].ends_on if history else None
    if request.method == "GET" and unsent.fields() is None:
        form.ends_on.data = current.isoformat() if current else ""
    drawn = render_template(
        "staff/membership_year.html",
        member=access.signed_in_staff(),
        form=form,
        entries=form.entries(),
        current=current,
        is_over=current is not None and today() > current,
        history=[(each, _by(each)) for each in history],
        done=wording.DONE.get(request.args.get("done", "")),
    )
    return make_response(drawn, status)


def _by(each: MembershipYear) -> str:
    return wording.actor(each.set_by)
