"""The education record: what a registration leads to (01-domain, Record)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from wizard.core.category import Rationale
from wizard.core.choices import EducationCategory
from wizard.core.education import EducationData

# Of the words that an applicant accepts; a new wording is a new version.
FIRST_VERSION = 1
DECLARATION_VERSION = "2026-11"


class VerificationState(StrEnum):
    """Whether the desk has looked at a record that asks for it."""

    NOT_REQUIRED = "not_required"
    WAITING = "waiting"
    ASKED = "asked"
    VERIFIED = "verified"
    REJECTED = "rejected"


_UNDECIDED = frozenset({VerificationState.WAITING, VerificationState.ASKED})
# From where the desk may go: what was decided may be decided otherwise, as when a proof comes in late.
_LEADS_FROM: Mapping[VerificationState, frozenset[VerificationState]] = {
    VerificationState.ASKED: _UNDECIDED,
    VerificationState.VERIFIED: _UNDECIDED | {VerificationState.REJECTED},
    VerificationState.REJECTED: _UNDECIDED | {VerificationState.VERIFIED},
}


@dataclass(frozen=True, slots=True)
class Verification:
    """Why the desk has to verify a record, and how far that is."""

    state: VerificationState
    reasons: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether the desk has still to decide; while it waits for an answer, too."""
        return self.state in _UNDECIDED

    def may_become(self, state: VerificationState) -> bool:
        """Whether the desk may give it a state now."""
        return self.state in _LEADS_FROM.get(state, frozenset())

    def becoming(self, state: VerificationState) -> Verification:
        """As the desk has decided, for the same reasons."""
        return replace(self, state=state)

    @classmethod
    def because_of(cls, reasons: tuple[str, ...]) -> Verification:
        """What a new record starts with."""
        state = VerificationState.WAITING if reasons else VerificationState.NOT_REQUIRED
        return cls(state, reasons)


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record about to be written; the database gives it its number."""

    id: str
    account_id: str
    session_id: str
    data: EducationData
    category: EducationCategory
    rationale: Rationale
    verification: Verification
    declaration_version: str
    declared_at: datetime
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the database holds it; its `privilege` is always `owner`."""

    id: str
    number: str
    account_id: str
    session_id: str
    data: EducationData
    category: EducationCategory
    rationale: Rationale
    verification: Verification
    declaration_version: str
    declared_at: datetime
    created_by: str
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def tag(self) -> str:
        """Another one with each change; a category refresh is one, though it raises no version."""
        return f"{self.version}.{self.category}.{self.verification.state}"


Changes = Mapping[str, tuple[str | None, str | None]]


def difference(before: EducationData, after: EducationData) -> Changes:
    """What changed, by field: before and after."""
    old, new = before.as_dict(), after.as_dict()
    return {name: (old[name], new[name]) for name in old if old[name] != new[name]}


def chain_of(record_id: str) -> str:
    """What a record's own events are chained under in the audit trail."""
    return f"record:{record_id}"
