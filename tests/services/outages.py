"""Stores that fail on demand around the real ones: the moment of a failure is the test's to choose."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from wizard.core.errors import ExternalServiceError
from wizard.core.records import NewRecord, Record
from wizard.core.registration import Registration
from wizard.services.ports.registrations import RegistrationStore
from wizard.services.ports.units import UnitOfWork, UnitsOfWork


@dataclass
class UnitsWithOutage:
    """The real database until `down`."""

    units: UnitsOfWork
    down: bool = False
    asked: int = 0

    def write(self) -> UnitOfWork:
        self._answer()
        return self.units.write()

    def read(self) -> AbstractContextManager[UnitOfWork]:
        self._answer()
        return self.units.read()

    def _answer(self) -> None:
        self.asked += 1
        if self.down:
            raise ExternalServiceError("database")


class Killed(BaseException):
    """The process ends here."""


@dataclass
class StoreWithMoment:
    """The real store, with something that happens once just before a document is saved."""

    store: RegistrationStore
    before_save: Callable[[], object] | None = None

    def save(self, registration: Registration, *, replacing: Registration | None) -> Registration:
        moment, self.before_save = self.before_save, None
        if moment is not None:
            moment()
        return self.store.save(registration, replacing=replacing)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the real one has it
        return getattr(self.store, name)


@dataclass
class UnitsWithMoment:
    """The real database, with something that happens once between a look-up and the record's insertion."""

    units: UnitsOfWork
    before_add: Callable[[], object] | None = None

    def read(self) -> AbstractContextManager[UnitOfWork]:
        return self.units.read()

    def write(self) -> UnitOfWork:
        unit = self.units.write()
        moment, self.before_add = self.before_add, None
        if moment is not None:
            add = unit.records.add

            def add_after_it(record: NewRecord) -> Record:
                moment()
                return add(record)

            unit.records.add = add_after_it  # type: ignore[method-assign]
        return unit
