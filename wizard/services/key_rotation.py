"""Key rotation: personal columns are rewritten as the setting asks and with the newest secret, slice by slice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wizard.core.clock import Clock
from wizard.core.errors import ExternalServiceError
from wizard.core.events import EventName
from wizard.services.authority import require_main_or_system
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call
from wizard.services.ports.patience import take_long
from wizard.services.ports.personal_columns import Slice, Standing
from wizard.services.ports.units import UnitsOfWork

# Rows of a slice: their locks are held for less than anybody waits.
SLICE = 200
# Somebody else may hold one of its rows for longer than a lock is waited for: an erasure, a file of rows.
TRIES = 5
# All rotations are one chain of the audit trail.
CHAIN = "keys"
_DETAILS: Mapping[str, str] = {"accounts": "accounts", "education_records": "records", "audit_values": "values"}


@dataclass(slots=True)
class Rewritten:
    """What has come of a table so far."""

    table: str
    rewritten: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """Each slice is a transaction: stopped anywhere, the next run goes on with what is left, while the site runs.

    Several at once do no harm. `encrypted` is what the setting asks for.
    """

    clock: Clock
    units: UnitsOfWork
    events: EventBus
    encrypted: bool

    def standing(self, call: Call) -> Sequence[Standing]:
        """How many rows of each table there are to be rewritten. Raises PermissionDenied."""
        require_main_or_system(call.actor)
        take_long()
        with self.units.read() as unit:
            return unit.personal_columns.standing()

    def rotate(self, call: Call, *, on_looked_at: Callable[[int], object] = lambda _: None) -> Sequence[Rewritten]:
        """Rewrite all that is written otherwise; told of each slice with its size. Raises PermissionDenied.

        The audit trail is told how many rows that were, also where it is interrupted, unless the process dies.
        """
        done = [Rewritten(each.table) for each in self.standing(call)]
        try:
            for each in done:
                self._rewrite(each, on_looked_at)
        finally:
            self._tell(call, done)
        return done

    def _rewrite(self, done: Rewritten, on_looked_at: Callable[[int], object]) -> None:
        after = None
        while True:
            part = self._slice(done.table, after)
            done.rewritten, done.left = done.rewritten + part.looked_at - part.left, done.left + part.left
            on_looked_at(part.looked_at)
            after = part.last
            if after is None:
                return

    def _slice(self, table: str, after: tuple[Any, ...] | None, tries: int = TRIES) -> Slice:
        try:
            with self.units.write() as unit:
                part = unit.personal_columns.rewrite(table, after=after, limit=SLICE)
                unit.commit()
        except ExternalServiceError:
            if tries == 1:
                raise
            return self._slice(table, after, tries - 1)
        return part

    def _tell(self, call: Call, done: Sequence[Rewritten]) -> None:
        details = {_DETAILS[each.table]: str(each.rewritten) for each in done}
        details |= {"left": str(sum(each.left for each in done)), "encrypted": "yes" if self.encrypted else "no"}
        event = make_event(EventName.KEYS_ROTATED, call=call, at=self.clock.now(), chain=CHAIN, details=details)
        with self.units.write() as unit:
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
