"""Accounts made in the wizard wait for the desk, who approves or refuses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wizard.core.accounts import Account, AccountStatus, WaitingAccount
from wizard.core.clock import Clock
from wizard.core.errors import Conflict, NotFound
from wizard.core.events import Event, EventName
from wizard.services import written
from wizard.services.authority import require_desk_or_system
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call
from wizard.services.ports.messages import Message
from wizard.services.ports.units import UnitsOfWork

_PAGE = 25


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """A page of accounts that wait, oldest first; `following` is what the next page comes after, None at the end."""

    waiting: Sequence[WaitingAccount]
    following: str | None


@dataclass(frozen=True, slots=True)
class Approvals:
    """What the desk decides of accounts; `admin` suffices, no record is created by it.

    Every method raises PermissionDenied to others.
    """

    clock: Clock
    units: UnitsOfWork
    events: EventBus

    def page(self, call: Call, *, after: str | None = None) -> WaitingPage:
        """Accounts that wait, from behind the account with the id `after`."""
        require_desk_or_system(call.actor)
        with self.units.read() as unit:
            found = unit.accounts.waiting(after=after, limit=_PAGE + 1)
        more = len(found) > _PAGE
        return WaitingPage(found[:_PAGE], found[_PAGE - 1].account.id if more else None)

    def approve(self, call: Call, account_id: str) -> Account:
        """Make the account active, and tell the person; safe to repeat.

        Raises NotFound, and Conflict("account.decided") where it was refused before.
        """
        return self._decide(call, account_id, AccountStatus.ACTIVE)

    def refuse(self, call: Call, account_id: str, *, reason: str) -> Account:
        """Make the account inactive, and tell the person why; safe to repeat.

        Raises ValidationFailed("reason.required" | "reason.format"), NotFound, and Conflict("account.decided").
        """
        require_desk_or_system(call.actor)
        return self._decide(call, account_id, AccountStatus.INACTIVE, written.reason(reason))

    def _decide(self, call: Call, account_id: str, status: AccountStatus, reason: str = "") -> Account:
        require_desk_or_system(call.actor)
        with self.units.write() as unit:
            decides = unit.accounts.decide(account_id, status)
            account = unit.accounts.get(account_id)
            if account is None:
                raise NotFound("account.unknown")
            if account.status is not status:
                raise Conflict("account.decided")
            if not decides:
                return account
            event = self._event(call, account, reason)
            unit.outbox.add(_mail(call, account, reason), at=event.at)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        return account

    def _event(self, call: Call, account: Account, reason: str) -> Event:
        changes: dict[str, tuple[str | None, str | None]] = {"status": (AccountStatus.PENDING, account.status)}
        return make_event(
            EventName.ACCOUNT_UPDATED,
            call=call,
            at=self.clock.now(),
            chain=f"account:{account.id}",
            details={"account": account.id, "status": account.status.value},
            changes={**changes, "reason": (None, reason)} if reason else changes,
        )


def _mail(call: Call, account: Account, reason: str) -> Message:
    return Message(
        kind="account_decision",
        recipient=account.email,
        language=account.language,
        key=f"account-decision:{account.id}",
        request_id=call.request_id,
        values={"name": account.name, "number": account.number, "decision": account.status.value, "reason": reason},
    )
