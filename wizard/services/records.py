"""Education records after they were created: read, corrected, deleted, by privilege."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wizard.core.actors import Action, Actor, require
from wizard.core.education import FIELDS, EducationData, member_number_key
from wizard.core.errors import (
    Conflict,
    ErrorCode,
    NotFound,
    Problem,
    StaleVersion,
    ValidationFailed,
    from_problems,
)
from wizard.core.events import Event, EventName
from wizard.core.records import Record, Verification, VerificationState, difference
from wizard.core.rules import RULES_BY_ID, evaluate, failures
from wizard.services.checking import Checking
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call
from wizard.services.ports.records import RecordTaken
from wizard.services.ports.units import UnitOfWork, UnitsOfWork


@dataclass(frozen=True, slots=True)
class RecordService:
    """Records by privilege: owners their own, `admin` and `main` any; only `main` deletes."""

    units: UnitsOfWork
    checking: Checking
    events: EventBus

    def read(self, call: Call, record_id: str) -> Record:
        """A record. Raises PermissionDenied (also for one that is not there, unless to the desk) and NotFound."""
        with self.units.read() as unit:
            return _find(unit, call.actor, record_id, Action.READ)

    def correct(self, call: Call, record_id: str, changes: Mapping[str, str | None], *, version: int) -> Record:
        """Change some of a record's data, `version` having been seen; the rules and the category run again.

        Raises PermissionDenied, NotFound, StaleVersion, and the failed rules.
        """
        unknown = next((name for name in changes if name not in FIELDS), None)
        if unknown is not None:
            raise ValidationFailed("field.unknown", field=unknown)
        try:
            with self.units.write() as unit:
                before = _find(unit, call.actor, record_id, Action.CHANGE)
                if before.version != version:
                    raise StaleVersion(seen=version, current=before.version)
                data = before.data.with_changes(changes)
                if data == before.data:
                    return before
                after = self._corrected(unit, call.actor, before, data)
                event = self._updated(call, before, after)
                unit.audit.append((event,))
                unit.commit()
        except RecordTaken as taken:
            problem = Problem(ErrorCode.CONFLICT, taken.rule, RULES_BY_ID[taken.rule].field)
            raise from_problems((problem,)) from None
        self.events.publish(event)
        return after

    def delete(self, call: Call, record_id: str, *, reason: str) -> None:
        """Delete a record; its number is never given out again. Raises PermissionDenied and NotFound."""
        with self.units.write() as unit:
            record = _find(unit, call.actor, record_id, Action.DELETE)
            event = make_event(
                EventName.RECORD_DELETED,
                call=call,
                at=self.checking.clock.now(),
                chain=_chain(record),
                record_id=record.id,
                details={"number": record.number},
                changes={"reason": (None, reason)},
            )
            unit.records.delete(record)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)

    def _corrected(self, unit: UnitOfWork, actor: Actor, before: Record, data: EducationData) -> Record:
        _require_same_member(unit, before, data)
        holdings = unit.records.holdings(data, account_id=before.account_id, session_id=before.session_id)
        outcomes = evaluate(self.checking.facts(data, holdings))
        problems = failures(outcomes)
        if problems:
            raise from_problems(problems)
        decision = self.checking.category(data, unit)
        reasons = self.checking.reasons_to_verify(outcomes, decision.category)
        return unit.records.correct(
            before,
            data=data,
            decision=decision,
            verification=_verification(actor, before, reasons),
            at=self.checking.clock.now(),
        )

    def _updated(self, call: Call, before: Record, after: Record) -> Event:
        return make_event(
            EventName.RECORD_UPDATED,
            call=call,
            at=self.checking.clock.now(),
            chain=_chain(after),
            record_id=after.id,
            details={"category_before": before.category.value, "category_after": after.category.value},
            changes=difference(before.data, after.data),
        )


def _find(unit: UnitOfWork, actor: Actor, record_id: str, action: Action) -> Record:
    """The record, by privilege first: whether there is one is not everybody's to know."""
    record = unit.records.get(record_id)
    require(actor, action, record.account_id if record else None)
    if record is None:
        raise NotFound("record.unknown")
    return record


def _require_same_member(unit: UnitOfWork, record: Record, data: EducationData) -> None:
    """A record stays with its account, so its member number stays the account's."""
    account = unit.accounts.get(record.account_id)
    number = data.user_business_id
    if account and number and member_number_key(number) != member_number_key(account.number):
        raise Conflict("account.member_number", field="user_business_id")


def _verification(actor: Actor, before: Record, reasons: tuple[str, ...]) -> Verification:
    """What the desk has looked at stays so while it changes the record itself and for no new reason."""
    same_reasons = reasons == before.verification.reasons
    if actor.is_desk and same_reasons and before.verification.state is not VerificationState.NOT_REQUIRED:
        return before.verification
    return Verification.because_of(reasons)


def _chain(record: Record) -> str:
    return f"record:{record.id}"
