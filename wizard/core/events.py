"""What happened: the events of every significant operation (02-workflow, Events)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EventName(StrEnum):
    """The events, by the names that subscribers know them by."""

    EDUCATION_STAGED = "education.staged"
    EDUCATION_UPDATED = "education.updated"
    EDUCATION_VALIDATED = "education.validated"
    CATEGORY_DETERMINED = "education.category_determined"
    ACCOUNT_LINKED = "education.account_linked"
    EDUCATION_CREATED = "education.created"
    CREATION_FAILED = "education.creation_failed"
    WORKFLOW_COMPLETED = "workflow.completed"
    SESSION_RESUMED = "session.resumed"
    SESSION_EXTENDED = "session.extended"
    SESSION_CANCELLED = "session.cancelled"
    SESSION_EXPIRED = "session.expired"
    SESSION_NOTED = "session.noted"
    RECORD_UPDATED = "record.updated"
    RECORD_VERIFIED = "record.verified"
    RECORD_CATEGORY_CHANGED = "record.category_changed"
    RECORD_DELETED = "record.deleted"
    RECORD_EXPORTED = "record.exported"
    PERSON_ERASED = "person.erased"
    PERSON_EXPORTED = "person.exported"
    VALUES_ERASED = "values.erased"
    CONFLICT_RESOLVED = "conflict.resolved"
    LINK_CREATED = "link.created"
    LINK_USED = "link.used"
    LINK_REVOKED = "link.revoked"
    CODE_SENT = "code.sent"
    CODE_FAILED = "code.failed"
    STAFF_ADDED = "staff.added"
    STAFF_DISABLED = "staff.disabled"
    STAFF_CONNECTED = "staff.connected"
    STAFF_SIGNED_IN = "staff.signed_in"
    STAFF_SIGN_IN_FAILED = "staff.sign_in_failed"
    STAFF_SIGNED_OUT = "staff.signed_out_everywhere"
    STAFF_TOTP_ENABLED = "staff.totp_enabled"
    STAFF_TOTP_DISABLED = "staff.totp_disabled"
    STAFF_RECOVERY_RENEWED = "staff.recovery_renewed"
    STAFF_RECOVERY_USED = "staff.recovery_used"
    STAFF_PASSWORD_CHANGED = "staff.password_changed"  # noqa: S105 - a name of an event
    TOKEN_CREATED = "token.created"  # noqa: S105 - a name of an event
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - as above
    ACCOUNT_CREATED = "account.created"
    ACCOUNT_UPDATED = "account.updated"
    MEMBERSHIP_YEAR_CHANGED = "membership_year.changed"
    KEYS_ROTATED = "keys.rotated"
    REMINDER_SENT = "reminder.sent"
    BULK_LOADED = "bulk.loaded"
    BULK_STARTED = "bulk.started"
    BULK_COMPLETED = "bulk.completed"
    BULK_DISCARDED = "bulk.discarded"
    BULK_EXPORTED = "bulk.exported"
    DELIVERY_RETRIED = "delivery.retried"
    ACCESS_DENIED = "access.denied"
    OPERATION_FAILED = "operation.failed"

    @classmethod
    def as_stored(cls, name: str) -> EventName:
        """The event of a stored name; a name that is no event's, in a row that was changed, is one by itself."""
        if name in cls._value2member_map_:
            return cls(name)
        stranger = str.__new__(cls, name)
        stranger._name_, stranger._value_ = "STRANGER", name
        return stranger


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    `details` are ids, codes and slugs of no person; `changes` holds what a person typed, before and after,
    and is kept apart from the chain. `chain` groups what is chained together: a registration's events by
    its session id, others by their subject. `sequence` makes it unique within a registration; an event
    outside of any registration has none.
    """

    name: EventName
    at: datetime
    actor: str
    chain: str
    privilege: str | None = None
    session_id: str | None = None
    sequence: int | None = None
    record_id: str | None = None
    operation_id: str | None = None
    request_id: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
