"""Codes by e-mail that prove an account: the same work and answers whether or not there is such an account."""

from __future__ import annotations

from dataclasses import dataclass

from wizard.core.accounts import Account, ProofCode
from wizard.core.clock import Clock
from wizard.core.errors import RuleViolated, ValidationFailed
from wizard.core.events import Event, EventName
from wizard.core.registration import Registration
from wizard.services.codes import Codes, six_digits
from wizard.services.events import EventBus, make_event
from wizard.services.opening import open_registration
from wizard.services.ports.calls import Call
from wizard.services.ports.messages import Message
from wizard.services.ports.proofs import Digests
from wizard.services.ports.registrations import RegistrationStore
from wizard.services.ports.units import UnitOfWork, UnitsOfWork

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
            self._write(call, unit, registration, reader)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)

    def check_code(self, call: Call, session_id: str, code: str) -> str:
        """The account that a right code proves; the code is used up by it.

        Raises ValidationFailed("code.format"), or RuleViolated with `code.wrong`, `code.expired` (there is
        none, or its time is over) or `code.used_up`; none of them tells whether there is such an account.
        """
        typed = six_digits(code)
        open_registration(self.registrations, call, session_id, now=self.clock.now())
        with self.units.write() as unit:
            judged = self._codes.judge(unit, session_id, typed, of_account=True)
            if isinstance(judged, ProofCode):
                unit.commit()
                return str(judged.account_id)
            event = self._failed(call, session_id, judged)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        raise judged

    @property
    def _codes(self) -> Codes:
        return Codes(_PURPOSE, self.clock, self.digests)

    def _write(self, call: Call, unit: UnitOfWork, registration: Registration, reader: _Reader) -> None:
        stored, code = self._codes.make(unit, registration.session_id, account_id=reader.account_id)
        message = Message(
            kind="code",
            recipient=reader.email,
            language=registration.language,
            key=f"code:{stored.id}",
            values={"name": reader.name, "expires_at": stored.expires_at.isoformat()},
            secret={"code": code},
            suppressed=reader.account_id is None,
            request_id=call.request_id,
        )
        unit.outbox.add(message, at=self.clock.now())

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
    return _NOBODY if account is None or account.is_erased else _Reader(account.id, account.name, account.email)
