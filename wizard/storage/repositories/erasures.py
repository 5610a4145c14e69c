"""Taking a person out of the database: accounts, codes, links, mails, rows of files, values of the audit trail."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Delete, Update, and_, delete, or_, select, tuple_, update
from sqlalchemy.orm import Session

from wizard.core.accounts import Account, AccountStatus
from wizard.core.errors import ErrorCode, Problem
from wizard.core.events import EventName
from wizard.services.ports.bulk import SETTLED_WELL, RowState
from wizard.services.ports.persons import Person
from wizard.storage.bulk_tables import BulkRowRow
from wizard.storage.repositories.accounts import account_of
from wizard.storage.repositories.persons import SqlPersons, parts
from wizard.storage.tables import AccountRow, CodeRow, LinkRow
from wizard.storage.trail_tables import SEARCH, AuditEventRow, AuditValueRow, MessageState, OutboxRow

ERASED = "erased"
_ERASED_ROW = Problem(ErrorCode.CONFLICT, "account.erased")


class SqlErasures:
    """`ports.Erasures`."""

    def __init__(self, session: Session, persons: SqlPersons) -> None:
        self._session = session
        self._persons = persons

    def hold(self, account_id: str) -> Account:
        """An account as it is now, locked; none is ever removed."""
        held = select(AccountRow).where(AccountRow.id == account_id).with_for_update()
        return account_of(self._session.scalars(held.execution_options(populate_existing=True)).one())

    def values(self, chains: Collection[str]) -> frozenset[str]:
        """Take the personal values out of some chains, but for reasons of erasures; answers where there were any."""
        kept = AuditEventRow.name != EventName.PERSON_ERASED
        rows = select(AuditEventRow.id, AuditEventRow.chain).join(AuditValueRow)
        found = self._session.execute(rows.where(AuditEventRow.chain.in_(chains), kept).distinct()).all()
        for some in parts([row.id for row in found]):
            self._session.execute(delete(AuditValueRow).where(AuditValueRow.event_id.in_(some)))
        return frozenset(row.chain for row in found)

    def searches(self, person: Person) -> frozenset[str]:
        """Take out what was searched for where it may be the person; answers the chains that it was in."""
        found = self._persons.searches(person)
        for each in found:
            gone = tuple_(AuditValueRow.event_id, AuditValueRow.field) == (each.event_id, SEARCH)
            self._session.execute(delete(AuditValueRow).where(gone))
        return frozenset(each.chain for each in found)

    def mails(self, person: Person) -> bool:
        """Take out what is kept of mails to them, which are sent no more; whether there were any."""
        theirs = [each.id for each in self._persons.mails(person)]
        for some in parts(theirs):
            mine = update(OutboxRow).where(OutboxRow.id.in_(some))
            gone = {"sealed": None, "whose": None, "erase_at": None, "claimed_until": None}
            self._count(mine.values(**gone, state=MessageState.GIVEN_UP, reason=ERASED))
        return bool(theirs)

    def file_rows(self, person: Person) -> bool:
        """Take out what is kept of their rows in files, which go in no more; whether there were any."""
        theirs = self._persons.file_rows(person)
        for each in theirs:
            self._erase_row(and_(BulkRowRow.job_id == each.job_id, BulkRowRow.number == each.number))
        return bool(theirs)

    def _erase_row(self, mine: ColumnElement[bool]) -> None:
        gone: dict[str, Any] = {"sealed": None, "whose": None, "keys": {}, "claimed_until": None}
        settled = BulkRowRow.state.in_(SETTLED_WELL)
        self._count(update(BulkRowRow).where(mine, settled).values(**gone))
        refused = {"state": RowState.REJECTED, "problems": [asdict(_ERASED_ROW)], "category": None}
        self._count(update(BulkRowRow).where(mine, ~settled).values(**gone, **refused))

    def codes_and_links(self, person: Person) -> bool:
        """Take away their codes and links; whether there were any."""
        codes = or_(CodeRow.account_id == person.account.id, CodeRow.session_id.in_(person.session_ids))
        links = LinkRow.session_id.in_(person.session_ids)
        gone = self._count(delete(CodeRow).where(codes)) + self._count(delete(LinkRow).where(links))
        return gone > 0

    def empty(self, account_id: str) -> bool:
        """Leave nothing of an account but its id and number; whether there was more."""
        more = or_(AccountRow.name != "", AccountRow.email != "", AccountRow.status != AccountStatus.INACTIVE)
        nothing = {"name": "", "name_key": "", "email": "", "email_key": "", "language": "en"}
        emptied = update(AccountRow).where(AccountRow.id == account_id, more)
        return self._count(emptied.values(**nothing, status=AccountStatus.INACTIVE)) > 0

    def _count(self, statement: Update | Delete) -> int:
        result: CursorResult[Any] = self._session.execute(  # type: ignore[assignment]
            statement.execution_options(synchronize_session=False)
        )
        return result.rowcount
