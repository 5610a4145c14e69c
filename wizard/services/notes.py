"""A registration's history, and what the desk notes about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wizard.core.actors import require_desk
from wizard.core.clock import Clock
from wizard.core.errors import ValidationFailed
from wizard.core.events import Event, EventName
from wizard.core.registration import Registration
from wizard.services import written
from wizard.services.audit import with_waiting
from wizard.services.authority import require_desk_or_system
from wizard.services.events import EventBus, make_event
from wizard.services.opening import open_registration
from wizard.services.ports.calls import Call
from wizard.services.ports.registrations import RegistrationStore
from wizard.services.ports.units import UnitsOfWork


@dataclass(frozen=True, slots=True)
class Notes:
    """Read from and written to the audit trail alone: a note is there for good, under its author's name.

    Every method raises PermissionDenied to who is not of the desk.
    """

    clock: Clock
    units: UnitsOfWork
    registrations: RegistrationStore
    events: EventBus

    def history(self, call: Call, registration: Registration) -> Sequence[Event]:
        """What happened to a registration, the newest last, what waits in its document included."""
        require_desk_or_system(call.actor)
        with self.units.read() as unit:
            rows = unit.audit.history(registration.session_id)
        return with_waiting((row.event for row in rows), (registration,))

    def add(self, call: Call, session_id: str, text: str) -> None:
        """Note something about a registration.

        Raises ValidationFailed("note.required" | "note.format"), NotFound, and SessionExpired.
        """
        require_desk(call.actor)
        now, note = self.clock.now(), written.note(text)
        if not note:
            raise ValidationFailed("note.required", field="note")
        open_registration(self.registrations, call, session_id, now=now)
        event = make_event(
            EventName.SESSION_NOTED,
            call=call,
            at=now,
            chain=session_id,
            session_id=session_id,
            changes={"note": (None, note)},
        )
        with self.units.write() as unit:
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
