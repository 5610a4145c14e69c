"""One education record: all of it with its whole history; corrected, deleted."""

from __future__ import annotations

from collections.abc import Sequence

from flask import make_response, redirect, render_template, request, url_for
from werkzeug import Response

from wizard.core.education import FIELDS
from wizard.core.errors import Conflict, RuleViolated, StaleVersion, ValidationFailed
from wizard.core.records import Record
from wizard.web import access, choices, reported
from wizard.web import wording as sentences
from wizard.web.forms.base import Entry
from wizard.web.staff import decision_wording, wording
from wizard.web.staff.history import happened
from wizard.web.staff.record_forms import CorrectionForm, DeletionForm
from wizard.web.staff.registration import Answered


def record(record_id: str) -> Response:
    """All data with the history; of a deleted one the history alone."""
    found = access.services().records.with_history(access.staff_call(), record_id)
    history = [happened(event) for event in reversed(found.history)]
    if found.record is None:
        drawn = render_template("staff/record_gone.html", member=access.signed_in_staff(), history=history)
        return make_response(drawn, 410)
    kept = found.record
    drawn = render_template(
        "staff/record.html",
        member=access.signed_in_staff(),
        record=kept,
        account=found.account,
        answers=_answers(kept),
        choice_label=choices.label,
        why=decision_wording.rationale(kept.category, kept.rationale),
        verification=decision_wording.STATES[kept.verification.state],
        reasons=[sentences.reason(reason) for reason in kept.verification.reasons],
        created_by=wording.actor(kept.created_by),
        may_delete=access.may_delete(access.signed_in_staff()),
        history=history,
        done=wording.DONE.get(request.args.get("done", "")),
    )
    return make_response(drawn)


def correct(record_id: str) -> Response:
    """All fields in one form, checked by the rules that the applicant's answers are checked by."""
    call, service = access.staff_call(), access.services().records
    kept = service.read(call, record_id)
    if request.method == "GET":
        form = CorrectionForm.of_record(kept)
        # Typed before the language was changed, and before somebody else corrected the record.
        return _form(kept, form) if form.seen_version == kept.version else _both(kept, form, status=200)
    form = CorrectionForm()
    if not form.is_valid():
        return _form(kept, form, status=422)
    try:
        after = service.correct(call, record_id, form.corrected.as_dict(), version=form.seen_version)
    except StaleVersion:
        return _both(service.read(call, record_id), form)
    except (ValidationFailed, RuleViolated, Conflict) as error:
        others = [(None, reported.problem(each)) for each in form.refuse(error.problems)]
        return _form(kept, form, others=others, status=422)
    return _back(record_id, "corrected" if after.version != kept.version else "unchanged")


def delete(record_id: str) -> Response:
    """Ask for the reason and the number, and delete it."""
    call, service = access.staff_call(), access.services().records
    kept = service.to_be_deleted(call, record_id)
    if request.method == "GET":
        return _deletion(kept, DeletionForm(data={"version": str(kept.version)}))
    form = DeletionForm()
    confirmed = form.confirms(kept)
    try:
        if confirmed:
            service.delete(call, record_id, reason=form.reason.data or "", version=form.seen_version)
            return redirect(url_for("staff.records", done="deleted"), code=303)
    except ValidationFailed as error:
        for problem in error.problems:
            form.reason.refuse(sentences.problem(problem))
    except StaleVersion:
        changed = service.to_be_deleted(call, record_id)
        form.version.data = str(changed.version)
        return _deletion(changed, form, others=[(None, sentences.sentence("deletion.stale"))], status=409)
    return _deletion(kept, form, status=422)


def _answers(kept: Record) -> list[Answered]:
    return [Answered(wording.FIELD_LABELS[name], sentences.answer(name, kept.data)) for name in FIELDS]


def _form(kept: Record, form: CorrectionForm, *, others: Sequence[Entry] = (), status: int = 200) -> Response:
    drawn = render_template(
        "staff/correct_record.html",
        member=access.signed_in_staff(),
        record=kept,
        form=form,
        entries=form.entries(others),
    )
    return make_response(drawn, status)


def _both(kept: Record, form: CorrectionForm, *, status: int = 409) -> Response:
    """Yours and what a colleague has saved meanwhile, side by side (promise 5)."""
    yours = form.corrected
    rows = [
        (wording.FIELD_LABELS[name], sentences.answer(name, yours), sentences.answer(name, kept.data))
        for name in FIELDS
    ]
    drawn = render_template(
        "staff/record_stale.html", member=access.signed_in_staff(), record=kept, form=form, rows=rows
    )
    return make_response(drawn, status)


def _deletion(kept: Record, form: DeletionForm, *, others: Sequence[Entry] = (), status: int = 200) -> Response:
    drawn = render_template(
        "staff/delete_record.html",
        member=access.signed_in_staff(),
        record=kept,
        form=form,
        entries=form.entries(others),
    )
    return make_response(drawn, status)


def _back(record_id: str, done: str) -> Response:
    return redirect(url_for("staff.record", record_id=record_id, done=done), code=303)
