"""Accounts, staff, and the membership year that staff set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from wizard.core.accounts import Account, AccountStatus, MembershipYear, StaffMember, WaitingAccount


class Accounts(Protocol):
    """Member accounts."""

    def get(self, account_id: str) -> Account | None: ...

    def by_number(self, number: str) -> Account | None:
        """By member number, without regard to case."""
        ...

    def add(self, *, name: str, email: str, status: AccountStatus, language: str, number: str | None) -> Account:
        """A new account; its number is the next `osot-…` unless one is given. Raises `Conflict`."""
        ...

    def page(self, *, after: str | None, limit: int) -> Sequence[Account]:
        """Accounts in the order of their numbers."""
        ...

    def of_email(self, email: str) -> Sequence[Account]:
        """The accounts with an address, without regard to case: those that can be used first."""
        ...

    def add_for_email(self, *, name: str, email: str, status: AccountStatus, language: str) -> tuple[Account, bool]:
        """A new account with the next number, and True; or the one that the address has already, and False."""
        ...

    def waiting(self, *, after: str | None, limit: int) -> Sequence[WaitingAccount]:
        """Accounts that wait for the desk, oldest first, from behind the one with the id `after`."""
        ...

    def decide(self, account_id: str, status: AccountStatus) -> bool:
        """Give an account that waits its status; False where it no longer does."""
        ...


class Staff(Protocol):
    """Members of the registration desk."""

    def get(self, staff_id: str) -> StaffMember | None: ...

    def by_username(self, username: str) -> StaffMember | None: ...

    def add(self, member: StaffMember) -> None:
        """Raises `Conflict` where the username is taken."""
        ...

    def update(self, member: StaffMember) -> None: ...

    def all(self) -> Sequence[StaffMember]: ...


class MembershipYears(Protocol):
    """The membership year's last day, with its history."""

    def current(self) -> MembershipYear | None: ...

    def set(self, year: MembershipYear) -> None: ...

    def history(self) -> Sequence[MembershipYear]: ...
