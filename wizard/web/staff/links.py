"""Links to continue, made and revoked by the desk."""

from __future__ import annotations

from flask import redirect, request, url_for
from werkzeug import Response

from wizard.core.accounts import LinkKind
from wizard.core.errors import RuleViolated, WorkflowStateInvalid
from wizard.web import access, limits
from wizard.web.session_ids import require_session_id
from wizard.web.staff.registration import page


def create(session_id: str) -> Response:
    """Make a link and show it, this once; on request it is mailed to the contact address too."""
    call, services = access.staff_call(), access.services()
    registration = services.orchestrator.get(call, require_session_id(session_id)).registration
    kind = LinkKind.STAFF if request.form.get("kind") == LinkKind.STAFF else LinkKind.APPLICANT
    email = registration.contact_email if "send" in request.form else None
    if email is not None:
        limits.links_by_desk(session_id)
    try:
        token = services.links.create(call, session_id, kind=kind, email=email)
    except (RuleViolated, WorkflowStateInvalid) as error:
        return page(call, session_id, status=422, error=error)
    address = access.settings().base_url + url_for("applicant.resume", token=token)
    return page(call, session_id, address=address, sent_to=email)


def revoke(session_id: str, link_id: str) -> Response:
    """Let a link open nothing any more."""
    services = access.services()
    services.links.revoke(access.staff_call(), require_session_id(session_id), link_id)
    return redirect(url_for("staff.session", session_id=session_id, done="revoked"), code=303)
