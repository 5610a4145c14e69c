"""Registrations that another record stands in the way of, and how the desk resolves it (01-domain, Conflicts)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from wizard.core.actors import require_desk, require_main
from wizard.core.errors import Conflict, ErrorCode, Problem, StaleVersion, from_problems
from wizard.core.events import Event, EventName
from wizard.core.records import Record
from wizard.core.registration import Registration, Status
from wizard.core.results import OperationResult
from wizard.core.rules import RULES_BY_ID
from wizard.core.trouble import Trouble
from wizard.core.workflow import Operation
from wizard.services import written
from wizard.services.comparison import Comparison, compared
from wizard.services.creation import closed
from wizard.services.opening import open_registration
from wizard.services.ports.calls import Call
from wizard.services.ports.messages import Message
from wizard.services.ports.records import RecordTaken
from wizard.services.ports.registrations import RegistrationPage, RegistrationStore, Selection
from wizard.services.ports.units import UnitOfWork, UnitsOfWork
from wizard.services.records import RecordService
from wizard.services.run import Change, Run
from wizard.services.runner import Runner

KEPT, REPLACED, RELEASED = "kept", "replaced", "released"
ALL_CONFLICTS = Selection(trouble=Trouble.CONFLICT)
_FINAL = frozenset({KEPT, REPLACED})

Transition = Callable[[UnitOfWork, Run, Registration], Change]


@dataclass(frozen=True, slots=True)
class Conflicts:
    """What the desk sees of conflicts, and what `main` decides.

    A decision is in the database first, with its mail. Should the process die before Redis knows, deciding again,
    however, ends the registration as it was decided.
    """

    units: UnitsOfWork
    registrations: RegistrationStore
    runner: Runner
    records: RecordService

    def page(self, call: Call, *, cursor: str | None = None) -> RegistrationPage:
        """Registrations flagged for the desk, newest change first. Raises PermissionDenied."""
        require_desk(call.actor)
        page = self.registrations.page(ALL_CONFLICTS, cursor=cursor, ahead=call.page_ahead)
        now = self.runner.clock.now()
        return replace(page, registrations=tuple(each for each in page.registrations if not each.is_expired(now)))

    def compare(self, call: Call, session_id: str) -> Comparison:
        """A registration beside what is in its way. Raises PermissionDenied, NotFound and SessionExpired."""
        require_desk(call.actor)
        registration = open_registration(self.runner.registrations, call, session_id, now=self.runner.clock.now())
        with self.units.read() as unit:
            return compared(unit, registration)

    def keep(self, call: Call, session_id: str, *, version: int, reason: str) -> OperationResult:
        """Leave the record in its way as it is: the registration, as seen, is cancelled, and its applicant told.

        Raises PermissionDenied, ValidationFailed, StaleVersion, and Conflict("conflict.over").
        """
        require_main(call.actor)
        reason = written.reason(reason)

        def transition(unit: UnitOfWork, run: Run, stored: Registration) -> Change:
            found = _seen(unit, stored, version)
            ended = stored.as_tombstone(Status.CANCELLED)
            ended = ended.with_event(run.event(EventName.SESSION_CANCELLED, ended))
            ended = ended.with_event(_resolved(run, stored, KEPT, found.beside, reason))
            return _committed(unit, ended, _mail(run, found, KEPT, found.beside, reason))

        return self._decide(Operation.CANCEL, call, session_id, transition)

    def replace(
        self, call: Call, session_id: str, *, version: int, record_version: int, reason: str
    ) -> OperationResult:
        """Give the member's record the answers of the registration, both as seen; it is completed by that record.

        Raises as `keep`, the failed rules, and Conflict("conflict.others_record") where the record is not the member's.
        """
        require_main(call.actor)
        reason, corrections = written.reason(reason), list[Event]()

        def transition(unit: UnitOfWork, run: Run, stored: Registration) -> Change:
            found = _seen(unit, stored, version)
            before = found.existing
            if before is None:
                raise Conflict("conflict.others_record")
            if before.version != record_version:
                raise StaleVersion(seen=record_version, current=before.version)
            after = self._replaced(unit, run, before, stored)
            event = _resolved(run, stored, REPLACED, after, reason)
            ended = closed(run, stored.with_record(after.id, after.number).with_event(event))
            corrections[:] = [self.records.updated(call, before, after)] if after is not before else []
            mail = _mail(run, found, REPLACED, after, reason)
            return _committed(unit, ended, mail, record=after, others=corrections)

        result = self._decide(Operation.EXECUTE_WORKFLOW, call, session_id, transition)
        self.runner.events.publish(*corrections)
        return result

    def release(self, call: Call, session_id: str) -> OperationResult:
        """Take a registration off the list that nothing stands in the way of any more; its applicant is told.

        Raises PermissionDenied, and Conflict("conflict.stands") where something does.
        """
        require_desk(call.actor)

        def transition(unit: UnitOfWork, run: Run, stored: Registration) -> Change:
            if stored.flag is None:
                return Change(stored)
            found = compared(unit, stored)
            if found.stands:
                raise Conflict("conflict.stands")
            free = replace(stored, flag=None, errors=(), failed={})
            free = free.with_event(_resolved(run, stored, RELEASED, None, ""))
            return _committed(unit, free, _mail(run, found, RELEASED, None, ""))

        return self._decide(Operation.EXTEND, call, session_id, transition)

    def _decide(self, operation: Operation, call: Call, session_id: str, transition: Transition) -> OperationResult:
        def decided(stored: Registration) -> Change:
            if not stored.is_open:
                return Change(stored)
            with self.units.write() as unit:
                return _as_recorded(unit, stored) or transition(unit, run, stored)

        run = self.runner.begin(operation, call)
        try:
            return self.runner.change(run, session_id, decided)
        except RecordTaken as taken:
            problem = Problem(ErrorCode.CONFLICT, taken.rule, RULES_BY_ID[taken.rule].field)
            raise from_problems((problem,)) from None

    def _replaced(self, unit: UnitOfWork, run: Run, before: Record, stored: Registration) -> Record:
        if before.data == stored.data:
            return before
        return self.records.corrected(unit, run.actor, before, stored.data, vouched=False)


def _seen(unit: UnitOfWork, stored: Registration, version: int) -> Comparison:
    """What is in the way of a registration that is as it was seen."""
    if stored.version != version:
        raise StaleVersion(seen=version, current=stored.version)
    found = compared(unit, stored)
    if stored.flag is None or not found.stands:
        raise Conflict("conflict.over")
    return found


def _as_recorded(unit: UnitOfWork, stored: Registration) -> Change | None:
    """The end that was decided for a registration, though Redis never heard of it; None where there was none."""
    # Of several who decide at once each would else see that nobody has.
    unit.audit.hold(stored.session_id)
    rows = unit.audit.history(stored.session_id)
    decided = [row.event for row in rows if row.event.name is EventName.CONFLICT_RESOLVED]
    event = next((each for each in reversed(decided) if each.details.get("outcome") in _FINAL), None)
    if event is None:
        return None
    sequence = max(stored.event_sequence, *(row.event.sequence or 0 for row in rows))
    known = replace(stored, event_sequence=sequence)
    if event.details["outcome"] == KEPT:
        return Change(known.as_tombstone(Status.CANCELLED))
    completed = known.with_record(event.details["record"], event.details["number"])
    return Change(completed.as_tombstone(Status.WORKFLOW_COMPLETED))


def _resolved(run: Run, registration: Registration, outcome: str, record: Record | None, reason: str) -> Event:
    about = {"record": record.id, "number": record.number} if record else {}
    details = {"outcome": outcome, "rule": registration.flag or "", **about}
    changes = {"reason": (None, reason)} if reason else None
    event = run.event(EventName.CONFLICT_RESOLVED, registration, details=details, changes=changes)
    return replace(event, record_id=record.id if record else None)


def _committed(
    unit: UnitOfWork,
    registration: Registration,
    mail: Message | None,
    *,
    record: Record | None = None,
    others: Sequence[Event] = (),
) -> Change:
    if mail is not None:
        unit.outbox.add(mail, at=registration.events[-1].at)
    unit.audit.append((*registration.events, *others))
    unit.commit()
    return Change(registration, record=record, events_recorded=True)


def _mail(run: Run, found: Comparison, outcome: str, record: Record | None, reason: str) -> Message | None:
    """To the account's address: whoever typed the member number may be a stranger, and is told only of what they typed.

    Where no account has that number, to the address given for links; None where there is none.
    """
    registration, account = found.registration, found.account
    recipient = account.email if account else registration.contact_email
    if recipient is None:
        return None
    # The number of somebody else's record is nobody's to know.
    theirs = record is not None and account is not None and record.account_id == account.id
    return Message(
        kind="conflict_outcome",
        recipient=recipient,
        language=registration.language,
        key=f"conflict:{run.operation_id}",
        request_id=run.call.request_id,
        values={
            "name": account.name if account else "",
            "outcome": outcome,
            "number": record.number if record is not None and theirs else "",
            "reason": reason,
        },
    )
