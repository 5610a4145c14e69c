"""The runs of the category refresh, as they were begun and how far they came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from wizard.core.choices import EducationCategory
from wizard.services.ports.categories import Moves, RefreshRun
from wizard.storage.tables import RefreshRow
from wizard.storage.upsert import insert_or

_ARROW = ">"


class SqlRefreshRuns:
    """`ports.RefreshRuns`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(
        self, *, day: date | None, started_by: str, privilege: str | None, at: datetime, request_id: str | None = None
    ) -> bool:
        """Begin a run; False where there is one for this day already, for one worker begins it."""
        added = insert_or(self._session, RefreshRow).values(
            day=day, started_by=started_by, privilege=privilege, request_id=request_id, started_at=at, moves={}
        )
        once = added.on_conflict_do_nothing(index_elements=["day"]).returning(RefreshRow.id)
        return self._session.scalar(once) is not None

    def of_day(self, day: date) -> RefreshRun | None:
        """The run that was due on a day."""
        return self._one(select(RefreshRow).where(RefreshRow.day == day))

    def open(self) -> RefreshRun | None:
        """The oldest run that is not finished."""
        return self._one(_open())

    def hold_open(self, *, wait: bool) -> RefreshRun | None:
        """The same; nobody else goes on with it before this transaction ends."""
        return self._one(_open().with_for_update(skip_locked=not wait))

    def update(self, run: RefreshRun) -> None:
        self._session.execute(
            update(RefreshRow)
            .where(RefreshRow.id == run.id)
            .values(
                membership_ends=run.membership_ends,
                finished_at=run.finished_at,
                moves={f"{before}{_ARROW}{after}": count for (before, after), count in run.moves.items()},
            )
        )

    def newest(self, *, limit: int) -> Sequence[RefreshRun]:
        """The newest runs first."""
        rows = self._session.scalars(select(RefreshRow).order_by(RefreshRow.id.desc()).limit(limit))
        return [_run(row) for row in rows]

    def _one(self, query: Select[RefreshRow]) -> RefreshRun | None:
        row = self._session.scalar(query.execution_options(populate_existing=True))
        return None if row is None else _run(row)


def _open() -> Select[RefreshRow]:
    return select(RefreshRow).where(RefreshRow.finished_at.is_(None)).order_by(RefreshRow.id).limit(1)


def _run(row: RefreshRow) -> RefreshRun:
    return RefreshRun(
        id=row.id,
        day=row.day,
        started_by=row.started_by,
        privilege=row.privilege,
        started_at=row.started_at,
        membership_ends=row.membership_ends,
        finished_at=row.finished_at,
        moves=_moves(row.moves),
        request_id=row.request_id,
    )


def _moves(stored: dict[str, int]) -> Moves:
    parted = [(move.partition(_ARROW), count) for move, count in stored.items()]
    return {(EducationCategory(before), EducationCategory(after)): count for (before, _, after), count in parted}
