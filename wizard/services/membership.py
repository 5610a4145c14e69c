"""The membership year's last day, which staff set and the category is decided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from wizard.core.accounts import MembershipYear
from wizard.core.clock import Clock, toronto_date
from wizard.core.errors import ValidationFailed
from wizard.core.events import EventName
from wizard.services.authority import require_desk_or_system
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call
from wizard.services.ports.units import UnitsOfWork

YEARS_AHEAD = 2
_CHAIN = "membership-year"


@dataclass(frozen=True, slots=True)
class MembershipService:
    """Reads and sets the membership year. Every method raises ExternalServiceError while the database is down."""

    clock: Clock
    units: UnitsOfWork
    events: EventBus

    def current_end(self) -> date | None:
        """The last day of the active membership year; None where none is set."""
        year = self.show()
        return year.ends_on if year else None

    def show(self) -> MembershipYear | None:
        """The membership year as it was set last."""
        with self.units.read() as unit:
            return unit.membership_years.current()

    def history(self, call: Call) -> Sequence[MembershipYear]:
        """Every setting of it, the newest first. Raises PermissionDenied unless staff or the system call."""
        require_desk_or_system(call.actor)
        with self.units.read() as unit:
            return unit.membership_years.history()

    def set(self, call: Call, ends_on: date | None) -> None:
        """Set the last day, or close the year with None; the same day again changes nothing.

        Raises PermissionDenied unless staff or the system call, and ValidationFailed("membership_year.range") for a
        day so far off that it can only be a slip.
        """
        require_desk_or_system(call.actor)
        now = self.clock.now()
        last = toronto_date(now).year + YEARS_AHEAD
        if ends_on is not None and ends_on.year > last:
            raise ValidationFailed("membership_year.range", field="ends_on", params={"last": str(last)})
        with self.units.write() as unit:
            before = unit.membership_years.current()
            if before is not None and before.ends_on == ends_on:
                return
            details = {"before": _day(before.ends_on if before else None), "after": _day(ends_on)}
            event = make_event(EventName.MEMBERSHIP_YEAR_CHANGED, call=call, at=now, chain=_CHAIN, details=details)
            unit.membership_years.set(MembershipYear(ends_on=ends_on, set_by=call.actor.name, set_at=now))
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)


def _day(day: date | None) -> str:
    return day.isoformat() if day else "none"
