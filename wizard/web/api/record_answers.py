"""Records, accounts and bulk registrations as other systems read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from wizard.core.accounts import Account
from wizard.core.actors import Privilege
from wizard.core.choices import EducationCategory
from wizard.core.events import Event
from wizard.core.records import Record
from wizard.services.ports.bulk import BulkJob, BulkRowState, JobState
from wizard.web.api import answers, parts, words


def record(found: Record) -> answers.RecordAnswer:
    """A record."""
    return answers.RecordAnswer(**_record(found))


def record_with_history(found: Record, history: Iterable[Event] | None) -> answers.RecordWithHistoryAnswer:
    """A record with its history, for whom it is."""
    told = None if history is None else [_happened(event) for event in history]
    return answers.RecordWithHistoryAnswer(**_record(found), history=told)


def account(found: Account) -> answers.AccountAnswer:
    """An account."""
    return answers.AccountAnswer(account_id=found.id, member_number=found.number, status=found.status)


def bulk(job: BulkJob, rows: Iterable[BulkRowState], following: int | None, *, now: datetime) -> answers.BulkAnswer:
    """How far a bulk registration is, with some of its rows."""
    seconds = ((job.finished_at or now) - job.created_at).total_seconds()
    return answers.BulkAnswer(
        bulk_id=job.id,
        state=job.state,
        total=job.total,
        done=job.total - job.rows_left,
        to_do=job.rows_left,
        counts=dict(job.counts),
        rows_per_second=round(job.total / seconds, 1) if job.state is JobState.DONE and seconds else None,
        created_at=job.created_at,
        finished_at=job.finished_at,
        rows=[_row(each) for each in rows],
        next_after=following,
    )


def _row(each: BulkRowState) -> answers.BulkRowAnswer:
    outcome = each.outcome
    return answers.BulkRowAnswer(
        row=each.row.number,
        state=outcome.state,
        education_category=EducationCategory(outcome.category) if outcome.category else None,
        record_number=outcome.record_number,
        session_id=outcome.session_id,
        errors=parts.issues(outcome.problems, words.row),
    )


def _record(found: Record) -> dict[str, Any]:
    return {
        **found.data.as_dict(),
        "id": found.id,
        "number": found.number,
        "account_id": found.account_id,
        "session_id": found.session_id,
        "education_category": found.category,
        "category_rationale": parts.reasons(found.category, found.rationale),
        "verification_required": found.verification.required,
        "verification_reasons": list(found.verification.reasons),
        "verification_state": found.verification.state,
        "declaration_version": found.declaration_version,
        "declared_at": found.declared_at,
        "privilege": Privilege.OWNER,
        "created_by": found.created_by,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "version": found.version,
    }


def _happened(event: Event) -> answers.HistoryItem:
    return answers.HistoryItem(
        at=event.at,
        event=event.name,
        actor=event.actor,
        details=dict(event.details),
        changes={
            parts.field(name) or name: answers.ChangeAnswer(before=before, after=after)
            for name, (before, after) in event.changes.items()
        },
    )
