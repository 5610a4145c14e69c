"""Which index entries a registration has, and where: small sorted sets, one key each.

An entry is a hint: a 16-byte member (the session id) with a whole number as its score. The document is the truth.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from wizard.core.education import member_number_key
from wizard.core.registration import Channel, Registration, Status
from wizard.core.steps import Step, next_step
from wizard.core.trouble import STOPPING, Trouble, failing, troubles
from wizard.services.ports.registrations import Selection
from wizard.storage.codec import microseconds
from wizard.storage.crypto import Cipher

_PREFIX = "ot_education_index"
# By the time of the last change.
ALL = f"{_PREFIX}:{{all}}"
# By the instant of expiry, and of the reminder.
EXPIRES = f"{_PREFIX}:{{expires}}"
REMIND = f"{_PREFIX}:{{remind}}"
# By the revision whose events wait; negative once the audit trail has them. (They stay in the document until it is
# written again. The note tells a repair that the entry was not lost.)
WAITING = f"{_PREFIX}:{{waiting_events}}"
# Those of which something can still become, by the instant of expiry.
OPEN_UNTIL = f"{_PREFIX}:{{open_until}}"
# Those that are stuck, for whatever reason, by the time of the last change; so are those that follow.
STUCK = f"{_PREFIX}:{{stuck}}"


def status_index(status: Status) -> str:
    """The index of the registrations at a status, by the time of their last change."""
    return f"{_PREFIX}:{{status:{status}}}"


def step_index(step: Step) -> str:
    """The index of the open registrations whose next step it is."""
    return f"{_PREFIX}:{{step:{step}}}"


def channel_index(channel: Channel) -> str:
    """The index of the registrations that came in one way."""
    return f"{_PREFIX}:{{channel:{channel}}}"


def rule_index(rule: str) -> str:
    """The index of the registrations that a rule stopped last."""
    return f"{_PREFIX}:{{rule:{rule}}}"


def trouble_index(trouble: Trouble) -> str:
    """The index of the registrations that are stuck for one reason."""
    return f"{_PREFIX}:{{stuck:{trouble}}}"


# In the order of repair: `ALL` first, from which missing entries of the others are made again.
FIXED = (
    *(ALL, EXPIRES, REMIND, WAITING, OPEN_UNTIL, STUCK),
    *map(status_index, Status),
    *map(step_index, Step),
    *map(channel_index, Channel),
    *map(trouble_index, Trouble),
    *map(rule_index, STOPPING),
)

_DIGEST_LENGTH = 32
_POSITION = struct.Struct(">q16s")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where an entry stands in its index: by score, among equals by member, as the server orders them."""

    score: int
    member: bytes

    @property
    def session_id(self) -> str:
        return str(UUID(bytes=self.member))

    def token(self) -> str:
        """For the address of the next page."""
        return base64.urlsafe_b64encode(_POSITION.pack(self.score, self.member)).decode()

    @classmethod
    def from_token(cls, token: str) -> Self | None:
        """The position; None for what is no token of ours (it comes from an address: then from the start)."""
        try:
            score, member = _POSITION.unpack(base64.urlsafe_b64decode(token.encode()))
        except (ValueError, binascii.Error, struct.error):
            return None
        return cls(score, member)


def member_of(registration: Registration) -> bytes:
    """The session id as it stands in an index."""
    return UUID(registration.session_id).bytes


def member_indexes(cipher: Cipher, member_number: str) -> tuple[str, ...]:
    """The keys for a member number, never the number itself; the one in use now, then those of older secrets."""
    digests = cipher.digests("member number", member_number_key(member_number))
    # Half a digest is long enough not to be met by chance, and what is found is compared with the number anyway.
    return tuple(f"{_PREFIX}:{{member:{digest[:_DIGEST_LENGTH]}}}" for digest in digests)


def due_for_reminder(registration: Registration) -> datetime | None:
    """When three quarters of its life since the last change have passed; None where there is nobody to remind."""
    if registration.contact_email is None or registration.reminded or not registration.is_open:
        return None
    return registration.updated_at + (registration.expires_at - registration.updated_at) * 3 / 4


def entries_of(registration: Registration, cipher: Cipher) -> dict[str, int]:
    """The indexes that a registration belongs in, with its score in each; one that has ended is in no list."""
    if registration.ended:
        return {}
    changed = microseconds(registration.updated_at)
    entries = {
        ALL: changed,
        status_index(registration.status): changed,
        EXPIRES: microseconds(registration.expires_at),
    }
    due = due_for_reminder(registration)
    if due is not None:
        entries[REMIND] = microseconds(due)
    if registration.events:
        entries[WAITING] = registration.revision
    if registration.user_id is not None:
        entries[member_indexes(cipher, registration.user_id)[0]] = changed
    return entries | lists_of(registration)


def lists_of(registration: Registration) -> dict[str, int]:
    """The indexes of the desk's lists that a registration belongs in, with its score in each."""
    changed, reasons = microseconds(registration.updated_at), troubles(registration)
    lists = [channel_index(registration.channel), *map(rule_index, failing(registration))]
    lists += [*map(trouble_index, reasons), *([STUCK] if reasons else [])]
    if not registration.is_open:
        return dict.fromkeys(lists, changed)
    lists.append(step_index(next_step(registration)))
    return {**dict.fromkeys(lists, changed), OPEN_UNTIL: microseconds(registration.expires_at)}


def selected(selection: Selection) -> tuple[str, ...]:
    """The indexes that a selection is the meeting of, that with the fewest entries (as a rule) first."""
    chosen = (
        OPEN_UNTIL if selection.expiring else None,
        rule_index(selection.rule) if selection.rule else None,
        trouble_index(selection.trouble) if selection.trouble else None,
        STUCK if selection.stuck else None,
        step_index(selection.step) if selection.step else None,
        status_index(selection.status) if selection.status else None,
        channel_index(selection.channel) if selection.channel else None,
    )
    return tuple(filter(None, chosen)) or (ALL,)
