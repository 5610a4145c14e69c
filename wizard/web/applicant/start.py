"""The first page, and where a registration begins and goes on."""

from __future__ import annotations

import uuid
from datetime import datetime

from werkzeug import Response

from wizard.core.registration import Status
from wizard.core.steps import Step
from wizard.web import limits
from wizard.web.access import browser_session, current_call, grant_registration, require_access
from wizard.web.applicant.journey import read
from wizard.web.applicant.page import onward, page, to_step

_OWN = "registration:"


def start() -> Response:
    """What the service does, what to have at hand, *Start*, and what was begun in this browser."""
    return page("start.html", own=own_registrations())


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


def own_registrations() -> dict[str, datetime]:
    """The registrations begun or continued in this browser, newest first, each with when."""
    found = {
        key.removeprefix(_OWN): datetime.fromisoformat(since)
        for key, since in browser_session().items()
        if key.startswith(_OWN)
    }
    return dict(sorted(found.items(), key=lambda item: item[1], reverse=True))
