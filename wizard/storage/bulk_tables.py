"""The tables of bulk registration."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from wizard.services.ports.bulk import JobState, RowState
from wizard.storage.schema import Identity, Table, one_of


class BulkJobRow(Table):
    """A file that was loaded; `sealed` holds its name and what its columns were called."""

    __tablename__ = "bulk_jobs"
    __table_args__ = (
        one_of("state", JobState),
        CheckConstraint("total >= 1", name="total"),
        Index(None, "state"),
    )

    # Says which is newer, also of two made at the same instant.
    serial: Mapped[int] = mapped_column(Identity, primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    total: Mapped[int]
    invite: Mapped[bool]
    goes_on: Mapped[bool]
    to_do: Mapped[int]
    started_by: Mapped[str | None]
    finished_at: Mapped[datetime | None]
    sealed: Mapped[bytes | None]
    request_id: Mapped[str | None]


class BulkRowRow(Table):
    """A row of a file; `sealed` holds what stands in it until it is in or the job is erased.

    `keys` are keyed digests of the numbers that only one row of a file may hold; `whose` is one of the member number,
    or else of the address, as long as the row is sealed.
    """

    __tablename__ = "bulk_rows"
    __table_args__ = (
        one_of("state", RowState),
        Index(None, "job_id", "state", "number"),
        Index(None, "whose"),
    )

    job_id: Mapped[str] = mapped_column(ForeignKey("bulk_jobs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str]
    sealed: Mapped[bytes | None]
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    category: Mapped[str | None]
    record_number: Mapped[str | None]
    session_id: Mapped[str | None]
    keys: Mapped[dict[str, str]]
    claimed_until: Mapped[datetime | None]
    whose: Mapped[str | None]
