"""Six-digit codes by e-mail: made, kept as a digest, and tried five times at most."""

from __future__ import annotations

import hmac
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta

from wizard.core.accounts import ProofCode
from wizard.core.clock import Clock
from wizard.core.errors import RuleViolated, ValidationFailed
from wizard.services.ports.proofs import Digests
from wizard.services.ports.units import UnitOfWork

CODE_LIFETIME = timedelta(minutes=10)
CODE_TRIES = 5
_CODES = 10**6
# People type codes in groups, and mail programs put spaces of their own between digits.
_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])[\s-]+(?=[0-9])")
_DIGITS = re.compile(r"[0-9]+")
_LENGTH = 6


def six_digits(typed: str) -> str:
    """The code that was typed, or pasted with the words around it. Raises ValidationFailed("code.format")."""
    found = _DIGITS.findall(_BETWEEN_DIGITS.sub("", typed))
    if len(found) != 1 or len(found[0]) != _LENGTH:
        raise ValidationFailed("code.format", field="code")
    return str(found[0])


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes of one purpose; a registration waits for one code at most, whatever it is for."""

    purpose: str
    clock: Clock
    digests: Digests

    def make(
        self, unit: UnitOfWork, session_id: str, *, account_id: str | None = None, about: str = ""
    ) -> tuple[ProofCode, str]:
        """A new code, right only together with what it is `about`; the registration's code before is void."""
        code, code_id = f"{secrets.randbelow(_CODES):06}", str(uuid.uuid4())
        stored = ProofCode(
            id=code_id,
            session_id=session_id,
            account_id=account_id,
            digest=self.digests.digest(self.purpose, _bound(code_id, code, about)),
            expires_at=self.clock.now() + CODE_LIFETIME,
            tries_left=CODE_TRIES,
        )
        unit.codes.replace(stored)
        return stored, code

    def judge(
        self, unit: UnitOfWork, session_id: str, code: str, *, of_account: bool, about: str = ""
    ) -> ProofCode | RuleViolated:
        """The code that was right, used up by it; or why none was. The try is spent before anything is compared.

        Right is only one that was made for an account, or without one, as `of_account` says.
        """
        stored = unit.codes.of_session(session_id)
        if stored is None or self.clock.now() >= stored.expires_at:
            return RuleViolated("code.expired", field="code")
        if not unit.codes.spend_try(stored):
            return RuleViolated("code.used_up", field="code")
        right = self._matches(stored, code, about)
        if right and (stored.account_id is not None) is of_account:
            unit.codes.remove(session_id)
            return stored
        if stored.tries_left == 1:
            return RuleViolated("code.used_up", field="code")
        return RuleViolated("code.wrong", field="code", params={"tries_left": str(stored.tries_left - 1)})

    def _matches(self, stored: ProofCode, code: str, about: str) -> bool:
        candidates = self.digests.digests(self.purpose, _bound(stored.id, code, about))
        return any([hmac.compare_digest(stored.digest, candidate) for candidate in candidates])  # noqa: C419 - all


def _bound(code_id: str, code: str, about: str) -> str:
    """A code's digest is of this one code only."""
    return ":".join(filter(None, (code_id, code, about)))
