"""Conflicts: the list, a registration beside the record in its way, and the decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import make_response, redirect, render_template, request, url_for
from flask_babel.speaklater import LazyString
from werkzeug import Response

from wizard.core.education import FIELDS
from wizard.core.errors import Conflict, RuleViolated, StaleVersion, ValidationFailed
from wizard.core.registration import Registration
from wizard.services.comparison import Comparison
from wizard.services.conflicts import ALL_CONFLICTS, RELEASED, REPLACED
from wizard.services.ports.registrations import PageAsked
from wizard.web import access
from wizard.web import wording as sentences
from wizard.web.forms.base import Entry
from wizard.web.session_ids import require_session_id
from wizard.web.staff import decision_wording, wording
from wizard.web.staff.decision_forms import ConflictForm

_CHANGED_MEANWHILE = 409
_REFUSED = 422


@dataclass(frozen=True, slots=True)
class Listed:
    """A registration in conflict."""

    registration: Registration
    name: LazyString | str
    why: LazyString | str
    time_left: str


@dataclass(frozen=True, slots=True)
class Row:
    """An answer in the record and in the registration."""

    label: LazyString
    record: str
    registration: str
    differs: bool


def page_asked() -> PageAsked:
    """The page of the list that the address asks for."""
    return PageAsked(ALL_CONFLICTS, request.args.get("cursor"))


def conflicts() -> str:
    """All of them, newest change first."""
    services = access.services()
    page = services.conflicts.page(access.staff_call(), cursor=request.args.get("cursor"))
    now = services.clock.now()
    return render_template(
        "staff/conflicts.html",
        member=access.signed_in_staff(),
        may_decide=access.may_create(access.signed_in_staff()),
        listed=[
            Listed(each, wording.name_of(each), _why(each), wording.span(each.expires_at - now))
            for each in page.registrations
        ],
        following=page.cursor,
        is_first="cursor" not in request.args,
        done=decision_wording.DONE.get(request.args.get("done", "")),
    )


def conflict(session_id: str) -> Response:
    """One of them, side by side; `main` decides, with a reason."""
    call, services = access.staff_call(), access.services()
    if request.method == "POST":
        return _decide(session_id)
    found = services.conflicts.compare(call, require_session_id(session_id))
    if found.registration.flag is None:
        return redirect(url_for("staff.session", session_id=session_id), code=303)
    return _page(found, ConflictForm.for_comparison(found))


def release(session_id: str) -> Response:
    """Take one off the list whose way is free; the address by itself, as on a reload, shows the list."""
    if request.method != "POST":
        return redirect(url_for("staff.conflicts"), code=303)
    call, services = access.staff_call(), access.services()
    try:
        services.conflicts.release(call, require_session_id(session_id))
    except Conflict as error:
        found = services.conflicts.compare(call, session_id)
        return _page(found, ConflictForm.for_comparison(found), others=[(None, decision_wording.why(error))])
    return _done(RELEASED)


def _decide(session_id: str) -> Response:
    call, services = access.staff_call(), access.services()
    found = services.conflicts.compare(call, require_session_id(session_id))
    form = ConflictForm.for_comparison(found)
    outcome = form.chosen()
    if outcome is None:
        return _page(found, form, status=_REFUSED)
    seen, reason = _number("version"), form.reason.data or ""
    others, status = list[Entry](), _REFUSED
    try:
        if outcome == REPLACED:
            record_seen = _number("record_version")
            services.conflicts.replace(call, session_id, version=seen, record_version=record_seen, reason=reason)
        else:
            services.conflicts.keep(call, session_id, version=seen, reason=reason)
        return _done(outcome)
    except (ValidationFailed, RuleViolated, Conflict) as error:
        others = form.refuse(error)
        status = _CHANGED_MEANWHILE if isinstance(error, StaleVersion) else _REFUSED
    return _page(services.conflicts.compare(call, session_id), form, others=others, status=status)


def _page(
    found: Comparison, form: ConflictForm, *, others: Sequence[Entry] = (), status: int | None = None
) -> Response:
    services, member = access.services(), access.signed_in_staff()
    registration = found.registration
    drawn = render_template(
        "staff/conflict.html",
        member=member,
        may_decide=access.may_create(member),
        registration=registration,
        found=found,
        why=_why(registration),
        rows=_rows(found),
        remaining=wording.span(registration.expires_at - services.clock.now()),
        form=form,
        entries=form.entries(others),
    )
    return make_response(drawn, status or (_REFUSED if others else 200))


def _done(outcome: str) -> Response:
    return redirect(url_for("staff.conflicts", done=outcome), code=303)


def _rows(found: Comparison) -> list[Row]:
    theirs, ours = found.beside.data if found.beside else None, found.registration.data
    return [
        Row(
            wording.FIELD_LABELS[name],
            sentences.answer(name, theirs) if theirs else "",
            sentences.answer(name, ours),
            name in found.differing,
        )
        for name in FIELDS
    ]


def _why(registration: Registration) -> str:
    return decision_wording.flag(registration.flag or "")


def _number(name: str) -> int:
    text = request.form.get(name, "")
    return int(text) if text.isdecimal() else 0
