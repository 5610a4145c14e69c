"""What has to happen though nobody asks: reminders, expiry, events that still wait, indexes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from wizard.core.actors import Actor
from wizard.core.clock import Clock
from wizard.core.errors import ExternalServiceError, WizardError
from wizard.core.events import Event, EventName
from wizard.core.registration import Registration
from wizard.services.audit import AuditDrain
from wizard.services.events import EventBus, make_event
from wizard.services.links import ResumeLinks
from wizard.services.ports.calls import Call, Orchestrator
from wizard.services.ports.registrations import RegistrationStore, RevisionConflict

_SLICE = 100

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HousekeepingReport:
    """How much one round did."""

    recorded: int = 0
    reminded: int = 0
    expired: int = 0

    @property
    def is_more(self) -> bool:
        """Whether there was more than one round does, of anything."""
        return max(self.recorded, self.reminded, self.expired) >= _SLICE

    @property
    def did_anything(self) -> bool:
        """Whether another round may find more."""
        return bool(self.recorded or self.reminded or self.expired)


@dataclass(slots=True)
class Housekeeping:
    """Each round does a slice of each kind of work. Safe to repeat, and for several workers at once."""

    clock: Clock
    registrations: RegistrationStore
    orchestrator: Orchestrator
    links: ResumeLinks
    drain: AuditDrain
    events: EventBus
    _repair_from: str | None = field(default=None, init=False)

    def run_once(self) -> HousekeepingReport:
        """One round. What Redis or the database being down prevents is left for the next."""
        report = HousekeepingReport(
            recorded=self._part("record", self._record),
            reminded=self._part("remind", self._remind),
            expired=self._part("expire", self._expire),
        )
        self._part("repair", self._repair)
        return report

    def repair_all(self) -> None:
        """Compare all indexes with the documents, slice by slice. Raises ExternalServiceError("redis")."""
        cursor = self.registrations.repair_indexes(cursor=None)
        while cursor is not None:
            cursor = self.registrations.repair_indexes(cursor=cursor)

    def _part(self, name: str, work: Callable[[], int]) -> int:
        try:
            return work()
        except ExternalServiceError as error:
            _log.warning("housekeeping.postponed", part=name, reason=error.message)
            return 0

    def _record(self) -> int:
        """Bring waiting events into the audit trail."""
        waiting = self.registrations.with_waiting_events(limit=_SLICE)
        return sum(self._each(registration, self._record_one) for registration in waiting)

    def _record_one(self, registration: Registration) -> bool:
        if not self.drain.drain(registration):
            return False
        self.registrations.events_recorded(self.drain.emptied(registration))
        return True

    def _remind(self) -> int:
        """Mail a link to those whose registration will soon be over, once each."""
        due = self.registrations.reminders_due(self.clock.now(), limit=_SLICE)
        return sum(self._each(registration, self._remind_one) for registration in due)

    def _remind_one(self, registration: Registration) -> bool:
        # The mail first, then the note that it was sent: a crash in between repeats both, and the outbox takes
        # a second reminder of a registration for the first. The other way round one could be lost.
        if registration.contact_email is None:
            return False
        prolonged = self.links.remind(_CALL, registration.session_id, email=registration.contact_email)
        if prolonged.reminded:
            return False
        told = replace(prolonged, reminded=True).with_event(self._event(EventName.REMINDER_SENT, registration))
        saved = self.registrations.save(told, replacing=prolonged)
        self.events.publish(saved.events[-1])
        return True

    def _expire(self) -> int:
        """Record that registrations are over, and erase what is personal; those closed before just end."""
        over = self.registrations.expired(self.clock.now(), limit=_SLICE)
        return sum(self._each(registration, self._expire_one) for registration in over)

    def _expire_one(self, registration: Registration) -> bool:
        # A submit may have got as far as the database, and its process died.
        known = self.orchestrator.as_recorded(_CALL, registration)
        last = known.as_ended()
        if known.is_open:
            last = last.with_event(self._event(EventName.SESSION_EXPIRED, registration))
        # Numbered by the document, so that two workers, or a repetition after a crash, record it once.
        if not self.drain.drain(last):
            return False
        self.registrations.save(replace(last, events=()), replacing=registration)
        self.events.publish(*last.events[len(registration.events) :])
        return True

    def _each(self, registration: Registration, work: Callable[[Registration], bool]) -> bool:
        """One registration, none of whose troubles are the others'."""
        try:
            return work(registration)
        except RevisionConflict:
            # Somebody is at work on it: the next round will see.
            return False
        except ExternalServiceError:
            raise
        except WizardError as error:
            _log.info("housekeeping.passed_over", session_id=registration.session_id, reason=error.message)
            return False
        except Exception:  # noqa: BLE001
            # A chain that somebody has tampered with takes nothing more; the others' do.
            _log.exception("housekeeping.failed", session_id=registration.session_id)
            return False

    def _repair(self) -> int:
        """Compare a slice of the indexes with the documents, going round them in turn."""
        self._repair_from = self.registrations.repair_indexes(cursor=self._repair_from)
        return 0

    def _event(self, name: EventName, registration: Registration) -> Event:
        return make_event(
            name,
            call=_CALL,
            at=self.clock.now(),
            chain=registration.session_id,
            session_id=registration.session_id,
            operation_id=_OPERATION,
        )


# One for all: what several workers do at once is one thing in the trail.
_OPERATION = "housekeeping"
_CALL = Call(Actor.system("housekeeping"))
