"""A registration beside the records that stand in its way."""

from __future__ import annotations

from dataclasses import dataclass

from wizard.core.accounts import Account
from wizard.core.education import FIELDS, member_number_key
from wizard.core.records import Record
from wizard.core.registration import Registration
from wizard.services.ports.units import UnitOfWork


@dataclass(frozen=True, slots=True)
class Comparison:
    """What stands in the way of a registration, and whose member number it has.

    `existing` is the record that its member has already, `holder` one of somebody else with its COTO number.
    """

    registration: Registration
    account: Account | None
    existing: Record | None
    holder: Record | None

    @property
    def stands(self) -> bool:
        """Whether there is anything in its way (still)."""
        return self.beside is not None

    @property
    def beside(self) -> Record | None:
        """The record to compare it with."""
        return self.existing or self.holder

    @property
    def differing(self) -> frozenset[str]:
        """The answers that are not those of the record beside it."""
        if self.beside is None:
            return frozenset()
        ours, theirs = self.registration.data, self.beside.data
        return frozenset(name for name in FIELDS if getattr(ours, name) != getattr(theirs, name))


def compared(unit: UnitOfWork, registration: Registration) -> Comparison:
    """Look up what stands in the way of a registration now."""
    account = _account(unit, registration)
    account_id = account.id if account else None
    # A record that this very registration has led to, before a crash, is not in its way.
    others = [
        record
        for record in unit.records.holders(registration.data, account_id=account_id)
        if record.session_id != registration.session_id
    ]
    existing = next((record for record in others if _is_the_members(record, registration, account_id)), None)
    number = registration.data.coto_registration
    holder = next((each for each in others if each is not existing and each.data.coto_registration == number), None)
    return Comparison(registration, account, existing, holder if number is not None else None)


def _account(unit: UnitOfWork, registration: Registration) -> Account | None:
    number = registration.user_id
    linked = unit.accounts.get(registration.account_id) if registration.account_id else None
    return linked or (unit.accounts.by_number(number) if number else None)


def _is_the_members(record: Record, registration: Registration, account_id: str | None) -> bool:
    ours, theirs = registration.user_id, record.data.user_business_id
    same = ours is not None and theirs is not None and member_number_key(ours) == member_number_key(theirs)
    return same or record.account_id == account_id
