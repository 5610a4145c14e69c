"""Whole registrations at once, for whoever has all the answers: rehearsed, or registered with their records."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from wizard.core.education import EducationData
from wizard.core.errors import from_problems
from wizard.core.records import DECLARATION_VERSION
from wizard.core.registration import Registration
from wizard.core.results import OperationResult
from wizard.core.workflow import Operation
from wizard.services.audit import AuditDrain
from wizard.services.creation import Submission
from wizard.services.events import EventBus
from wizard.services.opening import load
from wizard.services.orchestrator import RegistrationOrchestrator
from wizard.services.ports.calls import Call, Staging
from wizard.services.ports.registrations import Documents, RevisionConflict
from wizard.services.ports.units import UnitsOfWork
from wizard.services.run import Change, Run


@dataclass(frozen=True, slots=True)
class WholeRegistrations:
    """The orchestrator's steps from the first answer to the record, as one."""

    orchestrator: RegistrationOrchestrator

    def upon(self, units: UnitsOfWork, documents: Documents, events: EventBus) -> WholeRegistrations:
        """The same on other stores."""
        mine = self.orchestrator
        transitions = mine.transitions.upon(units)
        drain = AuditDrain(mine.runner.clock, units, documents)
        runner = replace(mine.runner, registrations=documents, drain=drain, events=events)
        return WholeRegistrations(RegistrationOrchestrator(runner, transitions.checking, transitions))

    def rehearse(self, call: Call, staging: Staging, *, session_id: str) -> OperationResult:
        """What `register` would come to, short of the record; nothing is written, nobody is told.

        Failures are in the result. The account is the one with the member number.
        """
        transitions = self.orchestrator.transitions
        run = self.orchestrator.runner.begin(Operation.VALIDATE, call)
        change = Change(self._staged(run, session_id, staging))
        for step in (transitions.validated, transitions.decided, self._linked_by_number):
            change = change if change.failed else step(run, change.registration)
        return run.result(change)

    def register(self, call: Call, staging: Staging, *, session_id: str) -> OperationResult:
        """`stage`, then `execute_workflow`, in one read and one write: it is there with its record, or not at all.

        What an earlier try began is finished. Raises as `execute_workflow`.
        """
        runner = self.orchestrator.runner
        if load(runner.registrations, call, session_id) is not None:
            return self.orchestrator.execute_workflow(call, session_id)
        run = runner.begin(Operation.EXECUTE_WORKFLOW, call)
        with runner.telling(run, session_id):
            change = self._registered(run, self._staged(run, session_id, staging))
            if change.failed:
                error = change.error or from_problems(change.problems)
                error.result = run.result(change)
                raise error
            with suppress(RevisionConflict):
                return runner.finish(run, None, change)
        # Another try was quicker to write it.
        return self.orchestrator.execute_workflow(call, session_id)

    def _registered(self, run: Run, staged: Registration) -> Change:
        transitions = self.orchestrator.transitions
        # What an earlier try told is in the trail already.
        found = transitions.found(run, replace(staged, events=(), event_sequence=0))
        return found or transitions.executed(run, staged, None, Submission(DECLARATION_VERSION, close=True))

    def _staged(self, run: Run, session_id: str, staging: Staging) -> Registration:
        return self.orchestrator.staged(run, session_id, EducationData().with_changes(staging.data), staging)

    def _linked_by_number(self, run: Run, stored: Registration) -> Change:
        return self.orchestrator.transitions.linked(run, stored, None)
