"""The parts of a batch (batches.py): units of work whose look-ups were read already, and whose writing waits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy.orm import Session

from wizard.core.accounts import Account, MembershipYear
from wizard.core.clock import Clock
from wizard.core.education import member_number_key
from wizard.core.events import Event
from wizard.core.records import NewRecord, Record
from wizard.services.ports.messages import Message
from wizard.services.ports.records import RecordTaken
from wizard.services.ports.units import Overtaken
from wizard.storage.audit_trail import SqlAuditTrail
from wizard.storage.crypto import Cipher
from wizard.storage.outbox import SqlOutbox
from wizard.storage.repositories.accounts import SqlAccounts
from wizard.storage.repositories.membership_years import SqlMembershipYears
from wizard.storage.repositories.records import RULES, SqlRecords, first_columns, record_of, unique_of
from wizard.storage.tables import RecordRow
from wizard.storage.unit_of_work import SqlUnitOfWork


@dataclass(frozen=True)
class Facts:
    """What was read for all of them."""

    accounts: Mapping[str, Account]
    membership_year: MembershipYear | None
    records: frozenset[tuple[str, int]]


@dataclass
class Known:
    """The facts, by what they are looked up by, and what has been added since; others the database is asked for."""

    facts: Facts
    by_number: Mapping[str, Account | None]
    looked_for: Mapping[str, Collection[str]]
    holders: dict[tuple[str, str], RecordRow] = field(default_factory=dict)

    def hold(self, rows: Iterable[RecordRow]) -> None:
        """Note what records hold that only one may."""
        for row in rows:
            self.holders.update({(column, getattr(row, column)): row for column in RULES if getattr(row, column)})

    def has_looked_for(self, wanted: Mapping[str, str | None]) -> bool:
        return all(value is None or value in self.looked_for[column] for column, value in wanted.items())

    def holding(self, wanted: Mapping[str, str | None]) -> list[RecordRow]:
        """The records that hold any of these, each once."""
        found = (self.holders.get((column, value)) for column, value in wanted.items() if value)
        return list({row.id: row for row in found if row}.values())


@dataclass
class Written:
    """What is to be written."""

    records: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def add(self, other: Written) -> None:
        self.records += other.records
        self.messages += other.messages
        self.events += other.events


class _Accounts(SqlAccounts):
    def __init__(self, session: Session, clock: Clock, known: Known) -> None:
        super().__init__(session, clock)
        self._known = known

    def get(self, account_id: str) -> Account | None:
        return self._known.facts.accounts.get(account_id) or super().get(account_id)

    def by_number(self, number: str) -> Account | None:
        key = member_number_key(number)
        return self._known.by_number[key] if key in self._known.by_number else super().by_number(number)


class _Years(SqlMembershipYears):
    def __init__(self, session: Session, known: Known) -> None:
        super().__init__(session)
        self._known = known

    def current(self) -> MembershipYear | None:
        return self._known.facts.membership_year


class _Records(SqlRecords):
    def __init__(self, session: Session, known: Known, written: Written, number: Callable[[], str]) -> None:
        super().__init__(session)
        self._known = known
        self._written = written
        self._number = number

    def by_session(self, session_id: str) -> Record | None:
        return self._by(session_id=session_id)

    def by_account(self, account_id: str) -> Record | None:
        return self._by(account_id=account_id)

    def _by(self, **wanted: str | None) -> Record | None:
        row = next(iter(self._holders(wanted)), None)
        return None if row is None else record_of(row)

    def _holders(self, wanted: dict[str, str | None]) -> list[RecordRow]:
        looked = self._known.has_looked_for(wanted)
        return self._known.holding(wanted) if looked else super()._holders(wanted)

    def add(self, record: NewRecord) -> Record:
        mine = {"session_id": record.session_id, "account_id": record.account_id, **unique_of(record.data)}
        held = self._holders(mine)
        for column, rule in RULES.items():
            if any(getattr(row, column) == mine[column] for row in held):
                raise RecordTaken(rule)
        row = {**first_columns(record), "number": self._number()}
        self._written.records.append(row)
        return record_of(RecordRow(**row))

    def correct(self, *_: object, **__: object) -> Record:
        """A record that is there already is changed by a transaction of its own."""
        raise Overtaken


class _Outbox(SqlOutbox):
    def __init__(self, session: Session, cipher: Cipher, written: Written) -> None:
        super().__init__(session, cipher)
        self._written = written

    def add(self, message: Message, *, at: datetime) -> bool:
        self._written.messages.append(self.row(message, at=at))
        return True


class _Trail(SqlAuditTrail):
    def __init__(self, session: Session, cipher: Cipher, written: Written) -> None:
        super().__init__(session, cipher)
        self._written = written

    def append(self, events: Iterable[Event]) -> int:
        told = list(events)
        self._written.events += told
        return len(told)


class Part(SqlUnitOfWork):
    """What it writes is dropped unless it is committed."""

    def __init__(
        self,
        session: Session,
        *,
        cipher: Cipher,
        clock: Clock,
        known: Known,
        number: Callable[[], str],
        take: Callable[[Written], None],
    ) -> None:
        super().__init__(session, cipher, clock, writes=False)
        self._written = Written()
        self._take = take
        self.accounts = _Accounts(session, clock, known)
        self.membership_years = _Years(session, known)
        self.records = _Records(session, known, self._written, number)
        self.outbox = _Outbox(session, cipher, self._written)
        self.audit = _Trail(session, cipher, self._written)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """The transaction goes on with the next part."""

    def commit(self) -> None:
        """Leave it to the batch to write."""
        self._take(self._written)
