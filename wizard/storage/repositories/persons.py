"""Finding a person in the database: registrations, mails, rows of files, searches.

What is sealed says whose it is by a digest, so that only what is theirs is opened; what was written before there were
digests is opened one by one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from wizard.core.accounts import Account, email_key
from wizard.core.education import member_number_key
from wizard.core.events import EventName
from wizard.core.spelling import folded
from wizard.services.ports.messages import Medium
from wizard.services.ports.persons import HeldMail, HeldRow, HeldSearch, Person
from wizard.storage.bulk_tables import BulkRowRow
from wizard.storage.crypto import Cipher, Undecipherable
from wizard.storage.outbox import context_of
from wizard.storage.personal import all_whose, whose_address, whose_number
from wizard.storage.repositories.bulk import context_of_row
from wizard.storage.trail_tables import NUMBER, SEARCH, AuditEventRow, AuditValueRow, OutboxRow

AT_ONCE = 500
ADDRESSES = ("contact_email", "email")


class SqlPersons:
    """`ports.Persons`."""

    def __init__(self, session: Session, cipher: Cipher) -> None:
        self._session = session
        self._cipher = cipher

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
        numbers = select(AuditEventRow.session_id, AuditValueRow.after).join(AuditValueRow).where(_of_field(NUMBER))
        ever = numbers.where(func.lower(AuditValueRow.after) == key).with_only_columns(AuditEventRow.session_id)
        rows = self._session.execute(
            numbers.where(AuditEventRow.session_id.in_(ever), AuditEventRow.session_id.is_not(None)).order_by(
                AuditEventRow.position
            )
        )
        last = {session_id: number for session_id, number in rows if session_id and number}
        return (each for each, number in last.items() if member_number_key(number) == key)

    def addresses_of(self, session_ids: Collection[str]) -> frozenset[str]:
        """The addresses that were given in some registrations."""
        given = select(AuditValueRow.before, AuditValueRow.after).join(AuditEventRow)
        given = given.where(AuditEventRow.session_id.in_(session_ids), AuditValueRow.field.in_(ADDRESSES))
        return frozenset(address for pair in self._session.execute(given) for address in pair if address)

    def records_of(self, session_ids: Collection[str]) -> frozenset[str]:
        """The ids of the records that some registrations made, also of those deleted since."""
        made = select(AuditEventRow.record_id).where(
            AuditEventRow.session_id.in_(session_ids),
            AuditEventRow.name == EventName.EDUCATION_CREATED,
            AuditEventRow.record_id.is_not(None),
        )
        return frozenset(filter(None, self._session.scalars(made)))

    def mails(self, person: Person) -> Sequence[HeldMail]:
        """Mails to them whose content is kept."""
        return list(self._mails(person))

    def _mails(self, person: Person) -> Iterator[HeldMail]:
        known_by = frozenset(map(whose_address, person.addresses))
        sealed = select(OutboxRow).where(OutboxRow.medium == Medium.MAIL, OutboxRow.sealed.is_not(None))
        mine = sealed.where(self._may_be(OutboxRow.whose, known_by)).order_by(OutboxRow.created_at, OutboxRow.id)
        for row in self._session.scalars(mine.execution_options(yield_per=AT_ONCE)):
            opened = self._open(row.sealed, context_of(row.id))
            if opened and _is_to(opened, person):
                yield HeldMail(
                    *(row.id, row.kind, row.language, row.state, row.created_at),
                    recipient=opened["recipient"],
                    values=opened["values"],
                )

    def file_rows(self, person: Person) -> Sequence[HeldRow]:
        """Rows of files that are about them, and whose content is kept."""
        return list(self._file_rows(person))

    def _file_rows(self, person: Person) -> Iterator[HeldRow]:
        known_by = frozenset(map(whose_address, person.addresses)) | {whose_number(person.account.number)}
        theirs = or_(self._may_be(BulkRowRow.whose, known_by), BulkRowRow.session_id.in_(person.session_ids))
        mine = select(BulkRowRow).where(BulkRowRow.sealed.is_not(None), theirs)
        mine = mine.order_by(BulkRowRow.job_id, BulkRowRow.number)
        for row in self._session.scalars(mine.execution_options(yield_per=AT_ONCE)):
            opened = self._open(row.sealed, context_of_row(row.job_id, row.number))
            if opened and (row.session_id in person.session_ids or _is_of(opened, person)):
                yield HeldRow(row.job_id, row.number, row.state, opened["email"], opened["values"])

    def searches(self, person: Person) -> Sequence[HeldSearch]:
        """What is part of a name, an address or a number of theirs, however it was written."""
        texts = [folded(each) for each in _known_by(person)]
        rows = select(AuditValueRow.event_id, AuditValueRow.after, AuditEventRow.chain).join(AuditEventRow)
        return [
            HeldSearch(row.event_id, row.chain, row.after)
            for row in self._session.execute(rows.where(_of_field(SEARCH)).order_by(AuditValueRow.event_id))
            if row.after and any(folded(row.after.strip()) in each for each in texts)
        ]

    def _may_be(self, column: InstrumentedAttribute[str | None], known_by: frozenset[str]) -> ColumnElement[bool]:
        return or_(column.in_(all_whose(self._cipher, known_by)), column.is_(None))

    def _open(self, sealed: bytes | None, context: bytes) -> dict[str, Any] | None:
        try:
            opened: dict[str, Any] = json.loads(self._cipher.decrypt(sealed or b"", context=context))
        except Undecipherable:
            return None
        return opened


def _of_field(name: str) -> ColumnElement[bool]:
    """As a literal: an index of these values alone is used for no parameter."""
    return AuditValueRow.field == literal_column(f"'{name}'")


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


def parts(ids: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Some at a time, as many as a statement takes."""
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
