"""The first page, and where a registration begins and goes on."""

from __future__ import annotations

import uuid
from functools import partial

from flask import request
from werkzeug import Response

from wizard.core.errors import SessionExpired
from wizard.core.registration import Registration, Status
from wizard.core.steps import Step, next_step
from wizard.services.ports.cookies import NOT_TAKEN
from wizard.web import limits
from wizard.web.access import browser_session, current_call, grant_registration, require_access, services
from wizard.web.applicant import new_account, skeletons
from wizard.web.applicant.journey import read
from wizard.web.applicant.page import STEP_TITLES, onward, page, to_step

_OWN = "registration:"


def start() -> Response:
    """What the service does, what to have at hand, *Start*, and what was begun in this browser."""
    own, awaited, lost = own_registrations(), new_account.awaited(), NOT_TAKEN in browser_session()
    draw = partial(
        page, "start.html", own=own, awaited=awaited, lost=lost, next_step=next_step, step_titles=STEP_TITLES
    )
    return draw() if own or awaited or lost or request.query_string else skeletons.alike("start", draw)


def begin() -> Response:
    """A new registration for this browser; its document is made with the first answers."""
    limits.starts()
    session_id = str(uuid.uuid4())
    grant_registration(session_id)
    return to_step(Step.IDENTITY, session_id)


def registration(session_id: str) -> Response:
    """On to where the registration is; or that it was cancelled."""
    require_access(session_id)
    found = read(current_call(session_id), session_id)
    if found is not None and found.status is Status.CANCELLED:
        return page("cancelled.html")
    return onward(session_id, found)


def own_registrations() -> tuple[Registration, ...]:
    """The registrations with answers, or with a record, that this browser may open; the last changed first."""
    ids = [key.removeprefix(_OWN) for key in browser_session() if key.startswith(_OWN)]
    services().orchestrator.read_ahead(current_call(), ids)
    found = [registration for session_id in ids if (registration := _living(session_id)) is not None]
    return tuple(sorted(found, key=lambda each: each.updated_at, reverse=True))


def _living(session_id: str) -> Registration | None:
    try:
        found = read(current_call(session_id), session_id)
    except SessionExpired:
        return None
    return None if found is None or found.status is Status.CANCELLED else found
