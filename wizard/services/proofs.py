"""Codes by e-mail that prove an account: the same work and answers whether or not there is such an account."""

from __future__ import annotations

import hmac
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta

from wizard.core.accounts import Account, ProofCode
from wizard.core.clock import Clock
from wizard.core.errors import RuleViolated, ValidationFailed
from wizard.core.events import Event, EventName
from wizard.core.registration import Registration
from wizard.services.events import EventBus, make_event
from wizard.services.opening import open_registration
from wizard.services.ports import Call, Digests, Message, RegistrationStore, UnitOfWork, UnitsOfWork

CODE_LIFETIME = timedelta(minutes=10)
CODE_TRIES = 5
_CODES = 10**6
_CODE = re.compile(r"[0-9]{6}")
# People type codes in groups, and mail programs put spaces of their own between digits.
_BETWEEN_DIGITS = re.compile(r"[\s-]+")
_PURPOSE = "proof code"


@dataclass(frozen=True, slots=True)
class _Reader:
    """Whom a code is written to."""

    account_id: str | None
    name: str
    email: str


# Written like the message to an account, so that both cost the same; never sent.
_NOBODY = _Reader(None, "Nobody with this number", "nobody@example.org")


@dataclass(frozen=True, slots=True)
class Proofs:
    """Sends codes to the address of an account, and checks what comes back."""

    clock: Clock
    units: UnitsOfWork
    registrations: RegistrationStore
    events: EventBus
    digests: Digests

    def send_code(self, call: Call, session_id: str) -> None:
        """Send a code to the account that has the registration's member number; the code before is void.

        It goes to the account's own address, never to one given here. Raises NotFound, SessionExpired, and
        ValidationFailed where the member number is not given yet.
        """
        now = self.clock.now()
        registration = open_registration(self.registrations, call, session_id, now=now)
        if registration.user_id is None:
            raise ValidationFailed("user_business_id.required", field="user_business_id")
        event = make_event(EventName.CODE_SENT, call=call, at=now, chain=session_id, session_id=session_id)
        with self.units.write() as unit:
            reader = _reader(unit.accounts.by_number(registration.user_id))
            self._write(unit, registration, reader)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)

    def check_code(self, call: Call, session_id: str, code: str) -> str:
        """The account that a right code proves; the code is used up by it.

        Raises ValidationFailed("code.format"), or RuleViolated with `code.wrong`, `code.expired` (there is
        none, or its time is over) or `code.used_up`; none of them tells whether there is such an account.
        """
        typed = _BETWEEN_DIGITS.sub("", code)
        if not _CODE.fullmatch(typed):
            raise ValidationFailed("code.format", field="code")
        open_registration(self.registrations, call, session_id, now=self.clock.now())
        with self.units.write() as unit:
            proved = self._judge(unit, session_id, typed)
            if isinstance(proved, str):
                unit.codes.remove(session_id)
                unit.commit()
                return proved
            event = self._failed(call, session_id, proved)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        raise proved

    def _write(self, unit: UnitOfWork, registration: Registration, reader: _Reader) -> None:
        now = self.clock.now()
        code = f"{secrets.randbelow(_CODES):06}"
        code_id = str(uuid.uuid4())
        expires_at = now + CODE_LIFETIME
        unit.codes.replace(
            ProofCode(
                id=code_id,
                session_id=registration.session_id,
                account_id=reader.account_id,
                digest=self.digests.digest(_PURPOSE, _bound(code_id, code)),
                expires_at=expires_at,
                tries_left=CODE_TRIES,
            )
        )
        message = Message(
            kind="code",
            recipient=reader.email,
            language=registration.language,
            key=f"code:{code_id}",
            values={"name": reader.name, "expires_at": expires_at.isoformat()},
            secret={"code": code},
            suppressed=reader.account_id is None,
        )
        unit.outbox.add(message, at=now)

    def _judge(self, unit: UnitOfWork, session_id: str, typed: str) -> str | RuleViolated:
        """The account proved, or why not. The try is spent before anything is compared."""
        stored = unit.codes.of_session(session_id)
        if stored is None or self.clock.now() >= stored.expires_at:
            return RuleViolated("code.expired", field="code")
        if not unit.codes.spend_try(stored):
            return RuleViolated("code.used_up", field="code")
        right = self._matches(stored, typed)
        if right and stored.account_id is not None:
            return stored.account_id
        if stored.tries_left == 1:
            return RuleViolated("code.used_up", field="code")
        return RuleViolated("code.wrong", field="code", params={"tries_left": str(stored.tries_left - 1)})

    def _matches(self, stored: ProofCode, typed: str) -> bool:
        candidates = self.digests.digests(_PURPOSE, _bound(stored.id, typed))
        return any([hmac.compare_digest(stored.digest, candidate) for candidate in candidates])  # noqa: C419 - all

    def _failed(self, call: Call, session_id: str, refusal: RuleViolated) -> Event:
        return make_event(
            EventName.CODE_FAILED,
            call=call,
            at=self.clock.now(),
            chain=session_id,
            session_id=session_id,
            details={"reason": refusal.message},
        )


def _reader(account: Account | None) -> _Reader:
    return _NOBODY if account is None else _Reader(account.id, account.name, account.email)


def _bound(code_id: str, code: str) -> str:
    """A code's digest is of this one code only."""
    return f"{code_id}:{code}"
