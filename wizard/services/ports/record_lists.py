"""Lists of education records: what is sought, and what is found of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from wizard.core.access import Scope
from wizard.core.records import Record


@dataclass(frozen=True, slots=True)
class Sought:
    """Which records; what is None leaves them all.

    `text` is a record's, a member's or a COTO number in full, or a part of the account's or the named school's name.
    """

    text: str | None = None
    university: str | None = None
    graduation_year: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class ListedRecord:
    """A record with the name of its account."""

    record: Record
    name: str


class RecordLists(Protocol):
    """Lists of records, the newest number first."""

    def found(
        self, sought: Sought, *, before: str | None, limit: int, scope: Scope | None = None
    ) -> Sequence[ListedRecord]:
        """The first records that are sought, of those with a smaller number than `before`. One statement.

        Only those of the `scope`, where there is one.
        """
        ...

    def count(self, sought: Sought) -> int:
        """How many there are; its cost grows with their number."""
        ...
