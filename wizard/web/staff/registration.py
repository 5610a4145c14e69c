"""One registration as the desk sees it, and what the desk can do with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import make_response, redirect, render_template, request, url_for
from flask_babel.speaklater import LazyString
from werkzeug import Response

from wizard.core.accounts import LinkState, ResumeLink
from wizard.core.education import FIELDS
from wizard.core.errors import RuleViolated, ValidationFailed, WizardError, WorkflowStateInvalid
from wizard.core.registration import Registration
from wizard.core.steps import next_step
from wizard.services.ports.calls import Call
from wizard.web import access, reported
from wizard.web import wording as sentences
from wizard.web.rule_wording import OUTCOMES
from wizard.web.session_ids import require_session_id
from wizard.web.staff import decision_wording, list_wording, wording
from wizard.web.staff.forms import NoteForm
from wizard.web.staff.history import happened


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with its label."""

    label: LazyString
    value: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A rule with what came of it."""

    sentence: str
    outcome: str
    word: LazyString


@dataclass(frozen=True, slots=True)
class Issued:
    """A link with what became of it."""

    link: ResumeLink
    by: str
    kind: LazyString
    state: LazyString
    opens: bool


def session(session_id: str) -> Response:
    """All answers, each rule's outcome, the time left and the links."""
    return page(access.staff_call(), session_id)


def open_(session_id: str) -> Response:
    """Help with it in this browser, from the step where it stands."""
    access.services().desk.open(access.staff_call(), _known(session_id))
    access.grant_help(session_id)
    return redirect(url_for("applicant.registration", session_id=session_id), code=303)


def leave(session_id: str) -> Response:
    """Help no longer."""
    access.stop_helping(_known(session_id))
    return _back(session_id, "left")


def extend(session_id: str) -> Response:
    """Give it more time."""
    return _do(session_id, lambda call: access.services().orchestrator.extend(call, session_id), "extended")


def note(session_id: str) -> Response:
    """Note something about it, for colleagues."""
    call, form = access.staff_call(), NoteForm()
    try:
        access.services().notes.add(call, _known(session_id), form.note.data or "")
    except ValidationFailed as error:
        for problem in error.problems:
            form.note.refuse(sentences.problem(problem))
        return page(call, session_id, status=422, note=form)
    return _back(session_id, "noted")


def cancel(session_id: str) -> Response:
    """Abandon it; asks first."""
    if request.method == "GET":
        call = access.staff_call()
        registration = access.services().orchestrator.get(call, _known(session_id)).registration
        return make_response(render_template("staff/cancel.html", registration=registration))
    return _do(session_id, lambda call: access.services().orchestrator.cancel(call, session_id), "cancelled")


def page(
    call: Call,
    session_id: str,
    *,
    status: int = 200,
    error: WizardError | None = None,
    address: str = "",
    sent_to: str | None = None,
    note: NoteForm | None = None,
) -> Response:
    """The page of a registration, with what could not be done, or with the address of a new link."""
    services, note = access.services(), note or NoteForm()
    registration = services.orchestrator.get(call, _known(session_id)).registration
    now = services.clock.now()
    drawn = render_template(
        "staff/session.html",
        registration=registration,
        member=access.signed_in_staff(),
        helping=access.helps(session_id),
        may_create=access.may_create(access.signed_in_staff()),
        status=wording.STATUSES[registration.status],
        channel=wording.CHANNELS[registration.channel],
        changed_by=wording.actor(registration.updated_by),
        step=list_wording.STEPS[next_step(registration)],
        flag=decision_wording.flag(registration.flag) if registration.flag else None,
        remaining=wording.span(registration.expires_at - now),
        answers=_answers(registration),
        checks=_checks(registration),
        links=[_issued(link, link.state(now)) for link in services.links.of_session(call, session_id)],
        history=[happened(event) for event in services.notes.history(call, registration)],
        note=note,
        problems=note.entries(("", sentences.problem(each)) for each in (error.problems if error else ())),
        done=wording.DONE.get(request.args.get("done", "")),
        new_link=address,
        sent_to=sent_to,
    )
    return make_response(drawn, status)


def _do(session_id: str, action: Callable[[Call], object], done: str) -> Response:
    call = access.staff_call()
    _known(session_id)
    try:
        action(call)
    except (RuleViolated, WorkflowStateInvalid) as error:
        return page(call, session_id, status=422, error=error)
    return _back(session_id, done)


def _back(session_id: str, done: str) -> Response:
    return redirect(url_for("staff.session", session_id=session_id, done=done), code=303)


def _known(session_id: str) -> str:
    return require_session_id(session_id)


def _answers(registration: Registration) -> list[Answered]:
    data = registration.data
    given = [Answered(wording.FIELD_LABELS[name], sentences.answer(name, data)) for name in FIELDS]
    return [*given, Answered(sentences.FIELD_LABELS["email"], registration.contact_email or "")]


def _checks(registration: Registration) -> Sequence[Checked]:
    outcomes = registration.validation.outcomes
    return [Checked(reported.outcome(each), each.outcome.value, OUTCOMES[each.outcome]) for each in outcomes]


def _issued(link: ResumeLink, state: LinkState) -> Issued:
    opens = state in {LinkState.ISSUED, LinkState.USED}
    return Issued(
        link, wording.actor(link.created_by), wording.LINK_KINDS[link.kind], wording.LINK_STATES[state], opens
    )
