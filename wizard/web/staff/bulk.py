"""Bulk registration: a file loaded, its rows looked at before anything is written, started, and what came of it."""

from __future__ import annotations

from contextlib import closing
from io import BytesIO
from tempfile import TemporaryFile

from flask import make_response, redirect, render_template, request, send_file, url_for
from flask_babel.speaklater import LazyString
from werkzeug import Response

from wizard.core.actors import require_main
from wizard.core.errors import ValidationFailed
from wizard.services.bulk import Bulk
from wizard.services.bulk_files import MOST_ROWS, write_template
from wizard.services.ports.bulk import SETTLED_WELL, TO_MEND, UNDER_WAY, BulkJob, JobState, RowState
from wizard.services.sheets import SheetKind
from wizard.services.tables import MOST_BYTES
from wizard.web import access, choices, row_wording
from wizard.web import wording as sentences
from wizard.web.staff import bulk_wording, wording
from wizard.web.staff.bulk_forms import BulkForm

_MIMETYPES = {
    SheetKind.CSV: "text/csv",
    SheetKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def bulk() -> Response:
    """The jobs there were, and a file to load."""
    form = BulkForm()
    if request.method == "GET":
        return _jobs(form)
    name, content = _sent()
    if not content:
        form.file.refuse(str(form.missing))
        return _jobs(form, status=422)
    try:
        job = _service().load(access.staff_call(), name, content)
    except ValidationFailed as error:
        for problem in error.problems:
            form.file.refuse(sentences.problem(problem))
        return _jobs(form, status=422)
    return _back(job.id, "loaded")


def template() -> Response:
    """An empty file to fill in."""
    require_main(access.staff_call().actor)
    kind, made = _kind(request.args.get("kind")), BytesIO()
    write_template(kind, made)
    made.seek(0)
    name = f"registrations.{kind}"
    return send_file(made, mimetype=_MIMETYPES[kind], as_attachment=True, download_name=name)


def job(job_id: str) -> str:
    """A job, and its rows page by page."""
    call, service = access.staff_call(), _service()
    found = service.job(call, job_id)
    asked = request.args.get("state")
    chosen = RowState(asked) if asked in set(RowState) else None
    after = request.args.get("after", 0, type=_number)
    page = service.page(call, job_id, frozenset({chosen} if chosen else RowState), after=after)
    return render_template(
        "staff/bulk_job.html",
        member=access.signed_in_staff(),
        job=found,
        is_under_way=found.state in UNDER_WAY,
        may_start=found.state is JobState.CHECKED and not found.erased,
        ready=found.count(RowState.READY),
        incomplete=found.count(RowState.INCOMPLETE),
        to_mend=found.count(*TO_MEND),
        state=bulk_wording.JOB_STATES[found.state],
        states=[
            (each, label, found.counts[each]) for each, label in bulk_wording.ROW_STATES.items() if each in found.counts
        ],
        labels=bulk_wording.ROW_STATES,
        chosen=chosen,
        rows=page.rows,
        records=page.records,
        settled_well=SETTLED_WELL,
        following=page.following,
        is_first=after == 0,
        worded=row_wording.problem,
        category=lambda slug: choices.label("education_category", slug),
        by=wording.actor(found.created_by),
        kept_days=service.kept.days,
        done=_done(found),
    )


def progress(job_id: str) -> Response:
    """How far it is, for the page that shows it; that page is loaded anew once it is over."""
    found = _service().job(access.staff_call(), job_id)
    drawn = render_template("staff/bulk_progress.html", job=found, is_under_way=found.state in UNDER_WAY)
    answer = make_response(drawn)
    if found.state not in UNDER_WAY:
        answer.headers["HX-Refresh"] = "true"
    return answer


def start(job_id: str) -> Response:
    """Let the good rows go in; the address by itself, as on a reload, shows the job."""
    if request.method != "POST":
        return _back(job_id)
    _service().start(access.staff_call(), job_id, invite="invite" in request.form)
    return _back(job_id, "started")


def discard(job_id: str) -> Response:
    """Stop it, and erase what it holds of people."""
    if request.method != "POST":
        return _back(job_id)
    _service().discard(access.staff_call(), job_id)
    return _back(job_id, "discarded")


def rejected(job_id: str) -> Response:
    """The rows that did not go in, with why, as a file to mend; written whole before it goes out."""
    if request.method != "POST":
        return _back(job_id)
    kind = _kind(request.form.get("kind"))
    file = TemporaryFile()  # noqa: SIM115 - closed with the answer that sends it
    try:
        _service().export(access.staff_call(), job_id, kind, file, worded=row_wording.problem)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return send_file(file, mimetype=_MIMETYPES[kind], as_attachment=True, download_name=f"rejected-rows.{kind}")


def _jobs(form: BulkForm, *, status: int = 200) -> Response:
    jobs = _service().jobs(access.staff_call())
    # What came with the request is the file itself.
    form.file.data = ""
    drawn = render_template(
        "staff/bulk.html",
        member=access.signed_in_staff(),
        form=form,
        entries=form.entries(),
        jobs=[(each, bulk_wording.JOB_STATES[each.state], wording.actor(each.created_by)) for each in jobs],
        columns=bulk_wording.columns(),
        most_rows=MOST_ROWS,
        most_megabytes=MOST_BYTES // 1024 // 1024,
        going_in=frozenset({RowState.CREATED, RowState.INVITED}),
    )
    return make_response(drawn, status)


def _sent() -> tuple[str, bytes]:
    """The name and the bytes of the file that was sent; large ones lie in a file of their own meanwhile."""
    sent = request.files.get("file")
    if sent is None:
        return "", b""
    with closing(sent):
        return sent.filename or "", sent.read()


def _service() -> Bulk:
    return access.services().bulk


def _done(job: BulkJob) -> LazyString | None:
    """What was just done, as long as it is so."""
    done = request.args.get("done", "")
    holds = {"loaded": job.started_by is None and not job.erased, "started": job.state is JobState.RUNNING}
    return bulk_wording.DONE.get(done) if holds.get(done, job.erased) else None


def _kind(asked: str | None) -> SheetKind:
    return SheetKind.XLSX if asked == SheetKind.XLSX else SheetKind.CSV


def _number(text: str) -> int:
    """A row's number from an address. Raises ValueError, for which Flask takes the default."""
    return min(max(int(text), 0), 2**31 - 1)


def _back(job_id: str, done: str | None = None) -> Response:
    return redirect(url_for("staff.bulk_job", job_id=job_id, done=done), code=303)
