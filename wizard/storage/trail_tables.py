"""The tables of the audit trail and of the outbox."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from wizard.storage.schema import Identity, Table, one_of
from wizard.storage.sealed_columns import SealedIfReadable

# Fields of the trail that a person is found by.
NUMBER, SEARCH = "user_business_id", "search"


def only_of(field: str) -> dict[str, Any]:
    """For an index of the values of one field."""
    these = text(f"field = '{field}'")
    return {"sqlite_where": these, "postgresql_where": these}


class AuditEventRow(Table):
    """A link of a chain. `changes` holds a digest for each field; the values themselves lie in `audit_values`."""

    __tablename__ = "audit_events"
    __table_args__ = (
        UniqueConstraint("chain", "position"),
        # A document that Redis lost its last write of gives the same number to something else.
        UniqueConstraint("session_id", "sequence", "name", "operation_id"),
        CheckConstraint("sequence IS NULL OR operation_id IS NOT NULL", name="operation"),
        Index(None, "record_id"),
        Index(None, "name", "at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    chain: Mapped[str]
    position: Mapped[int]
    name: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    privilege: Mapped[str | None]
    session_id: Mapped[str | None]
    sequence: Mapped[int | None]
    record_id: Mapped[str | None]
    operation_id: Mapped[str | None]
    request_id: Mapped[str | None]
    details: Mapped[dict[str, str]]
    changes: Mapped[dict[str, str]]
    previous: Mapped[str]
    key_id: Mapped[str]
    mac: Mapped[str]


class AuditValueRow(Table):
    """What a person typed, before and after, with the salt of its digest; deleted when the person is erased."""

    __tablename__ = "audit_values"
    # A person is found by them among all that was ever typed.
    __table_args__ = (
        Index("ix_audit_values_number", func.lower(text("after")), **only_of(NUMBER)),
        Index("ix_audit_values_search", "event_id", **only_of(SEARCH)),
    )

    event_id: Mapped[int] = mapped_column(Identity, ForeignKey("audit_events.id"), primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    # With it and the digest in the chain, whatever has few values could be found out by trying.
    salt: Mapped[str] = mapped_column(SealedIfReadable("audit_values.salt"))
    before: Mapped[str | None] = mapped_column(SealedIfReadable("audit_values.before"))
    after: Mapped[str | None] = mapped_column(SealedIfReadable("audit_values.after"))


class AuditHeadRow(Table):
    """The signed end of a chain: how long it is, and its last link. `ordinal` counts the chains."""

    __tablename__ = "audit_heads"

    chain: Mapped[str] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(unique=True)
    length: Mapped[int]
    last: Mapped[str]
    key_id: Mapped[str]
    mac: Mapped[str]


class MessageState(StrEnum):
    """How far a message of the outbox is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    SUPPRESSED = "suppressed"


class OutboxRow(Table):
    """A message to the outside; what is personal or secret in it is encrypted in `sealed`, until sent or over.

    As long as it is there, `whose` is a keyed digest of the address that a mail goes to.
    An event has a place among others: its number in the audit trail, its registration or chain, and its record.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        one_of("state", MessageState),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("state <> 'waiting' OR sealed IS NOT NULL", name="sealed"),
        Index(None, "medium", "state", "due_at", "event_id"),
        Index(None, "stream", "event_id"),
        Index(None, "record_id", "event_id"),
        Index(None, "erase_at"),
        Index(None, "whose"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    language: Mapped[str]
    sealed: Mapped[bytes | None]
    state: Mapped[str]
    attempts: Mapped[int]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    medium: Mapped[str] = mapped_column(server_default=text("'mail'"))
    stream: Mapped[str | None]
    record_id: Mapped[str | None]
    event_id: Mapped[int | None] = mapped_column(BigInteger)
    erase_at: Mapped[datetime | None]
    request_id: Mapped[str | None]
    whose: Mapped[str | None]


class AttemptRow(Table):
    """One try to deliver a message; `reason` says why it failed."""

    __tablename__ = "delivery_attempts"
    __table_args__ = (Index(None, "message_id"), Index(None, "at"))

    id: Mapped[int] = mapped_column(Identity, primary_key=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("outbox.id"))
    at: Mapped[datetime]
    duration_ms: Mapped[int]
    status: Mapped[int | None]
    reason: Mapped[str | None]


# For statements that need none of the ORM.
EVENTS, VALUES, HEADS = (
    Table.metadata.tables[each.__tablename__] for each in (AuditEventRow, AuditValueRow, AuditHeadRow)
)
