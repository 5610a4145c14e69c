"""Member accounts in the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import uuid4

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from wizard.core.accounts import Account, AccountStatus
from wizard.core.clock import Clock
from wizard.core.education import member_number_key
from wizard.core.errors import Conflict
from wizard.storage.repositories import counters
from wizard.storage.repositories.counters import Counter
from wizard.storage.tables import AccountRow

LARGEST_LOOK = 512


class SqlAccounts:
    """`ports.Accounts`."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def get(self, account_id: str) -> Account | None:
        row = self._session.scalar(select(AccountRow).where(AccountRow.id == account_id))
        return None if row is None else _account(row)

    def by_number(self, number: str) -> Account | None:
        """By member number, without regard to case."""
        row = self._session.scalar(select(AccountRow).where(AccountRow.number_key == member_number_key(number)))
        return None if row is None else _account(row)

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
                email=email,
                status=status,
                language=language,
                created_at=self._clock.now(),
            )
        )
        return account

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
        return [_account(row) for row in self._session.scalars(query)]


def _account(row: AccountRow) -> Account:
    return Account(
        id=row.id,
        number=row.number,
        name=row.name,
        email=row.email,
        status=AccountStatus(row.status),
        language=row.language,
    )
