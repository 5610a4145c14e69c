"""The audit trail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from wizard.core.events import Event


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A row of the audit trail, with its personal values as far as they are still kept."""

    id: int
    position: int
    event: Event


@dataclass(frozen=True, slots=True)
class NotedHead:
    """Where a chain ended at some time: how many rows it had, and the signature of the last."""

    chain: str
    length: int
    last: str


class AuditTrail(Protocol):
    """The append-only trail, chained per subject by HMAC."""

    def append(self, events: Iterable[Event]) -> int:
        """Add events; one that is there already (same session, sequence, name and operation) is passed over.

        Answers how many were new.
        """
        ...

    def hold(self, chain: str) -> None:
        """Let nobody else add to a chain before this transaction ends: what its history says now stays so."""
        ...

    def missing(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Those of some events that are not in the trail yet."""
        ...

    def history(self, *chains: str, record_id: str | None = None) -> Sequence[AuditRow]:
        """The rows of some chains, each in order; with those of any other that concern a record."""
        ...

    def verify(self) -> Sequence[str]:
        """What is wrong with any chain: a sentence for each changed, removed, reordered or cut-off row."""
        ...

    def heads(self) -> Sequence[NotedHead]:
        """Where each chain ends now, to be kept elsewhere."""
        ...

    def departures(self, noted: Iterable[NotedHead]) -> Sequence[str]:
        """A sentence for each chain that does not lead to where it was noted to end."""
        ...
