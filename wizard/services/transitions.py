"""What each operation makes of a registration; writing it under compare-and-set is the runner's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from wizard.core.accounts import Account
from wizard.core.actors import Action, may
from wizard.core.errors import ErrorCode, Problem, WizardError
from wizard.core.events import EventName
from wizard.core.registration import Registration, Status
from wizard.core.results import StepResult
from wizard.core.rules import failures, warnings
from wizard.core.workflow import Operation, next_operation
from wizard.services.checking import Checking, linking_checks, linking_problems
from wizard.services.creation import Creation, Submission, closed, with_failures
from wizard.services.ports.units import UnitOfWork, UnitsOfWork
from wizard.services.run import Change, Run


@dataclass(frozen=True, slots=True)
class Transitions:
    """The steps of the workflow from one document to the next."""

    checking: Checking
    creation: Creation
    units: UnitsOfWork

    def validated(self, run: Run, stored: Registration) -> Change:
        """Every business rule run; with its failures where some fail."""
        outcomes = self.checking.outcomes(stored, run.actor)
        problems = failures(outcomes)
        if problems:
            return with_failures(run, stored.with_failed_outcomes(outcomes), problems)
        if outcomes == stored.validation.outcomes and stored.has_reached(Status.VALIDATED):
            return Change(stored)
        validated = replace(stored.with_outcomes(outcomes), errors=(), warnings=warnings(outcomes))
        return Change(validated.with_event(run.event(EventName.EDUCATION_VALIDATED, validated)))

    def decided(self, run: Run, stored: Registration) -> Change:
        """The category decided. Raises ExternalServiceError where the membership year cannot be read."""
        decision = self.checking.category(stored.data)
        decided = stored.with_category(decision)
        if decided == stored:
            return Change(stored)
        details = {
            "category": decision.category.value,
            "rationale": " ".join(decision.rationale.codes),
        }
        event = run.event(EventName.CATEGORY_DETERMINED, decided, details=details)
        return Change(decided.with_event(event))

    def linked(self, run: Run, stored: Registration, account_id: str | None) -> Change:
        """Linked to an account, by default the one with the registration's member number."""
        with self.units.read() as unit:
            account = _account(unit, stored, account_id)
            holdings = None
            if account is not None:
                holdings = unit.records.holdings(stored.data, account_id=account.id, session_id=stored.session_id)
        checks = linking_checks(run.actor, account, stored, holdings)
        problems = linking_problems(checks)
        if account is None or problems:
            return replace(with_failures(run, stored, problems), checks=checks)
        if stored.has_reached(Status.ACCOUNT_LINKED) and stored.account_id == account.id:
            return Change(stored, checks=checks)
        linked = replace(stored.with_account(account.id), errors=())
        event = run.event(EventName.ACCOUNT_LINKED, linked, details={"account": account.id})
        return Change(linked.with_event(event), checks=checks)

    def created(self, run: Run, stored: Registration, submission: Submission) -> Change:
        """With its record, made now or before, and closed where the submission says so."""
        if not stored.is_created:
            return self.creation.create(run, stored, submission)
        with self.units.read() as unit:
            record = unit.records.by_session(stored.session_id)
        if submission.close and stored.status is not Status.WORKFLOW_COMPLETED:
            return Change(closed(run, stored), record=record)
        return Change(stored, record=record)

    def found(self, run: Run, stored: Registration) -> Change | None:
        """Completed by the record that an earlier submit made while its answer was lost; None where there is none."""
        return self.creation.found(run, stored) if stored.is_open else None

    def upon(self, units: UnitsOfWork) -> Transitions:
        """The same on other stores."""
        checking = replace(self.checking, units=units)
        return Transitions(checking, Creation(checking, units), units)

    def executed(self, run: Run, stored: Registration, account_id: str | None, submission: Submission) -> Change:
        """All that is left, in order, to the end or the first failure."""
        finished = self._finished(run, stored)
        if finished is not None:
            return finished
        steps = self._steps(run, account_id, submission)
        change, done = Change(stored), tuple[StepResult, ...]()
        # A step leads on or fails; the bound is there for one that would do neither.
        for _ in steps:  # pragma: no branch
            step = next_operation(change.registration.status) or Operation.CREATE
            began = run.milliseconds()
            change = self._taken(run, steps[step], change, is_first=not done)
            took = run.milliseconds() - began
            done = (*done, StepResult(step, not change.failed, took, change.errors))
            if change.failed or change.registration.is_created:
                break
        return replace(change, steps=done)

    def _taken(self, run: Run, step: Callable[[Registration], Change], before: Change, *, is_first: bool) -> Change:
        """A step of several: what it refuses or cannot do stops the workflow there, and keeps what was done before."""
        try:
            return step(before.registration)
        except WizardError as error:
            if is_first:
                raise
            failure = run.failure(before.registration.session_id, error)
            return Change(before.registration.with_event(failure), error=error)

    def _finished(self, run: Run, stored: Registration) -> Change | None:
        """What an earlier try made of these very answers before it died: the steps are not told of once more."""
        if not stored.is_open or stored.has_reached(Status.ACCOUNT_LINKED):
            # Nothing to tell of is left but the record, which is looked for when it is made.
            return None
        with self.units.read() as unit:
            record = unit.records.by_session(stored.session_id)
        if record is None or record.data != stored.data or not may(run.actor, Action.CREATE, record.account_id):
            return None
        change = self.creation.found(run, stored)
        return change and replace(
            change, steps=(StepResult(Operation.CREATE, success=True, duration_ms=run.milliseconds()),)
        )

    def _steps(
        self, run: Run, account_id: str | None, submission: Submission
    ) -> dict[Operation, Callable[[Registration], Change]]:
        return {
            # Something is missing yet: validation says what.
            Operation.UPDATE: lambda stored: self.validated(run, stored),
            Operation.VALIDATE: lambda stored: self.validated(run, stored),
            Operation.DETERMINE_CATEGORY: lambda stored: self.decided(run, stored),
            Operation.LINK_ACCOUNT: lambda stored: self._linked_as_asked(run, stored, account_id),
            Operation.CREATE: lambda stored: self.created(run, stored, submission),
            Operation.EXECUTE_WORKFLOW: lambda stored: self.created(run, stored, submission),
        }

    def _linked_as_asked(self, run: Run, stored: Registration, account_id: str | None) -> Change:
        asked = account_id or stored.account_id
        if asked is None:
            problem = Problem(ErrorCode.VALIDATION_ERROR, "account.required", "account_id")
            return with_failures(run, stored, (problem,))
        return self.linked(run, stored, asked)


def _account(unit: UnitOfWork, stored: Registration, account_id: str | None) -> Account | None:
    if account_id is not None:
        return unit.accounts.get(account_id)
    number = stored.data.user_business_id
    return unit.accounts.by_number(number) if number is not None else None
