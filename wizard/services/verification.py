"""The desk verifies records: it accepts them, asks the applicant, or rejects them (01-domain, Business rules)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from wizard.core.accounts import Account
from wizard.core.actors import require_desk
from wizard.core.clock import Clock
from wizard.core.errors import Conflict, ExternalServiceError, NotFound, StaleVersion, ValidationFailed, WizardError
from wizard.core.events import Event, EventName
from wizard.core.records import Record, VerificationState, chain_of
from wizard.services import written
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call
from wizard.services.ports.messages import Message
from wizard.services.ports.trail import AuditRow
from wizard.services.ports.units import UnitOfWork, UnitsOfWork
from wizard.services.ports.verification import WaitingRecord

_PAGE = 25
# The desk may keep its thoughts on what it accepts; a question and a refusal have to be said.
_NEEDS_A_NOTE = frozenset({VerificationState.ASKED, VerificationState.REJECTED})


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of the queue, oldest first; `following` is what the next page comes after, None at the end."""

    waiting: Sequence[WaitingRecord]
    following: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """A record before the desk: whose it is, and what the desk has said of it so far, oldest first."""

    record: Record
    account: Account | None
    said: Sequence[AuditRow]


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as somebody had it before them; its number is for what they are told."""

    record_id: str
    version: int
    number: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one among several: the record as it is now, or why not."""

    seen: Seen
    record: Record | None = None
    error: WizardError | None = None


@dataclass(frozen=True, slots=True)
class Verifications:
    """The verification queue; `admin` suffices. Every method raises PermissionDenied to others."""

    clock: Clock
    units: UnitsOfWork
    events: EventBus

    def page(self, call: Call, *, after: str | None = None) -> QueuePage:
        """Records that wait, from behind the one with the id `after`."""
        require_desk(call.actor)
        with self.units.read() as unit:
            found = unit.verifications.page(after=after, limit=_PAGE + 1)
        more = len(found) > _PAGE
        return QueuePage(found[:_PAGE], found[_PAGE - 1].record.id if more else None)

    def case(self, call: Call, record_id: str) -> Case:
        """A record with whatever the desk needs to decide. Raises NotFound."""
        require_desk(call.actor)
        with self.units.read() as unit:
            record = _find(unit, record_id)
            history = unit.audit.history(chain_of(record_id))
            said = [row for row in history if row.event.name is EventName.RECORD_VERIFIED]
            return Case(record, unit.accounts.get(record.account_id), said)

    def decide(self, call: Call, seen: Seen, state: VerificationState, *, note: str = "") -> Record:
        """Accept a record (`verified`), ask its applicant (`asked`), or reject it; told by mail, once.

        The note is the question or the reason that the mail says; with what is accepted it stays with the desk. Safe
        to repeat. Raises ValidationFailed("note.required" | "note.format"), NotFound, Conflict("verification.state"),
        and StaleVersion where somebody has changed the record since it was seen.
        """
        require_desk(call.actor)
        note = _require_note(state, note)
        with self.units.write() as unit:
            before = _find(unit, seen.record_id)
            if _is_done(unit, call, before, seen, state, note):
                return before
            if before.version != seen.version:
                raise StaleVersion(seen=seen.version, current=before.version)
            if not before.verification.may_become(state):
                raise Conflict("verification.state")
            event = self._event(call, before, state, note)
            after = unit.verifications.decide(before, before.verification.becoming(state), at=event.at)
            # A record has its account as long as it is there.
            account = cast("Account", unit.accounts.get(after.account_id))
            unit.outbox.add(_mail(call, account, after, note), at=event.at)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        return after

    def accept_all(self, call: Call, several: Iterable[Seen], *, note: str = "") -> Sequence[Outcome]:
        """Accept several, each on its own: one that fails costs only itself. Raises ValidationFailed."""
        require_desk(call.actor)
        _require_note(VerificationState.VERIFIED, note)
        outcomes: list[Outcome] = []
        down: ExternalServiceError | None = None
        for seen in several:
            try:
                if down is not None:
                    raise down
                outcomes.append(Outcome(seen, self.decide(call, seen, VerificationState.VERIFIED, note=note)))
            except WizardError as error:
                # Where the database is down nobody waits for it once for each.
                down = error if isinstance(error, ExternalServiceError) else down
                outcomes.append(Outcome(seen, error=error))
        return outcomes

    def _event(self, call: Call, before: Record, state: VerificationState, note: str) -> Event:
        return make_event(
            EventName.RECORD_VERIFIED,
            call=call,
            at=self.clock.now(),
            chain=chain_of(before.id),
            record_id=before.id,
            details={"outcome": state.value, "before": before.verification.state.value, "number": before.number},
            changes={"note": (None, note)} if note else {},
        )


def _find(unit: UnitOfWork, record_id: str) -> Record:
    record = unit.records.get(record_id)
    if record is None:
        raise NotFound("record.unknown")
    return record


def _require_note(state: VerificationState, note: str) -> str:
    """The note without what surrounds it."""
    note = written.note(note)
    if not note and state in _NEEDS_A_NOTE:
        raise ValidationFailed(f"note.required.{state}", field="note")
    return note


def _is_done(unit: UnitOfWork, call: Call, record: Record, seen: Seen, state: VerificationState, note: str) -> bool:
    """Whether this is what was decided already, pressed again."""
    if record.version != seen.version + 1 or record.verification.state is not state:
        return False
    last = unit.audit.history(chain_of(record.id))[-1].event
    return last.actor == call.actor.name and last.changes.get("note", (None, ""))[1] == note


def _mail(call: Call, account: Account, record: Record, note: str) -> Message:
    state = record.verification.state
    asked = state is VerificationState.ASKED
    return Message(
        kind="verification_question" if asked else "verification_outcome",
        recipient=account.email,
        language=account.language,
        # Each version of a record has one decision at most.
        key=f"verification:{record.id}:{record.version}",
        request_id=call.request_id,
        values={
            "name": account.name,
            "number": record.number,
            "outcome": state.value,
            "note": "" if state is VerificationState.VERIFIED else note,
        },
    )
