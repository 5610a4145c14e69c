"""How much waits, counted in one statement; each part of it reads an index, and no more rows than wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, true, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from wizard.core.accounts import AccountStatus
from wizard.core.records import VerificationState
from wizard.services.ports.backlog import Queue, Queued
from wizard.services.ports.bulk import JobState, RowState
from wizard.services.ports.messages import Medium
from wizard.storage.bulk_tables import BulkJobRow, BulkRowRow
from wizard.storage.tables import AccountRow, RecordRow
from wizard.storage.trail_tables import MessageState, OutboxRow


class SqlBacklog:
    """`ports.Backlog`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def waiting(self, *, given_up_since: datetime) -> Sequence[Queued]:
        """What waits; messages given up longer ago do not count any more."""
        given_up = and_(OutboxRow.state == MessageState.GIVEN_UP, OutboxRow.due_at >= given_up_since)
        parts = (
            _messages(Queue.OUTBOX, OutboxRow.state == MessageState.WAITING),
            _messages(Queue.GIVEN_UP, given_up),
            _counted(Queue.BULK_ROWS, BulkJobRow.created_at)
            .join(BulkRowRow, BulkRowRow.job_id == BulkJobRow.id)
            .where(_to_do()),
            _counted(Queue.VERIFICATION, RecordRow.created_at).where(
                RecordRow.verification_state == VerificationState.WAITING
            ),
            _counted(Queue.ACCOUNTS, AccountRow.created_at).where(AccountRow.status == AccountStatus.PENDING),
        )
        found = self._session.execute(union_all(*parts))
        return [Queued(Queue(queue), kind, count, since) for queue, kind, count, since in found]


def _messages(queue: Queue, which: ColumnElement[bool]) -> Select[str, str, int, datetime]:
    counted = select(literal(queue.value), OutboxRow.kind, func.count(), func.min(OutboxRow.created_at))
    # Every medium, each of which has its part of the index.
    return counted.where(OutboxRow.medium.in_(tuple(Medium)), which).group_by(OutboxRow.kind)


def _counted(queue: Queue, since: InstrumentedAttribute[datetime]) -> Select[str, str, int, datetime]:
    return select(literal(queue.value), literal(""), func.count(), func.min(since))


def _to_do() -> ColumnElement[bool]:
    """As `BulkJob.states_to_do`."""
    invited = and_(BulkJobRow.invite == true(), BulkRowRow.state == RowState.INCOMPLETE)
    checking = and_(BulkJobRow.state == JobState.CHECKING, BulkRowRow.state == RowState.WAITING)
    running = and_(BulkJobRow.state == JobState.RUNNING, or_(BulkRowRow.state == RowState.READY, invited))
    return or_(checking, running)
