"""Key rotation: personal columns are rewritten as the setting asks and with the newest secret, slice by slice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wizard.services.authority import require_main_or_system
from wizard.services.ports.calls import Call
from wizard.services.ports.patience import take_long
from wizard.services.ports.personal_columns import Standing
from wizard.services.ports.units import UnitsOfWork

# Rows of a slice: their locks are held for less than anybody waits.
SLICE = 200


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What came of a table."""

    table: str
    rewritten: int
    left: int


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """Each slice is a transaction: stopped anywhere, the next run goes on with what is left, while the site runs.

    Several at once do no harm.
    """

    units: UnitsOfWork

    def standing(self, call: Call) -> Sequence[Standing]:
        """How many rows of each table there are to be rewritten. Raises PermissionDenied."""
        require_main_or_system(call.actor)
        take_long()
        with self.units.read() as unit:
            return unit.personal_columns.standing()

    def rotate(self, call: Call, *, on_looked_at: Callable[[int], object] = lambda _: None) -> Sequence[Rewritten]:
        """Rewrite all that is written otherwise; told of each slice with its size. Raises PermissionDenied."""
        return [self._table(each.table, on_looked_at) for each in self.standing(call)]

    def _table(self, table: str, on_looked_at: Callable[[int], object]) -> Rewritten:
        looked_at, left, after = 0, 0, None
        while True:
            with self.units.write() as unit:
                done = unit.personal_columns.rewrite(table, after=after, limit=SLICE)
                unit.commit()
            on_looked_at(done.looked_at)
            looked_at, left, after = looked_at + done.looked_at, left + done.left, done.last
            if after is None:
                return Rewritten(table, looked_at - left, left)
