"""The look-ups of several steps in one transaction: one picture for all of them, and one connection."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from wizard.services.ports.units import UnitOfWork, UnitsOfWork


@dataclass(slots=True)
class OneReading:
    """`ports.UnitsOfWork` whose first read lasts for the next ones, until something is to be written or all is over."""

    units: UnitsOfWork
    _lasting: ExitStack = field(default_factory=ExitStack, init=False)
    _unit: UnitOfWork | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def read(self) -> AbstractContextManager[UnitOfWork]:
        """The transaction that is open already, or else a new one."""
        if self._unit is None:
            self._unit = self._lasting.enter_context(self.units.read())
        return nullcontext(self._unit)

    def write(self) -> UnitOfWork:
        """A transaction of its own, which looks at everything again."""
        self._end()
        return self.units.write()

    def _end(self) -> None:
        self._unit = None
        self._lasting.close()
