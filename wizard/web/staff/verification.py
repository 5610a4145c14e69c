"""The verification queue: what waits, several accepted at once, and one record before the desk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import make_response, redirect, render_template, request, url_for
from flask_babel.speaklater import LazyString
from werkzeug import Response

from wizard.core.education import FIELDS
from wizard.core.errors import Conflict, StaleVersion, ValidationFailed
from wizard.core.records import Record, VerificationState
from wizard.services.ports.trail import AuditRow
from wizard.services.verification import Case, Outcome, Seen
from wizard.web import access, unsent
from wizard.web import wording as sentences
from wizard.web.forms.base import Entry
from wizard.web.staff import decision_wording as wording
from wizard.web.staff.decision_forms import AcceptSeveralForm, VerificationForm
from wizard.web.staff.wording import FIELD_LABELS, actor

_CHANGED_MEANWHILE = 409
_REFUSED = 422
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Listed:
    """A record in the queue; `token` says which it is, and as it was seen."""

    record: Record
    name: str
    token: str
    reasons: tuple[str, ...]
    asked: bool
    ticked: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What the desk has said of a record."""

    at: datetime
    by: str
    outcome: LazyString | str
    note: str | None


def queue() -> Response:
    """What waits, oldest first; those ticked are accepted, each on its own."""
    form = AcceptSeveralForm()
    if request.method == "GET":
        return _queue(form)
    several = [seen for token in request.form.getlist("record") if (seen := _seen(token))]
    if not several:
        return _queue(form, others=[("record", str(wording.NOTHING_TICKED))])
    try:
        outcomes = access.services().verifications.accept_all(access.staff_call(), several, note=form.note.data or "")
    except ValidationFailed as error:
        form.refuse(error)
        return _queue(form)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    accepted = len(outcomes) - len(failed)
    if failed:
        return _queue(form, others=list(_failures(failed)), accepted=accepted)
    return redirect(url_for("staff.verification", accepted=accepted), code=303)


def record(record_id: str) -> Response:
    """One record with why it waits; accepted, asked about, or rejected, with a note."""
    form, call, services = VerificationForm(), access.staff_call(), access.services()
    if request.method == "GET":
        return _record(services.verifications.case(call, record_id), form)
    seen = Seen(record_id, int(version) if (version := request.form.get("version", "")).isdecimal() else 0)
    state = form.state()
    if state is None:
        return _record(services.verifications.case(call, record_id), form, status=_REFUSED)
    others, stale = list[Entry](), False
    try:
        services.verifications.decide(call, seen, state, note=form.note.data or "")
        return redirect(url_for("staff.verification", done=state.value), code=303)
    except (ValidationFailed, Conflict) as error:
        others, stale = form.refuse(error), isinstance(error, StaleVersion)
    status = _CHANGED_MEANWHILE if stale else _REFUSED
    return _record(services.verifications.case(call, record_id), form, others=others, status=status)


def _queue(form: AcceptSeveralForm, *, others: Sequence[Entry] = (), accepted: int | None = None) -> Response:
    after = request.args.get("after")
    page = access.services().verifications.page(access.staff_call(), after=after)
    kept = unsent.fields()
    ticked = set((request.form if kept is None else kept).getlist("record"))
    told = accepted if accepted is not None else _count(request.args.get("accepted"))
    drawn = render_template(
        "staff/verification.html",
        member=access.signed_in_staff(),
        form=form,
        entries=form.entries(others),
        waiting=[_listed(each.record, each.name, ticked) for each in page.waiting],
        following=page.following,
        after=after,
        accepted=told,
        done=wording.DONE.get(request.args.get("done", "")),
    )
    return make_response(drawn, _REFUSED if form.entries(others) else 200)


def _record(case: Case, form: VerificationForm, *, others: Iterable[Entry] = (), status: int = 200) -> Response:
    data = case.record.data
    drawn = render_template(
        "staff/verify.html",
        member=access.signed_in_staff(),
        record=case.record,
        account=case.account,
        state=wording.STATES[case.record.verification.state],
        reasons=_reasons(case.record),
        why=wording.rationale(case.record.category, case.record.rationale),
        answers=[(FIELD_LABELS[name], sentences.answer(name, data)) for name in FIELDS],
        said=[_said(row) for row in case.said],
        form=form,
        entries=form.entries(others),
    )
    return make_response(drawn, status)


def _failures(failed: Iterable[Outcome]) -> Iterable[Entry]:
    for outcome in failed:
        if outcome.error is not None:
            address = url_for("staff.verify", record_id=outcome.seen.record_id)
            yield address, wording.not_accepted(outcome.seen.number, outcome.error)


def _listed(found: Record, name: str, ticked: set[str]) -> Listed:
    token = f"{found.id}.{found.version}.{found.number}"
    asked = found.verification.state is VerificationState.ASKED
    return Listed(found, name, token, _reasons(found), asked, token in ticked)


def _reasons(found: Record) -> tuple[str, ...]:
    return tuple(sentences.reason(reason) for reason in found.verification.reasons)


def _said(row: AuditRow) -> Said:
    outcome = row.event.details.get("outcome", "")
    note = row.event.changes.get("note", (None, None))[1]
    return Said(row.event.at, actor(row.event.actor), wording.STATES.get(outcome, outcome), note)


def _seen(token: str) -> Seen | None:
    """A record as a box of the list names it: its id, its version, and its number for what is said about it."""
    record_id, version, number = [*token.split("."), "", ""][:3]
    return Seen(record_id, int(version), number) if number and version.isdecimal() else None


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) <= _DIGITS else None
