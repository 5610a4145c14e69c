"""What the services need from outside, and what the edges may ask of them: contracts, checked by mypy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self

from wizard.core.accounts import (
    Account,
    AccountStatus,
    MembershipYear,
    ProofCode,
    ResumeLink,
    StaffMember,
    WaitingAccount,
)
from wizard.core.actors import Actor
from wizard.core.category import CategoryDecision
from wizard.core.education import EducationData
from wizard.core.events import Event
from wizard.core.records import NewRecord, Record, Verification
from wizard.core.registration import Channel, Registration, Status
from wizard.core.results import OperationResult
from wizard.core.rules import Holdings

# --- Registrations in Redis -------------------------------------------------------------------------------


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


# --- The database -----------------------------------------------------------------------------------------


class Accounts(Protocol):
    """Member accounts."""

    def get(self, account_id: str) -> Account | None: ...

    def by_number(self, number: str) -> Account | None:
        """By member number, without regard to case."""
        ...

    def add(self, *, name: str, email: str, status: AccountStatus, language: str, number: str | None) -> Account:
        """A new account; its number is the next `osot-…` unless one is given. Raises `Conflict`."""
        ...

    def page(self, *, after: str | None, limit: int) -> Sequence[Account]:
        """Accounts in the order of their numbers."""
        ...

    def of_email(self, email: str) -> Sequence[Account]:
        """The accounts with an address, without regard to case: those that can be used first."""
        ...

    def add_for_email(self, *, name: str, email: str, status: AccountStatus, language: str) -> tuple[Account, bool]:
        """A new account with the next number, and True; or the one that the address has already, and False."""
        ...

    def waiting(self, *, after: str | None, limit: int) -> Sequence[WaitingAccount]:
        """Accounts that wait for the desk, oldest first, from behind the one with the id `after`."""
        ...

    def decide(self, account_id: str, status: AccountStatus) -> bool:
        """Give an account that waits its status; False where it no longer does."""
        ...


class RecordTaken(Exception):
    """A constraint of the database stands against a record; `rule` is the broken rule's id."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class Records(Protocol):
    """Education records."""

    def get(self, record_id: str) -> Record | None: ...

    def by_session(self, session_id: str) -> Record | None: ...

    def holdings(self, data: EducationData, *, account_id: str | None, session_id: str | None) -> Holdings:
        """What other records (not the one of `session_id`) hold of these numbers, in one query."""
        ...

    def add(self, record: NewRecord) -> Record:
        """Write a record and give it the next number.

        Raises `RecordTaken` with `user_business_id.unique`, `coto_registration.unique`,
        `account.one_record` or `session.one_record`.
        """
        ...

    def correct(
        self,
        record: Record,
        *,
        data: EducationData,
        decision: CategoryDecision,
        verification: Verification,
        at: datetime,
        declaration_version: str | None = None,
    ) -> Record:
        """Change a record's data, which may have been declared anew. Raises `Conflict` on a stale version, `RecordTaken` as `add`."""
        ...

    def delete(self, record: Record) -> None:
        """Delete a record; its number is never given out again. Raises `Conflict` on a stale version."""
        ...


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

    def missing(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Those of some events that are not in the trail yet."""
        ...

    def history(self, chain: str) -> Sequence[AuditRow]:
        """The rows of a chain in order."""
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


@dataclass(frozen=True, slots=True)
class Message:
    """Something that must reach the outside: a mail by its template, with the values it needs.

    `secret` values (codes, tokens) and the address are encrypted in the row, and erased once sent or given up.
    A suppressed message is written and never sent: an address that does not exist costs the same as one that does.
    """

    kind: str
    recipient: str
    language: str
    key: str
    values: Mapping[str, str] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict)
    suppressed: bool = False


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message that a worker has taken for delivery; `id` is its idempotency key."""

    id: str
    message: Message
    attempts: int


class Outbox(Protocol):
    """What waits to be delivered."""

    def add(self, message: Message, *, at: datetime) -> bool:
        """Write a message; False where there is one under its key already, which stays as it is."""
        ...

    def claim(self, now: datetime, *, limit: int = 20) -> Sequence[ClaimedMessage]:
        """Take what is due for delivery, for this worker alone for a while."""
        ...

    def delivered(self, message_id: str, *, at: datetime) -> None:
        """Delivered: its personal and secret values are erased."""
        ...

    def failed(self, message_id: str, *, reason: str, retry_at: datetime | None) -> None:
        """Not delivered: to be tried again, or, where `retry_at` is None, given up and erased as if it had been."""
        ...


class Codes(Protocol):
    """Codes that prove an account."""

    def replace(self, code: ProofCode) -> None:
        """A new code for its registration; the one before is void."""
        ...

    def of_session(self, session_id: str) -> ProofCode | None: ...

    def spend_try(self, code: ProofCode) -> bool:
        """Use up one of the tries, atomically; False where none is left or another code came."""
        ...

    def remove(self, session_id: str) -> None: ...


class Links(Protocol):
    """Links to continue."""

    def add(self, link: ResumeLink, *, keep: int) -> Sequence[ResumeLink]:
        """Add a link; only the newest `keep` of its registration stay live. Answers the older ones, now revoked."""
        ...

    def by_digest(self, digest: str) -> ResumeLink | None: ...

    def hold(self, link_id: str) -> ResumeLink | None:
        """A link as it is now; nobody else changes it before this transaction ends."""
        ...

    def of_session(self, session_id: str) -> Sequence[ResumeLink]:
        """All links of a registration, newest first."""
        ...

    def used(self, link: ResumeLink, *, at: datetime) -> None: ...

    def revoke(self, link: ResumeLink, *, at: datetime) -> None: ...


class Staff(Protocol):
    """Members of the registration desk."""

    def get(self, staff_id: str) -> StaffMember | None: ...

    def by_username(self, username: str) -> StaffMember | None: ...

    def add(self, member: StaffMember) -> None:
        """Raises `Conflict` where the username is taken."""
        ...

    def update(self, member: StaffMember) -> None: ...

    def all(self) -> Sequence[StaffMember]: ...


class MembershipYears(Protocol):
    """The membership year's last day, with its history."""

    def current(self) -> MembershipYear | None: ...

    def set(self, year: MembershipYear) -> None: ...

    def history(self) -> Sequence[MembershipYear]: ...


class UnitOfWork(Protocol):
    """One database transaction: committed by the service, rolled back otherwise.

    Entering or using it raises ExternalServiceError("database") where the database cannot be reached.
    """

    @property
    def accounts(self) -> Accounts: ...

    @property
    def records(self) -> Records: ...

    @property
    def audit(self) -> AuditTrail: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def codes(self) -> Codes: ...

    @property
    def links(self) -> Links: ...

    @property
    def staff(self) -> Staff: ...

    @property
    def membership_years(self) -> MembershipYears: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def commit(self) -> None: ...


class UnitsOfWork(Protocol):
    """Begins transactions."""

    def write(self) -> UnitOfWork:
        """A transaction that may write (on SQLite it takes the write lock at once)."""
        ...

    def read(self) -> UnitOfWork:
        """A transaction that only reads."""
        ...


# --- Digests ----------------------------------------------------------------------------------------------


class Digests(Protocol):
    """Keyed digests of short secrets, under keys that are rotated."""

    def digest(self, purpose: str, value: str) -> str:
        """The digest under the newest key."""
        ...

    def digests(self, purpose: str, value: str) -> tuple[str, ...]:
        """The digests under every key, newest first: a stored one may be of an older key."""
        ...


# --- Mail -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it is sent; `kind` is what it is about, as in `Message`."""

    kind: str
    recipient: str
    subject: str
    text: str
    html: str


class MailRefused(Exception):
    """The mail server will never take this mail, as for an address that does not exist: not to be tried again."""


class MailWriter(Protocol):
    """Words a message in its reader's language."""

    def write(self, message: Message) -> Mail: ...


class MailSender(Protocol):
    """Sends a mail; raises ExternalServiceError("mail") where it cannot be now, `MailRefused` where it never can."""

    def send(self, mail: Mail, *, message_id: str) -> None: ...


# --- What the edges ask of the services -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls, and the request that it belongs to."""

    actor: Actor
    request_id: str | None = None
    # What the applicant reads, where it is the applicant who calls.
    language: str | None = None
    # Registrations by id (None: there is none) as this request has read them with something else, until it writes one.
    read_ahead: dict[str, Registration | None] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What is stored for a browser: revision 0 where there is nothing, below where a session ended a moment ago."""

    revision: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    unsent: dict[str, Any] = field(default_factory=dict)
    read_ahead: dict[str, Registration | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Staging:
    """What a registration is started with."""

    data: Mapping[str, str | None] = field(default_factory=dict)
    contact_email: str | None = None
    account_id: str | None = None
    channel: Channel = Channel.WEB
    language: str = "en"
    ttl_seconds: int | None = None


class Orchestrator(Protocol):
    """The operations on one registration (02-workflow, Operations).

    Every one answers an `OperationResult`, or raises a `WizardError` that carries one in `result`
    where the registration could be read.
    """

    def stage(self, call: Call, staging: Staging, *, session_id: str | None = None) -> OperationResult: ...

    def update(
        self,
        call: Call,
        session_id: str,
        changes: Mapping[str, str | None],
        *,
        version: int,
        contact_email: str | None = None,
        contact_seen: str | None = None,
        drop_inapplicable: bool = False,
    ) -> OperationResult: ...

    def validate(self, call: Call, session_id: str) -> OperationResult: ...

    def determine_category(self, call: Call, session_id: str) -> OperationResult: ...

    def review(self, call: Call, session_id: str) -> OperationResult:
        """`validate`, then `determine_category`, as one."""
        ...

    def link_account(self, call: Call, session_id: str, account_id: str | None = None) -> OperationResult:
        """By default the account with the registration's member number."""
        ...

    def create(self, call: Call, session_id: str, *, declaration_version: str = ...) -> OperationResult: ...

    def submit(
        self, call: Call, session_id: str, *, version: int | None = None, declaration_version: str = ...
    ) -> OperationResult:
        """`create`, then close, as one: only what was shown, the answers of `version`."""
        ...

    def execute_workflow(
        self, call: Call, session_id: str, *, account_id: str | None = None, declaration_version: str = ...
    ) -> OperationResult: ...

    def get(self, call: Call, session_id: str) -> OperationResult: ...

    def read_ahead(self, call: Call, session_ids: Sequence[str]) -> None:
        """Read several at once, for what the same request does with each."""
        ...

    def extend(self, call: Call, session_id: str, *, ttl_seconds: int | None = None) -> OperationResult: ...

    def prolong(self, call: Call, session_id: str) -> OperationResult:
        """Let it live the longer time: a link to continue was made, or the desk has to act."""
        ...

    def cancel(self, call: Call, session_id: str) -> OperationResult: ...

    def as_recorded(self, call: Call, registration: Registration) -> Registration:
        """The registration as the database knows it: completed, where an earlier submit made its record."""
        ...
