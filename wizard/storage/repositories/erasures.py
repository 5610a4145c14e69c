"""Taking a person out of the database: accounts, codes, links, mails, rows of files, values of the audit trail."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Delete, Update, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from wizard.core.accounts import Account, AccountStatus, email_key
from wizard.core.education import member_number_key
from wizard.core.errors import ErrorCode, Problem
from wizard.core.events import EventName
from wizard.core.spelling import folded
from wizard.services.ports.bulk import SETTLED_WELL, RowState
from wizard.services.ports.erasure import Person
from wizard.services.ports.messages import Medium
from wizard.storage.bulk_tables import BulkRowRow
from wizard.storage.crypto import Cipher, Undecipherable
from wizard.storage.outbox import context_of
from wizard.storage.repositories.accounts import account_of
from wizard.storage.repositories.bulk import context_of_row
from wizard.storage.tables import AccountRow, CodeRow, LinkRow
from wizard.storage.trail_tables import AuditEventRow, AuditValueRow, MessageState, OutboxRow

AT_ONCE = 500
NUMBER, ADDRESSES, SEARCH = "user_business_id", ("contact_email", "email"), "search"
ERASED = "erased"
_ERASED_ROW = Problem(ErrorCode.CONFLICT, "account.erased")


class SqlErasures:
    """`ports.Erasures`. Rare, and looks through all that is sealed: nothing else says whose it is."""

    def __init__(self, session: Session, cipher: Cipher) -> None:
        self._session = session
        self._cipher = cipher

    def hold(self, account_id: str) -> Account:
        """An account as it is now, locked; none is ever removed."""
        held = select(AccountRow).where(AccountRow.id == account_id).with_for_update()
        return account_of(self._session.scalars(held.execution_options(populate_existing=True)).one())

    # Whose it is.

    def sessions_of(self, account: Account) -> frozenset[str]:
        """Those linked to the account, that made it, or whose last member number is the account's."""
        linked = and_(
            AuditEventRow.name == EventName.ACCOUNT_LINKED,
            AuditEventRow.details["account"].as_string() == account.id,
        )
        made = AuditEventRow.chain == f"account:{account.id}"
        told = select(AuditEventRow.session_id).where(or_(linked, made), AuditEventRow.session_id.is_not(None))
        return frozenset(filter(None, self._session.scalars(told))) | frozenset(self._last_under(account))

    def _last_under(self, account: Account) -> Iterator[str]:
        key = member_number_key(account.number)
        numbers = select(AuditEventRow.session_id, AuditValueRow.after).join(AuditValueRow)
        numbers = numbers.where(AuditValueRow.field == NUMBER)
        ever = numbers.where(func.lower(AuditValueRow.after) == key).with_only_columns(AuditEventRow.session_id)
        rows = self._session.execute(
            numbers.where(AuditEventRow.session_id.in_(ever), AuditEventRow.session_id.is_not(None)).order_by(
                AuditEventRow.position
            )
        )
        last = {session_id: number for session_id, number in rows if session_id and number}
        return (each for each, number in last.items() if member_number_key(number) == key)

    def addresses_of(self, session_ids: Collection[str]) -> frozenset[str]:
        given = select(AuditValueRow.before, AuditValueRow.after).join(AuditEventRow)
        given = given.where(AuditEventRow.session_id.in_(session_ids), AuditValueRow.field.in_(ADDRESSES))
        return frozenset(address for pair in self._session.execute(given) for address in pair if address)

    def records_of(self, session_ids: Collection[str]) -> frozenset[str]:
        made = select(AuditEventRow.record_id).where(
            AuditEventRow.session_id.in_(session_ids),
            AuditEventRow.name == EventName.EDUCATION_CREATED,
            AuditEventRow.record_id.is_not(None),
        )
        return frozenset(filter(None, self._session.scalars(made)))

    # Taking it out.

    def values(self, chains: Collection[str]) -> frozenset[str]:
        kept = AuditEventRow.name != EventName.PERSON_ERASED
        rows = select(AuditEventRow.id, AuditEventRow.chain).join(AuditValueRow)
        found = self._session.execute(rows.where(AuditEventRow.chain.in_(chains), kept).distinct()).all()
        for some in _parts([row.id for row in found]):
            self._session.execute(delete(AuditValueRow).where(AuditValueRow.event_id.in_(some)))
        return frozenset(row.chain for row in found)

    def searches(self, person: Person) -> frozenset[str]:
        """What is part of a name, an address or a number of theirs, however it was written."""
        texts = [folded(each) for each in _known_by(person)]
        rows = select(AuditValueRow.event_id, AuditValueRow.after, AuditEventRow.chain).join(AuditEventRow)
        found = [
            row
            for row in self._session.execute(rows.where(AuditValueRow.field == SEARCH))
            if row.after and any(folded(row.after.strip()) in each for each in texts)
        ]
        for row in found:
            gone = tuple_(AuditValueRow.event_id, AuditValueRow.field) == (row.event_id, SEARCH)
            self._session.execute(delete(AuditValueRow).where(gone))
        return frozenset(row.chain for row in found)

    def mails(self, person: Person) -> bool:
        sealed = select(OutboxRow.id, OutboxRow.sealed, OutboxRow.state)
        sealed = sealed.where(OutboxRow.medium == Medium.MAIL, OutboxRow.sealed.is_not(None))
        theirs = []
        for row in self._session.execute(sealed.execution_options(yield_per=AT_ONCE)):
            opened = self._open(row.sealed, context_of(row.id))
            if opened and _is_to(opened, person):
                theirs.append(row.id)
        for some in _parts(theirs):
            mine = update(OutboxRow).where(OutboxRow.id.in_(some))
            gone = {"sealed": None, "erase_at": None, "claimed_until": None}
            self._session.execute(mine.values(**gone, state=MessageState.GIVEN_UP, reason=ERASED))
        return bool(theirs)

    def bulk_rows(self, person: Person) -> bool:
        sealed = select(BulkRowRow.job_id, BulkRowRow.number, BulkRowRow.sealed, BulkRowRow.session_id)
        theirs = []
        for row in self._session.execute(
            sealed.where(BulkRowRow.sealed.is_not(None)).execution_options(yield_per=AT_ONCE)
        ):
            opened = self._open(row.sealed, context_of_row(row.job_id, row.number))
            if opened and (row.session_id in person.session_ids or _is_of(opened, person)):
                theirs.append((row.job_id, row.number))
        for job_id, number in theirs:
            mine = and_(BulkRowRow.job_id == job_id, BulkRowRow.number == number)
            self._erase_row(mine)
        return bool(theirs)

    def _erase_row(self, mine: ColumnElement[bool]) -> None:
        gone: dict[str, Any] = {"sealed": None, "keys": {}, "claimed_until": None}
        settled = BulkRowRow.state.in_(SETTLED_WELL)
        self._count(update(BulkRowRow).where(mine, settled).values(**gone))
        refused = {"state": RowState.REJECTED, "problems": [asdict(_ERASED_ROW)], "category": None}
        self._count(update(BulkRowRow).where(mine, ~settled).values(**gone, **refused))

    def codes_and_links(self, person: Person) -> bool:
        codes = or_(CodeRow.account_id == person.account.id, CodeRow.session_id.in_(person.session_ids))
        links = LinkRow.session_id.in_(person.session_ids)
        gone = self._count(delete(CodeRow).where(codes)) + self._count(delete(LinkRow).where(links))
        return gone > 0

    def empty(self, account_id: str) -> bool:
        more = or_(AccountRow.name != "", AccountRow.email != "", AccountRow.status != AccountStatus.INACTIVE)
        nothing = {"name": "", "name_key": "", "email": "", "email_key": "", "language": "en"}
        emptied = update(AccountRow).where(AccountRow.id == account_id, more)
        return self._count(emptied.values(**nothing, status=AccountStatus.INACTIVE)) > 0

    def _open(self, sealed: bytes, context: bytes) -> dict[str, Any] | None:
        try:
            opened: dict[str, Any] = json.loads(self._cipher.decrypt(sealed, context=context))
        except Undecipherable:
            return None
        return opened

    def _count(self, statement: Update | Delete) -> int:
        result: CursorResult[Any] = self._session.execute(  # type: ignore[assignment]
            statement.execution_options(synchronize_session=False)
        )
        return result.rowcount


def _known_by(person: Person) -> Iterator[str]:
    yield from (each for each in (person.account.name, person.account.number, *person.addresses) if each)
    if person.record is not None:
        yield person.record.number
        yield person.record.data.coto_registration or person.record.number


def _is_to(opened: Mapping[str, Any], person: Person) -> bool:
    """Whether a mail goes to them: to one of their addresses, unless it names another of those who share it."""
    if email_key(opened["recipient"]) not in set(map(email_key, person.addresses)):
        return False
    return opened["values"].get("name") in {None, "", person.account.name}


def _is_of(opened: Mapping[str, Any], person: Person) -> bool:
    number, email = opened["values"].get(NUMBER), opened["email"]
    if number:
        return member_number_key(number) == member_number_key(person.account.number)
    return bool(email) and email_key(email) in set(map(email_key, person.addresses))


def _parts(ids: list[Any]) -> Iterable[list[Any]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
