"""How the audit trail's rows are chained and signed: pure, without a database."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from wizard.storage.crypto import Cipher
from wizard.storage.trail_tables import AuditHeadRow

LINK, HEAD, KEY = "audit link", "audit head", "audit key"
# What the first row of a chain follows.
NOTHING = ""
# The head of all chains: how many there are.
ROOT = ""
# What the root's `last` says where it was not the one made with the tables: everything before it was removed.
BEGUN_ANEW = "begun anew"


class Signature(NamedTuple):
    """An HMAC and the id of its key: keys rotate, and what an older one signed stays verifiable."""

    key_id: str
    mac: str


@dataclass(slots=True, kw_only=True)
class Link:
    """A row of the trail, with the names of its columns."""

    chain: str
    position: int
    name: str
    at: datetime
    actor: str
    privilege: str | None
    session_id: str | None
    sequence: int | None
    record_id: str | None
    operation_id: str | None
    request_id: str | None
    details: Mapping[str, str]
    changes: Mapping[str, str]
    previous: str
    key_id: str = ""
    mac: str = ""
    # The database's to give.
    id: int = 0


@dataclass(slots=True)
class Head:
    """The end of a chain, with the names of its columns; and what is still to be written of it."""

    chain: str
    ordinal: int
    length: int
    last: str
    key_id: str = ""
    mac: str = ""
    is_new: bool = False
    has_grown: bool = False

    def grow(self, link: Link) -> None:
        """End with another link."""
        self.length, self.last, self.has_grown = link.position, link.mac, True


class Signer:
    """Signs with the newest secret, verifies with the one that signed."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._key_ids = tuple(digest[:8] for digest in cipher.digests(KEY, KEY))

    def link(self, row: Link) -> Signature:
        return Signature(self._key_ids[0], self._cipher.digest(LINK, _link(row)))

    def head(self, head: Head | AuditHeadRow) -> Signature:
        return Signature(self._key_ids[0], self._cipher.digest(HEAD, _head(head)))

    def knows(self, key_id: str) -> bool:
        """Whether the secret that signed is still among ours."""
        return key_id in self._key_ids

    def signed_link(self, row: Link) -> bool:
        return self._verifies(Signature(row.key_id, row.mac), LINK, _link(row))

    def signed_head(self, head: Head | AuditHeadRow) -> bool:
        return self._verifies(Signature(head.key_id, head.mac), HEAD, _head(head))

    def _verifies(self, signature: Signature, purpose: str, content: str) -> bool:
        if not self.knows(signature.key_id):
            return False
        expected = self._cipher.digests(purpose, content)[self._key_ids.index(signature.key_id)]
        return hmac.compare_digest(expected.encode(), str(signature.mac).encode())


def value_digest(*, salt: str, field: str, before: str | None, after: str | None) -> str:
    """What the chain holds of a person's values; without the salt, nobody finds them out by trying."""
    return hashlib.sha256(_canonical(salt, field, before, after).encode()).hexdigest()


def _link(row: Link) -> str:
    return _canonical(
        row.previous,
        row.chain,
        row.position,
        row.name,
        row.at.astimezone(UTC).isoformat(),
        row.actor,
        row.privilege,
        row.session_id,
        row.sequence,
        row.record_id,
        row.operation_id,
        row.request_id,
        row.details,
        row.changes,
    )


def _head(head: Head | AuditHeadRow) -> str:
    return _canonical(head.chain, head.ordinal, head.length, head.last)


def _canonical(*parts: object) -> str:
    return json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_foreign)


def _foreign(part: object) -> list[str]:
    """What nothing written by us holds, such as bytes in a column of texts: it is signed by nobody."""
    return ["foreign", repr(part)]
