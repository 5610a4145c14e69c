"""Lists of education records: searched, filtered, page by page from where the last page ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import Session

from wizard.core.access import Scope
from wizard.core.education import member_number_key, normalise
from wizard.core.spelling import folded
from wizard.services.ports.record_lists import ListedRecord, Sought
from wizard.storage.repositories.counters import Counter
from wizard.storage.repositories.records import record_of
from wizard.storage.sealed_columns import has_words, holds, is_sealed
from wizard.storage.tables import AccountRow, RecordRow

_LONGEST_COUNT = 9


class SqlRecordLists:
    """`ports.RecordLists`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def found(
        self, sought: Sought, *, before: str | None, limit: int, scope: Scope | None = None
    ) -> Sequence[ListedRecord]:
        """The first records that are sought, the newest number first, of those with a smaller number than `before`."""
        mine = select(RecordRow, AccountRow.name).join(AccountRow, AccountRow.id == RecordRow.account_id)
        mine = mine.where(*self._conditions(sought)).order_by(RecordRow.number.desc()).limit(limit)
        if before is not None:
            mine = mine.where(RecordRow.number < before)
        if scope is not None:
            mine = mine.where(_within(scope))
        return [ListedRecord(record_of(row), name) for row, name in self._session.execute(mine)]

    def count(self, sought: Sought) -> int:
        """How many records are sought."""
        counted = select(func.count()).select_from(RecordRow).where(*self._conditions(sought))
        return self._session.scalars(counted).one()

    def _conditions(self, sought: Sought) -> Iterator[ColumnElement[bool]]:
        for name in ("university", "graduation_year", "category"):
            if (value := getattr(sought, name)) is not None:
                yield getattr(RecordRow, name) == value
        if sought.text is not None:
            yield _holds(self._session, sought.text)


def _within(scope: Scope) -> ColumnElement[bool]:
    open_to = RecordRow.access_modifier.in_(sorted(scope.modifiers))
    return or_(open_to, RecordRow.account_id == scope.account_id) if scope.account_id else open_to


def _holds(session: Session, text: str) -> ColumnElement[bool]:
    """Numbers are compared whole, by their indexes; what has no digit may be words of a name."""
    numbers, members = [member_number_key(text)], [member_number_key(text)]
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_COUNT:
        numbers.append(Counter.RECORD.number(int(text)))
        members.append(Counter.MEMBER.number(int(text)))
    numbered = (
        RecordRow.number.in_(numbers),
        RecordRow.user_business_key.in_(members),
        holds(
            session, RecordRow.coto_registration, normalise({"coto_registration": text})["coto_registration"] or text
        ),
    )
    if any(character.isdigit() for character in text):
        return or_(*numbered)
    return or_(*numbered, RecordRow.account_id.in_(_named(session, folded(text).split())), _named_school(text.split()))


def _named(session: Session, words: Sequence[str]) -> Select[str]:
    """The accounts with each of some words in their name; where that is sealed, with each as a whole word."""
    if not words:
        return select(AccountRow.id).where(false())
    within = and_(
        ~is_sealed(AccountRow.name_key), *(AccountRow.name_key.contains(word, autoescape=True) for word in words)
    )
    return select(AccountRow.id).where(or_(within, has_words(session, AccountRow.name_key, words)))


def _named_school(words: Sequence[str]) -> ColumnElement[bool]:
    """What is sealed is not found by a part of it."""
    named = (RecordRow.other_details.icontains(word, autoescape=True) for word in words)
    return and_(~is_sealed(RecordRow.other_details), *named)
