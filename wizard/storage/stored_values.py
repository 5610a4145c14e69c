"""A registration as the value of its key: `<revision>:<sealed document>`, and how long it stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from wizard.core.clock import Clock
from wizard.core.registration import Registration
from wizard.storage import codec
from wizard.storage.crypto import Cipher

_LEAST_LIFE = timedelta(minutes=1)

_log = structlog.get_logger(__name__)


def key_of(session_id: str) -> str:
    """Where the document of a registration stands; the braces make its slot in a Cluster."""
    return f"ot_education_session:{{{session_id}}}"


@dataclass(frozen=True, slots=True)
class StoredValues:
    """Makes and reads the values. The revision stands outside, where a script can compare it, and is sealed in."""

    cipher: Cipher
    clock: Clock
    grace: timedelta

    def seal(self, registration: Registration) -> bytes:
        """The value to store."""
        revision = str(registration.revision).encode()
        sealed = self.cipher.encrypt(codec.encode(registration), context=_context(registration.session_id, revision))
        return revision + b":" + sealed

    def read(self, session_id: str, value: bytes | None) -> Registration | None:
        """The registration; None where there is none, or none that can be read.

        One that does not open (planted, damaged, or its key is gone) is to everybody as one that is gone: an
        answer that the pages have words for. It is logged and kept as it is; nothing in it is ever run.
        """
        if value is None:
            return None
        revision, _, sealed = value.partition(b":")
        try:
            plain = self.cipher.decrypt(sealed, context=_context(session_id, revision))
            return codec.decode(plain, session_id=session_id, revision=int(revision))
        except ValueError as error:
            _log.error("registration.unreadable", session_id=session_id, reason=str(error))
            return None

    def life(self, registration: Registration) -> int:
        """For how many milliseconds Redis keeps it: past its expiry, so that expiry can be recorded."""
        left = registration.expires_at - self.clock.now() + self.grace
        return max(left, _LEAST_LIFE) // timedelta(milliseconds=1)


def _context(session_id: str, revision: bytes) -> bytes:
    """What a value is sealed for: under another id, or with another revision, it does not open."""
    return key_of(session_id).encode() + b"@" + revision
