"""The calls on registration sessions: each leads to one operation of the orchestrator."""

from __future__ import annotations

from flask import url_for

from wizard.core.registration import Channel
from wizard.core.results import OperationResult
from wizard.services.ports.calls import Call, Orchestrator, Staging
from wizard.services.ports.registrations import Selection
from wizard.web import access, language
from wizard.web.api import calling, session_answers
from wizard.web.api.answers import SessionAnswer, SessionsAnswer
from wizard.web.api.calling import Answered
from wizard.web.api.models import (
    ExtendBody,
    LinkBody,
    Nothing,
    StageBody,
    UpdateBody,
    WorkflowBody,
)
from wizard.web.api.queries import SessionsQuery
from wizard.web.session_ids import require_session_id


def stage(call: Call, body: StageBody) -> Answered:
    """Start a session."""
    staging = Staging(
        data=body.education_data.changes(),
        contact_email=body.contact,
        account_id=body.account_id,
        channel=Channel.API,
        language=body.language or language.current(),
        ttl_seconds=body.ttl_seconds,
    )
    result = _orchestrator().stage(call, staging)
    place = url_for("api.get_session", session_id=result.registration.session_id)
    return _of(result, session_answers.session(result), status=201, headers={"Location": place})


def get(call: Call, _body: Nothing, *, session_id: str) -> Answered:
    """The session as it is."""
    result = _orchestrator().get(call, require_session_id(session_id))
    return _of(result, session_answers.session(result))


def update(call: Call, body: UpdateBody, *, session_id: str) -> Answered:
    """Change some of the data."""
    changes = body.education_data.changes()
    result = _orchestrator().update(call, require_session_id(session_id), changes, version=body.version)
    return _of(result, session_answers.session(result))


def cancel(call: Call, _body: Nothing, *, session_id: str) -> Answered:
    """Abandon it."""
    result = _orchestrator().cancel(call, require_session_id(session_id))
    return _of(result, session_answers.session(result))


def validate(call: Call, _body: Nothing, *, session_id: str) -> Answered:
    """Run every rule; finding failures is its job."""
    result = _orchestrator().validate(call, require_session_id(session_id))
    return _of(result, session_answers.session(result))


def determine_category(call: Call, _body: Nothing, *, session_id: str) -> Answered:
    """Decide the category."""
    result = _orchestrator().determine_category(call, require_session_id(session_id))
    return _of(result, session_answers.decision(result))


def link_account(call: Call, body: LinkBody, *, session_id: str) -> Answered:
    """Link an account."""
    result = _orchestrator().link_account(call, require_session_id(session_id), body.account_id)
    return _of(result, session_answers.linking(result))


def create(call: Call, _body: Nothing, *, session_id: str) -> Answered:
    """Make the record; one that was there is found."""
    result = _orchestrator().create(call, require_session_id(session_id))
    return _of(result, session_answers.creation(result), status=201 if result.created_now else 200)


def execute_workflow(call: Call, body: WorkflowBody, *, session_id: str) -> Answered:
    """All that is left."""
    result = _orchestrator().execute_workflow(call, require_session_id(session_id), account_id=body.account_id)
    return _of(result, session_answers.workflow(result))


def extend(call: Call, body: ExtendBody, *, session_id: str) -> Answered:
    """Let it live longer."""
    result = _orchestrator().extend(call, require_session_id(session_id), ttl_seconds=body.ttl_seconds)
    return _of(result, session_answers.session(result))


def sessions(call: Call, query: SessionsQuery) -> Answered:
    """Sessions, page by page."""
    selection = Selection(
        status=query.status,
        step=query.step,
        channel=query.channel,
        rule=query.rule,
        stuck=query.stuck,
        expiring=query.expiring,
        unchanged_since=query.unchanged_since,
    )
    page = access.services().desk.sessions(
        call, selection, member_number=query.member_number, cursor=query.cursor, limit=query.limit
    )
    listed = [session_answers.summary(each) for each in page.registrations]
    return Answered(SessionsAnswer(sessions=listed, next_cursor=page.cursor))


def _of(
    result: OperationResult, body: SessionAnswer, *, status: int = 200, headers: dict[str, str] | None = None
) -> Answered:
    return Answered(body, status, headers or {}, calling.etag(result.registration.tag))


def _orchestrator() -> Orchestrator:
    return access.services().orchestrator
