"""The desk's board: how many of everything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from wizard.core.clock import Clock
from wizard.services.authority import require_desk_or_system
from wizard.services.ports.calls import Call
from wizard.services.ports.registrations import RegistrationStore, Tally
from wizard.services.ports.statistics import Waiting
from wizard.services.ports.units import UnitsOfWork


@dataclass(frozen=True, slots=True)
class Overview:
    """How many registrations there are of each kind, and what else waits for the desk."""

    tally: Tally
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class Board:
    """What the desk sees first. Every method raises PermissionDenied to others.

    What was given up longer ago than it is kept is nobody's to do any more.
    """

    clock: Clock
    units: UnitsOfWork
    registrations: RegistrationStore
    kept: timedelta

    def overview(self, call: Call) -> Overview:
        """All numbers: one round trip to Redis, one statement to the database."""
        require_desk_or_system(call.actor)
        tally = self.registrations.tally()
        with self.units.read() as unit:
            return Overview(tally, unit.statistics.waiting(now=self.clock.now(), kept=self.kept))
