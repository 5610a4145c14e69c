"""Records that wait for the desk to verify them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from wizard.core.records import Record, Verification


@dataclass(frozen=True, slots=True)
class WaitingRecord:
    """A record that waits, with the name in its account."""

    record: Record
    name: str


class VerificationQueue(Protocol):
    """The verification queue."""

    def page(self, *, after: str | None, limit: int) -> Sequence[WaitingRecord]:
        """Records that wait or whose applicant was asked, oldest first, from behind the one with the id `after`."""
        ...

    def decide(self, record: Record, verification: Verification, *, at: datetime) -> Record:
        """Give a record another verification. Raises `StaleVersion`, `Conflict` where it is gone."""
        ...
