"""Answers to other systems in Redis, sealed: one key for each call that had an `Idempotency-Key`."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from wizard.core.errors import Conflict, ValidationFailed
from wizard.services.ports.answers import Claim, KeptAnswer
from wizard.storage import scripts
from wizard.storage.crypto import Cipher, Undecipherable
from wizard.storage.redis_access import Client, reaching_redis

KEPT = timedelta(hours=24)
# Whoever dies while it is done holds others up for no longer than this.
_UNDER_WAY = timedelta(minutes=1)


class _Stored(msgspec.Struct, array_like=True, frozen=True):
    """`status` is 0 while it is being done; the nonce makes each claim another."""

    asked: str
    nonce: bytes
    status: int = 0
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode


@dataclass(frozen=True, slots=True)
class RedisKeptAnswers:
    """`services.ports.KeptAnswers`."""

    client: Client
    cipher: Cipher

    def claim(self, key: str, asked: str) -> Claim | KeptAnswer:
        """The right to do what is asked, or what was answered to it."""
        place = _place(key)
        marker = self._sealed(place, _Stored(asked, secrets.token_bytes(16)))
        with reaching_redis():
            standing = self.client.set(place, marker, nx=True, get=True, px=_UNDER_WAY)
        # A client that lost the connection sends again: meeting its own claim is having it.
        stored = None if standing == marker else self._opened(place, standing)
        if stored is None:
            return Claim(place, marker)
        if stored.asked != asked:
            raise ValidationFailed("idempotency.reused", field="Idempotency-Key")
        if not stored.status:
            raise Conflict("idempotency.in_flight")
        return KeptAnswer(stored.status, stored.headers, stored.body)

    def keep(self, claim: Claim, asked: str, answer: KeptAnswer) -> None:
        """Keep the answer to what was claimed, unless the claim has run out."""
        stored = _Stored(asked, b"", answer.status, answer.headers, answer.body)
        self._replace(claim, self._sealed(claim.key, stored), KEPT)

    def release(self, claim: Claim) -> None:
        """Give the right back."""
        self._replace(claim, b"", timedelta())

    def _replace(self, claim: Claim, value: bytes, life: timedelta) -> None:
        milliseconds = life // timedelta(milliseconds=1)
        with reaching_redis():
            self.client.eval(scripts.SETTLE, 1, claim.key, claim.marker, value, milliseconds)

    def _sealed(self, place: str, stored: _Stored) -> bytes:
        return self.cipher.encrypt(_encode(stored), context=place.encode())

    def _opened(self, place: str, sealed: object) -> _Stored | None:
        """What stands there; what does not open (planted, or its key is gone) gives way at its time, not before."""
        if not isinstance(sealed, bytes):
            return None
        try:
            return _decode(self.cipher.decrypt(sealed, context=place.encode()))
        except (Undecipherable, msgspec.DecodeError):
            raise Conflict("idempotency.in_flight") from None


def _place(key: str) -> str:
    return f"ot_education_answer:{{{hashlib.sha256(key.encode()).hexdigest()}}}"
