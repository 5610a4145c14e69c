"""Where registrations are kept: documents under compare-and-set, with small indexes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from wizard.core.registration import Registration, Status


class RevisionConflict(Exception):
    """The stored document is not the one that the change was made from; read again."""


@dataclass(frozen=True, slots=True)
class RegistrationPage:
    """A page of registrations, newest change first; `cursor` leads on, None at the end."""

    registrations: tuple[Registration, ...]
    cursor: str | None


class RegistrationStore(Protocol):
    """Registrations under compare-and-set, with small indexes; raises ExternalServiceError("redis")."""

    def load(self, session_id: str) -> Registration | None:
        """The document, one round trip; None where there is none. Expiry is the caller's to judge."""
        ...

    def load_all(self, session_ids: Sequence[str]) -> Mapping[str, Registration | None]:
        """Several documents by their ids, one round trip."""
        ...

    def save(self, registration: Registration, *, replacing: Registration | None) -> Registration:
        """Store in place of the document read (None: there must be none), one round trip.

        Answers the document with its new revision; raises `RevisionConflict` where another stands there.
        """
        ...

    def page(
        self,
        *,
        status: Status | None = None,
        cursor: str | None = None,
        limit: int = 25,
    ) -> RegistrationPage:
        """Registrations at a status (None: any) newest change first; a constant number of round trips."""
        ...

    def counts(self) -> Mapping[Status, int]:
        """How many registrations stand at each status, one round trip."""
        ...

    def of_member(self, member_number: str) -> tuple[Registration, ...]:
        """The registrations with a member number, compared without regard to case, newest change first."""
        ...

    def expired(self, now: datetime, *, limit: int = 100) -> tuple[Registration, ...]:
        """Some of those whose time is over."""
        ...

    def reminders_due(self, now: datetime, *, limit: int = 100) -> tuple[Registration, ...]:
        """Some open ones with an address, not reminded yet, three quarters of whose life have passed."""
        ...

    def with_waiting_events(self, *, limit: int = 100) -> tuple[Registration, ...]:
        """Some of those with events that may not be in the audit trail yet."""
        ...

    def events_recorded(self, registration: Registration) -> None:
        """Note that the audit trail has all events of this document, unless newer ones have come since."""
        ...

    def repair_indexes(self, *, cursor: str | None, limit: int = 500) -> str | None:
        """Check a slice of index entries against their documents; answers where to go on, None at the end."""
        ...
