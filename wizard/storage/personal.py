"""Whose the tables and the keys in Redis are: one decision for each, and a test that none is missing.

What is a person's is erased on request and handed over on request; both go through the same places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wizard.core.accounts import email_key
from wizard.core.education import member_number_key
from wizard.services.ports.persons import Place
from wizard.storage.crypto import Cipher


@dataclass(frozen=True, slots=True)
class Nobodys:
    """Nothing of a member lies there, or nothing that anybody could find; why."""

    because: str


_COUNTED = Nobodys("numbers, days and states, of nobody")
_DESKS = Nobodys("of the people of the desk, not of members")

TABLES: Mapping[str, tuple[Place, ...] | Nobodys] = {
    "accounts": (Place.ACCOUNT,),
    "education_records": (Place.RECORD,),
    "audit_events": (Place.HISTORY,),
    "audit_values": (Place.HISTORY, Place.SEARCHES),
    "audit_heads": Nobodys("lengths and signatures of chains"),
    "proof_codes": (Place.CODES,),
    "resume_links": (Place.LINKS,),
    "outbox": (Place.MAILS,),
    "delivery_attempts": Nobodys("when a message was tried and what the server answered, by its code"),
    "bulk_rows": (Place.FILE_ROWS,),
    "bulk_jobs": Nobodys("of whoever loaded the file; its name goes with what is kept of it"),
    "api_tokens": (Place.TOKENS,),
    "counters": _COUNTED,
    "membership_years": _COUNTED,
    "category_refreshes": _COUNTED,
    "staff": _DESKS,
    "staff_identities": _DESKS,
    "second_factors": _DESKS,
    "recovery_codes": _DESKS,
}

# The texts of those tables that are never encrypted, and why; all others are where the setting asks for it
# (storage/sealed_columns.py), or are in any case. A test fails where a column has no decision.
IN_THE_OPEN: Mapping[str, tuple[str, ...]] = {
    "ids, by which everything hangs together": (
        *("accounts.id", "education_records.id", "education_records.account_id", "education_records.session_id"),
        *("audit_events.chain", "audit_events.session_id", "audit_events.record_id", "audit_events.operation_id"),
        *("audit_events.request_id", "proof_codes.id", "proof_codes.session_id", "proof_codes.account_id"),
        *("resume_links.id", "resume_links.session_id", "outbox.id", "outbox.key", "outbox.stream", "outbox.record_id"),
        *("outbox.request_id", "bulk_rows.job_id", "bulk_rows.session_id", "api_tokens.id", "api_tokens.account_id"),
    ),
    "numbers of members and records: other systems know them by these, lists go by them, the next is counted up": (
        *("accounts.number", "accounts.number_key", "education_records.number", "bulk_rows.record_number"),
        *("education_records.user_business_id", "education_records.user_business_key"),
    ),
    "one of a few, and counted or filtered by": (
        *("accounts.status", "accounts.language", "education_records.degree_type", "education_records.university"),
        *("education_records.country", "education_records.graduation_year", "education_records.coto_status"),
        *("education_records.access_modifier", "education_records.category", "education_records.category_codes"),
        *(
            "education_records.category_params",
            "education_records.verification_state",
            "outbox.kind",
            "outbox.language",
        ),
        *("education_records.verification_reasons", "education_records.declaration_version", "outbox.state"),
        *("outbox.reason", "outbox.medium", "resume_links.kind", "bulk_rows.state", "bulk_rows.category"),
        "api_tokens.privilege",
    ),
    "what happened, without anything that was typed": (
        *("audit_events.name", "audit_events.privilege", "audit_events.details", "audit_values.field"),
        "bulk_rows.problems",
    ),
    "who did it: somebody of the desk, another system, or “applicant”": (
        *("audit_events.actor", "education_records.created_by", "resume_links.created_by", "api_tokens.created_by"),
        "api_tokens.name",
    ),
    "digests and signatures": (
        *("audit_events.changes", "audit_events.previous", "audit_events.key_id", "audit_events.mac"),
        *("proof_codes.digest", "resume_links.digest", "api_tokens.digest", "outbox.whose", "bulk_rows.keys"),
        "bulk_rows.whose",
    ),
}

# By what the names of the keys begin with.
KEYS: Mapping[str, tuple[Place, ...] | Nobodys] = {
    "ot_education_session": (Place.REGISTRATIONS,),
    "ot_education_index": Nobodys("ids, and digests of member numbers, that follow the documents"),
    "ot_waited_for": Nobodys("that a replica was late"),
    "ot_browser_session": Nobodys("sealed, found by its cookie only; over 25 hours after that came last"),
    "ot_browser_session_unsent": Nobodys("as above; over within two minutes"),
    "ot_education_answer": Nobodys("sealed under a key that only the caller has; over within 24 hours"),
    "ot_education_ping": Nobodys("that a replica keeps up"),
    "ot_education_limit": Nobodys("counters under digests"),
}

_PURPOSE = "whose"


def whose_address(address: str) -> str:
    """What a sealed row is found by that goes to an address; to be digested."""
    return f"email:{email_key(address)}"


def whose_number(number: str) -> str:
    """What a sealed row is found by that is about a member number; to be digested."""
    return f"number:{member_number_key(number)}"


def whose(cipher: Cipher, known_by: str) -> str:
    """The digest to keep beside what is sealed."""
    return cipher.digest(_PURPOSE, known_by)


def whose_row(cipher: Cipher, number: str | None, address: str | None) -> str | None:
    """The digest of a row of a file: of its member number, or else of its address."""
    if number:
        return whose(cipher, whose_number(number))
    return whose(cipher, whose_address(address)) if address else None


def all_whose(cipher: Cipher, known_by: frozenset[str]) -> frozenset[str]:
    """The digests to look for, under every secret."""
    return frozenset(digest for each in known_by for digest in cipher.digests(_PURPOSE, each))
