"""What is a person's, wherever it lies: what an erasure takes out and an export hands over."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from wizard.core.accounts import Account
from wizard.core.records import Record


class Place(StrEnum):
    """Everywhere that anything of a person lies; storage/personal.py says of every table which of them it is."""

    ACCOUNT = "account"
    RECORD = "record"
    REGISTRATIONS = "registrations"
    HISTORY = "history"
    SEARCHES = "searches"
    CODES = "codes"
    LINKS = "links"
    MAILS = "mails"
    FILE_ROWS = "file_rows"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Person:
    """Whom it is about: the account, its record, the registrations that are theirs, the addresses they gave."""

    account: Account
    record: Record | None
    session_ids: frozenset[str]
    addresses: frozenset[str]


@dataclass(frozen=True, slots=True)
class HeldMail:
    """A mail to them whose content is kept; what lets somebody in (a code, a link) is not in it."""

    id: str
    kind: str
    language: str
    state: str
    created_at: datetime
    recipient: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A row of a file that is about them, and whose content is kept."""

    job_id: str
    number: int
    state: str
    email: str | None
    values: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeldSearch:
    """What somebody searched for that may be them, by its event in the trail."""

    event_id: int
    chain: str
    text: str


class Persons(Protocol):
    """Finds what is a person's."""

    def sessions_of(self, account: Account) -> frozenset[str]:
        """The registrations that the audit trail knows as the account's: linked to it, or last under its number."""
        ...

    def addresses_of(self, session_ids: Collection[str]) -> frozenset[str]:
        """The addresses that were given in some registrations."""
        ...

    def records_of(self, session_ids: Collection[str]) -> frozenset[str]:
        """The ids of the records that some registrations made, also of those deleted since."""
        ...

    def mails(self, person: Person) -> Sequence[HeldMail]:
        """Mails to them whose content is kept."""
        ...

    def file_rows(self, person: Person) -> Sequence[HeldRow]:
        """Rows of files that are about them, and whose content is kept."""
        ...

    def searches(self, person: Person) -> Sequence[HeldSearch]:
        """What was searched for where it may be them."""
        ...
