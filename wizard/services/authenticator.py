"""Authenticator apps (TOTP, RFC 6238) and recovery codes: made, and judged within a transaction."""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import datetime

from pyotp import TOTP, random_base32

from wizard.core import recovery
from wizard.core.accounts import SecondFactor
from wizard.core.errors import ValidationFailed
from wizard.services.ports.units import UnitOfWork

# Clocks of phones are a little off: the code before and the one after count, too.
DRIFT = 1
_BETWEEN_DIGITS = re.compile(r"[\s-]+")
_NEVER = -1


def new_key() -> str:
    """A key to share with an app, in base 32."""
    return random_base32()


def address(key: str, *, username: str, issuer: str) -> str:
    """What an app reads from the QR code."""
    return TOTP(key).provisioning_uri(name=username, issuer_name=issuer)


def set_up(unit: UnitOfWork, staff_id: str, key: str, typed: str, *, at: datetime) -> tuple[str, ...]:
    """Make an app the member's second factor once it shows a right code; answers the recovery codes.

    Raises ValidationFailed("second_factor.set_up").
    """
    step = _step(key, typed, at=at, after=_NEVER)
    if step is None:
        raise ValidationFailed("second_factor.set_up", field="code")
    unit.second_factors.put(SecondFactor(staff_id, key, at, step))
    return new_recovery_codes(unit, staff_id)


def new_recovery_codes(unit: UnitOfWork, staff_id: str) -> tuple[str, ...]:
    """Recovery codes as they are shown, this once; those before are void."""
    codes = ["".join(secrets.choice(recovery.ALPHABET) for _ in range(recovery.LENGTH)) for _ in range(recovery.CODES)]
    unit.second_factors.put_recovery(staff_id, [recovery.digest(staff_id, code) for code in codes])
    return tuple(map(recovery.written, codes))


def takes_code(unit: UnitOfWork, factor: SecondFactor, typed: str, *, at: datetime) -> bool:
    """Take a code of the app: each is good once, and none that is older than one taken before."""
    if factor.key is None:
        return False
    step = _step(factor.key, typed, at=at, after=factor.last_step)
    return step is not None and unit.second_factors.use(factor, step)


def takes_recovery_code(unit: UnitOfWork, staff_id: str, typed: str, *, at: datetime) -> bool:
    """Take a recovery code: each is good once."""
    code = recovery.as_typed(typed)
    return code is not None and unit.second_factors.use_recovery(staff_id, recovery.digest(staff_id, code), at=at)


def _step(key: str, typed: str, *, at: datetime, after: int) -> int | None:
    """The time step whose code was typed, of those that may be taken."""
    totp, given = TOTP(key), _BETWEEN_DIGITS.sub("", typed).encode("utf-8", "replace")
    now = totp.timecode(at)
    matching = [
        step
        for step in range(now - DRIFT, now + DRIFT + 1)
        if hmac.compare_digest(totp.generate_otp(step).encode(), given) and step > after
    ]
    return matching[0] if matching else None
