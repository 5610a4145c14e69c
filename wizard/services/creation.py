"""Writing the record: decide, create, audit and outbox in one transaction, once per registration."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from wizard.core.accounts import Account
from wizard.core.actors import Action, require
from wizard.core.category import CategoryDecision
from wizard.core.errors import ErrorCode, ExternalServiceError, Problem, from_problems
from wizard.core.events import EventName
from wizard.core.records import FIRST_VERSION, NewRecord, Record, Verification, difference
from wizard.core.registration import Registration, Status
from wizard.core.rules import RULES_BY_ID, RuleOutcome, failures
from wizard.core.trouble import counted
from wizard.services.checking import Checking, linking_checks, linking_problems
from wizard.services.ports.messages import Message
from wizard.services.ports.records import RecordTaken
from wizard.services.ports.units import UnitOfWork, UnitsOfWork
from wizard.services.run import Change, Run

_SESSION_TAKEN = "session.one_record"


@dataclass(frozen=True, slots=True)
class Submission:
    """How a registration is submitted: the declaration that was accepted, and whether to close it at once."""

    declaration_version: str
    close: bool


@dataclass(frozen=True, slots=True)
class _Judged:
    """What rules and category say of the data at the moment of writing."""

    outcomes: tuple[RuleOutcome, ...]
    decision: CategoryDecision
    verification: Verification
    at: datetime


@dataclass(frozen=True, slots=True)
class Creation:
    """Makes the record of a linked registration, however often and from wherever it is asked to."""

    checking: Checking
    units: UnitsOfWork

    def create(self, run: Run, registration: Registration, submission: Submission) -> Change:
        """The registration with its record.

        Raises PermissionDenied; a failure of the database is stored as `creation_failed`, to be repeated.
        """
        require(run.actor, Action.CREATE, registration.account_id)
        try:
            return self._try(run, registration, submission)
        except ExternalServiceError as error:
            failed = replace(registration, status=Status.CREATION_FAILED, errors=error.problems)
            details = {"reason": error.message}
            event = run.event(EventName.CREATION_FAILED, failed, details=details)
            return Change(failed.with_event(event), error=error)

    def found(self, run: Run, registration: Registration) -> Change | None:
        """Closed with the record that is there already; None where there is none. Needs the database."""
        with self.units.write() as unit:
            existing = unit.records.by_session(registration.session_id)
            return None if existing is None else _finished(unit, run, registration, existing, close=True)

    def _try(self, run: Run, registration: Registration, submission: Submission) -> Change:
        try:
            return self._once(run, registration, submission)
        except RecordTaken as taken:
            if taken.rule == _SESSION_TAKEN:
                # Another submit of the same registration has just made the record: it is there to be found.
                return self._once(run, registration, submission)
            problem = Problem(ErrorCode.CONFLICT, taken.rule, RULES_BY_ID[taken.rule].field)
            return with_failures(run, registration, (problem,))

    def _once(self, run: Run, registration: Registration, submission: Submission) -> Change:
        with self.units.write() as unit:
            return self._within(unit, run, registration, submission)

    def _within(self, unit: UnitOfWork, run: Run, registration: Registration, submission: Submission) -> Change:
        existing = unit.records.by_session(registration.session_id)
        if existing is not None and _stands(existing, registration):
            return _finished(unit, run, registration, existing, close=submission.close)
        account = unit.accounts.get(registration.account_id or "")
        checks = linking_checks(run.actor, account, registration, holdings=None)
        refused = _somebody_elses(existing, registration) or linking_problems(checks)
        if account is None or refused:
            return with_failures(run, registration, refused)
        judged = self._judge(unit, registration)
        problems = failures(judged.outcomes)
        if problems:
            return with_failures(run, registration.with_failed_outcomes(judged.outcomes), problems)
        if _differs(registration, judged.decision):
            return _shown_again(run, registration.with_outcomes(judged.outcomes), judged.decision)
        if existing is not None:
            record = _taken_over(unit, registration, existing, judged, submission)
            unit.outbox.add(_confirmation(run, account, record, registration.language), at=judged.at)
            finished = _finished(unit, run, registration, record, close=submission.close, before=existing)
            return replace(finished, applied=judged.outcomes)
        record = unit.records.add(_new_record(run, registration, submission, judged))
        unit.outbox.add(_confirmation(run, account, record, registration.language), at=judged.at)
        details = {"number": record.number, "category": record.category.value}
        created = registration.with_record(record.id, record.number)
        created = created.with_event(run.event(EventName.EDUCATION_CREATED, created, details=details))
        if submission.close:
            created = closed(run, created)
        return replace(_committed(unit, created, record, created_now=True), applied=judged.outcomes)

    def _judge(self, unit: UnitOfWork, registration: Registration) -> _Judged:
        outcomes = self.checking.outcomes_within(unit, registration)
        decision = self.checking.category(registration.data, unit)
        reasons = self.checking.reasons_to_verify(outcomes, decision.category)
        return _Judged(outcomes, decision, Verification.because_of(reasons), self.checking.clock.now())


def closed(run: Run, registration: Registration) -> Registration:
    """The registration as a tombstone of its record, its last event waiting."""
    tombstone = registration.as_tombstone(Status.WORKFLOW_COMPLETED)
    return tombstone.with_event(run.event(EventName.WORKFLOW_COMPLETED, tombstone))


def with_failures(run: Run, registration: Registration, problems: tuple[Problem, ...]) -> Change:
    """A registration that broke rules; where another record stands in its way, flagged for the desk."""
    conflict = next((p.message for p in problems if p.code is ErrorCode.CONFLICT), None)
    failed = replace(
        registration,
        errors=problems,
        flag=conflict,
        failed=counted(registration.failed, problems),
        lives_long=registration.lives_long or conflict is not None,
    )
    details = {
        "operation": run.operation.value,
        "rules": " ".join(problem.message for problem in problems),
    }
    denied = any(problem.code is ErrorCode.PERMISSION_DENIED for problem in problems)
    name = EventName.ACCESS_DENIED if denied else EventName.OPERATION_FAILED
    return Change(failed.with_event(run.event(name, failed, details=details)), problems)


def _somebody_elses(existing: Record | None, registration: Registration) -> tuple[Problem, ...]:
    """The record of another account is never taken over, whatever is submitted under its session now."""
    if existing is None or existing.account_id == registration.account_id:
        return ()
    return (Problem(ErrorCode.CONFLICT, _SESSION_TAKEN),)


def _differs(registration: Registration, decision: CategoryDecision) -> bool:
    shown = registration.validation.decision
    return shown is None or shown.category is not decision.category


def _shown_again(run: Run, registration: Registration, decision: CategoryDecision) -> Change:
    changed = registration.with_changed_category(decision)
    details = {"category": decision.category.value}
    problem = Problem(ErrorCode.CONFLICT, "category.changed", None, details)
    event = run.event(EventName.CATEGORY_DETERMINED, changed, details=details)
    return Change(changed.with_event(event), error=from_problems((problem,)))


def _stands(existing: Record, registration: Registration) -> bool:
    """Whether a record of an earlier submit is left as it is.

    It was made of these very answers, and there is nothing left to refuse; or it has been corrected since, and
    answers that are older than the correction must not undo it.
    """
    if existing.account_id != registration.account_id:
        return False
    return existing.data == registration.data or existing.version > FIRST_VERSION


def _taken_over(
    unit: UnitOfWork, registration: Registration, existing: Record, judged: _Judged, submission: Submission
) -> Record:
    """The record with the answers that were changed, and declared again, after it was made."""
    return unit.records.correct(
        existing,
        data=registration.data,
        decision=judged.decision,
        verification=judged.verification,
        at=judged.at,
        declaration_version=submission.declaration_version,
    )


def _finished(
    unit: UnitOfWork, run: Run, registration: Registration, record: Record, *, close: bool, before: Record | None = None
) -> Change:
    """With the record of an earlier submit, which got as far as the database while its answer was lost.

    `before` is the record where answers changed since then were taken over into it. What the earlier submit told is
    in the trail already, and what it closed stays closed.
    """
    recorded = unit.audit.history(registration.session_id)
    sequence = max((row.event.sequence or 0 for row in recorded), default=0)
    created = registration.with_record(record.id, record.number)
    created = replace(created, event_sequence=max(created.event_sequence, sequence))
    if before is not None:
        changes = difference(before.data, record.data)
        created = created.with_event(run.event(EventName.RECORD_UPDATED, created, changes=changes))
    is_told = any(row.event.name is EventName.WORKFLOW_COMPLETED for row in recorded)
    if close or is_told:
        created = created.as_tombstone(Status.WORKFLOW_COMPLETED) if is_told else closed(run, created)
    return _committed(unit, created, record, created_now=False)


def _committed(unit: UnitOfWork, created: Registration, record: Record, *, created_now: bool) -> Change:
    unit.audit.append(created.events)
    unit.commit()
    return Change(created, record=record, created_now=created_now, events_recorded=True)


def _new_record(run: Run, registration: Registration, submission: Submission, judged: _Judged) -> NewRecord:
    return NewRecord(
        id=str(uuid.uuid4()),
        account_id=registration.account_id or "",
        session_id=registration.session_id,
        data=registration.data,
        category=judged.decision.category,
        rationale=judged.decision.rationale,
        verification=judged.verification,
        declaration_version=submission.declaration_version,
        declared_at=judged.at,
        created_by=run.actor.name,
        created_at=judged.at,
    )


def _confirmation(run: Run, account: Account, record: Record, language: str) -> Message:
    return Message(
        kind="confirmation",
        recipient=account.email,
        language=language,
        key=f"confirmation:{record.id}:{record.version}",
        request_id=run.call.request_id,
        values={
            "name": account.name,
            "number": record.number,
            "category": record.category.value,
            "created_at": record.created_at.isoformat(),
            "verification": record.verification.state.value,
            "account": account.status.value,
        },
    )
