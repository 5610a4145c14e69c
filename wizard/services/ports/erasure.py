"""What an erasure takes out of the database, wherever it lies."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from wizard.core.accounts import Account
from wizard.services.ports.persons import Person


class Erasures(Protocol):
    """Takes out what is kept of a person, in the transaction that says so in the audit trail."""

    def hold(self, account_id: str) -> Account:
        """An account that there is, as it is now; nothing comes to be bound to it before this transaction ends."""
        ...

    def values(self, chains: Collection[str]) -> frozenset[str]:
        """Take the personal values out of some chains, but for reasons of erasures; answers where there were any."""
        ...

    def searches(self, person: Person) -> frozenset[str]:
        """Take out what was searched for where it may be the person; answers the chains that it was in."""
        ...

    def mails(self, person: Person) -> bool:
        """Take out what is kept of mails to them, which are sent no more; whether there were any."""
        ...

    def file_rows(self, person: Person) -> bool:
        """Take out what is kept of their rows in files, which go in no more; whether there were any."""
        ...

    def codes_and_links(self, person: Person) -> bool:
        """Take away their codes and links; whether there were any."""
        ...

    def empty(self, account_id: str) -> bool:
        """Leave nothing of an account but its id and number; whether there was more."""
        ...
