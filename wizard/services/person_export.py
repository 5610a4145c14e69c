"""Handing over all that is held about a person, on request: one JSON file, by the places that an erasure empties."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from typing import Any

from wizard.core.accounts import Account
from wizard.core.actors import ActorKind
from wizard.core.clock import Clock
from wizard.core.events import Event, EventName
from wizard.core.publication import camel
from wizard.core.registration import Registration
from wizard.services.audit import with_waiting
from wizard.services.events import EventBus, make_event
from wizard.services.persons import Persons, chains_of, person_of
from wizard.services.ports.calls import Call
from wizard.services.ports.patience import take_long
from wizard.services.ports.persons import Person, Place
from wizard.services.ports.registrations import RegistrationStore
from wizard.services.ports.units import UnitOfWork, UnitsOfWork

# Raised when a part goes, or comes to mean something else.
FORMAT = 1
# What lets somebody in, and what only stands for it.
_NEVER = frozenset({"digest", "secret", "key"})
_ACTORS = frozenset({"actor", "created_by", "updated_by"})


@dataclass(frozen=True, slots=True)
class PersonFile:
    """All that is held about the person of an account, by place; `content` is plain values for JSON."""

    account: Account
    content: Mapping[str, Any]

    def as_json(self) -> bytes:
        """The file, for people to read as well."""
        return json.dumps(self.content, ensure_ascii=False, indent=2).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class PersonExport:
    """Exports people; for `main` and the system. Every method raises PermissionDenied to others.

    Of the desk's people it names nobody, and what would let somebody in (codes, links, tokens) is not in it.
    """

    clock: Clock
    units: UnitsOfWork
    registrations: RegistrationStore
    events: EventBus

    def to_be_exported(self, call: Call, account_id: str) -> Account:
        """The account of a person who may be exported. Raises NotFound."""
        return Persons(self.units, self.registrations).account(call, account_id)

    def export(self, call: Call, account_id: str) -> PersonFile:
        """All that is held about a person. It is in the audit trail before it is handed over. Raises NotFound."""
        account = self.to_be_exported(call, account_id)
        theirs = Persons(self.units, self.registrations).under_way(account)
        with self.units.read() as unit:
            take_long()
            person = person_of(unit, account, theirs)
            # Made plain while the transaction lasts: nothing is read behind it.
            places = {camel(place.value): _plain(read(unit, person, theirs)) for place, read in _PLACES.items()}
        self._record(call, account)
        made = {"format": FORMAT, "madeAt": self.clock.now(), "memberNumber": account.number}
        return PersonFile(account, {**_plain(made), **places})

    def _record(self, call: Call, account: Account) -> None:
        event = make_event(
            EventName.PERSON_EXPORTED,
            call=call,
            at=self.clock.now(),
            chain=f"account:{account.id}",
            details={"account": account.id},
        )
        with self.units.write() as unit:
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)


_Read = Callable[[UnitOfWork, Person, tuple[Registration, ...]], Any]


def _history(unit: UnitOfWork, person: Person, theirs: Iterable[Registration]) -> Iterable[Event]:
    chains = chains_of(unit, person)
    record_id = person.record.id if person.record else None
    rows = unit.audit.history(*chains, record_id=record_id)
    return with_waiting((row.event for row in rows), theirs)


def _codes(unit: UnitOfWork, person: Person) -> Iterable[Any]:
    return [code for each in sorted(person.session_ids) if (code := unit.codes.of_session(each))]


def _links(unit: UnitOfWork, person: Person) -> Iterable[Any]:
    return [link for session_id in sorted(person.session_ids) for link in unit.links.of_session(session_id)]


def _tokens(unit: UnitOfWork, person: Person) -> Iterable[Any]:
    return [each for each in unit.tokens.all() if each.account_id == person.account.id]


# What is read of each place, in the order of the file.
_PLACES: Mapping[Place, _Read] = {
    Place.ACCOUNT: lambda _, person, __: person.account,
    Place.RECORD: lambda _, person, __: person.record,
    Place.REGISTRATIONS: lambda _, __, theirs: theirs,
    Place.HISTORY: _history,
    Place.SEARCHES: lambda unit, person, _: unit.persons.searches(person),
    Place.CODES: lambda unit, person, _: _codes(unit, person),
    Place.LINKS: lambda unit, person, _: _links(unit, person),
    Place.MAILS: lambda unit, person, _: unit.persons.mails(person),
    Place.FILE_ROWS: lambda unit, person, _: unit.persons.file_rows(person),
    Place.TOKENS: lambda unit, person, _: _tokens(unit, person),
}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever is held
    """As JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        held = {field.name: getattr(value, field.name) for field in fields(value) if field.name not in _NEVER}
        return {camel(name): _who(each) if name in _ACTORS else _plain(each) for name, each in held.items()}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return str(value)
    return [_plain(each) for each in value] if isinstance(value, Iterable) else value


def _who(actor: str) -> str:
    """Of the desk's people only that it was one of them."""
    kind = actor.partition(":")[0]
    return kind if kind == ActorKind.STAFF else actor
