"""The shape of a stored registration: fixed types and short names, for a small document that cannot run anything."""

from __future__ import annotations

from datetime import date

import msgspec

from wizard.core.choices import EducationCategory
from wizard.core.errors import ErrorCode
from wizard.core.events import EventName
from wizard.core.registration import Channel, Status
from wizard.core.rules import Outcome

# Counts up when what is stored can no longer be read as it was; added fields with a default need no new one.
FORMAT = 1


class StoredOutcome(msgspec.Struct, array_like=True):
    rule: str
    outcome: Outcome
    params: dict[str, str]
    # Only where the outcomes are not those of the whole table.
    field: str = ""


class StoredProblem(msgspec.Struct, array_like=True):
    code: ErrorCode
    message: str
    field: str | None
    params: dict[str, str]


class StoredDecision(msgspec.Struct, array_like=True):
    category: EducationCategory
    codes: list[str]
    params: dict[str, str]
    membership_ends: date | None


class StoredValidation(msgspec.Struct, omit_defaults=True, rename={"noted": "n", "table": "t", "decision": "d"}):
    """`table` tells which table of rules the outcomes are of; those that are not noted passed. None: no table."""

    noted: list[StoredOutcome] = []
    table: int | None = None
    decision: StoredDecision | None = None


EVENT_KEYS = {
    "name": "n",
    "at": "a",
    "actor": "by",
    "chain": "c",
    "privilege": "p",
    "session_id": "s",
    "sequence": "q",
    "record_id": "r",
    "operation_id": "o",
    "request_id": "i",
    "details": "d",
    "changes": "ch",
}


class StoredEvent(msgspec.Struct, omit_defaults=True, rename=EVENT_KEYS):
    """A chain or session id that is the registration's own is left out ("" stands for it)."""

    name: EventName
    at: int
    actor: str
    chain: str = ""
    privilege: str | None = None
    session_id: str | None = ""
    sequence: int | None = None
    record_id: str | None = None
    operation_id: str | None = None
    request_id: str | None = None
    details: dict[str, str] = {}
    changes: dict[str, tuple[str | None, str | None]] = {}


DATA_KEYS = {
    "user_business_id": "u",
    "degree_type": "d",
    "university": "s",
    "other_details": "o",
    "country": "c",
    "graduation_year": "y",
    "coto_status": "t",
    "coto_registration": "r",
    "access_modifier": "a",
    "notes": "n",
}
DATA_NAMES = {short: name for name, short in DATA_KEYS.items()}

DOCUMENT_KEYS = {
    "format": "f",
    "status": "s",
    "created_at": "ca",
    "updated_at": "ua",
    "expires_at": "ea",
    "created_by": "cb",
    "updated_by": "ub",
    "channel": "ch",
    "language": "l",
    "data": "d",
    "version": "v",
    "contact_email": "m",
    "account_id": "ac",
    "linked": "li",
    "validation": "va",
    "errors": "er",
    "warnings": "w",
    "flag": "fl",
    "failed": "fd",
    "lives_long": "ll",
    "chosen_ttl": "ct",
    "reminded": "re",
    "record_id": "ri",
    "record_number": "rn",
    "durations": "du",
    "event_sequence": "q",
    "events": "ev",
    "ended": "en",
}


class StoredDocument(msgspec.Struct, omit_defaults=True, kw_only=True, rename=DOCUMENT_KEYS):
    # Required, so that it is always written.
    format: int
    status: Status
    created_at: int
    updated_at: int
    expires_at: int
    created_by: str
    updated_by: str
    channel: Channel = Channel.WEB
    language: str = "en"
    data: dict[str, str] = {}
    version: int = 1
    contact_email: str | None = None
    account_id: str | None = None
    linked: bool = False
    validation: StoredValidation | None = None
    errors: list[StoredProblem] = []
    warnings: list[StoredProblem] = []
    flag: str | None = None
    failed: dict[str, int] = {}
    lives_long: bool = False
    chosen_ttl: int | None = None
    reminded: bool = False
    record_id: str | None = None
    record_number: str | None = None
    durations: dict[str, int] = {}
    event_sequence: int = 0
    events: list[StoredEvent] = []
    ended: bool = False
