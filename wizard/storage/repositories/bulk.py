"""Bulk registration in the database: jobs, and rows that workers claim, settle and erase."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, or_, select, update
from sqlalchemy.orm import Session

from wizard.core.errors import ErrorCode, Problem
from wizard.services.ports.bulk import (
    SETTLED_WELL,
    UNDER_WAY,
    BulkJob,
    BulkRow,
    BulkRowState,
    JobState,
    RowOutcome,
    RowState,
)
from wizard.storage.bulk_tables import BulkJobRow, BulkRowRow
from wizard.storage.crypto import Cipher, Undecipherable
from wizard.storage.personal import whose_row

# Longer than a worker needs for what it claims at once; after that it is taken for dead, and its rows are free.
CLAIM = timedelta(seconds=30)


_OUTCOME_COLUMNS = ("state", "problems", "category", "record_number", "session_id", "keys")


class SqlBulkJobs:
    """`ports.BulkJobs`."""

    def __init__(self, session: Session, cipher: Cipher) -> None:
        self._session = session
        self._cipher = cipher

    def add(self, job: BulkJob, rows: Iterable[BulkRowState]) -> None:
        """A job with its rows, some of which may be rejected already."""
        described = {"name": job.name, "unknown_columns": job.unknown_columns}
        self._session.execute(
            insert(BulkJobRow).values(
                **_standing(job),
                id=job.id,
                created_by=job.created_by,
                created_at=job.created_at,
                total=job.total,
                goes_on=job.goes_on,
                sealed=self._seal(job.id, 0, described),
            )
        )
        self._session.execute(insert(BulkRowRow), [self._added(job.id, each) for each in rows])

    def _added(self, job_id: str, each: BulkRowState) -> dict[str, Any]:
        row = each.row
        personal = {"values": row.values, "email": row.email}
        return {
            "job_id": job_id,
            "number": row.number,
            "sealed": None if row.values is None else self._seal(job_id, row.number, personal),
            "whose": whose_row(self._cipher, (row.values or {}).get("user_business_id"), row.email),
            "claimed_until": None,
            **_columns(each.outcome),
        }

    def get(self, job_id: str) -> BulkJob | None:
        return self._one(select(BulkJobRow).where(BulkJobRow.id == job_id))

    def newest(self, *, limit: int) -> Sequence[BulkJob]:
        """The newest jobs first."""
        return self._jobs(select(BulkJobRow).order_by(BulkJobRow.serial.desc()).limit(limit))

    def under_way(self, *, limit: int) -> Sequence[BulkJob]:
        """Jobs that have rows to work on, oldest first."""
        mine = select(BulkJobRow).where(BulkJobRow.state.in_(UNDER_WAY))
        return self._jobs(mine.order_by(BulkJobRow.serial).limit(limit))

    def hold(self, job_id: str) -> BulkJob | None:
        """A job as it is now; nobody else changes it or settles its rows before this transaction ends."""
        return self._one(select(BulkJobRow).where(BulkJobRow.id == job_id).with_for_update())

    def update(self, job: BulkJob) -> None:
        """Write its state, and what it was started with."""
        self._session.execute(update(BulkJobRow).where(BulkJobRow.id == job.id).values(_standing(job)))

    def claim(self, job_id: str, states: Collection[RowState], *, now: datetime, limit: int) -> Sequence[BulkRow]:
        """Take some rows, in order, for this worker alone for a while. A row that cannot be decrypted has no values."""
        free = or_(BulkRowRow.claimed_until.is_(None), BulkRowRow.claimed_until <= now)
        mine = (
            select(BulkRowRow)
            .where(BulkRowRow.job_id == job_id, BulkRowRow.state.in_(states), free)
            .order_by(BulkRowRow.number)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        rows = self._session.scalars(mine).all()
        self._rows_of(job_id, [row.number for row in rows], claimed_until=now + CLAIM)
        return [self._row(row) for row in rows]

    def settle(self, job_id: str, outcomes: Mapping[int, RowOutcome], *, before: Collection[RowState]) -> None:
        """Write what came of rows, by their numbers, and erase those where it went well.

        Those that are in none of the states before stay as they are.
        """
        well = {number: each for number, each in outcomes.items() if each.state in SETTLED_WELL}
        self._settle(job_id, {row: each for row, each in outcomes.items() if row not in well}, before=before)
        self._settle(job_id, well, before=before, sealed=None, whose=None)

    def _settle(
        self, job_id: str, outcomes: Mapping[int, RowOutcome], *, before: Collection[RowState], **same: object
    ) -> None:
        if not outcomes:
            return
        columns = BulkRowRow.__table__.c
        settled = update(BulkRowRow).where(
            BulkRowRow.job_id == job_id,
            BulkRowRow.number == bindparam("row"),
            or_(*(BulkRowRow.state == state for state in before)),
        )
        changed = {name: bindparam(f"new_{name}", type_=columns[name].type) for name in _OUTCOME_COLUMNS}
        rows = [{"row": number, **_columns(outcome, prefix="new_")} for number, outcome in outcomes.items()]
        self._session.connection().execute(settled.values(claimed_until=None, **same, **changed), rows)

    def release(self, job_id: str, numbers: Collection[int]) -> None:
        """Give back rows that were claimed."""
        self._rows_of(job_id, numbers, claimed_until=None)

    def rows(self, job_id: str, states: Collection[RowState], *, after: int = 0, limit: int) -> Sequence[BulkRowState]:
        """Rows in some states, in order, from behind a number."""
        mine = select(BulkRowRow).where(
            BulkRowRow.job_id == job_id, BulkRowRow.state.in_(states), BulkRowRow.number > after
        )
        found = self._session.scalars(mine.order_by(BulkRowRow.number).limit(limit))
        return [BulkRowState(self._row(row), _outcome(row)) for row in found]

    def keys(self, job_id: str) -> Sequence[tuple[int, Mapping[str, str]]]:
        """The numbers of the rows that are ready, in order, with the digests of what only one of them may hold."""
        mine = select(BulkRowRow.number, BulkRowRow.keys)
        mine = mine.where(BulkRowRow.job_id == job_id, BulkRowRow.state == RowState.READY)
        return [(row.number, row.keys) for row in self._session.execute(mine.order_by(BulkRowRow.number))]

    def erase(self, job_id: str) -> None:
        """Erase all that is personal in a job and its rows; what came of them stays."""
        self._session.execute(update(BulkJobRow).where(BulkJobRow.id == job_id).values(sealed=None))
        rows = update(BulkRowRow).where(BulkRowRow.job_id == job_id).values(sealed=None, whose=None, keys={})
        self._session.execute(rows.execution_options(synchronize_session=False))

    def older_than(self, at: datetime, *, limit: int) -> Sequence[BulkJob]:
        """Some jobs that are not erased yet and came in before an instant."""
        mine = select(BulkJobRow).where(BulkJobRow.sealed.is_not(None), BulkJobRow.created_at < at)
        return self._jobs(mine.order_by(BulkJobRow.serial).limit(limit))

    def _rows_of(self, job_id: str, numbers: Collection[int], **values: object) -> None:
        if numbers:
            mine = update(BulkRowRow).where(BulkRowRow.job_id == job_id, BulkRowRow.number.in_(numbers))
            self._session.execute(mine.values(**values).execution_options(synchronize_session=False))

    def _one(self, query: Select[BulkJobRow]) -> BulkJob | None:
        return next(iter(self._jobs(query)), None)

    def _jobs(self, query: Select[BulkJobRow]) -> Sequence[BulkJob]:
        """Jobs with the counts of their rows, in two statements."""
        rows = self._session.scalars(query.execution_options(populate_existing=True)).all()
        counted = select(BulkRowRow.job_id, BulkRowRow.state, func.count())
        counted = counted.where(BulkRowRow.job_id.in_([row.id for row in rows]))
        counts: dict[str, dict[RowState, int]] = defaultdict(dict)
        for job_id, state, count in self._session.execute(counted.group_by(BulkRowRow.job_id, BulkRowRow.state)):
            counts[job_id][RowState(state)] = count
        return [self._job(row, counts[row.id]) for row in rows]

    def _job(self, row: BulkJobRow, counts: Mapping[RowState, int]) -> BulkJob:
        described = self._open(row.id, 0, row.sealed) or {"name": None, "unknown_columns": ()}
        return BulkJob(
            id=row.id,
            state=JobState(row.state),
            created_by=row.created_by,
            created_at=row.created_at,
            total=row.total,
            name=described["name"],
            unknown_columns=tuple(described["unknown_columns"]),
            invite=row.invite,
            goes_on=row.goes_on,
            to_do=row.to_do,
            started_by=row.started_by,
            finished_at=row.finished_at,
            request_id=row.request_id,
            erased=row.sealed is None,
            counts=counts,
        )

    def _row(self, row: BulkRowRow) -> BulkRow:
        personal = self._open(row.job_id, row.number, row.sealed)
        return BulkRow(row.number, **personal) if personal else BulkRow(row.number, None)

    def _seal(self, job_id: str, number: int, personal: Mapping[str, Any]) -> bytes:
        return self._cipher.encrypt(json.dumps(personal).encode(), context=context_of_row(job_id, number))

    def _open(self, job_id: str, number: int, sealed: bytes | None) -> dict[str, Any] | None:
        """What was sealed; None where it is erased, or its key is gone."""
        if sealed is None:
            return None
        try:
            opened: dict[str, Any] = json.loads(self._cipher.decrypt(sealed, context=context_of_row(job_id, number)))
        except Undecipherable:
            return None
        return opened


def _standing(job: BulkJob) -> dict[str, Any]:
    """What of a job may change."""
    names = ("state", "invite", "to_do", "started_by", "request_id", "finished_at")
    return {name: getattr(job, name) for name in names}


def context_of_row(job_id: str, number: int) -> bytes:
    """The job's own description is number 0."""
    return f"bulk:{job_id}:{number}".encode()


def _columns(outcome: RowOutcome, *, prefix: str = "") -> dict[str, Any]:
    columns = {
        "state": outcome.state,
        "problems": [asdict(problem) for problem in outcome.problems],
        "category": outcome.category,
        "record_number": outcome.record_number,
        "session_id": outcome.session_id,
        "keys": dict(outcome.keys),
    }
    return {f"{prefix}{name}": value for name, value in columns.items()}


def _outcome(row: BulkRowRow) -> RowOutcome:
    return RowOutcome(
        state=RowState(row.state),
        problems=tuple(Problem(**{**each, "code": ErrorCode(each["code"])}) for each in row.problems),
        category=row.category,
        record_number=row.record_number,
        session_id=row.session_id,
        keys=row.keys,
    )
