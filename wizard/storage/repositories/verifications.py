"""The verification queue in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from wizard.core.errors import Conflict, StaleVersion
from wizard.core.records import Record, Verification, VerificationState
from wizard.services.ports.verification import WaitingRecord
from wizard.storage.repositories.records import record_of
from wizard.storage.repositories.verification_columns import columns_of
from wizard.storage.tables import AccountRow, RecordRow


class SqlVerificationQueue:
    """`ports.VerificationQueue`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(self, *, after: str | None, limit: int) -> Sequence[WaitingRecord]:
        """Records that wait or whose applicant was asked, oldest first, from behind the one with the id `after`."""
        order = tuple_(RecordRow.created_at, RecordRow.id)
        query = select(RecordRow, AccountRow.name).join(AccountRow, AccountRow.id == RecordRow.account_id)
        query = query.where(RecordRow.verification_state == VerificationState.WAITING).order_by(*order.clauses)
        if after is not None:
            # Decided meanwhile it still says where the page before ended.
            last = select(RecordRow.created_at, RecordRow.id).where(RecordRow.id == after).subquery()
            query = query.join(last, order > tuple_(last.c.created_at, last.c.id))
        return [WaitingRecord(record_of(row), name) for row, name in self._session.execute(query.limit(limit))]

    def decide(self, record: Record, verification: Verification, *, at: datetime) -> Record:
        """Give a record another verification. Raises `StaleVersion`, `Conflict` where it is gone."""
        changed = (
            update(RecordRow)
            .where(RecordRow.id == record.id, RecordRow.version == record.version)
            .values(**columns_of(verification), updated_at=at, version=record.version + 1)
            .returning(RecordRow)
        )
        row = self._session.scalars(changed, execution_options={"populate_existing": True}).one_or_none()
        if row is None:
            current = self._session.scalar(select(RecordRow.version).where(RecordRow.id == record.id))
            raise (Conflict("record.gone") if current is None else StaleVersion(seen=record.version, current=current))
        return record_of(row)
