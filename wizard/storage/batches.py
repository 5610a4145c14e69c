"""Many units of work as one transaction: what they look up is read at once, what they write is written at once.

Reading and writing are apart, so that SQLite's one writer is not kept waiting while rules are run: before anything is
written, what was read is read again, and must still be so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session, sessionmaker

from wizard.core.clock import Clock
from wizard.core.education import member_number_key
from wizard.services.ports.units import Overtaken, Sought
from wizard.storage.batch_parts import Facts, Known, Part, Written
from wizard.storage.crypto import Cipher
from wizard.storage.repositories import counters
from wizard.storage.repositories.counters import Counter
from wizard.storage.tables import RecordRow
from wizard.storage.unit_of_work import SqlUnitOfWork, or_closed


class SqlBatch:
    """`ports.Batch`."""

    known: Known

    def __init__(self, stores: SqlBatches, sought: Sought) -> None:
        self._stores = stores
        self._session = stores.sessions()
        self._reading = SqlUnitOfWork(self._session, stores.cipher, stores.clock, writes=False)
        self._sought = sought
        self._written = Written()
        self._numbers: Iterator[int] = iter(())

    def __enter__(self) -> Self:
        self._reading.__enter__()
        with or_closed(self._session):
            self.known = self._read(self._reading)
            self._reader = self.write()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._reading.__exit__(kind, error, traceback)

    def read(self) -> SqlUnitOfWork:
        return self._reader

    def write(self) -> SqlUnitOfWork:
        return Part(
            self._session,
            cipher=self._stores.cipher,
            clock=self._stores.clock,
            known=self.known,
            number=self.next_number,
            take=self.take,
        )

    def take(self, written: Written) -> None:
        """Write what a part has committed, with all the rest."""
        self.known.hold(RecordRow(**row) for row in written.records)
        self._written.add(written)

    def reserve(self, records: int) -> None:
        """Numbers for records to come: no writer waits for this batch to get some."""
        session = self._stores.sessions()
        with SqlUnitOfWork(session, self._stores.cipher, self._stores.clock, writes=True) as unit:
            last = counters.hold(session, Counter.RECORD)
            counters.advance(session, Counter.RECORD, to=last + records)
            unit.commit()
        self._numbers = iter(range(last + 1, last + records + 1))

    def next_number(self) -> str:
        """The next of those reserved."""
        number = next(self._numbers, None)
        if number is None:
            raise Overtaken
        return Counter.RECORD.number(number)

    def commit(self) -> None:
        """Write all that the parts have committed. Raises `Overtaken`: then nothing is written."""
        self._session.close()
        written = self._written
        with self._stores.writing() as unit:
            if self._read(unit).facts != self.known.facts:
                raise Overtaken
            if written.records:
                unit.records.add_all(written.records)
            if written.messages:
                unit.outbox.add_all(written.messages)
            unit.audit.append(written.events)
            unit.commit()

    def _read(self, unit: SqlUnitOfWork) -> Known:
        """Three queries."""
        keys = set(map(member_number_key, self._sought.member_numbers))
        accounts = {member_number_key(each.number): each for each in unit.accounts.by_numbers(keys)}
        by_id = {each.id: each for each in accounts.values()}
        looked_for: dict[str, Collection[str]] = {
            "session_id": set(self._sought.session_ids),
            "account_id": set(by_id),
            "user_business_key": keys,
            "coto_registration": set(self._sought.coto_registrations),
        }
        rows = unit.records.of_any(**looked_for)
        facts = Facts(by_id, unit.membership_years.current(), frozenset((row.id, row.version) for row in rows))
        known = Known(facts, {key: accounts.get(key) for key in keys}, looked_for)
        known.hold(rows)
        return known


@dataclass(frozen=True, slots=True)
class SqlBatches:
    """`ports.Batches`."""

    sessions: sessionmaker[Session]
    cipher: Cipher
    clock: Clock
    announces: bool = False

    def writing(self) -> SqlUnitOfWork:
        return SqlUnitOfWork(self.sessions(), self.cipher, self.clock, writes=True, announces=self.announces)

    def begin(self, sought: Sought) -> SqlBatch:
        return SqlBatch(self, sought)
