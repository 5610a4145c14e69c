"""Transactions of the database, with everything that can be reached in one."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from wizard.services.ports.backlog import Backlog
from wizard.services.ports.bulk import BulkJobs
from wizard.services.ports.categories import Categories, RefreshRuns
from wizard.services.ports.deliveries import Deliveries
from wizard.services.ports.erasure import Erasures
from wizard.services.ports.messages import Outbox
from wizard.services.ports.people import Accounts, MembershipYears, SecondFactors, Staff
from wizard.services.ports.personal_columns import PersonalColumns
from wizard.services.ports.persons import Persons
from wizard.services.ports.proofs import Codes, Links
from wizard.services.ports.record_lists import RecordLists
from wizard.services.ports.records import Records
from wizard.services.ports.retention import Retention
from wizard.services.ports.statistics import Statistics
from wizard.services.ports.tokens import ApiTokens
from wizard.services.ports.trail import AuditTrail
from wizard.services.ports.verification import VerificationQueue


class Overtaken(Exception):
    """Somebody else was quicker, so that the whole cannot be written; each on its own can say what is in its way."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What many units of work will look things up by."""

    member_numbers: Collection[str] = ()
    coto_registrations: Collection[str] = ()
    session_ids: Collection[str] = ()


class UnitOfWork(Protocol):
    """One database transaction: committed by the service, rolled back otherwise.

    Entering or using it raises ExternalServiceError("database") where the database cannot be reached.
    """

    @property
    def accounts(self) -> Accounts: ...

    @property
    def records(self) -> Records: ...

    @property
    def record_lists(self) -> RecordLists: ...

    @property
    def verifications(self) -> VerificationQueue: ...

    @property
    def audit(self) -> AuditTrail: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def deliveries(self) -> Deliveries: ...

    @property
    def codes(self) -> Codes: ...

    @property
    def links(self) -> Links: ...

    @property
    def staff(self) -> Staff: ...

    @property
    def second_factors(self) -> SecondFactors: ...

    @property
    def tokens(self) -> ApiTokens: ...

    @property
    def statistics(self) -> Statistics: ...

    @property
    def backlog(self) -> Backlog: ...

    @property
    def membership_years(self) -> MembershipYears: ...

    @property
    def categories(self) -> Categories: ...

    @property
    def refreshes(self) -> RefreshRuns: ...

    @property
    def bulk(self) -> BulkJobs: ...

    @property
    def persons(self) -> Persons: ...

    @property
    def erasures(self) -> Erasures: ...

    @property
    def retention(self) -> Retention: ...

    @property
    def personal_columns(self) -> PersonalColumns: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def commit(self) -> None: ...


class UnitsOfWork(Protocol):
    """Begins transactions."""

    def write(self) -> UnitOfWork:
        """A transaction that may write (on SQLite it takes the write lock at once)."""
        ...

    def read(self) -> AbstractContextManager[UnitOfWork]:
        """A transaction that only reads."""
        ...


class Batch(UnitsOfWork, Protocol):
    """Units of work that are written together: as on their own, but with one transaction for all of them.

    What a part has committed is seen by the parts after it, and written when the batch is; what it has not is dropped.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def reserve(self, records: int) -> None:
        """Have numbers for so many new records; those not used in the end are given to none."""
        ...

    def commit(self) -> None:
        """Write all that the parts have committed. Raises `Overtaken`: then nothing is written."""
        ...


class Batches(Protocol):
    """Begins batches, for what would otherwise take as many transactions as there are rows."""

    def begin(self, sought: Sought) -> Batch: ...
