"""What must reach the outside: the outbox, and the mail or webhook that carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Medium(StrEnum):
    """The ways out."""

    MAIL = "mail"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands: its number in the audit trail, its registration or chain, and the record it is about.

    A message with a place never goes out before an earlier one of the same stream or record is out or given up.
    """

    stream: str | None
    record_id: str | None
    event_id: int | None


@dataclass(frozen=True, slots=True)
class Message:
    """Something that must reach the outside: a mail by its template, with the values it needs, or an event.

    `secret` values (codes, tokens) and the address are encrypted in the row, and erased once sent.
    A suppressed message is written and never sent: an address that does not exist costs the same as one that does.
    """

    kind: str
    recipient: str
    language: str
    key: str
    values: Mapping[str, str] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict)
    suppressed: bool = False
    medium: Medium = Medium.MAIL
    place: Place | None = None
    # Of the request that it answers.
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message that a worker has taken for delivery; `id` is its idempotency key.

    `until` is when the claim ends. No two claims of a message end at the same instant, so it also says whose it is.
    """

    id: str
    message: Message
    attempts: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver: when, for how long, what was answered; `reason` is None where it succeeded."""

    at: datetime
    duration_ms: int
    status: int | None
    reason: str | None


class Outbox(Protocol):
    """What waits to be delivered."""

    def add(self, message: Message, *, at: datetime) -> bool:
        """Write a message; False where there is one under its key already, which stays as it is."""
        ...

    def claim(self, now: datetime, *, medium: Medium = Medium.MAIL, limit: int = 20) -> Sequence[ClaimedMessage]:
        """Take what is due on a medium, for this worker alone for a while; nothing whose place is behind another."""
        ...

    def attempted(self, message_id: str, attempt: Attempt) -> None:
        """Note a try, for the log of deliveries."""
        ...

    def delivered(self, message_id: str, *, at: datetime) -> None:
        """Delivered: its personal and secret values are erased."""
        ...

    def failed(self, claimed: ClaimedMessage, *, reason: str, retry_at: datetime) -> None:
        """Not delivered: to be tried again. Changes nothing where another worker has taken it since."""
        ...

    def given_up(self, claimed: ClaimedMessage, *, reason: str, keep_until: datetime | None) -> None:
        """Not to be tried again by itself: it can be sent again until `keep_until`; without that it is erased now.

        Changes nothing where another worker has taken it since.
        """
        ...


class Undelivered(Exception):
    """A message that did not get out.

    `final` ones are given up at once; where one `stops`, the others of its medium are better left for later.
    `status` is what the other side answered, `retry_after` for how many seconds it asked to be left alone.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        final: bool = False,
        stops: bool = False,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.status, self.final, self.stops, self.retry_after = reason, status, final, stops, retry_after


class Carrier(Protocol):
    """Takes messages of one medium to where they go."""

    def carry(self, claimed: ClaimedMessage) -> int | None:
        """Deliver a message; answers the other side's status, where it has one. Raises Undelivered."""
        ...


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver of webhooks answered: its status, and `Retry-After` as it stands there."""

    status: int
    retry_after: str | None = None


class PostFailed(Exception):
    """A receiver of webhooks did not answer, or may not be asked; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Poster(Protocol):
    """Posts to the receiver of webhooks; raises `PostFailed` where it gives no answer."""

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer: ...
