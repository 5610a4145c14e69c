"""Moving a registration's waiting events into the audit trail (02-workflow: two kinds of session)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from wizard.core.clock import Clock
from wizard.core.errors import ExternalServiceError
from wizard.core.events import Event
from wizard.core.registration import Registration
from wizard.services.ports.registrations import Documents, RevisionConflict
from wizard.services.ports.units import UnitsOfWork

# After a failure the database is left alone for a moment: a data step needs none, and should not wait for it.
_PAUSE = timedelta(seconds=5)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class AuditDrain:
    """Writes waiting events where the database answers; what does not get there waits in the document.

    Appending is idempotent, so that a repetition after a crash records nothing twice.
    """

    clock: Clock
    units: UnitsOfWork
    registrations: Documents
    _closed_until: datetime | None = field(default=None, init=False)

    def drain(self, registration: Registration) -> bool:
        """Write all waiting events of a document; False where the database does not answer."""
        if not registration.events:
            return True
        if self._resting():
            return False
        try:
            with self.units.write() as unit:
                unit.audit.append(registration.events)
                unit.commit()
        except ExternalServiceError:
            self.rest()
            return False
        return True

    def bring_in(self, saved: Registration) -> Registration:
        """Write all waiting events; a closed document keeps nothing personal, so not its events either."""
        if not self.drain(saved) or saved.is_open or not saved.events:
            return saved
        try:
            return self.registrations.save(replace(saved, events=()), replacing=saved)
        except RevisionConflict:
            return saved

    def record(self, event: Event) -> None:
        """Write an event of no document, a refusal, if the database answers; the logs have it in any case."""
        if self._resting():
            return
        try:
            with self.units.write() as unit:
                unit.audit.append((event,))
                unit.commit()
        except ExternalServiceError:
            self.rest()

    def settle(self, registration: Registration) -> Registration:
        """The document without the events that the trail has already, before it is written again."""
        if not registration.events or self._resting():
            return registration
        try:
            with self.units.read() as unit:
                missing = unit.audit.missing(registration.events)
        except ExternalServiceError:
            self.rest()
            return registration
        return replace(registration, events=missing)

    def _resting(self) -> bool:
        return self._closed_until is not None and self.clock.now() < self._closed_until

    def rest(self) -> None:
        """The database has just been waited for in vain: do not wait again for a moment."""
        _log.warning("audit.waiting")
        self._closed_until = self.clock.now() + _PAUSE
