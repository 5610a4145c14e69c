"""What is kept no longer, taken out of the database slice by slice."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Delete, Update, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from wizard.core.accounts import AccountStatus
from wizard.core.events import EventName
from wizard.core.retention import Course
from wizard.services.ports.messages import Medium
from wizard.services.ports.retention import Typed
from wizard.storage.bulk_tables import BulkJobRow, BulkRowRow
from wizard.storage.tables import AccountRow, CodeRow, LinkRow, RecoveryCodeRow, SecondFactorRow, StaffIdentityRow
from wizard.storage.tables import StaffRow as Member
from wizard.storage.trail_tables import AttemptRow, AuditEventRow, AuditValueRow, MessageState, OutboxRow

_NOT_AN_ERASURE = AuditEventRow.name != EventName.PERSON_ERASED
# Itself says nothing of what became of a chain.
_HAPPENED = AuditEventRow.name != EventName.VALUES_ERASED


class SqlRetention:
    """`ports.Retention`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # What was typed.

    def typed(self, *, after: int, limit: int) -> Sequence[Typed]:
        """Events that hold anything typed, oldest first, from behind a number; not why somebody was erased."""
        rows = select(AuditValueRow.event_id, AuditEventRow.chain).join(AuditEventRow).distinct()
        rows = rows.where(AuditValueRow.event_id > after, _NOT_AN_ERASURE).order_by(AuditValueRow.event_id)
        return [Typed(row.event_id, row.chain) for row in self._session.execute(rows.limit(limit))]

    def courses(self, chains: Collection[str]) -> Sequence[Course]:
        """What became of each: all that happened to registrations; of other chains whether their record is deleted."""
        columns = (AuditEventRow.chain, AuditEventRow.name, AuditEventRow.at, AuditEventRow.details)
        telling = or_(AuditEventRow.session_id == AuditEventRow.chain, AuditEventRow.name == EventName.RECORD_DELETED)
        rows = select(*columns).where(AuditEventRow.chain.in_(chains), telling, _HAPPENED).order_by(AuditEventRow.chain)
        told = {chain: _course(chain, events) for chain, events in groupby(self._session.execute(rows), _chain_of)}
        return [told.get(chain) or Course(chain) for chain in chains]

    def erase_values(self, chain: str, *, before: datetime) -> int:
        """Take what was typed before an instant out of a chain; why somebody was erased stays."""
        old = select(AuditEventRow.id).where(AuditEventRow.chain == chain, AuditEventRow.at < before, _NOT_AN_ERASURE)
        return self._count(delete(AuditValueRow).where(AuditValueRow.event_id.in_(old)))

    # What leads in, and what went out.

    def codes(self, *, before: datetime, limit: int) -> int:
        """Codes that were over before an instant."""
        old = select(CodeRow.session_id).where(CodeRow.expires_at < before).limit(limit)
        return self._count(delete(CodeRow).where(CodeRow.session_id.in_(old)))

    def links(self, *, before: datetime, limit: int) -> int:
        """Links to continue that were over, or revoked, before an instant."""
        over = or_(LinkRow.expires_at < before, LinkRow.revoked_at < before)
        old = select(LinkRow.serial).where(over).limit(limit)
        return self._count(delete(LinkRow).where(LinkRow.serial.in_(old)))

    def mails(self, *, before: datetime, limit: int) -> int:
        """What is left of mails that are done with and older than an instant: that there was one."""
        done = and_(OutboxRow.medium == Medium.MAIL, OutboxRow.state != MessageState.WAITING)
        tried = select(AttemptRow.id).where(AttemptRow.message_id == OutboxRow.id).exists()
        old = select(OutboxRow.id).where(done, OutboxRow.created_at < before, OutboxRow.sealed.is_(None), ~tried)
        return self._count(delete(OutboxRow).where(OutboxRow.id.in_(old.limit(limit))))

    def bulk_rows(self, *, before: datetime, limit: int) -> int:
        """What is left of rows, then of files, that are erased and came in before an instant."""
        old = select(BulkJobRow.id).where(BulkJobRow.sealed.is_(None), BulkJobRow.created_at < before)
        job_id = self._session.scalar(old.order_by(BulkJobRow.serial).limit(1))
        if job_id is None:
            return 0
        some = select(BulkRowRow.number).where(BulkRowRow.job_id == job_id).limit(limit)
        rows = delete(BulkRowRow).where(BulkRowRow.job_id == job_id, BulkRowRow.number.in_(some))
        return self._count(rows) or self._count(delete(BulkJobRow).where(BulkJobRow.id == job_id))

    # People.

    def former_staff(self, *, before: datetime, limit: int) -> int:
        """Names, passwords and second factors of people who have not been of the desk since an instant."""
        left = select(func.max(AuditEventRow.at)).where(
            AuditEventRow.chain == "staff:" + Member.id, AuditEventRow.name == EventName.STAFF_DISABLED
        )
        more = or_(Member.name != Member.username, Member.password_hash.is_not(None))
        former = select(Member.id).where(Member.active.is_(False), more, left.scalar_subquery() < before)
        ids = self._session.scalars(former.limit(limit)).all()
        for table in (SecondFactorRow, RecoveryCodeRow):
            self._count(delete(table).where(table.staff_id.in_(ids)))
        # Issuer and subject stay: by them somebody who comes back is known to have been shut out.
        self._count(update(StaffIdentityRow).where(StaffIdentityRow.staff_id.in_(ids)).values(email=None))
        return self._count(update(Member).where(Member.id.in_(ids)).values(name=Member.username, password_hash=None))

    def inactive_accounts(self, *, before: datetime, limit: int) -> Sequence[str]:
        """The ids of accounts that have been inactive since before an instant, and are not erased."""
        changed = select(AuditEventRow.id).where(
            AuditEventRow.chain == "account:" + AccountRow.id,
            AuditEventRow.name == EventName.ACCOUNT_UPDATED,
            AuditEventRow.at >= before,
        )
        old = select(AccountRow.id).where(_inactive(), AccountRow.created_at < before, ~changed.exists())
        return self._session.scalars(old.order_by(AccountRow.created_at, AccountRow.id).limit(limit)).all()

    def _count(self, statement: Update | Delete) -> int:
        result: CursorResult[Any] = self._session.execute(  # type: ignore[assignment]
            statement.execution_options(synchronize_session=False)
        )
        return result.rowcount


def _inactive() -> ColumnElement[bool]:
    kept = or_(AccountRow.name != "", AccountRow.email != "")
    return and_(AccountRow.status == AccountStatus.INACTIVE, kept)


def _chain_of(row: Any) -> str:  # noqa: ANN401 - a row of three columns
    return str(row.chain)


def _course(chain: str, rows: Iterable[Any]) -> Course:
    events = list(rows)
    rules = frozenset(rule for row in events for rule in _rules(row.details))
    names = frozenset(EventName.as_stored(row.name) for row in events)
    registration = names != {EventName.RECORD_DELETED}
    return Course(chain, names, max(row.at for row in events), rules, is_registration=registration)


def _rules(details: dict[str, str]) -> Iterator[str]:
    yield from details.get("rules", "").split()
    yield details.get("reason", "")
