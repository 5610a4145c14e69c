"""What is there, read past the product: PostgreSQL by plain SQL, Redis by a plain client, the logs of both receivers.

Nothing of the product's own stores is used. What they seal is opened, and what they sign is signed once more, by a few
lines of its own: keys derived by HKDF from the secrets, AES-GCM, HMAC-SHA256.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast
from uuid import UUID

import msgspec
import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from psycopg.rows import dict_row

from tests.conftest import SECRET_KEYS
from tests.faults.harness.place import Place

Row = dict[str, Any]

ALL_SESSIONS = "ot_education_index:{all}"


@dataclass(frozen=True)
class Delivered:
    """Something that reached the outside, under the key that it is recognised by."""

    key: str
    content: str
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """All that is known of some sessions, and of `doubled`: what there is more than once anywhere.

    `documents` are what Redis has of each session, opened; `indexed` those that its list knows.
    """

    records: Sequence[Row]
    doubled: Sequence[str]
    events: Sequence[Row]
    values: Sequence[Row]
    heads: Mapping[str, Row]
    outbox: Sequence[Row]
    documents: Mapping[str, Row | None]
    indexed: frozenset[str]
    mails: Sequence[Delivered]
    webhooks: Sequence[Delivered]


_UNIQUE = ("session_id", "account_id", "lower(user_business_id)", "coto_registration", "number")


def gather(site: Place, sessions: Iterable[str], members: Iterable[str]) -> Evidence:
    """The evidence of some sessions, and of the mails to their members."""
    ids = [each for each in sessions if each]
    with site.postgres.connect() as plain:
        database = cast("psycopg.Connection[Row]", plain)
        database.row_factory = dict_row
        events = _rows(database, "SELECT * FROM audit_events WHERE session_id = ANY(%s) ORDER BY chain, position", ids)
        numbers = [row["id"] for row in events]
        values = _rows(database, "SELECT * FROM audit_values WHERE event_id = ANY(%s)", numbers)
        heads = _rows(database, "SELECT * FROM audit_heads WHERE chain = ANY(%s)", ids)
        records = _rows(database, "SELECT * FROM education_records WHERE session_id = ANY(%s)", ids)
        outbox = _outbox(database, ids, numbers, records)
        doubled = _doubled(database)
    documents, indexed = _in_redis(site, ids)
    return Evidence(
        records=records,
        doubled=doubled,
        events=events,
        values=values,
        heads={row["chain"]: row for row in heads},
        outbox=outbox,
        documents=documents,
        indexed=indexed,
        mails=_mails(site, {each.casefold() for each in members}),
        webhooks=_webhooks(site, set(ids)),
    )


def _rows(database: psycopg.Connection[Row], query: str, *given: object) -> list[Row]:
    return database.execute(query.encode(), given).fetchall()


def _doubled(database: psycopg.Connection[Row]) -> list[str]:
    """What there may be once, and is in several records: of all there are, with the constraints or without."""
    return [
        f"{column} {row['what']} in {row['times']} records"
        for column in _UNIQUE
        for row in _rows(
            database,
            f"SELECT {column} AS what, count(*) AS times FROM education_records "  # noqa: S608 - names of ours
            f"WHERE {column} IS NOT NULL GROUP BY {column} HAVING count(*) > 1",
        )
    ]


def _outbox(
    database: psycopg.Connection[Row], ids: Sequence[str], numbers: Sequence[int], records: Sequence[Row]
) -> list[Row]:
    """What tells of these sessions and their events, and the confirmations of their records."""
    keys = [f"confirmation:{row['id']}:{row['version']}" for row in records]
    query = "SELECT * FROM outbox WHERE stream = ANY(%s) OR event_id = ANY(%s) OR key = ANY(%s) ORDER BY event_id"
    return _rows(database, query, ids, numbers, keys)


def _in_redis(site: Place, ids: Sequence[str]) -> tuple[dict[str, Row | None], frozenset[str]]:
    with site.valkey.client as client:
        documents = {each: opened(each, cast("bytes | None", client.get(_place(each)))) for each in ids}
        indexed = frozenset(each for each in ids if client.zscore(ALL_SESSIONS, UUID(each).bytes) is not None)
    return documents, indexed


def _mails(site: Place, members: set[str]) -> list[Delivered]:
    found = []
    for mail in tuple(site.mail.mails):
        if str(mail["To"]).partition("@")[0].casefold() in members:
            body = mail.get_body(("plain",))
            key = str(mail["Message-ID"]).strip("<>").partition("@")[0]
            found.append(Delivered(key, str(body.get_content()) if body else "", {"to": str(mail["To"])}))
    return found


def _webhooks(site: Place, ids: set[str]) -> list[Delivered]:
    with site.receiver.lock:
        taken = [(call, call.event) for call in site.receiver.calls]
    accepted = set(site.receiver.taken)
    return [
        Delivered(call.key, call.body.decode(), told)
        for call, told in taken
        if told["sessionId"] in ids and call.key in accepted
    ]


# What is sealed and signed


@cache
def _derived(secret: str, purpose: str, length: int = 32) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=length, salt=b"ot-education-wizard", info=purpose.encode())
    return kdf.derive(secret.encode())


def _place(session_id: str) -> str:
    return f"ot_education_session:{{{session_id}}}"


def opened(session_id: str, value: bytes | None) -> Row | None:
    """A document as Redis has it, with its short names; None where there is none, or none that opens."""
    revision, _, sealed = (value or b"").partition(b":")
    for secret in SECRET_KEYS:
        if sealed[:4] != _derived(secret, "key id", 4):
            continue
        try:
            context = _place(session_id).encode() + b"@" + revision
            plain = AESGCM(_derived(secret, "encryption")).decrypt(sealed[4:16], sealed[16:], context)
        except InvalidTag:
            return None
        found: Row = msgspec.msgpack.decode(plain)
        return found
    return None


def signed(purpose: str, *parts: object) -> str:
    """What an HMAC of the trail is of, with the newest secret."""
    return hmac.digest(_derived(SECRET_KEYS[0], f"digest:{purpose}"), _canonical(parts), "sha256").hex()


def digest(salt: str, field: str, before: str | None, after: str | None) -> str:
    """What a chain holds of a value."""
    return hashlib.sha256(_canonical((salt, field, before, after))).hexdigest()


def _canonical(parts: Sequence[object]) -> bytes:
    return json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
