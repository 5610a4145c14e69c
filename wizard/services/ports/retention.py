"""What is kept no longer, found and taken out slice by slice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from wizard.core.retention import Course


@dataclass(frozen=True, slots=True)
class Typed:
    """Values of one event in the trail, by its number."""

    event_id: int
    chain: str


class Retention(Protocol):
    """Takes out what is over; every method takes on no more than `limit`, and says how much it did."""

    def typed(self, *, after: int, limit: int) -> Sequence[Typed]:
        """Events that hold anything typed, oldest first, from behind a number; not why somebody was erased."""
        ...

    def courses(self, chains: Collection[str]) -> Sequence[Course]:
        """What became of each of some chains."""
        ...

    def erase_values(self, chain: str, *, before: datetime) -> int:
        """Take what was typed before an instant out of a chain; why somebody was erased stays."""
        ...

    def codes(self, *, before: datetime, limit: int) -> int:
        """Codes that were over before an instant."""
        ...

    def links(self, *, before: datetime, limit: int) -> int:
        """Links to continue that were over, or revoked, before an instant."""
        ...

    def mails(self, *, before: datetime, limit: int) -> int:
        """What is left of mails that are done with and older than an instant: that there was one."""
        ...

    def bulk_rows(self, *, before: datetime, limit: int) -> int:
        """What is left of rows, then of files, that are erased and came in before an instant."""
        ...

    def former_staff(self, *, before: datetime, limit: int) -> int:
        """Names, passwords and second factors of people who have not been of the desk since an instant."""
        ...

    def inactive_accounts(self, *, before: datetime, limit: int) -> Sequence[str]:
        """The ids of accounts that have been inactive since before an instant, and are not erased."""
        ...
