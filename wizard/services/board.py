"""The desk's board: how many of everything, and the mails that have not gone out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from wizard.core.clock import Clock
from wizard.services.authority import require_desk_or_system
from wizard.services.ports.calls import Call
from wizard.services.ports.registrations import RegistrationStore, Tally
from wizard.services.ports.statistics import UndeliveredMail, Waiting
from wizard.services.ports.units import UnitsOfWork

# What was given up longer ago is nobody's to do any more.
GIVEN_UP_SHOWN_FOR = timedelta(days=30)
_PAGE = 25


@dataclass(frozen=True, slots=True)
class Overview:
    """How many registrations there are of each kind, and what else waits for the desk."""

    tally: Tally
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class MailPage:
    """A page of mails, newest first; `following` is what the next page comes after, None at the end."""

    mails: Sequence[UndeliveredMail]
    following: str | None


@dataclass(frozen=True, slots=True)
class Board:
    """What the desk sees first. Every method raises PermissionDenied to others."""

    clock: Clock
    units: UnitsOfWork
    registrations: RegistrationStore

    def overview(self, call: Call) -> Overview:
        """All numbers: one round trip to Redis, one statement to the database."""
        require_desk_or_system(call.actor)
        tally = self.registrations.tally()
        with self.units.read() as unit:
            return Overview(tally, unit.statistics.waiting(since=self.clock.now() - GIVEN_UP_SHOWN_FOR))

    def mails(self, call: Call, *, after: str | None = None) -> MailPage:
        """Mails that have not gone out, from behind the one with the id `after`."""
        require_desk_or_system(call.actor)
        since = self.clock.now() - GIVEN_UP_SHOWN_FOR
        with self.units.read() as unit:
            found = unit.statistics.undelivered(since=since, after=after, limit=_PAGE + 1)
        return MailPage(found[:_PAGE], found[_PAGE - 1].id if len(found) > _PAGE else None)
