"""One database transaction at a time, with all that can be done in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session, sessionmaker

from wizard.core.clock import Clock
from wizard.storage.audit_trail import SqlAuditTrail
from wizard.storage.crypto import Cipher
from wizard.storage.database import DIALECTS
from wizard.storage.outbox import SqlOutbox
from wizard.storage.repositories.accounts import SqlAccounts
from wizard.storage.repositories.backlog import SqlBacklog
from wizard.storage.repositories.bulk import SqlBulkJobs
from wizard.storage.repositories.categories import SqlCategories
from wizard.storage.repositories.codes import SqlCodes
from wizard.storage.repositories.deliveries import SqlDeliveries
from wizard.storage.repositories.erasures import SqlErasures
from wizard.storage.repositories.links import SqlLinks
from wizard.storage.repositories.membership_years import SqlMembershipYears
from wizard.storage.repositories.personal_columns import SqlPersonalColumns
from wizard.storage.repositories.persons import SqlPersons
from wizard.storage.repositories.record_lists import SqlRecordLists
from wizard.storage.repositories.records import SqlRecords
from wizard.storage.repositories.refreshes import SqlRefreshRuns
from wizard.storage.repositories.retention import SqlRetention
from wizard.storage.repositories.second_factors import SqlSecondFactors
from wizard.storage.repositories.staff import SqlStaff
from wizard.storage.repositories.statistics import SqlStatistics
from wizard.storage.repositories.tokens import SqlApiTokens
from wizard.storage.repositories.verifications import SqlVerificationQueue


class SqlUnitOfWork:
    """A transaction from `with` to `commit`; without that, all of it is rolled back.

    A database that fails raises ExternalServiceError("database") wherever it does (see `database`).
    """

    def __init__(
        self, session: Session, cipher: Cipher, clock: Clock, *, writes: bool, announces: bool = False
    ) -> None:
        self._session = session
        self._writes = writes
        self.accounts = SqlAccounts(session, clock)
        self.records = SqlRecords(session)
        self.record_lists = SqlRecordLists(session)
        self.verifications = SqlVerificationQueue(session)
        self.outbox = SqlOutbox(session, cipher)
        self.audit = SqlAuditTrail(session, cipher, self.outbox.announce if announces else None)
        self.deliveries = SqlDeliveries(session)
        self.codes = SqlCodes(session)
        self.links = SqlLinks(session)
        self.staff = SqlStaff(session)
        self.second_factors = SqlSecondFactors(session, cipher)
        self.statistics = SqlStatistics(session)
        self.backlog = SqlBacklog(session)
        self.tokens = SqlApiTokens(session)
        self.membership_years = SqlMembershipYears(session)
        self.categories = SqlCategories(session)
        self.refreshes = SqlRefreshRuns(session)
        self.bulk = SqlBulkJobs(session, cipher)
        self.persons = SqlPersons(session, cipher)
        self.erasures = SqlErasures(session, self.persons)
        self.retention = SqlRetention(session)
        self.personal_columns = SqlPersonalColumns(session)

    def __enter__(self) -> Self:
        with or_closed(self._session):
            dialect = DIALECTS[self._session.get_bind().dialect.name]
            self._session.connection(execution_options=dialect.WRITING if self._writes else dialect.READING)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    def commit(self) -> None:
        """Keep what was written."""
        self._session.commit()

    def require_writable(self) -> None:
        """Raise ExternalServiceError where the database answers and takes nothing."""
        DIALECTS[self._session.get_bind().dialect.name].require_writable(self._session.connection())


@contextmanager
def or_closed(session: Session) -> Iterator[None]:
    """What begins a transaction: where it fails, its session is closed."""
    try:
        yield
    except BaseException:
        session.close()
        raise


@dataclass(frozen=True, slots=True)
class SqlUnitsOfWork:
    """Begins transactions. One that `announces` writes each new event into the outbox, too, for other systems."""

    sessions: sessionmaker[Session]
    cipher: Cipher
    clock: Clock
    announces: bool = False

    def write(self) -> SqlUnitOfWork:
        """A transaction that may write; on SQLite it takes the write lock at once."""
        return SqlUnitOfWork(self.sessions(), self.cipher, self.clock, writes=True, announces=self.announces)

    def read(self) -> SqlUnitOfWork:
        """A transaction that only reads."""
        return SqlUnitOfWork(self.sessions(), self.cipher, self.clock, writes=False)

    def ping(self) -> None:
        """Raise ExternalServiceError unless the database answers, knows our tables, and could be written to."""
        with self.read() as unit:
            unit.membership_years.current()
            unit.require_writable()
