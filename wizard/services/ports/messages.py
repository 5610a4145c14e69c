"""What must reach the outside: the outbox, and the mail that carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


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
