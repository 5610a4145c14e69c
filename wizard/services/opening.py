"""Which registration a caller may act on, read once."""

from __future__ import annotations

from datetime import datetime

from wizard.core.actors import Actor, ActorKind
from wizard.core.errors import NotFound, SessionExpired
from wizard.core.registration import Registration
from wizard.services.ports.calls import Call
from wizard.services.ports.registrations import Documents


def may_open(actor: Actor, registration: Registration) -> bool:
    """Whether somebody may know of a registration: the desk, its applicant, or the API client it came from."""
    if actor.is_desk or actor.kind is ActorKind.SYSTEM or actor.session_id == registration.session_id:
        return True
    if actor.kind is not ActorKind.API:
        return False
    owns = actor.account_id is not None and actor.account_id == registration.account_id
    return owns or registration.created_by == actor.name


def as_shown_to(actor: Actor, registration: Registration) -> Registration:
    """A registration as somebody may see it: what the desk was told of other records is not everybody's to know."""
    linked_account = registration.account_id if registration.linked else None
    if actor.kind is ActorKind.SYSTEM or actor.may_learn_of_conflicts(linked_account):
        return registration
    return registration.without_conflicts()


def load(registrations: Documents, call: Call, session_id: str) -> Registration | None:
    """The document, which this request may have read already; None where there is none."""
    if session_id in call.read_ahead:
        return call.read_ahead[session_id]
    return registrations.load(session_id)


def open_registration(registrations: Documents, call: Call, session_id: str, *, now: datetime) -> Registration:
    """The registration, if the caller may open it and it lives.

    Raises NotFound, or SessionExpired to whom it belonged.
    """
    stored = load(registrations, call, session_id)
    if stored is None or not may_open(call.actor, stored):
        raise NotFound("session.unknown")
    if stored.is_expired(now):
        raise SessionExpired(stored.record_number)
    return stored
