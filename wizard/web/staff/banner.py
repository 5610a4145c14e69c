"""What every page of a registration says while staff act on it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import has_request_context, request

from wizard.core.errors import ExternalServiceError
from wizard.web import access


@dataclass(frozen=True, slots=True)
class ActingFor:
    """A member of staff who helps with a registration in this browser."""

    session_id: str
    name: str
    may_create: bool


def banner() -> dict[str, ActingFor | None]:
    """For templates/staff/banner.html: who helps with the registration of this page, if anybody does."""
    session_id = (request.view_args or {}).get("session_id") if has_request_context() else None
    return {"acting_for": _acting_for(str(session_id)) if session_id and access.session_available() else None}


def _acting_for(session_id: str) -> ActingFor | None:
    try:
        helping = access.helps(session_id)
    except ExternalServiceError:
        # An error page is being drawn, and the database is what is down.
        return None
    member = access.signed_in_staff() if helping else None
    return ActingFor(session_id, member.name, access.may_create(member)) if member else None
