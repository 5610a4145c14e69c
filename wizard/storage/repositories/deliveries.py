"""The outbox as the desk looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Delete, Select, Update, and_, delete, or_, select, tuple_, update
from sqlalchemy.orm import Session

from wizard.services.ports.deliveries import LATE, DeliveryState, Posted, Undone
from wizard.services.ports.messages import Attempt, Medium
from wizard.storage.outbox import behind_another, waits_behind
from wizard.storage.trail_tables import AttemptRow, MessageState, OutboxRow


class SqlDeliveries:
    """`ports.Deliveries`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def undelivered(self, undone: Undone, *, after: str | None, limit: int) -> Sequence[Posted]:
        """Messages that have not gone out, newest first, from behind the one with the id `after`."""
        return self._page(_LOOKED_AT.where(is_undelivered(undone)), after, limit)

    def every(self, medium: Medium, *, after: str | None, limit: int) -> Sequence[Posted]:
        """All messages of a medium that are still known, newest first, from behind the one with the id `after`."""
        sent = _LOOKED_AT.where(OutboxRow.medium == medium, OutboxRow.state != MessageState.SUPPRESSED)
        return self._page(sent, after, limit)

    def _page(self, rows: Select[OutboxRow, bool], after: str | None, limit: int) -> Sequence[Posted]:
        order = tuple_(OutboxRow.created_at, OutboxRow.id)
        rows = rows.order_by(*(part.desc() for part in order.clauses)).limit(limit)
        if after is not None:
            # Delivered meanwhile it still says where the page before ended.
            last = select(OutboxRow.created_at, OutboxRow.id).where(OutboxRow.id == after).subquery()
            rows = rows.join(last, order < tuple_(last.c.created_at, last.c.id))
        return [_posted(row, behind=behind) for row, behind in self._session.execute(rows)]

    def get(self, message_id: str) -> Posted | None:
        """One message; None for one that is unknown, or was never to be sent."""
        one = _LOOKED_AT.where(OutboxRow.id == message_id, OutboxRow.state != MessageState.SUPPRESSED)
        return next((_posted(row, behind=behind) for row, behind in self._session.execute(one)), None)

    def attempts(self, message_id: str) -> Sequence[Attempt]:
        """The tries to deliver a message, oldest first."""
        tries = select(AttemptRow).where(AttemptRow.message_id == message_id).order_by(AttemptRow.id)
        return [Attempt(row.at, row.duration_ms, row.status, row.reason) for row in self._session.scalars(tries)]

    def retry(self, message_id: str, *, at: datetime) -> bool:
        """Have it tried again at once, with all its tries before it; False where it is out, or no longer kept."""
        states = (MessageState.GIVEN_UP, MessageState.WAITING)
        if not self._again(OutboxRow.id == message_id, at=at, states=states):
            return False
        later = update(OutboxRow).where(waits_behind(message_id), OutboxRow.due_at > at)
        self._session.execute(later.values(due_at=at))
        return True

    def retry_given_up(self, medium: Medium, *, at: datetime) -> int:
        """The same for all of a medium that were given up and are kept; answers how many."""
        return self._again(OutboxRow.medium == medium, at=at, states=(MessageState.GIVEN_UP,))

    def _again(self, which: ColumnElement[bool], *, at: datetime, states: tuple[MessageState, ...]) -> int:
        rows = update(OutboxRow).where(which, OutboxRow.state.in_(states), OutboxRow.sealed.is_not(None))
        return self._count(rows.values(state=MessageState.WAITING, due_at=at, attempts=0, reason=None, erase_at=None))

    def erase(self, *, now: datetime, before: datetime, limit: int) -> int:
        """Erase what is kept no longer: what was given up, tries from before an instant, and events that old."""
        over = update(OutboxRow).where(OutboxRow.erase_at <= now).values(sealed=None, whose=None, erase_at=None)
        tries = select(AttemptRow.id).where(AttemptRow.at < before).limit(limit)
        done = (MessageState.DELIVERED, MessageState.GIVEN_UP)
        events = (
            select(OutboxRow.id)
            # Of a mail the key has to stay: what it was for would send it once more.
            .where(OutboxRow.medium == Medium.WEBHOOK, OutboxRow.state.in_(done), OutboxRow.created_at < before)
            .where(~select(AttemptRow.id).where(AttemptRow.message_id == OutboxRow.id).exists())
            .limit(limit)
        )
        return (
            self._count(over)
            + self._count(delete(AttemptRow).where(AttemptRow.id.in_(tries)))
            + self._count(delete(OutboxRow).where(OutboxRow.id.in_(events)))
        )

    def _count(self, statement: Update | Delete) -> int:
        result: CursorResult[Any] = self._session.execute(statement)  # type: ignore[assignment]
        return result.rowcount


def is_undelivered(undone: Undone) -> ColumnElement[bool]:
    """Whether a row is one of a medium's that have not gone out."""
    held_up = or_(OutboxRow.reason.is_not(None), OutboxRow.due_at <= undone.now - LATE, behind_another(failed=True))
    waiting = and_(OutboxRow.state == MessageState.WAITING, held_up)
    given_up = and_(OutboxRow.state == MessageState.GIVEN_UP, OutboxRow.due_at >= undone.now - undone.kept)
    return and_(OutboxRow.medium == undone.medium, or_(waiting, given_up))


_LOOKED_AT = select(OutboxRow, and_(OutboxRow.state == MessageState.WAITING, behind_another()))


def _posted(row: OutboxRow, *, behind: bool) -> Posted:
    return Posted(
        id=row.id,
        medium=Medium(row.medium),
        kind=row.kind,
        language=row.language,
        state=DeliveryState(row.state),
        created_at=row.created_at,
        due_at=row.due_at,
        attempts=row.attempts,
        reason=row.reason,
        kept=row.sealed is not None,
        behind=behind,
    )
