"""How much waits in the database for a worker or for the desk, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Queue(StrEnum):
    """What waits: the first two for a worker, the others for the desk."""

    OUTBOX = "outbox"
    BULK_ROWS = "bulk_rows"
    GIVEN_UP = "given_up"
    VERIFICATION = "verification"
    ACCOUNTS = "accounts"


@dataclass(frozen=True, slots=True)
class Queued:
    """How many wait in a queue, and since when the longest. `kind` is that of the messages, where there are several."""

    queue: Queue
    kind: str
    count: int
    since: datetime | None


class Backlog(Protocol):
    """Read by index, one statement for all."""

    def waiting(self, *, given_up_since: datetime) -> Sequence[Queued]:
        """What waits; messages given up longer ago do not count any more. A queue that is empty may be missing."""
        ...
