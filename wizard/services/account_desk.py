"""Accounts as the desk works with them: found, looked at with all that belongs to them, opened and closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wizard.core.accounts import Account, AccountStatus
from wizard.core.clock import Clock
from wizard.core.errors import Conflict, NotFound
from wizard.core.events import Event, EventName
from wizard.core.records import Record
from wizard.core.registration import Registration
from wizard.services import written
from wizard.services.authority import require_desk_or_system
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call
from wizard.services.ports.registrations import RegistrationStore
from wizard.services.ports.units import UnitOfWork, UnitsOfWork

_PAGE = 25


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Some accounts, and how many wait; `following` is what the next page comes after, None at the end."""

    accounts: Sequence[Account]
    waiting: int
    following: str | None


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account with its record, the registrations under way with its number, and all that happened to it."""

    account: Account
    record: Record | None
    registrations: Sequence[Registration]
    history: Sequence[Event]


@dataclass(frozen=True, slots=True)
class AccountDesk:
    """What the desk does with accounts; `admin` suffices. Every method raises PermissionDenied to others."""

    clock: Clock
    units: UnitsOfWork
    registrations: RegistrationStore
    events: EventBus

    def page(
        self, call: Call, *, sought: str = "", status: AccountStatus | None = None, after: str | None = None
    ) -> AccountPage:
        """Accounts in the order of their numbers, from behind the one with the id `after`.

        `sought` is how a number, an address or any word of a name begins, whatever its case.
        """
        require_desk_or_system(call.actor)
        with self.units.read() as unit:
            found = unit.accounts.search(_printable(sought), status=status, after=after, limit=_PAGE + 1)
            waiting = unit.accounts.count(AccountStatus.PENDING)
        return AccountPage(found[:_PAGE], waiting, found[_PAGE - 1].id if len(found) > _PAGE else None)

    def by_number(self, call: Call, number: str) -> Account:
        """The account with a member number. Raises NotFound."""
        require_desk_or_system(call.actor)
        with self.units.read() as unit:
            account = unit.accounts.by_number(number.strip())
        if account is None:
            raise NotFound("account.unknown")
        return account

    def view(self, call: Call, account_id: str) -> AccountView:
        """One account with all that belongs to it. Raises NotFound."""
        require_desk_or_system(call.actor)
        with self.units.read() as unit:
            account = _found(unit, account_id)
            record = unit.records.by_account(account_id)
            history = unit.audit.history(_chain(account))
        now = self.clock.now()
        of_number = self.registrations.of_member(account.number)
        under_way = [each for each in of_number if each.is_open and not each.is_expired(now)]
        return AccountView(account, record, under_way, [row.event for row in history])

    def activate(self, call: Call, account_id: str) -> Account:
        """Open an inactive account; safe to repeat.

        Raises NotFound, Conflict("account.waits") for one that waits, which is approved (services/approvals.py) and
        the person told, and Conflict("account.erased") where nobody is left to open it for.
        """
        return self._change(call, account_id, AccountStatus.ACTIVE)

    def deactivate(self, call: Call, account_id: str, *, reason: str) -> Account:
        """Close an active account; nobody is told, the reason is for the desk. Safe to repeat.

        Raises ValidationFailed("closing.reason" | "reason.format"), NotFound, and Conflict("account.waits" |
        "account.erased").
        """
        require_desk_or_system(call.actor)
        return self._change(call, account_id, AccountStatus.INACTIVE, written.reason(reason, missing="closing.reason"))

    def _change(self, call: Call, account_id: str, status: AccountStatus, reason: str = "") -> Account:
        require_desk_or_system(call.actor)
        before = _OTHER[status]
        with self.units.write() as unit:
            changes = unit.accounts.change_status(account_id, before=before, after=status)
            account = _found(unit, account_id)
            if account.is_erased:
                raise Conflict("account.erased")
            if account.status is AccountStatus.PENDING:
                raise Conflict("account.waits")
            if not changes:
                return account
            event = self._event(call, account, before, reason)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        return account

    def _event(self, call: Call, account: Account, before: AccountStatus, reason: str) -> Event:
        changes: dict[str, tuple[str | None, str | None]] = {"status": (before, account.status)}
        return make_event(
            EventName.ACCOUNT_UPDATED,
            call=call,
            at=self.clock.now(),
            chain=_chain(account),
            details={"account": account.id, "status": account.status.value},
            changes={**changes, "reason": (None, reason)} if reason else changes,
        )


_OTHER = {AccountStatus.ACTIVE: AccountStatus.INACTIVE, AccountStatus.INACTIVE: AccountStatus.ACTIVE}


def _found(unit: UnitOfWork, account_id: str) -> Account:
    account = unit.accounts.get(account_id)
    if account is None:
        raise NotFound("account.unknown")
    return account


def _chain(account: Account) -> str:
    return f"account:{account.id}"


def _printable(sought: str) -> str:
    """What can be in a name, a number or an address: no database is asked for NUL."""
    return "".join(char for char in sought if char.isprintable()).strip()
