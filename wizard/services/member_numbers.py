"""For applicants without a member number: the forgotten one by e-mail, or a new account, whose desk approves it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from wizard.core.accounts import ACCESSIBLE, Account, AccountStatus, email_key
from wizard.core.clock import Clock
from wizard.core.education import member_number_key
from wizard.core.errors import Conflict, RuleViolated, StaleVersion
from wizard.core.events import Event, EventName
from wizard.core.registration import Registration
from wizard.core.workflow import Operation, require_allowed
from wizard.services.accounts import require_person
from wizard.services.codes import Codes, six_digits
from wizard.services.events import EventBus, make_event
from wizard.services.opening import load, open_registration
from wizard.services.ports.calls import Call, Orchestrator, Staging
from wizard.services.ports.messages import Message
from wizard.services.ports.proofs import Digests
from wizard.services.ports.registrations import RegistrationStore
from wizard.services.ports.units import UnitOfWork, UnitsOfWork

_PURPOSE = "new account code"
_NOBODY = "nobody@example.org"
# Other tabs may change the answers meanwhile, but not again and again.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who somebody without an account says they are; `contact_email` is where a link to continue goes."""

    name: str
    email: str
    language: str
    contact_email: str | None = None


@dataclass(frozen=True, slots=True)
class MemberNumbers:
    """Numbers told and given. Both need the mailbox; nobody learns without it whether there is such an account.

    The registration may have no document yet: it is made with the first answers, of which the number may be one.
    Every method raises what `open_registration` does, and WorkflowStateInvalid where it is over.
    """

    clock: Clock
    units: UnitsOfWork
    registrations: RegistrationStore
    events: EventBus
    digests: Digests
    orchestrator: Orchestrator

    def tell(self, call: Call, session_id: str, *, email: str, language: str) -> None:
        """Mail the member numbers of an address to the address of their own account.

        The same work whether or not there are any.
        """
        self._registration(call, session_id)
        event = self._event(EventName.CODE_SENT, call, session_id, what="member_number")
        with self.units.write() as unit:
            accounts = unit.accounts.of_email(email)
            unit.outbox.add(_numbers_mail(event, accounts, language, "asked"), at=event.at)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)

    def send_code(self, call: Call, session_id: str, newcomer: Newcomer) -> None:
        """Mail a code that confirms the address of somebody without an account; the code before is void.

        Where the address has an account, its mail says so, and the code is for that one. Raises ValidationFailed.
        """
        require_person(newcomer.name, newcomer.email)
        self._registration(call, session_id)
        event = self._event(EventName.CODE_SENT, call, session_id, what="new_account")
        with self.units.write() as unit:
            known = unit.accounts.of_email(newcomer.email)
            stored, code = self._codes.make(unit, session_id, about=email_key(newcomer.email))
            message = Message(
                kind="account_code",
                recipient=known[0].email if known else newcomer.email.strip(),
                language=newcomer.language,
                key=f"code:{stored.id}",
                # Not the name: anybody could have a text of theirs sent to any address.
                values={"expires_at": stored.expires_at.isoformat(), "number": known[0].number if known else ""},
                secret={"code": code},
                request_id=call.request_id,
            )
            unit.outbox.add(message, at=event.at)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)

    def confirm(self, call: Call, session_id: str, newcomer: Newcomer, code: str) -> Account:
        """The account of the confirmed address, new and pending unless there is one; its number is now the answer.

        The caller has proved that it is theirs. Raises what `Proofs.check_code` raises for a code that is not right.
        """
        typed = six_digits(code)
        require_person(newcomer.name, newcomer.email)
        registration = self._registration(call, session_id)
        account, told = self._confirmed(call, session_id, newcomer, typed)
        self.events.publish(*told)
        if isinstance(account, RuleViolated):
            raise account
        self._answer(call, session_id, registration, account.number, newcomer)
        return account

    def take(self, call: Call, session_id: str) -> None:
        """Make the number of the account that the caller has proved the registration's.

        Raises RuleViolated where none is proved, and StaleVersion.
        """
        registration = self._registration(call, session_id)
        with self.units.read() as unit:
            account = unit.accounts.get(call.actor.account_id or "")
        if account is None or registration is None:
            raise RuleViolated("account.unknown", field="user_business_id")
        changes = {"user_business_id": account.number}
        self.orchestrator.update(call, session_id, changes, version=registration.version)

    def proved(self, call: Call, registration: Registration | None) -> Account | None:
        """The account that the caller has proved, where it is the one that the registration is for."""
        if registration is None or registration.user_id is None or call.actor.account_id is None:
            return None
        with self.units.read() as unit:
            account = unit.accounts.get(call.actor.account_id)
        if account is None or member_number_key(account.number) != member_number_key(registration.user_id):
            return None
        return account

    @property
    def _codes(self) -> Codes:
        return Codes(_PURPOSE, self.clock, self.digests)

    def _registration(self, call: Call, session_id: str) -> Registration | None:
        """The document, if there is one already: whoever may make it may ask."""
        may_begin = call.actor.is_desk or call.actor.session_id == session_id
        if may_begin and load(self.registrations, call, session_id) is None:
            return None
        stored = open_registration(self.registrations, call, session_id, now=self.clock.now())
        require_allowed(Operation.UPDATE, stored)
        return stored

    def _confirmed(
        self, call: Call, session_id: str, newcomer: Newcomer, code: str
    ) -> tuple[Account | RuleViolated, tuple[Event, ...]]:
        """The account that a right code leads to, or why it is not right; and what happened."""
        with self.units.write() as unit:
            judged = self._codes.judge(unit, session_id, code, of_account=False, about=email_key(newcomer.email))
            if isinstance(judged, RuleViolated):
                account: Account | RuleViolated = judged
                told: tuple[Event, ...] = (self._event(EventName.CODE_FAILED, call, session_id, reason=judged.message),)
            else:
                account, told = self._account(unit, call, session_id, newcomer)
            unit.audit.append(told)
            unit.commit()
        return account, told

    def _account(
        self, unit: UnitOfWork, call: Call, session_id: str, newcomer: Newcomer
    ) -> tuple[Account, tuple[Event, ...]]:
        name, email = newcomer.name.strip(), newcomer.email.strip()
        account, is_new = unit.accounts.add_for_email(
            name=name, email=email, status=AccountStatus.PENDING, language=newcomer.language
        )
        if not is_new:
            return account, ()
        event = make_event(
            EventName.ACCOUNT_CREATED,
            call=call,
            at=self.clock.now(),
            chain=f"account:{account.id}",
            session_id=session_id,
            details={"account": account.id, "status": account.status.value},
            changes={"name": (None, name), "email": (None, email)},
        )
        unit.outbox.add(_numbers_mail(event, (account,), newcomer.language, "made"), at=event.at)
        return account, (event,)

    def _answer(
        self, call: Call, session_id: str, registration: Registration | None, number: str, newcomer: Newcomer
    ) -> None:
        """Make the number the registration's, whose document may begin with it; all other answers stay."""
        changes = {"user_business_id": number}
        kept = registration.contact_email if registration else None
        contact: str | None = newcomer.contact_email or kept or newcomer.email.strip()
        version = registration.version if registration else 0
        for _ in range(_TRIES):
            try:
                if version:
                    self.orchestrator.update(
                        call, session_id, changes, version=version, contact_email=contact, contact_seen=kept or ""
                    )
                else:
                    staging = Staging(data=changes, contact_email=contact, language=newcomer.language)
                    self.orchestrator.stage(call, staging, session_id=session_id)
            except StaleVersion as stale:
                # Whatever was entered elsewhere meanwhile stays, its address for links too.
                version, contact = int(stale.problems[0].params["current"]), None
            else:
                return
        raise Conflict("session.busy")

    def _event(self, name: EventName, call: Call, session_id: str, **details: str) -> Event:
        now = self.clock.now()
        return make_event(name, call=call, at=now, chain=session_id, session_id=session_id, details=details)


def _numbers_mail(event: Event, accounts: Sequence[Account], language: str, occasion: str) -> Message:
    """The numbers, those that can be used if any can. For nobody it is written, and never sent."""
    usable = [each for each in accounts if each.status in ACCESSIBLE] or accounts
    return Message(
        kind="member_number",
        recipient=usable[0].email if usable else _NOBODY,
        language=language,
        key=f"member-number:{uuid.uuid4()}",
        request_id=event.request_id,
        values={"numbers": ", ".join(each.number for each in usable) or "osot-0000000", "occasion": occasion},
        suppressed=not usable,
    )
