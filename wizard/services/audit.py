"""Moving a registration's waiting events into the audit trail (02-workflow: two kinds of session)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
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

# So many events of a document are not asked about: those written behind the answers are on their way.
_MANY = 4

# Of so many registrations it is remembered what is recorded of them.
_REMEMBERED = 2_000
Key = tuple[int | None, str, str | None]

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class AuditDrain:
    """Writes waiting events where the database answers; what does not get there waits in the document.

    Appending is idempotent, so that a repetition after a crash records nothing twice.
    """

    clock: Clock
    units: UnitsOfWork
    registrations: Documents
    # Has the events of a registration written soon, and answers whether it will.
    later: Callable[[str], bool] | None = None
    _closed_until: datetime | None = field(default=None, init=False)
    # What this process has recorded of the registrations that it wrote last; the trail forgets nothing, so it stays
    # true. Asking instead is a transaction of each step submitted (docs/benchmarks.md).
    _recorded: OrderedDict[str, frozenset[Key]] = field(default_factory=OrderedDict, init=False)

    def drain(self, registration: Registration) -> bool:
        """Write all waiting events of a document; False where the database does not answer."""
        return self.drain_all((registration,))

    def drain_all(self, registrations: Sequence[Registration]) -> bool:
        """The same for several documents, in one transaction."""
        events = [event for registration in registrations for event in registration.events]
        if not events:
            return True
        if self._resting():
            return False
        try:
            with self.units.write() as unit:
                unit.audit.append(events)
                unit.commit()
        except ExternalServiceError:
            self.rest()
            return False
        for registration in registrations:
            self._remember(registration)
        return True

    def _remember(self, registration: Registration) -> None:
        # Threads do this at once: what another forgets meanwhile is missed by nobody.
        self._recorded.pop(registration.session_id, None)
        self._recorded[registration.session_id] = frozenset(map(_key, registration.events))
        while len(self._recorded) > _REMEMBERED:
            self._recorded.popitem(last=False)

    def bring_in(self, saved: Registration) -> Registration:
        """Write all waiting events, behind the answer where somebody is there to do it.

        A closed document keeps nothing personal, so not its events either: they are written at once.
        """
        if saved.is_open and saved.events and self.later is not None and self.later(saved.session_id):
            return saved
        return self.emptied(saved) if self.drain(saved) else saved

    def emptied(self, saved: Registration) -> Registration:
        """A document whose events are in the trail: if it is closed, it keeps them no longer."""
        if saved.is_open or not saved.events:
            return saved
        try:
            return self.registrations.save(replace(saved, events=()), replacing=saved)
        except RevisionConflict:
            return saved

    def record(self, event: Event, *, behind: Registration | None = None) -> None:
        """Write an event of no document, a refusal, if the database answers; the logs have it in any case.

        What still waits of the registration that it is of came first, and goes first.
        """
        if self._resting():
            return
        waiting = self._waiting(behind) if behind else ()
        try:
            with self.units.write() as unit:
                unit.audit.append((*waiting, event))
                unit.commit()
        except ExternalServiceError:
            self.rest()
            return
        if behind and waiting:
            self._remember(behind)

    def settle(self, registration: Registration, stored: Registration) -> Registration:
        """The document without the events that the trail has already, before it is written in place of another."""
        if not registration.events:
            return registration
        waiting = len(self._waiting(stored))
        if waiting == 0 or (self.later is not None and waiting < _MANY):
            return replace(registration, events=self._waiting(registration))
        if self._resting():
            return registration
        try:
            with self.units.read() as unit:
                missing = unit.audit.missing(registration.events)
        except ExternalServiceError:
            self.rest()
            return registration
        return replace(registration, events=missing)

    def _waiting(self, registration: Registration) -> tuple[Event, ...]:
        """The events of a document that are not known to be recorded."""
        recorded = self._recorded.get(registration.session_id, frozenset[Key]())
        return tuple(event for event in registration.events if _key(event) not in recorded)

    def _resting(self) -> bool:
        return self._closed_until is not None and self.clock.now() < self._closed_until

    def rest(self) -> None:
        """The database has just been waited for in vain: do not wait again for a moment."""
        _log.warning("audit.waiting")
        self._closed_until = self.clock.now() + _PAUSE


def with_waiting(recorded: Iterable[Event], registrations: Iterable[Registration]) -> list[Event]:
    """What is in the trail of some registrations, and what waits in their documents to get there, the newest last."""
    told = list(recorded)
    known = {(event.session_id, *_key(event)) for event in told}
    waiting = [event for registration in registrations for event in registration.events]
    told += [event for event in waiting if (event.session_id, *_key(event)) not in known]
    return sorted(told, key=lambda event: event.at)


def _key(event: Event) -> Key:
    """What an event of a registration is known by in the trail."""
    return event.sequence, event.name, event.operation_id
