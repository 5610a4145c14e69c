"""Records about to be written, each unlike all others unless told."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from wizard.core.category import CategoryDecision, Rationale
from wizard.core.choices import EducationCategory
from wizard.core.education import EducationData
from wizard.core.records import NewRecord, Record, Verification

DECLARED = datetime(2026, 11, 23, 14, 59, 30, 123456, tzinfo=UTC)
CREATED = datetime(2026, 11, 23, 15, tzinfo=UTC)
DECISION = CategoryDecision(
    EducationCategory.NEW_GRADUATED,
    Rationale(("recent_graduation_in_membership_year",), {"graduation_year": "2026", "membership_ends": "2027-09-30"}),
    date(2027, 9, 30),
)


def education(**changes: str | None) -> EducationData:
    return EducationData(
        user_business_id=f"m-{uuid4().hex[:12]}",
        degree_type="masters",
        university="toronto",
        country="CA",
        graduation_year="2026",
        coto_status="general",
        coto_registration=uuid4().hex[:8].upper(),
        access_modifier="private",
    ).with_changes(changes)


def new_record(account_id: str, *, data: EducationData | None = None, **changes: Any) -> NewRecord:  # noqa: ANN401
    values: dict[str, Any] = {
        "id": str(uuid4()),
        "account_id": account_id,
        "session_id": str(uuid4()),
        "data": data or education(),
        "category": DECISION.category,
        "rationale": DECISION.rationale,
        "verification": Verification.because_of(("verification.unlisted_university",)),
        "declaration_version": "2026-11",
        "declared_at": DECLARED,
        "created_by": "applicant",
        "created_at": CREATED,
    }
    return NewRecord(**values | changes)


def record(account_id: str, *, data: EducationData | None = None) -> Record:
    """A record as the database would answer it."""
    new = new_record(account_id, data=data)
    kept = {field.name: getattr(new, field.name) for field in fields(NewRecord)}
    return Record(**kept, number="osot-oted-0000001", updated_at=new.created_at, version=1)
