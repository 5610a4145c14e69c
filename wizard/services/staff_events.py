"""Events about the members of the desk, each in a chain of their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from wizard.core.accounts import StaffMember
from wizard.core.actors import Actor
from wizard.core.events import Event, EventName
from wizard.services.events import make_event
from wizard.services.ports.calls import Call


def of_staff(name: EventName, call: Call, staff_id: str, *, at: datetime, **details: str) -> Event:
    """What whoever calls does to somebody of the desk."""
    return make_event(name, call=call, at=at, chain=f"staff:{staff_id}", details={"staff": staff_id, **details})


def by_member(name: EventName, call: Call, member: StaffMember, *, at: datetime, **details: str) -> Event:
    """What a member does to their own sign-in; while they sign in, nobody is known to call yet."""
    actor = Actor.staff(member.username, member.privilege)
    return of_staff(name, replace(call, actor=actor), member.id, at=at, **details)
