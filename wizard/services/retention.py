"""Retention: what is kept no longer is erased by workers, slice by slice; the audit trail stays whole without it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from wizard.core.actors import Actor
from wizard.core.clock import Clock
from wizard.core.events import Event, EventName
from wizard.core.retention import Course, Periods, kept_from, kind_of
from wizard.services.erasure import Erasure
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call
from wizard.services.ports.units import UnitOfWork, UnitsOfWork

_SLICE = 500
# An erasure looks through all that is sealed.
_PEOPLE = 5
# Between one round of everything and the next.
_PAUSE = timedelta(hours=6)
_REASON = "Inactive for longer than accounts are kept."
_CALL = Call(Actor.system("retention"))


@dataclass(frozen=True, slots=True)
class Kept:
    """For how long each kind of data is kept; `inactive` is None where nobody is erased for that."""

    typed: Periods
    codes: timedelta
    links: timedelta
    mails: timedelta
    reports: timedelta
    staff: timedelta
    inactive: timedelta | None


@dataclass(slots=True)
class Retention:
    """For workers. Safe to repeat, and for several at once: what another has erased is not there to be erased."""

    clock: Clock
    units: UnitsOfWork
    events: EventBus
    erasure: Erasure
    kept: Kept
    _after: int = field(default=0, init=False)
    _rests_until: datetime | None = field(default=None, init=False)

    def run_once(self) -> bool:
        """A slice of each kind; whether there may be more at once. After a round of everything it rests for hours."""
        now = self.clock.now()
        if self._rests_until is not None and now < self._rests_until:
            return False
        # All of them, whatever the others found.
        more = any([self._typed(now), self._rows(now), self._people(now)])
        self._rests_until = None if more else now + _PAUSE
        return more

    def _typed(self, now: datetime) -> bool:
        """What people typed, event by event through the whole trail; whether there are more behind this slice."""
        with self.units.read() as unit:
            found = unit.retention.typed(after=self._after, limit=_SLICE)
            courses = unit.retention.courses({each.chain for each in found})
        due = {course: until for course in courses if (until := kept_from(course, self.kept.typed, now))}
        self._erase(due, now)
        self._after = found[-1].event_id if len(found) == _SLICE else 0
        return self._after > 0

    def _erase(self, due: Mapping[Course, datetime], now: datetime) -> None:
        """One transaction, in which each chain that lost anything says so."""
        if not due:
            return
        with self.units.write() as unit:
            told = [_told(course, count, now) for course, count in _erased(unit, due) if count]
            if not told:
                return
            unit.audit.append(told)
            unit.commit()
        self.events.publish(*told)

    def _rows(self, now: datetime) -> bool:
        """Codes, links, mails, reports of files, and what is kept of people who left the desk."""
        kept = self.kept
        with self.units.write() as unit:
            taken = unit.retention
            counts = (
                taken.codes(before=now - kept.codes, limit=_SLICE),
                taken.links(before=now - kept.links, limit=_SLICE),
                taken.mails(before=now - kept.mails, limit=_SLICE),
                taken.bulk_rows(before=now - kept.reports, limit=_SLICE),
                taken.former_staff(before=now - kept.staff, limit=_SLICE),
            )
            if any(counts):
                unit.commit()
        return any(counts)

    def _people(self, now: datetime) -> bool:
        """Erase people whose account has been inactive for too long, where that was asked for."""
        if self.kept.inactive is None:
            return False
        with self.units.read() as unit:
            found = unit.retention.inactive_accounts(before=now - self.kept.inactive, limit=_PEOPLE)
        for account_id in found:
            self.erasure.erase(_CALL, account_id, reason=_REASON)
        return bool(found)


def _erased(unit: UnitOfWork, due: Mapping[Course, datetime]) -> Collection[tuple[Course, int]]:
    return [(course, unit.retention.erase_values(course.chain, before=before)) for course, before in due.items()]


def _told(course: Course, count: int, now: datetime) -> Event:
    """That a chain has lost values: without it, `audit verify` would miss them."""
    session_id = course.chain if course.is_registration else None
    kind, _, record_id = course.chain.partition(":")
    return make_event(
        EventName.VALUES_ERASED,
        call=_CALL,
        at=now,
        chain=course.chain,
        session_id=session_id,
        record_id=record_id if kind == "record" else None,
        operation_id=uuid.uuid4().hex,
        details={"kind": kind_of(course).value, "values": str(count)},
    )
