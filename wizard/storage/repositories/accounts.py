"""Member accounts in the database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, bindparam, func, insert, or_, select, tuple_, update
from sqlalchemy.orm import Session

from wizard.core.accounts import ACCESSIBLE, Account, AccountStatus, WaitingAccount, email_key
from wizard.core.clock import Clock
from wizard.core.education import member_number_key
from wizard.core.errors import Conflict
from wizard.core.spelling import folded
from wizard.storage.repositories import counters
from wizard.storage.repositories.counters import Counter
from wizard.storage.sealed_columns import has_words, holds, is_sealed
from wizard.storage.tables import AccountRow

LARGEST_LOOK = 512
# Pages ask for these; putting a statement together takes as long as sending it (docs/benchmarks.md).
_BY_ID = select(AccountRow).where(AccountRow.id == bindparam("id"))


class SqlAccounts:
    """`ports.Accounts`."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def get(self, account_id: str) -> Account | None:
        row = self._session.scalar(_BY_ID, {"id": account_id})
        return None if row is None else account_of(row)

    def by_number(self, number: str) -> Account | None:
        """By member number, without regard to case; what no number can be (PostgreSQL takes no NUL) is nobody's."""
        if not number.isprintable():
            return None
        row = self._session.scalar(select(AccountRow).where(AccountRow.number_key == member_number_key(number)))
        return None if row is None else account_of(row)

    def by_numbers(self, numbers: Collection[str]) -> Sequence[Account]:
        """Those with any of some member numbers."""
        keys = set(map(member_number_key, numbers))
        return [
            account_of(row) for row in self._session.scalars(select(AccountRow).where(AccountRow.number_key.in_(keys)))
        ]

    def add(self, *, name: str, email: str, status: AccountStatus, language: str, number: str | None) -> Account:
        """A new account; its number is the next `osot-…` unless one is given.

        Raises Conflict("account.number_taken") where the number given is another account's.
        """
        # Whoever adds an account waits here for the one before: a number given is never issued at the same moment.
        last = counters.hold(self._session, Counter.MEMBER)
        if number is None:
            number = self._issue(after=last)
        elif self.by_number(number):
            raise Conflict("account.number_taken", field="number", params={"number": number})
        account = Account(str(uuid4()), number, name, email, status, language)
        self._session.execute(
            insert(AccountRow).values(
                id=account.id,
                number=number,
                number_key=member_number_key(number),
                name=name,
                name_key=folded(name),
                email=email,
                email_key=email_key(email),
                status=status,
                language=language,
                created_at=self._clock.now(),
            )
        )
        return account

    def add_for_email(self, *, name: str, email: str, status: AccountStatus, language: str) -> tuple[Account, bool]:
        """A new account with the next number, and True; or the one that the address has already, and False."""
        # Whoever adds an account waits here: of two with one address the second finds what the first has added.
        counters.hold(self._session, Counter.MEMBER)
        if known := self.of_email(email):
            return known[0], False
        return self.add(name=name, email=email, status=status, language=language, number=None), True

    def _issue(self, *, after: int) -> str:
        """The first number after a value that no account was given by hand."""
        value = next(self._free(after=after))
        counters.advance(self._session, Counter.MEMBER, to=value)
        return Counter.MEMBER.number(value)

    def _free(self, *, after: int) -> Iterator[int]:
        start, size = after + 1, 1
        while True:
            values = {Counter.MEMBER.number(value): value for value in range(start, start + size)}
            taken = set(self._session.scalars(select(AccountRow.number_key).where(AccountRow.number_key.in_(values))))
            yield from (value for number, value in values.items() if number not in taken)
            # Next to never is one taken, and then it is a whole import.
            start, size = start + size, min(2 * size, LARGEST_LOOK)

    def page(self, *, after: str | None, limit: int) -> Sequence[Account]:
        """Accounts in the order of their numbers, those after a number."""
        query = select(AccountRow).order_by(AccountRow.number_key).limit(limit)
        if after is not None:
            query = query.where(AccountRow.number_key > member_number_key(after))
        return [account_of(row) for row in self._session.scalars(query)]

    def of_email(self, email: str) -> Sequence[Account]:
        """The accounts with an address, those that can be used first, then in the order of their numbers."""
        has_it = holds(self._session, AccountRow.email_key, email_key(email))
        mine = select(AccountRow).where(has_it).order_by(AccountRow.number_key)
        return sorted(map(account_of, self._session.scalars(mine)), key=lambda each: each.status not in ACCESSIBLE)

    def waiting(self, *, after: str | None, limit: int) -> Sequence[WaitingAccount]:
        """Accounts that wait for the desk, oldest first, from behind the one with the id `after`."""
        order = tuple_(AccountRow.created_at, AccountRow.id)
        query = select(AccountRow).where(AccountRow.status == AccountStatus.PENDING).order_by(*order.clauses)
        if after is not None:
            # Decided meanwhile it still says where the page before ended.
            last = select(AccountRow.created_at, AccountRow.id).where(AccountRow.id == after).subquery()
            query = query.join(last, order > tuple_(last.c.created_at, last.c.id))
        return [WaitingAccount(account_of(row), row.created_at) for row in self._session.scalars(query.limit(limit))]

    def search(self, sought: str, *, status: AccountStatus | None, after: str | None, limit: int) -> Sequence[Account]:
        """Accounts in the order of their numbers, from behind the one with the id `after`.

        `sought` is how a number, an address or any word of a name begins; empty, all are found. Of what is sealed
        words and addresses are found whole.
        """
        query = select(AccountRow).order_by(AccountRow.number_key).limit(limit)
        if sought:
            query = query.where(_begins(self._session, sought))
        if status is not None:
            query = query.where(AccountRow.status == status)
        if after is not None:
            last = select(AccountRow.number_key).where(AccountRow.id == after).scalar_subquery()
            query = query.where(AccountRow.number_key > last)
        return [account_of(row) for row in self._session.scalars(query)]

    def count(self, status: AccountStatus) -> int:
        """How many accounts have a status."""
        counted = select(func.count()).select_from(AccountRow).where(AccountRow.status == status)
        return self._session.scalar(counted) or 0

    def decide(self, account_id: str, status: AccountStatus) -> bool:
        """Give an account that waits its status; False where it no longer does."""
        return self.change_status(account_id, before=AccountStatus.PENDING, after=status)

    def change_status(self, account_id: str, *, before: AccountStatus, after: AccountStatus) -> bool:
        """Give an account another status; False where it has not the one before."""
        stands = update(AccountRow).where(AccountRow.id == account_id, AccountRow.status == before)
        return self._session.scalar(stands.values(status=after).returning(AccountRow.id)) is not None


def _begins(session: Session, sought: str) -> ColumnElement[bool]:
    """Number or address begin so, or the name has for each word one that does."""
    found = [
        AccountRow.number_key.startswith(member_number_key(sought), autoescape=True),
        AccountRow.email_key.startswith(email_key(sought), autoescape=True),
        holds(session, AccountRow.email_key, email_key(sought)),
    ]
    if words := folded(sought).split():
        begun = (_has_word_begun(word) for word in words)
        found += [and_(~is_sealed(AccountRow.name_key), *begun), has_words(session, AccountRow.name_key, words)]
    return or_(*found)


def _has_word_begun(word: str) -> ColumnElement[bool]:
    return or_(
        AccountRow.name_key.startswith(word, autoescape=True),
        AccountRow.name_key.contains(f" {word}", autoescape=True),
    )


def account_of(row: AccountRow) -> Account:
    """An account as its row has it."""
    return Account(
        id=row.id,
        number=row.number,
        name=row.name,
        email=row.email,
        status=AccountStatus(row.status),
        language=row.language,
    )
