"""Where registrations are kept: documents under compare-and-set, with small indexes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from wizard.core.registration import Channel, Registration, Status
from wizard.core.steps import Step
from wizard.core.trouble import Trouble


class RevisionConflict(Exception):
    """The stored document is not the one that the change was made from; read again."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which registrations to list: those to which all of it applies; None and False ask for nothing.

    `stuck` is stuck for any reason, `trouble` for one; `expiring` are the open ones that will soon be over.
    """

    status: Status | None = None
    step: Step | None = None
    channel: Channel | None = None
    rule: str | None = None
    trouble: Trouble | None = None
    stuck: bool = False
    expiring: bool = False
    unchanged_since: datetime | None = None


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class PageAsked:
    """Which page of which list is asked for."""

    selection: Selection = EVERYTHING
    cursor: str | None = None
    limit: int = 25


@dataclass(frozen=True, slots=True)
class PageAhead:
    """What the indexes said of a page, read along with something else; the documents are still to be read."""

    asked: PageAsked
    answers: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many registrations there are of each kind, as far as the indexes know.

    `unrecorded` have events that may not be in the audit trail yet; `overdue` are over and not ended yet, the first of
    them since `overdue_since`.
    """

    everything: int
    stuck: int
    expiring: int
    statuses: Mapping[Status, int]
    steps: Mapping[Step, int]
    channels: Mapping[Channel, int]
    troubles: Mapping[Trouble, int]
    rules: Mapping[str, int]
    unrecorded: int
    overdue: int
    overdue_since: datetime | None


@dataclass(frozen=True, slots=True)
class RegistrationPage:
    """A page of registrations, newest change first (those that expire: soonest first).

    `cursor` leads on, None at the end. `tally` is of all there are; None where a page was not read from the lists.
    """

    registrations: tuple[Registration, ...]
    cursor: str | None
    tally: Tally | None = None


class Documents(Protocol):
    """Registrations by their ids, under compare-and-set; raises ExternalServiceError("redis")."""

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


class RegistrationStore(Documents, Protocol):
    """Registrations under compare-and-set, with small indexes."""

    def save_all(self, changed: Sequence[tuple[Registration, Registration | None]]) -> None:
        """Store several, each as `save` does, one round trip; raises `RevisionConflict` where any was refused."""
        ...

    def page(
        self,
        selection: Selection = EVERYTHING,
        *,
        cursor: str | None = None,
        limit: int = 25,
        ahead: PageAhead | None = None,
    ) -> RegistrationPage:
        """Some of a selection, with the tally of all; a bounded number of round trips, two where one thing is asked.

        One of them is saved where `ahead` is of this very page. Where several things are asked, a page may be short, or
        empty, and still lead on.
        """
        ...

    def tally(self) -> Tally:
        """How many registrations there are of each kind, one round trip."""
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

    def events_recorded(self, *registrations: Registration) -> None:
        """Note that the audit trail has all events of these documents, unless newer ones have come since."""
        ...

    def repair_indexes(self, *, cursor: str | None, limit: int = 500) -> str | None:
        """Check a slice of index entries against their documents; answers where to go on, None at the end."""
        ...
