"""Encryption at rest and keyed digests, both with keys that can be rotated."""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_SALT = b"ot-education-wizard"
_KEY_BYTES = 32
_KEY_ID_BYTES = 4
# AES-SIV takes two keys in one.
_SIV_KEY_BYTES = 64
# Random, as AES-GCM allows for some four thousand million messages a key: rotate long before that.
_NONCE_BYTES = 12


class Undecipherable(ValueError):
    """Not written by us, changed since, moved from elsewhere, or under a key that we no longer have."""


class UnknownKey(Undecipherable):
    """Sealed with a key that we do not have, or no longer."""


def _derive(secret: str, purpose: str, length: int = _KEY_BYTES) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=length, salt=_SALT, info=purpose.encode())
    return kdf.derive(secret.encode())


class Cipher:
    """Seals with the newest secret, opens with any; each use has a key of its own, derived from the secret."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("a cipher needs a secret")
        self._secrets = tuple(keys)
        ids = [_derive(secret, "key id", _KEY_ID_BYTES) for secret in keys]
        self._newest = ids[0]
        self.key_ids = tuple(key_id.hex() for key_id in dict.fromkeys(ids))
        # Reversed, so that of two secrets with one id the newer is kept.
        self._ciphers = {
            key_id: AESGCM(_derive(secret, "encryption"))
            for key_id, secret in reversed(list(zip(ids, keys, strict=True)))
        }
        self._by_id = {key_id.hex(): secret for key_id, secret in reversed(list(zip(ids, keys, strict=True)))}
        self._same_ciphers = {
            key_id: AESSIV(_derive(secret, "encryption to the same", _SIV_KEY_BYTES))
            for key_id, secret in self._by_id.items()
        }
        self._digest_key = lru_cache(maxsize=64)(self._derive_digest_key)
        self._digest_keys = lru_cache(maxsize=64)(self._derive_digest_keys)

    def encrypt(self, plain: bytes, *, context: bytes) -> bytes:
        """Seal for one context (the key or column it is for); in any other it does not open."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._newest + nonce + self._ciphers[self._newest].encrypt(nonce, plain, context)

    def decrypt(self, sealed: bytes, *, context: bytes) -> bytes:
        """Open what was sealed for this context; raises `Undecipherable`."""
        cipher = self._ciphers.get(sealed[:_KEY_ID_BYTES])
        if cipher is None:
            raise UnknownKey("no key of ours")
        start = _KEY_ID_BYTES + _NONCE_BYTES
        try:
            return cipher.decrypt(sealed[_KEY_ID_BYTES:start], sealed[start:], context)
        except (InvalidTag, ValueError) as error:
            raise Undecipherable("not sealed by us for this context") from error

    def encrypt_same(self, plain: bytes, *, context: bytes, key_id: str) -> bytes:
        """Seal so that equal texts of one context come out equal, which whoever reads them sees; only to find them by.

        The key is named by its id, and has to be named to open it.
        """
        return self._same_ciphers[key_id].encrypt(plain, [context])

    def decrypt_same(self, sealed: bytes, *, context: bytes, key_id: str) -> bytes:
        """Open what `encrypt_same` sealed; raises `Undecipherable`."""
        cipher = self._same_ciphers.get(key_id)
        if cipher is None:
            raise UnknownKey("no key of ours")
        try:
            return cipher.decrypt(sealed, [context])
        except (InvalidTag, ValueError) as error:
            raise Undecipherable("not sealed by us for this context") from error

    def digest(self, purpose: str, value: str) -> str:
        """A keyed digest under the newest secret: to look something up by, without keeping it."""
        return self.digests(purpose, value)[0]

    def digests(self, purpose: str, value: str) -> tuple[str, ...]:
        """The digests under every secret, newest first: a look-up tries them all while keys are rotated."""
        return tuple(hmac.digest(key, value.encode(), "sha256").hex() for key in self._digest_keys(purpose))

    def digest_under(self, key_id: str, purpose: str, value: str) -> str:
        """The digest under the secret of an id."""
        return hmac.digest(self._digest_key(key_id, purpose), value.encode(), "sha256").hex()

    def _derive_digest_key(self, key_id: str, purpose: str) -> bytes:
        return _derive(self._by_id[key_id], f"digest:{purpose}")

    def _derive_digest_keys(self, purpose: str) -> tuple[bytes, ...]:
        return tuple(_derive(secret, f"digest:{purpose}") for secret in self._secrets)
