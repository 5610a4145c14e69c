"""Education records in the database, whose constraints have the last word on what is unique."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from wizard.core.category import CategoryDecision, Rationale
from wizard.core.choices import EducationCategory
from wizard.core.education import FIELDS, EducationData, member_number_key
from wizard.core.errors import Conflict, StaleVersion
from wizard.core.records import NewRecord, Record, Verification
from wizard.core.rules import Holdings
from wizard.services.ports.records import RecordTaken
from wizard.services.ports.units import Overtaken
from wizard.storage.repositories import counters
from wizard.storage.repositories.counters import Counter
from wizard.storage.repositories.verification_columns import columns_of, verification_of
from wizard.storage.sealed_columns import holds, holds_any
from wizard.storage.tables import RecordRow

# The rule behind each unique column, the most telling first: a record of this very session is no conflict at all.
RULES = {
    "session_id": "session.one_record",
    "account_id": "account.one_record",
    "user_business_key": "user_business_id.unique",
    "coto_registration": "coto_registration.unique",
}
# The receipt asks for it; putting a statement together takes as long as sending it (docs/benchmarks.md).
_BY_ID = select(RecordRow).where(RecordRow.id == bindparam("id"))


class SqlRecords:
    """`ports.Records`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, record_id: str) -> Record | None:
        row = self._session.scalar(_BY_ID, {"id": record_id})
        return None if row is None else record_of(row)

    def hold(self, record_id: str) -> Record | None:
        """A record as it is now; nobody else, a category refresh neither, changes it before this transaction ends."""
        held = select(RecordRow).where(RecordRow.id == record_id).with_for_update()
        row = self._session.scalar(held.execution_options(populate_existing=True))
        return None if row is None else record_of(row)

    def by_session(self, session_id: str) -> Record | None:
        return self._one(RecordRow.session_id == session_id)

    def by_account(self, account_id: str) -> Record | None:
        return self._one(RecordRow.account_id == account_id)

    def ids(self, numbers: Collection[str]) -> Mapping[str, str]:
        """The ids of those records that are there, by their numbers."""
        found = self._session.execute(select(RecordRow.number, RecordRow.id).where(RecordRow.number.in_(numbers)))
        return {row.number: row.id for row in found}

    def of_any(self, **values: Collection[str]) -> Sequence[RecordRow]:
        """The rows of records that hold any of some values, by their unique columns."""
        conditions = [holds_any(self._session, getattr(RecordRow, column), each) for column, each in values.items()]
        return self._session.scalars(select(RecordRow).where(or_(*conditions))).all()

    def add_all(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write many rows at once. Raises `Overtaken` where any of them breaks a constraint."""
        try:
            self._session.connection().execute(insert(RecordRow), rows)
        except IntegrityError as error:
            raise Overtaken from error

    def _one(self, condition: ColumnElement[bool]) -> Record | None:
        row = self._session.scalar(select(RecordRow).where(condition))
        return None if row is None else record_of(row)

    def holders(self, data: EducationData, *, account_id: str | None) -> Sequence[Record]:
        """The records that hold any of these numbers, or are the account's, in one query."""
        return [record_of(row) for row in self._holders({**unique_of(data), "account_id": account_id})]

    def holdings(self, data: EducationData, *, account_id: str | None, session_id: str | None) -> Holdings:
        """What other records (not the one of `session_id`) hold of these numbers, in one query."""
        wanted = {**unique_of(data), "account_id": account_id}
        others = [row for row in self._holders(wanted) if row.session_id != session_id]
        held = {column for row in others for column, value in wanted.items() if value and getattr(row, column) == value}
        return Holdings(
            member_number_taken="user_business_key" in held,
            coto_registration_taken="coto_registration" in held,
            account_has_record="account_id" in held,
        )

    def _holders(self, wanted: dict[str, str | None]) -> list[RecordRow]:
        """The records that hold any of some values of unique columns; each is held by one at most."""
        conditions = [
            holds(self._session, getattr(RecordRow, column), value)
            for column, value in wanted.items()
            if value is not None
        ]
        return list(self._session.scalars(select(RecordRow).where(or_(*conditions)))) if conditions else []

    def add(self, record: NewRecord) -> Record:
        """Write a record and give it the next number. Raises `RecordTaken`; the transaction stays usable."""
        mine = {**unique_of(record.data), "session_id": record.session_id, "account_id": record.account_id}
        with self._guarded(mine):
            number = counters.take(self._session, Counter.RECORD)
            self._require_free(mine)
            added = insert(RecordRow).values(**first_columns(record), number=number)
            return record_of(self._session.scalars(added.returning(RecordRow)).one())

    def correct(
        self,
        record: Record,
        *,
        data: EducationData,
        decision: CategoryDecision,
        verification: Verification,
        at: datetime,
        declaration_version: str | None = None,
    ) -> Record:
        """Change a record's data, which may have been declared anew.

        Raises `StaleVersion`, `Conflict` where it is gone, and `RecordTaken`.
        """
        changed = (
            update(RecordRow)
            .where(RecordRow.id == record.id, RecordRow.version == record.version)
            .values(
                **_data_columns(data),
                **_decided_columns(decision.category, decision.rationale, verification),
                **({"declaration_version": declaration_version, "declared_at": at} if declaration_version else {}),
                updated_at=at,
                version=record.version + 1,
            )
            .returning(RecordRow)
        )
        with self._guarded(unique_of(data), but=record.id):
            self._require_free(unique_of(data), but=record.id)
            row = self._session.scalars(changed, execution_options={"populate_existing": True}).one_or_none()
        if row is None:
            raise self._stale(record)
        return record_of(row)

    def delete(self, record: Record) -> None:
        """Delete a record; its number is never given out again. Raises as `correct`."""
        gone = delete(RecordRow).where(RecordRow.id == record.id, RecordRow.version == record.version)
        if self._session.scalar(gone.returning(RecordRow.id)) is None:
            raise self._stale(record)

    def _stale(self, record: Record) -> Conflict:
        current = self._session.scalar(select(RecordRow.version).where(RecordRow.id == record.id))
        return Conflict("record.gone") if current is None else StaleVersion(seen=record.version, current=current)

    def _require_free(self, mine: dict[str, str | None], *, but: str | None = None) -> None:
        """See that nobody holds the COTO number sealed otherwise: to the constraint that is another value.

        Whoever makes a record holds the counter, and so sees what the one before has written. Raises `RecordTaken`.
        """
        number = mine["coto_registration"]
        if number is None:
            return
        held = select(RecordRow.id).where(holds(self._session, RecordRow.coto_registration, number))
        if any(each != but for each in self._session.scalars(held)):
            raise RecordTaken(self._broken(mine, but=but) or RULES["coto_registration"])

    @contextmanager
    def _guarded(self, mine: dict[str, str | None], *, but: str | None = None) -> Iterator[None]:
        """Turn a broken constraint into the rule behind it.

        The savepoint is for PostgreSQL, where a failed statement otherwise spoils its whole transaction; the
        holder is looked up rather than read from the message, which names only one of several broken constraints.
        """
        try:
            with self._session.begin_nested():
                yield
        except IntegrityError as error:
            if rule := self._broken(mine, but=but):
                raise RecordTaken(rule) from error
            raise

    def _broken(self, mine: dict[str, str | None], *, but: str | None) -> str | None:
        """The most telling rule that another record stands against."""
        held = [row for row in self._holders(mine) if row.id != but]
        broken = (
            rule for column, rule in RULES.items() if any(getattr(row, column) == mine.get(column) for row in held)
        )
        return next(broken, None)


def unique_of(data: EducationData) -> dict[str, str | None]:
    """What of the data only one record may hold, by column; what no number can be, none holds."""
    number, registration = data.user_business_id, data.coto_registration
    return {
        "user_business_key": member_number_key(number) if number and number.isprintable() else None,
        "coto_registration": registration if registration and registration.isprintable() else None,
    }


def _data_columns(data: EducationData) -> dict[str, str | None]:
    return {**data.as_dict(), "user_business_key": unique_of(data)["user_business_key"]}


def _decided_columns(category: EducationCategory, rationale: Rationale, verification: Verification) -> dict[str, Any]:
    return {
        "category": category,
        "category_codes": list(rationale.codes),
        "category_params": dict(rationale.params),
        **columns_of(verification),
    }


def first_columns(record: NewRecord) -> dict[str, Any]:
    """A new record as its row, but for the number."""
    return {
        **_data_columns(record.data),
        **_decided_columns(record.category, record.rationale, record.verification),
        "id": record.id,
        "account_id": record.account_id,
        "session_id": record.session_id,
        "declaration_version": record.declaration_version,
        "declared_at": record.declared_at,
        "created_by": record.created_by,
        "created_at": record.created_at,
        "updated_at": record.created_at,
        "version": 1,
    }


def record_of(row: RecordRow) -> Record:
    """A record as its row has it."""
    return Record(
        id=row.id,
        number=row.number,
        account_id=row.account_id,
        session_id=row.session_id,
        data=EducationData(**{name: getattr(row, name) for name in FIELDS}),
        category=EducationCategory(row.category),
        rationale=Rationale(tuple(row.category_codes), row.category_params),
        verification=verification_of(row),
        declaration_version=row.declaration_version,
        declared_at=row.declared_at,
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )
