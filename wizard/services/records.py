"""Education records after they were created: read, corrected, deleted, by privilege."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wizard.core.access import require_record
from wizard.core.accounts import Account, AccountStatus
from wizard.core.actors import Action, Actor, require_desk
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
from wizard.core.records import Record, Verification, VerificationState, chain_of, difference
from wizard.core.rules import RULES_BY_ID, evaluate, failures
from wizard.services import written
from wizard.services.checking import Checking
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call, require_seen
from wizard.services.ports.records import RecordTaken
from wizard.services.ports.units import UnitOfWork, UnitsOfWork


@dataclass(frozen=True, slots=True)
class RecordWithHistory:
    """A record with all that happened to it and to its registration, oldest first; None once it is deleted."""

    record: Record | None
    account: Account | None
    history: Sequence[Event]


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

    def receipt(self, call: Call, record_id: str) -> tuple[Record, bool]:
        """A record, as by `read`, and whether the desk has yet to approve its account."""
        with self.units.read() as unit:
            record = _find(unit, call.actor, record_id, Action.READ)
            account = unit.accounts.get(record.account_id)
        return record, account is not None and account.status is AccountStatus.PENDING

    def correct(self, call: Call, record_id: str, changes: Mapping[str, str | None], *, version: int) -> Record:
        """Change some of a record's data, `version` having been seen; the rules and the category run again.

        Raises PermissionDenied, NotFound, StaleVersion, and the failed rules.
        """
        unknown = next((name for name in changes if name not in FIELDS), None)
        if unknown is not None:
            raise ValidationFailed("field.unknown", field=unknown)
        try:
            with self.units.write() as unit:
                before = _find(unit, call.actor, record_id, Action.CHANGE, hold=True)
                require_seen(call, before.tag)
                data = before.data.with_changes(changes)
                # Sent twice it is stale, and yet what was meant.
                if data == before.data:
                    return before
                if before.version != version:
                    raise StaleVersion(seen=version, current=before.version)
                after = self.corrected(unit, call.actor, before, data)
                event = self.updated(call, before, after)
                unit.audit.append((event,))
                unit.commit()
        except RecordTaken as taken:
            problem = Problem(ErrorCode.CONFLICT, taken.rule, RULES_BY_ID[taken.rule].field)
            raise from_problems((problem,)) from None
        self.events.publish(event)
        return after

    def with_history(self, call: Call, record_id: str) -> RecordWithHistory:
        """A record, its account and all that happened to it; of one that was deleted what is left, its history.

        For the desk: raises PermissionDenied to others, and NotFound.
        """
        require_desk(call.actor)
        with self.units.read() as unit:
            record = unit.records.get(record_id)
            require_record(call.actor, Action.READ, record)
            account = unit.accounts.get(record.account_id) if record else None
            chains = (chain_of(record_id), *([record.session_id] if record else ()))
            rows = sorted(unit.audit.history(*chains, record_id=record_id), key=lambda row: (row.event.at, row.id))
        if not rows and record is None:
            raise NotFound("record.unknown")
        return RecordWithHistory(record, account, tuple(row.event for row in rows))

    def to_be_deleted(self, call: Call, record_id: str) -> Record:
        """A record for who may delete it. Raises PermissionDenied to others, and NotFound."""
        with self.units.read() as unit:
            return _find(unit, call.actor, record_id, Action.DELETE)

    def delete(self, call: Call, record_id: str, *, reason: str, version: int | None = None) -> None:
        """Delete a record, `version` having been seen; its number is never given out again.

        Raises PermissionDenied, ValidationFailed("deletion.reason" | "reason.format"), NotFound and StaleVersion.
        """
        with self.units.write() as unit:
            record = _find(unit, call.actor, record_id, Action.DELETE, hold=True)
            require_seen(call, record.tag)
            reason = written.reason(reason, missing="deletion.reason")
            if version not in {None, record.version}:
                raise StaleVersion(seen=version or 0, current=record.version)
            event = make_event(
                EventName.RECORD_DELETED,
                call=call,
                at=self.checking.clock.now(),
                chain=chain_of(record.id),
                record_id=record.id,
                details={"number": record.number},
                changes={"reason": (None, reason)},
            )
            unit.records.delete(record)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)

    def corrected(
        self, unit: UnitOfWork, actor: Actor, before: Record, data: EducationData, *, vouched: bool = True
    ) -> Record:
        """A record with other data, within a transaction; not `vouched` for, they are only the applicant's word.

        Raises Conflict for another member number, StaleVersion, `RecordTaken` and the failed rules.
        """
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
            verification=_verification(actor, before, reasons) if vouched else Verification.because_of(reasons),
            at=self.checking.clock.now(),
        )

    def updated(self, call: Call, before: Record, after: Record) -> Event:
        """The event of a correction."""
        return make_event(
            EventName.RECORD_UPDATED,
            call=call,
            at=self.checking.clock.now(),
            chain=chain_of(after.id),
            record_id=after.id,
            details={"category_before": before.category.value, "category_after": after.category.value},
            changes=difference(before.data, after.data),
        )


def _find(unit: UnitOfWork, actor: Actor, record_id: str, action: Action, *, hold: bool = False) -> Record:
    """The record, by privilege first: whether there is one is not everybody's to know."""
    record = unit.records.hold(record_id) if hold else unit.records.get(record_id)
    require_record(actor, action, record)
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
