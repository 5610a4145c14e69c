"""Passwords of the desk: hashed with Argon2, and compared with the same work whoever it is."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from wizard.core.errors import ValidationFailed

LEAST = 12
MOST = 1000


@dataclass(slots=True)
class Passwords:
    """Makes and verifies hashes, all with the same parameters."""

    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    _nobodys_hash: str = field(default="", init=False, repr=False)

    def hash(self, password: str) -> str:
        """The hash to keep."""
        return self.hasher.hash(_bytes(password))

    def verifies(self, password_hash: str | None, typed: str) -> bool:
        """Whether it is the password; without a hash the same work is done for nothing."""
        # Made at the first use, and in either case, so that the first answer tells nothing either.
        nobodys_hash = self._hash_of_nobody()
        try:
            self.hasher.verify(password_hash or nobodys_hash, _bytes(typed[:MOST]))
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None

    def renewed(self, password_hash: str, password: str) -> str | None:
        """The hash under today's parameters; None where it has them already."""
        return self.hash(password[:MOST]) if self.hasher.check_needs_rehash(password_hash) else None

    def _hash_of_nobody(self) -> str:
        """What an unknown user's password is compared with, made with the parameters that all hashes have."""
        if not self._nobodys_hash:
            self._nobodys_hash = self.hasher.hash(secrets.token_bytes(16))
        return self._nobodys_hash


def require_valid(password: str, *, field: str = "password") -> None:
    """Raise ValidationFailed("password.length") for one that is too short or too long."""
    if not LEAST <= len(password) <= MOST:
        raise ValidationFailed("password.length", field=field, params={"least": str(LEAST)})


def _bytes(password: str) -> bytes:
    # Half a surrogate pair is no text, but no reason to fail with an error either.
    return password.encode("utf-8", "surrogatepass")
