"""Erasing a person on request: everything that is kept of them, wherever it lies (02-workflow, `person.erased`)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from wizard.core.accounts import Account
from wizard.core.clock import Clock
from wizard.core.errors import Conflict
from wizard.core.events import Event, EventName
from wizard.core.records import chain_of
from wizard.core.registration import Registration, Status
from wizard.services import written
from wizard.services.audit import AuditDrain
from wizard.services.events import EventBus, make_event
from wizard.services.persons import Persons, chains_of, person_of
from wizard.services.ports.calls import Call
from wizard.services.ports.patience import take_long
from wizard.services.ports.persons import Person
from wizard.services.ports.registrations import RegistrationStore, RevisionConflict
from wizard.services.ports.units import UnitOfWork, UnitsOfWork

# Two writers at once are usual, a dozen in a row are not.
_TRIES = 12


@dataclass(frozen=True, slots=True)
class Erasure:
    """Erases people; for `main` and the system. Every method raises PermissionDenied to others.

    The database first, in one transaction, then the registrations in Redis, then the database once more for what an
    operation on one of these wrote in between. Who dies on the way leaves an account that can be erased again.
    """

    clock: Clock
    units: UnitsOfWork
    registrations: RegistrationStore
    drain: AuditDrain
    events: EventBus

    def to_be_erased(self, call: Call, account_id: str) -> Account:
        """The account of a person who may be erased. Raises NotFound."""
        return Persons(self.units, self.registrations).account(call, account_id)

    def erase(self, call: Call, account_id: str, *, reason: str) -> None:
        """Erase all that is kept of a person; of the account, id and number stay. Safe to repeat.

        Raises NotFound, and ValidationFailed("erasure.reason" | "reason.format").
        """
        account = self.to_be_erased(call, account_id)
        reason = written.reason(reason, missing="erasure.reason")
        theirs = Persons(self.units, self.registrations).under_way(account)
        self._from_database(call, account_id, theirs, reason)
        for registration in theirs:
            self._emptied(call, registration.session_id)
        self._from_database(call, account_id, theirs, reason)

    def _from_database(self, call: Call, account_id: str, theirs: Iterable[Registration], reason: str) -> None:
        """One transaction; where nothing is left to erase, nothing is told."""
        with self.units.write() as unit:
            take_long()
            person = person_of(unit, unit.erasures.hold(account_id), theirs)
            told = tuple(self._taken_out(call, unit, person, reason))
            if not told:
                return
            unit.audit.append(told)
            unit.commit()
        self.events.publish(*told)

    def _taken_out(self, call: Call, unit: UnitOfWork, person: Person, reason: str) -> Iterator[Event]:
        taken = unit.erasures
        chains = chains_of(unit, person)
        # All of it, whatever the others found.
        found = [
            taken.mails(person),
            taken.file_rows(person),
            taken.codes_and_links(person),
            taken.empty(person.account.id),
        ]
        emptied = taken.values(chains) | taken.searches(person)
        told = list(self._closed(call, unit, person))
        if not any((*found, emptied, told)):
            return
        yield from told
        own = f"account:{person.account.id}"
        operation_id = uuid.uuid4().hex
        for chain in sorted({own, *emptied} | ({chain_of(person.record.id)} if person.record else set())):
            event = self._event(call, EventName.PERSON_ERASED, chain, account=person.account.id)
            told_of = _about(replace(event, operation_id=operation_id), person)
            yield replace(told_of, changes={"reason": (None, reason)}) if chain == own else told_of

    def _closed(self, call: Call, unit: UnitOfWork, person: Person) -> Iterator[Event]:
        """Their record deleted, their tokens revoked."""
        record = unit.records.hold(person.record.id) if person.record else None
        if record is not None:
            unit.records.delete(record)
            event = self._event(call, EventName.RECORD_DELETED, chain_of(record.id), number=record.number)
            yield replace(event, record_id=record.id)
        for token in unit.tokens.all():
            if token.account_id == person.account.id and token.revoked_at is None:
                unit.tokens.revoke(token, at=self.clock.now())
                yield self._event(call, EventName.TOKEN_REVOKED, token.actor.name, token=token.name)

    def _emptied(self, call: Call, session_id: str) -> None:
        """A registration under way is cancelled; of any, nothing personal stays, nor in events not in the trail yet."""
        for _ in range(_TRIES):
            stored = self.registrations.load(session_id)
            if stored is None:
                return
            last = stored.as_tombstone(Status.CANCELLED if stored.is_open else stored.status)
            last = replace(last, events=tuple(replace(each, changes={}) for each in stored.events))
            if stored.is_open:
                event = self._event(call, EventName.SESSION_CANCELLED, session_id)
                last = last.with_event(replace(event, operation_id=uuid.uuid4().hex))
            if last == stored:
                return
            try:
                saved = self.registrations.save(last, replacing=stored)
            except RevisionConflict:
                continue
            self.drain.bring_in(saved)
            self.events.publish(*saved.events[len(stored.events) :])
            return
        raise Conflict("session.busy")

    def _event(self, call: Call, name: EventName, chain: str, **details: str) -> Event:
        return make_event(name, call=call, at=self.clock.now(), chain=chain, details=details)


def _about(event: Event, person: Person) -> Event:
    """An event that names the registration or the record that its chain is of."""
    if event.chain in person.session_ids:
        return replace(event, session_id=event.chain)
    kind, _, record_id = event.chain.partition(":")
    return replace(event, record_id=record_id) if kind == "record" else event
