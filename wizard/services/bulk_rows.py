"""One row of a bulk registration, by the operations that every registration goes through."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from wizard.core.accounts import Account
from wizard.core.education import EducationData, member_number_key
from wizard.core.errors import Conflict, ErrorCode, ExternalServiceError, NotFound, Problem, WizardError
from wizard.core.records import Record
from wizard.core.registration import Channel
from wizard.core.results import OperationResult
from wizard.services.links import ResumeLinks
from wizard.services.ports.bulk import BulkJob, BulkRow, RowOutcome, RowState
from wizard.services.ports.calls import Call, Staging
from wizard.services.ports.proofs import Digests
from wizard.services.ports.units import UnitsOfWork
from wizard.services.whole import WholeRegistrations

_UNREADABLE = Problem(ErrorCode.INTERNAL_ERROR, "bulk.unreadable")
_MISSING = ".required"
_INVITATION = "invitation"
# The category may change at midnight, between being shown and being decided again: then it is decided once more.
_PASSING = frozenset({"category.changed", "session.busy"})
_TRIES = 3


@dataclass(frozen=True, slots=True)
class _Known:
    """What there is already: the account with the row's number, its record, and the record that this row made."""

    account: Account | None
    record: Record | None
    own: Record | None


@dataclass(frozen=True, slots=True)
class BulkRows:
    """Rows, checked and entered. Entering is safe to repeat, whatever an earlier try has done or left undone."""

    units: UnitsOfWork
    whole: WholeRegistrations
    links: ResumeLinks
    digests: Digests

    def check(self, call: Call, job: BulkJob, row: BulkRow) -> RowOutcome:
        """What would come of a row; nothing is written."""
        if row.values is None:
            return RowOutcome(RowState.REJECTED, (_UNREADABLE,))
        session_id = session_id_of(job.id, row.number)
        data = EducationData().with_changes(row.values)
        known = self._known(data, session_id)
        result = self.whole.rehearse(call, _staging(row, known.account), session_id=session_id)
        if result.errors:
            return _refused(result.errors, data, known, row)
        decision = result.registration.validation.decision
        return RowOutcome(
            RowState.READY,
            category=decision.category.value if decision else None,
            session_id=session_id,
            keys=self._keys(job.id, data),
        )

    def enter(self, call: Call, job: BulkJob, row: BulkRow) -> RowOutcome:
        """Register a row: its record is made, or its person invited to complete it, or it says what is in the way."""
        # What has changed since it was checked is found out before a registration is begun in vain.
        return self.admit(call, job, row, self.check(call, job, row))

    def admit(self, call: Call, job: BulkJob, row: BulkRow, checked: RowOutcome) -> RowOutcome:
        """The same of a row that has just been checked."""
        session_id = session_id_of(job.id, row.number)
        known = self._known(EducationData().with_changes(row.values or {}), session_id)
        staging = _staging(row, known.account)
        try:
            if known.own is not None:
                return self._finish(call, session_id, staging, known.own)
            if checked.state is RowState.READY:
                return self._create(call, session_id, staging)
            if checked.state is RowState.INCOMPLETE and job.invite:
                return self._invite(call, session_id, staging)
        except ExternalServiceError:
            raise
        except WizardError as error:
            return RowOutcome(RowState.REJECTED, error.problems)
        return checked

    def _known(self, data: EducationData, session_id: str) -> _Known:
        number = data.user_business_id
        with self.units.read() as unit:
            account = unit.accounts.by_number(number) if number else None
            record = unit.records.by_account(account.id) if account else None
            return _Known(account, record, unit.records.by_session(session_id))

    def _keys(self, job_id: str, data: EducationData) -> Mapping[str, str]:
        held = {
            "user_business_id": member_number_key(data.user_business_id or ""),
            "coto_registration": data.coto_registration or "",
        }
        return {name: self.digests.digest("bulk", f"{job_id}:{name}:{value}") for name, value in held.items() if value}

    def _create(self, call: Call, session_id: str, staging: Staging) -> RowOutcome:
        record = self._register(call, session_id, staging).record
        if record is None:
            raise NotFound("record.gone")
        return _created(record, session_id)

    def _register(self, call: Call, session_id: str, staging: Staging) -> OperationResult:
        for _ in range(_TRIES - 1):
            try:
                return self.whole.register(call, staging, session_id=session_id)
            except Conflict as error:
                if error.message not in _PASSING:
                    raise
        return self.whole.register(call, staging, session_id=session_id)

    def _finish(self, call: Call, session_id: str, staging: Staging, own: Record) -> RowOutcome:
        """Close a registration whose record an earlier try made, whatever has become of it since."""
        try:
            self.whole.register(call, staging, session_id=session_id)
        except ExternalServiceError:
            raise
        except WizardError:
            pass
        return _created(own, session_id)

    def _invite(self, call: Call, session_id: str, staging: Staging) -> RowOutcome:
        """Unless an earlier try has begun it: its person may have gone on with it since."""
        try:
            self.whole.orchestrator.get(call, session_id)
        except NotFound:
            self.whole.orchestrator.stage(call, staging, session_id=session_id)
        self.links.remind(call, session_id, email=staging.contact_email or "", mail=_INVITATION)
        return RowOutcome(RowState.INVITED, session_id=session_id)


def session_id_of(job_id: str, number: int) -> str:
    """The id of a row's registration, the same whenever it is asked for; a UUID4 by its form."""
    digest = hashlib.sha256(f"{job_id}:{number}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def _staging(row: BulkRow, account: Account | None) -> Staging:
    """The person is written to at the address in the file, else at the account's."""
    email = row.email or (account.email if account else None)
    return Staging(
        data=row.values or {},
        contact_email=email,
        account_id=account.id if account else None,
        channel=Channel.BULK,
        language=account.language if account else "en",
    )


def _refused(errors: tuple[Problem, ...], data: EducationData, known: _Known, row: BulkRow) -> RowOutcome:
    if known.record is not None and known.record.data == data:
        return RowOutcome(RowState.PRESENT, record_number=known.record.number)
    reachable = row.email is not None or known.account is not None
    if reachable and all(problem.message.endswith(_MISSING) for problem in errors):
        return RowOutcome(RowState.INCOMPLETE, errors)
    return RowOutcome(RowState.REJECTED, errors)


def _created(record: Record, session_id: str) -> RowOutcome:
    return RowOutcome(
        RowState.CREATED, category=record.category.value, record_number=record.number, session_id=session_id
    )
