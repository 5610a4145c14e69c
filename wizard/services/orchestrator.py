"""The operations on a registration, in order, each safe to repeat (02-workflow, Operations)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from wizard.core.education import EducationData
from wizard.core.errors import RuleViolated, StaleVersion
from wizard.core.events import EventName
from wizard.core.records import DECLARATION_VERSION, difference
from wizard.core.registration import Registration, Status
from wizard.core.results import OperationResult
from wizard.core.steps import next_step
from wizard.core.workflow import Operation, refusal
from wizard.services.checking import Checking
from wizard.services.creation import Submission
from wizard.services.opening import load
from wizard.services.ports.calls import Call, Staging
from wizard.services.ports.registrations import RevisionConflict
from wizard.services.reading import OneReading
from wizard.services.run import Change, Run
from wizard.services.runner import Runner
from wizard.services.transitions import Transitions

Transition = Callable[[Run, Registration], Change]


@dataclass(frozen=True, slots=True)
class RegistrationOrchestrator:
    """Implements `ports.Orchestrator`: one read, one write of the document for each operation."""

    runner: Runner
    checking: Checking
    transitions: Transitions

    # Answers

    def stage(self, call: Call, staging: Staging, *, session_id: str | None = None) -> OperationResult:
        """Start a registration with its first answers.

        Raises ValidationFailed; StaleVersion where another tab has started the same one with other answers.
        """
        run = self.runner.begin(Operation.STAGE, call)
        identifier = session_id or str(uuid.uuid4())
        data = EducationData().with_changes(staging.data)
        with self.runner.telling(run, identifier), suppress(RevisionConflict):
            # Refused where another tab, or the other half of a double click, was first.
            self.checking.require_format(data)
            if session_id is None or load(self.runner.registrations, call, session_id) is None:
                return self.runner.finish(run, None, Change(self.staged(run, identifier, data, staging)))
        return self.update(
            call, identifier, staging.data, version=0, contact_email=staging.contact_email, contact_seen=""
        )

    def staged(self, run: Run, session_id: str, data: EducationData, staging: Staging) -> Registration:
        """A new registration, not stored yet."""
        now = self.runner.clock.now()
        new = Registration(
            session_id=session_id,
            status=Status.PENDING,
            created_at=now,
            updated_at=now,
            expires_at=now,
            created_by=run.actor.name,
            updated_by=run.actor.name,
            channel=staging.channel,
            language=staging.language,
            contact_email=staging.contact_email or None,
            account_id=staging.account_id,
            chosen_ttl=staging.ttl_seconds,
            data=data,
        )
        staged = new if new.missing() else replace(new, status=Status.STAGED)
        changes = difference(EducationData(), data)
        details = {"step": next_step(staged).value, "channel": staged.channel.value}
        return staged.with_event(run.event(EventName.EDUCATION_STAGED, staged, details=details, changes=changes))

    def update(
        self,
        call: Call,
        session_id: str,
        changes: Mapping[str, str | None],
        *,
        version: int,
        contact_email: str | None = None,
        contact_seen: str | None = None,
        drop_inapplicable: bool = False,
    ) -> OperationResult:
        """Change some answers, those of `version` having been seen; an empty `contact_email` removes it.

        `contact_seen` is the address that stood there before, where it was shown. Raises ValidationFailed, and
        StaleVersion unless what is changed is what was seen, or is stored already.
        """

        def transition(run: Run, stored: Registration) -> Change:
            data = stored.data.with_changes(changes)
            if drop_inapplicable:
                data = data.without_inapplicable()
            contact = _contact(stored, contact_email, contact_seen)
            if (data != stored.data and version != stored.version) or contact is None:
                raise StaleVersion(seen=version, current=stored.version)
            self.checking.require_format(data)
            updated = stored.with_data(data).with_contact(contact)
            if updated is stored:
                return Change(stored)
            changed = dict(difference(stored.data, data))
            if updated.contact_email != stored.contact_email:
                changed["contact_email"] = (stored.contact_email, updated.contact_email)
            details = {"step": next_step(updated).value}
            event = run.event(EventName.EDUCATION_UPDATED, updated, details=details, changes=changed)
            return Change(updated.with_event(event))

        return self._run(Operation.UPDATE, call, session_id, transition)

    def as_recorded(self, call: Call, registration: Registration) -> Registration:
        """The registration as the database knows it: completed, where an earlier submit made its record."""
        run = self.runner.begin(Operation.CREATE, call)
        finished = self.transitions.found(run, registration)
        return finished.registration if finished else registration

    # Decisions, account and record

    def validate(self, call: Call, session_id: str) -> OperationResult:
        """Run every business rule; failures are in the result, not raised: finding them is its job."""

        def transition(run: Run, stored: Registration) -> Change:
            return replace(self.transitions.validated(run, stored), raises=False)

        return self._run(Operation.VALIDATE, call, session_id, transition)

    def determine_category(self, call: Call, session_id: str) -> OperationResult:
        """Decide the category. Raises ExternalServiceError where the membership year cannot be read."""
        return self._run(Operation.DETERMINE_CATEGORY, call, session_id, self.transitions.decided)

    def review(self, call: Call, session_id: str) -> OperationResult:
        """`validate`, then `determine_category`, in one read and one write; failures are in the result."""

        def transition(run: Run, stored: Registration) -> Change:
            change = self.transitions.validated(run, stored)
            if change.failed:
                return replace(change, raises=False)
            return self.transitions.decided(run, change.registration)

        return self._run(Operation.VALIDATE, call, session_id, transition)

    def link_account(self, call: Call, session_id: str, account_id: str | None = None) -> OperationResult:
        """Link to an account, by default the one with the registration's member number.

        Raises PermissionDenied, RuleViolated or Conflict with every failed check; where another record
        stands in the way, the registration is kept and flagged for the desk.
        """

        def transition(run: Run, stored: Registration) -> Change:
            return self.transitions.linked(run, stored, account_id)

        return self._run(Operation.LINK_ACCOUNT, call, session_id, transition)

    def create(self, call: Call, session_id: str, *, declaration_version: str = DECLARATION_VERSION) -> OperationResult:
        """Make the record, once however often it is asked for.

        Raises Conflict where the category is no longer the one shown, PermissionDenied, RuleViolated, and
        ExternalServiceError with the registration kept as `creation_failed`, to be repeated.
        """
        submission = Submission(declaration_version, close=False)

        def transition(run: Run, stored: Registration) -> Change:
            return self.transitions.created(run, stored, submission)

        return self._run(Operation.CREATE, call, session_id, transition)

    def submit(
        self,
        call: Call,
        session_id: str,
        *,
        version: int | None = None,
        declaration_version: str = DECLARATION_VERSION,
    ) -> OperationResult:
        """`create`, then close, in one read and one write: what was shown at the declaration, and nothing else.

        Unlike `execute_workflow` it decides and links nothing by itself: what was not shown yet is shown first.
        Raises as `create`, and StaleVersion where the answers are no longer those of `version`.
        """
        submission = Submission(declaration_version, close=True)

        def transition(run: Run, stored: Registration) -> Change:
            if version is not None and version != stored.version and not stored.is_created:
                raise StaleVersion(seen=version, current=stored.version)
            return self.transitions.created(run, stored, submission)

        return self._run(Operation.CREATE, call, session_id, transition)

    def execute_workflow(
        self,
        call: Call,
        session_id: str,
        *,
        account_id: str | None = None,
        declaration_version: str = DECLARATION_VERSION,
    ) -> OperationResult:
        """All that is left, in order, stopping at the first failure and saying which; then close.

        The account is the one given now or at staging.
        """
        submission = Submission(declaration_version, close=True)

        def transition(run: Run, stored: Registration) -> Change:
            # The steps before the record look at one picture; the record's own transaction looks again.
            with OneReading(self.transitions.units) as units:
                return self.transitions.upon(units).executed(run, stored, account_id, submission)

        return self._run(Operation.EXECUTE_WORKFLOW, call, session_id, transition)

    def _run(self, operation: Operation, call: Call, session_id: str, transition: Transition) -> OperationResult:
        run = self.runner.begin(operation, call)
        return self.runner.change(run, session_id, lambda stored: transition(run, stored))

    # Time

    def get(self, call: Call, session_id: str) -> OperationResult:
        """The registration as it is."""
        run = self.runner.begin(Operation.GET, call)
        return run.result(Change(self.runner.load(run, session_id)))

    def read_ahead(self, call: Call, session_ids: Sequence[str]) -> None:
        """Read several at once, for what the same request does with each."""
        if session_ids:
            call.read_ahead.update(self.runner.registrations.load_all(session_ids))

    def extend(self, call: Call, session_id: str, *, ttl_seconds: int | None = None) -> OperationResult:
        """Prolong from now on. Raises RuleViolated at the greatest age, saying until when it lives."""

        def transition(run: Run, stored: Registration) -> Change:
            chosen = replace(stored, chosen_ttl=ttl_seconds) if ttl_seconds else stored
            self._require_time_left(run, chosen)
            return Change(chosen.with_event(run.event(EventName.SESSION_EXTENDED, chosen)))

        return self._run(Operation.EXTEND, call, session_id, transition)

    def _require_time_left(self, run: Run, stored: Registration) -> None:
        lifetimes = self.runner.lifetimes
        until = stored.touched(self.runner.clock.now(), run.actor.name, lifetimes).expires_at
        if until == stored.expires_at == stored.created_at + lifetimes.at_most:
            raise RuleViolated("extend.maximum_age", params={"expires_at": until.isoformat()})

    def prolong(self, call: Call, session_id: str) -> OperationResult:
        """Let it live the longer time: a link to continue was made, or the desk has to act."""

        def transition(_run: Run, stored: Registration) -> Change:
            return Change(replace(stored, lives_long=True))

        return self._run(Operation.EXTEND, call, session_id, transition)

    def cancel(self, call: Call, session_id: str) -> OperationResult:
        """Abandon it: a tombstone without personal data stays until its time is over.

        Raises WorkflowStateInvalid where its record is there, though the document did not know: it is completed.
        """

        def transition(run: Run, stored: Registration) -> Change:
            if stored.status is Status.CANCELLED:
                return Change(stored)
            finished = self.transitions.found(run, stored)
            if finished is not None:
                return replace(finished, error=refusal(Operation.CANCEL, finished.registration))
            cancelled = stored.as_tombstone(Status.CANCELLED)
            event = run.event(EventName.SESSION_CANCELLED, cancelled)
            return Change(cancelled.with_event(event))

        return self._run(Operation.CANCEL, call, session_id, transition)


def _contact(stored: Registration, given: str | None, seen: str | None) -> str | None:
    """The address to keep, empty for none; None where another one was put in its place meanwhile."""
    current = stored.contact_email or ""
    if given in {None, seen, current}:
        return current
    return given if seen is None or seen == current else None
