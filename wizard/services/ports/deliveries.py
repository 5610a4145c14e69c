"""What went out, what did not, and what came of each try: the outbox as the desk looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from wizard.services.ports.messages import Attempt, Medium

# A worker looks every few seconds: what is due for so long does not go out as it should.
LATE = timedelta(minutes=1)


class DeliveryState(StrEnum):
    """How far a message is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Posted:
    """A message as the desk may see it: not to whom, and not what it says.

    `due_at` counts while it waits; `reason` says why the last try failed; `kept` whether it can still be sent, `behind`
    whether it waits for an earlier one of the same registration or record.
    """

    id: str
    medium: Medium
    kind: str
    language: str
    state: DeliveryState
    created_at: datetime
    due_at: datetime
    attempts: int
    reason: str | None
    kept: bool
    behind: bool


@dataclass(frozen=True, slots=True)
class Undone:
    """Which messages are not delivered: given up for no longer than they are `kept`, or waiting.

    Those wait that failed, those behind them, and those that are due for long.
    """

    medium: Medium
    now: datetime
    kept: timedelta


class Deliveries(Protocol):
    """The outbox by medium, newest first."""

    def undelivered(self, undone: Undone, *, after: str | None, limit: int) -> Sequence[Posted]:
        """Messages that have not gone out, from behind the one with the id `after`."""
        ...

    def every(self, medium: Medium, *, after: str | None, limit: int) -> Sequence[Posted]:
        """All messages of a medium that are still known, from behind the one with the id `after`."""
        ...

    def get(self, message_id: str) -> Posted | None:
        """One message; None for one that is unknown, or was never to be sent."""
        ...

    def attempts(self, message_id: str) -> Sequence[Attempt]:
        """The tries to deliver it, oldest first."""
        ...

    def retry(self, message_id: str, *, at: datetime) -> bool:
        """Have it tried again at once, with all its tries before it; False where it is out, or no longer kept."""
        ...

    def retry_given_up(self, medium: Medium, *, at: datetime) -> int:
        """The same for all of a medium that were given up and are kept; answers how many."""
        ...

    def erase(self, *, now: datetime, before: datetime, limit: int) -> int:
        """Erase what is kept no longer: what was given up, tries from before an instant, and events that old.

        Answers how many rows that were.
        """
        ...
