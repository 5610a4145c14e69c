"""Links to continue, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, Select, insert, select, update
from sqlalchemy.orm import Session

from wizard.core.accounts import LinkKind, ResumeLink
from wizard.storage.tables import LinkRow


class SqlLinks:
    """`ports.Links`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, link: ResumeLink, *, keep: int) -> Sequence[ResumeLink]:
        """Add a link; only the newest `keep` of its registration stay live. Answers the older ones, now revoked."""
        # Locked first: of two links added at once, the second counts the first.
        self._session.execute(_of(link.session_id).with_for_update())
        self._session.execute(insert(LinkRow).values(asdict(link)))
        live = _of(link.session_id).where(LinkRow.revoked_at.is_(None), LinkRow.expires_at > link.created_at)
        older = [_link(row) for row in self._session.scalars(live).all()[keep:]]
        if older:
            self._revoke(LinkRow.id.in_([each.id for each in older]), at=link.created_at)
        return older

    def by_digest(self, digest: str) -> ResumeLink | None:
        row = self._session.scalar(select(LinkRow).where(LinkRow.digest == digest))
        return None if row is None else _link(row)

    def hold(self, link_id: str) -> ResumeLink | None:
        """A link as it is now; nobody else changes it before this transaction ends."""
        found = select(LinkRow).where(LinkRow.id == link_id).with_for_update()
        row = self._session.scalar(found.execution_options(populate_existing=True))
        return None if row is None else _link(row)

    def of_session(self, session_id: str) -> Sequence[ResumeLink]:
        """All links of a registration, newest first."""
        return [_link(row) for row in self._session.scalars(_of(session_id))]

    def used(self, link: ResumeLink, *, at: datetime) -> None:
        once_more = update(LinkRow).where(LinkRow.id == link.id)
        self._session.execute(once_more.values(times_used=LinkRow.times_used + 1, last_used_at=at))

    def revoke(self, link: ResumeLink, *, at: datetime) -> None:
        self._revoke(LinkRow.id == link.id, at=at)

    def _revoke(self, condition: ColumnElement[bool], *, at: datetime) -> None:
        """What was revoked before stays revoked from then."""
        self._session.execute(update(LinkRow).where(condition, LinkRow.revoked_at.is_(None)).values(revoked_at=at))


def _of(session_id: str) -> Select[LinkRow]:
    return select(LinkRow).where(LinkRow.session_id == session_id).order_by(LinkRow.serial.desc())


def _link(row: LinkRow) -> ResumeLink:
    return ResumeLink(
        id=row.id,
        session_id=row.session_id,
        digest=row.digest,
        kind=LinkKind(row.kind),
        created_at=row.created_at,
        expires_at=row.expires_at,
        created_by=row.created_by,
        times_used=row.times_used,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
