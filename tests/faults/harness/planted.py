"""Violations to plant in a database that nothing guards any more: by which statement, and what is to be said of it."""
# ruff: noqa: S608 - names and texts of ours

from __future__ import annotations

SESSION = "(SELECT min(session_id) FROM education_records)"
LAST = "(SELECT max(id) FROM audit_events WHERE name = 'workflow.completed')"
COPIED = (
    "degree_type, university, other_details, country, graduation_year, coto_status, access_modifier, notes, category, "
    "category_codes, category_params, verification_state, verification_reasons, declaration_version, declared_at, "
    "created_by, created_at, updated_at, version"
)


def copied(**others: str) -> str:
    """A record once more, but for some columns."""
    own = {"id": "'double'", "number": "'osot-oted-9999999'", "account_id": "account_id", "session_id": "session_id",
           "user_business_id": "user_business_id", "user_business_key": "user_business_key",
           "coto_registration": "NULL"} | others  # fmt: skip
    return (
        f"INSERT INTO education_records ({', '.join(own)}, {COPIED}) SELECT {', '.join(own.values())}, {COPIED} "
        f"FROM education_records WHERE session_id = {SESSION}"
    )


# What is planted in the database, and what has to be said of it.
PLANTED: dict[str, tuple[str, str]] = {
    "a second record of a session": (copied(), "records: session_id"),
    "a second record of an account": (copied(session_id="'other'"), "records: account_id"),
    "a second record of a member number": (
        copied(session_id="'other'", account_id="'other'", user_business_id="upper(user_business_id)"),
        "records: lower(user_business_id)",
    ),
    "a second record of a COTO number": (
        "UPDATE education_records SET coto_registration = 'AB12'", "records: coto_registration AB12",
    ),
    "a record that is gone": (f"DELETE FROM education_records WHERE session_id = {SESSION}", "records: api"),
    "another record number": (
        f"UPDATE education_records SET number = 'osot-oted-8888888' WHERE session_id = {SESSION}", "has a receipt for",
    ),
    "a lost answer": (f"UPDATE education_records SET notes = NULL WHERE session_id = {SESSION}", "answers: api"),
    "a removed event": (
        f"DELETE FROM audit_events WHERE name = 'education.updated' AND session_id = {SESSION}", "events: api",
    ),
    "a cut-off event": (f"DELETE FROM audit_events WHERE id = {LAST}", "0 × workflow.completed"),
    "an event that happened twice": (
        ("INSERT INTO audit_events (chain, position, name, at, actor, session_id, sequence, operation_id, details, "
        "changes, previous, key_id, mac) SELECT chain, position + 1, name, at, actor, session_id, sequence, "
        f"'again', details, changes, mac, key_id, mac FROM audit_events WHERE id = {LAST}"),
        "2 × workflow.completed",
    ),
    "an event that is there twice": (
        (
            "INSERT INTO audit_events (chain, position, name, at, actor, session_id, sequence, operation_id, details, "
            "changes, previous, key_id, mac) SELECT chain, position + 100, name, at, actor, session_id, sequence, "
            "operation_id, details, changes, mac, key_id, mac FROM audit_events WHERE name = 'education.updated'"
        ),
        "(education.updated) 2 times",
    ),
    "a changed event": (f"UPDATE audit_events SET actor = 'nobody' WHERE id = {LAST}", "is not signed by us"),
    "a changed value": ("UPDATE audit_values SET after = 'x' WHERE field = 'notes'", "chain: "),
    "a head put back": ("UPDATE audit_heads SET length = length - 1 WHERE length > 2", "its head says"),
    "a head signed by nobody": ("UPDATE audit_heads SET mac = 'x' WHERE length > 2", "its head is not signed by us"),
    "an event nobody is told of": (
        "DELETE FROM outbox WHERE kind = 'education.created'", "(education.created) is not in the outbox 1 times",
    ),
    "a message that waits": (
        "UPDATE outbox SET state = 'waiting', sealed = 'x' WHERE kind = 'education.created'", "is waiting",
    ),
    "a message given up": ("UPDATE outbox SET state = 'given_up' WHERE medium = 'mail'", "is given_up"),
    "no confirmation": ("DELETE FROM outbox WHERE medium = 'mail'", "0 confirmations in the outbox"),
    "a message that was never sent": (
        "UPDATE outbox SET id = 'never-' || id WHERE kind = 'education.created'",
        "webhook education.created never-",
    ),
    "messages out of order": (
        "UPDATE outbox SET event_id = -event_id WHERE medium = 'webhook'", "came out of order",
    ),
}  # fmt: skip
