"""Accounts, staff, and the membership year that staff set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from wizard.core.accounts import (
    Account,
    AccountStatus,
    MembershipYear,
    SecondFactor,
    StaffIdentity,
    StaffMember,
    WaitingAccount,
)


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

    def search(self, sought: str, *, status: AccountStatus | None, after: str | None, limit: int) -> Sequence[Account]:
        """Accounts in the order of their numbers, from behind the one with the id `after`.

        `sought` is how a number, an address or any word of a name begins; empty, all are found.
        """
        ...

    def count(self, status: AccountStatus) -> int: ...

    def change_status(self, account_id: str, *, before: AccountStatus, after: AccountStatus) -> bool:
        """Give an account another status; False where it has not the one before."""
        ...

    def decide(self, account_id: str, status: AccountStatus) -> bool:
        """Give an account that waits its status; False where it no longer does."""
        ...


class Staff(Protocol):
    """Members of the registration desk."""

    def get(self, staff_id: str) -> StaffMember | None: ...

    def hold(self, staff_id: str) -> StaffMember | None:
        """Somebody as they are now; nobody else changes them before this transaction ends."""
        ...

    def by_username(self, username: str) -> StaffMember | None: ...

    def add(self, member: StaffMember) -> None:
        """Raises `Conflict` where the username is taken."""
        ...

    def update(self, member: StaffMember) -> None: ...

    def identity_of(self, staff_id: str) -> StaffIdentity | None: ...

    def by_identity(self, issuer: str, subject: str) -> StaffMember | None:
        """Whom an identity provider knows under this subject, held as by `hold`."""
        ...

    def put_identity(self, identity: StaffIdentity) -> None:
        """Add one, in the place of the one that they had. Raises `Conflict` where it is somebody else's."""
        ...

    def remove_identity(self, staff_id: str) -> None: ...

    def usernames_like(self, beginning: str) -> frozenset[str]:
        """The user names that begin so."""
        ...

    def all(self) -> Sequence[StaffMember]: ...


class SecondFactors(Protocol):
    """The authenticator apps of staff, and their recovery codes by digest."""

    def of(self, staff_id: str) -> SecondFactor | None: ...

    def put(self, factor: SecondFactor) -> None:
        """Add one, in the place of the one that was there."""
        ...

    def use(self, factor: SecondFactor, step: int) -> bool:
        """Take the code of a step; False where it or a newer one was taken already."""
        ...

    def remove(self, staff_id: str) -> bool:
        """Take it away with all recovery codes; False where there is none."""
        ...

    def put_recovery(self, staff_id: str, digests: Sequence[str]) -> None:
        """Add recovery codes, in the place of those that were there."""
        ...

    def use_recovery(self, staff_id: str, digest: str, *, at: datetime) -> bool:
        """Use up a recovery code; False where there is none, or it was used."""
        ...

    def recovery_left(self, staff_id: str) -> int: ...


class MembershipYears(Protocol):
    """The membership year's last day, with its history."""

    def current(self) -> MembershipYear | None: ...

    def set(self, year: MembershipYear) -> None: ...

    def history(self) -> Sequence[MembershipYear]: ...
