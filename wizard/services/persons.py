"""All that is known of whom an erasure or an export is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wizard.core.accounts import Account
from wizard.core.education import member_number_key
from wizard.core.errors import NotFound
from wizard.core.records import chain_of
from wizard.core.registration import Registration
from wizard.services.authority import require_main_or_system
from wizard.services.ports.calls import Call
from wizard.services.ports.persons import Person
from wizard.services.ports.registrations import RegistrationStore
from wizard.services.ports.units import UnitOfWork, UnitsOfWork


@dataclass(frozen=True, slots=True)
class Persons:
    """Finds people in both stores."""

    units: UnitsOfWork
    registrations: RegistrationStore

    def account(self, call: Call, account_id: str) -> Account:
        """The account of a person, for those who may handle all that is theirs. Raises NotFound."""
        require_main_or_system(call.actor)
        with self.units.read() as unit:
            account = unit.accounts.get(account_id)
        if account is None:
            raise NotFound("account.unknown")
        return account

    def under_way(self, account: Account) -> tuple[Registration, ...]:
        """Registrations with the account's number, or linked to it, that still hold anything."""
        with self.units.read() as unit:
            known = unit.persons.sessions_of(account)
        found = {each.session_id: each for each in self.registrations.of_member(account.number)}
        missing = sorted(known - found.keys())
        told = self.registrations.load_all(missing).values() if missing else ()
        others = [each for each in told if each is not None and _is_of(each, account)]
        return (*found.values(), *others)


def person_of(unit: UnitOfWork, account: Account, theirs: Iterable[Registration]) -> Person:
    """The person of an account, whose registrations these are."""
    record = unit.records.by_account(account.id)
    given = list(theirs)
    under_way = {each.session_id for each in given}
    session_ids = unit.persons.sessions_of(account) | under_way | ({record.session_id} if record else set())
    written = {account.email, *(each.contact_email for each in given)} | unit.persons.addresses_of(session_ids)
    return Person(account, record, session_ids, frozenset(each for each in written if each))


def chains_of(unit: UnitOfWork, person: Person) -> set[str]:
    """The chains of the audit trail that are about them alone."""
    records = unit.persons.records_of(person.session_ids) | ({person.record.id} if person.record else set())
    return {f"account:{person.account.id}", *person.session_ids, *map(chain_of, records)}


def _is_of(registration: Registration, account: Account) -> bool:
    """Whether one that was theirs still is: another member number makes it somebody else's."""
    number = registration.user_id
    return number is None or member_number_key(number) == member_number_key(account.number)
