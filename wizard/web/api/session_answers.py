"""Sessions as other systems read them, in the language that they asked for."""

from __future__ import annotations

from typing import Any

from wizard.core.registration import Registration, Validation
from wizard.core.results import OperationResult
from wizard.web.api import answers, parts
from wizard.web.api.record_answers import record


def session(result: OperationResult) -> answers.SessionAnswer:
    """A session."""
    return answers.SessionAnswer(**_session(result))


def decision(result: OperationResult) -> answers.DecisionAnswer:
    """A session with its category."""
    decided = result.registration.validation.decision
    return answers.DecisionAnswer(
        **_session(result),
        category=decided.category if decided else None,
        rationale=parts.reasons_of(decided),
    )


def linking(result: OperationResult) -> answers.LinkingAnswer:
    """A session with the checks of its account."""
    return answers.LinkingAnswer(**_session(result), checks=parts.rules(result.checks))


def creation(result: OperationResult) -> answers.CreationAnswer:
    """A session with its record."""
    return answers.CreationAnswer(**_creation(result))


def workflow(result: OperationResult) -> answers.WorkflowAnswer:
    """A session with its record, and what came of each step."""
    steps = [
        answers.StepAnswer(
            step=step.step, success=step.success, duration_ms=step.duration_ms, errors=parts.issues(step.errors)
        )
        for step in result.steps
    ]
    return answers.WorkflowAnswer(**_creation(result), steps=steps)


def refused(result: OperationResult) -> answers.SessionAnswer:
    """The session behind a refusal, with whatever the operation has to say."""
    if result.steps:
        return workflow(result)
    return linking(result) if result.checks else session(result)


def summary(registration: Registration) -> answers.SessionSummary:
    """A session in a list."""
    return answers.SessionSummary(
        session_id=registration.session_id,
        user_id=registration.user_id,
        status=registration.status,
        version=registration.version,
        channel=registration.channel,
        created_at=registration.created_at,
        updated_at=registration.updated_at,
        expires_at=registration.expires_at,
        percent=registration.progress.percent,
    )


def _session(result: OperationResult) -> dict[str, Any]:
    registration = result.registration
    progress = registration.progress
    return {
        "success": result.success,
        "session_id": registration.session_id,
        "user_id": registration.user_id,
        "status": registration.status,
        "version": registration.version,
        "timestamp": result.timestamp,
        "expires_at": registration.expires_at,
        "seconds_left": max(0, int((registration.expires_at - result.timestamp).total_seconds())),
        "data": answers.EducationDataAnswer(**registration.data.as_dict()),
        "progress": answers.ProgressAnswer(
            staged=progress.staged,
            validated=progress.validated,
            category_determined=progress.category_determined,
            account_linked=progress.account_linked,
            persisted=progress.persisted,
            percent=progress.percent,
        ),
        "validation": _validation(registration.validation),
        "contact": registration.contact_email,
        "account_id": registration.account_id,
        "errors": parts.issues(result.errors or registration.errors),
        "warnings": parts.issues(result.warnings or registration.warnings),
        "next_step": result.next_step,
        "actions": list(result.actions),
        "metadata": _metadata(result),
    }


def _metadata(result: OperationResult) -> answers.ResultMetadata:
    registration = result.registration
    return answers.ResultMetadata(
        operation_id=result.metadata.operation_id,
        actor=result.metadata.actor,
        duration_ms=result.metadata.duration_ms,
        channel=registration.channel,
        language=registration.language,
        created_at=registration.created_at,
        created_by=registration.created_by,
        updated_at=registration.updated_at,
        updated_by=registration.updated_by,
        step_durations_ms=dict(registration.durations),
    )


def _validation(found: Validation) -> answers.ValidationAnswer:
    decided = found.decision
    return answers.ValidationAnswer(
        user_business_id_valid=found.field_valid("user_business_id"),
        coto_registration_valid=found.field_valid("coto_registration"),
        university_country_valid=found.rule_valid("university_country.alignment"),
        graduation_year_valid=found.field_valid("graduation_year"),
        determined_category=decided.category if decided else None,
        category_rationale=parts.reasons_of(decided),
        membership_expires_date=found.membership_ends,
        rules=parts.rules(found.outcomes),
    )


def _creation(result: OperationResult) -> dict[str, Any]:
    return {
        **_session(result),
        "record": record(result.record) if result.record else None,
        "rules_applied": list(result.rules_applied),
        "events_emitted": list(result.events),
    }
