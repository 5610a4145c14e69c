"""Examples of every call, and how an answer leads to the next call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

_SESSION_ID = "0b6f2d1c-9a8e-4c47-8a53-1f0e7d9c2b10"
_RECORD_ID = "5f1c9a52-6d3b-4f0e-9b7a-2c8d4e6f0a11"
_BULK_ID = "c2a9e7d4-1b3f-4a5c-8d6e-7f8091a2b3c4"
_ACCOUNT_ID = "8d3e5f70-2a4b-4c6d-8e9f-0a1b2c3d4e5f"
IDS: Mapping[str, str] = {"session_id": _SESSION_ID, "record_id": _RECORD_ID, "bulk_id": _BULK_ID}

_DATA: Json = {
    "userBusinessId": "osot-0000042",
    "degreeType": "masters",
    "university": "mcmaster",
    "country": "CA",
    "graduationYear": "2026",
    "otherDetails": None,
    "cotoStatus": "pending",
    "cotoRegistration": None,
    "accessModifier": "private",
    "notes": None,
}
_CHANGE: Json = {"cotoStatus": "general", "cotoRegistration": "G2601234"}
_GIVEN: Json = {name: value for name, value in _DATA.items() if value is not None}
_RATIONALE: Json = {
    "codes": ["recent_graduation_in_membership_year"],
    "text": "You graduated in 2026 and the membership year runs to 30 September 2027: New Graduate.",
}
_VALIDATION: Json = {
    "userBusinessIdValid": None,
    "cotoRegistrationValid": None,
    "universityCountryValid": None,
    "graduationYearValid": None,
    "determinedCategory": None,
    "categoryRationale": None,
    "membershipExpiresDate": None,
    "rules": [],
}
_VALID: Json = {
    **_VALIDATION,
    "userBusinessIdValid": True,
    "cotoRegistrationValid": True,
    "universityCountryValid": True,
    "graduationYearValid": True,
    "rules": [
        {"rule": "coto_registration.required", "field": "cotoRegistration", "outcome": "passed", "message": None}
    ],
}
_DECIDED: Json = {
    **_VALID,
    "determinedCategory": "new_graduated",
    "categoryRationale": _RATIONALE,
    "membershipExpiresDate": "2027-09-30",
}
_MILESTONES = ("staged", "validated", "categoryDetermined", "accountLinked", "persisted")


def _session(status: str, *, reached: int, next_step: str | None, actions: list[str], **more: object) -> Json:
    return {
        "success": True,
        "sessionId": _SESSION_ID,
        "userId": "osot-0000042",
        "status": status,
        "version": 1,
        "timestamp": "2026-09-01T14:00:00Z",
        "expiresAt": "2026-09-02T14:00:00Z",
        "secondsLeft": 86400,
        "data": _DATA,
        "progress": {
            **{name: place < reached for place, name in enumerate(_MILESTONES)},
            "percent": 20 * reached,
        },
        "validation": _VALIDATION,
        "contact": None,
        "accountId": None,
        "errors": [],
        "warnings": [],
        "nextStep": next_step,
        "actions": actions,
        "metadata": {
            "operationId": "6d0c8b5f4f7e4c0d9f5a2b1c3d4e5f60",
            "actor": "token:membership",
            "durationMs": 4,
            "channel": "api",
            "language": "en",
            "createdAt": "2026-09-01T14:00:00Z",
            "createdBy": "token:membership",
            "updatedAt": "2026-09-01T14:00:00Z",
            "updatedBy": "token:membership",
            "stepDurationsMs": {"stage": 4},
        },
        **more,
    }


_OPEN = ["update", "validate", "extend", "cancel"]
_STAGED = _session("staged", reached=1, next_step="validate", actions=_OPEN)
_NEW: Json = {
    **_STAGED,
    "contact": "amara@example.org",
    "metadata": {**_STAGED["metadata"], "language": "fr"},
}
_VALIDATED = _session(
    "validated",
    reached=2,
    next_step="determine_category",
    actions=["update", "determine_category", "extend", "cancel"],
    validation=_VALID,
)
_CATEGORY = _session(
    "category_determined",
    reached=3,
    next_step="link_account",
    actions=["update", "link_account", "extend", "cancel"],
    validation=_DECIDED,
    category="new_graduated",
    rationale=_RATIONALE,
)
_LINKED = _session(
    "account_linked",
    reached=4,
    next_step="create",
    actions=["update", "create", "extend", "cancel"],
    validation=_DECIDED,
    accountId=_ACCOUNT_ID,
    checks=[{"rule": "account.accessible", "field": "userBusinessId", "outcome": "passed", "message": None}],
)
_RECORD: Json = {
    **_DATA,
    "id": _RECORD_ID,
    "number": "osot-oted-0000007",
    "accountId": _ACCOUNT_ID,
    "sessionId": _SESSION_ID,
    "educationCategory": "new_graduated",
    "categoryRationale": _RATIONALE,
    "verificationRequired": False,
    "verificationReasons": [],
    "verificationState": "not_required",
    "declarationVersion": "2026-11",
    "declaredAt": "2026-09-01T14:00:01Z",
    "privilege": "owner",
    "createdBy": "token:membership",
    "createdAt": "2026-09-01T14:00:01Z",
    "updatedAt": "2026-09-01T14:00:01Z",
    "version": 1,
}
_MADE: Json = {
    "record": _RECORD,
    "rulesApplied": ["coto_registration.required"],
    "eventsEmitted": ["education.created"],
}
_CREATED = _session(
    "education_created",
    reached=5,
    next_step="execute_workflow",
    actions=["execute_workflow"],
    validation=_DECIDED,
    **_MADE,
)
_ERASED: Json = dict.fromkeys(_DATA)
_COMPLETED = _session(
    "workflow_completed",
    reached=5,
    next_step=None,
    actions=[],
    **{
        **_MADE,
        "userId": None,
        "data": _ERASED,
        "steps": [{"step": "create", "success": True, "durationMs": 9, "errors": []}],
    },
)
_CANCELLED = _session("cancelled", reached=0, next_step=None, actions=[], userId=None, data=_ERASED)
_BULK: Json = {
    "bulkId": _BULK_ID,
    "state": "running",
    "total": 2,
    "done": 1,
    "toDo": 1,
    "counts": {"ready": 1, "created": 1},
    "rowsPerSecond": None,
    "createdAt": "2026-09-01T14:00:00Z",
    "finishedAt": None,
    "rows": [
        {
            "row": 1,
            "state": "created",
            "educationCategory": "new_graduated",
            "recordNumber": "osot-oted-0000007",
            "sessionId": _SESSION_ID,
            "errors": [],
        }
    ],
    "nextAfter": None,
}
_SUMMARY: Json = {
    "sessionId": _SESSION_ID,
    "userId": "osot-0000042",
    "status": "staged",
    "version": 1,
    "channel": "api",
    "createdAt": "2026-09-01T14:00:00Z",
    "updatedAt": "2026-09-01T14:00:00Z",
    "expiresAt": "2026-09-02T14:00:00Z",
    "percent": 20,
}
_HISTORY: Json = {
    "at": "2026-09-01T14:00:01Z",
    "event": "education.created",
    "actor": "token:membership",
    "details": {"number": "osot-oted-0000007", "category": "new_graduated"},
    "changes": {},
}

REQUESTS: Mapping[str, Json] = {
    "stage": {"educationData": _GIVEN, "contact": "amara@example.org", "language": "fr"},
    "update": {"educationData": _CHANGE, "version": 1},
    "link_account": {"accountId": _ACCOUNT_ID},
    "execute_workflow": {"accountId": _ACCOUNT_ID},
    "extend": {"ttlSeconds": 172800},
    "load_bulk": {
        "rows": [
            {**_GIVEN, "email": "amara@example.org"},
            {**_GIVEN, "userBusinessId": "osot-0000043", "degreeType": "bachelors"},
        ],
        "validateOnly": False,
    },
    "category": {"graduationYear": "2026", "cotoStatus": "pending"},
    "correct_record": {"educationData": {"degreeType": "doctorate"}, "version": 1},
    "delete_record": {"reason": "Entered twice.", "version": 1},
}
ANSWERS: Mapping[str, Json] = {
    "stage": _NEW,
    "get_session": _NEW,
    "update": {**_STAGED, "version": 2, "data": {**_DATA, **_CHANGE}},
    "cancel": _CANCELLED,
    "validate": _VALIDATED,
    "determine_category": _CATEGORY,
    "link_account": _LINKED,
    "create": _CREATED,
    "execute_workflow": _COMPLETED,
    "extend": {**_STAGED, "expiresAt": "2026-09-03T14:00:00Z", "secondsLeft": 172800},
    "sessions": {"sessions": [_SUMMARY], "nextCursor": None},
    "load_bulk": {**_BULK, "state": "checking", "done": 0, "toDo": 2, "counts": {"waiting": 2}, "rows": []},
    "get_bulk": _BULK,
    "choices": {
        "cotoStatus": [{"value": "other", "label": "None of these", "code": 0}],
        "degreeType": [{"value": "masters", "label": "Master’s degree", "code": 3}],
        "university": [{"value": "mcmaster", "label": "McMaster University", "code": 2}],
        "graduationYear": [{"value": "pre-1960", "label": "Before 1960", "code": 1}],
        "country": [{"value": "CA", "label": "Canada", "code": 1}],
        "educationCategory": [{"value": "new_graduated", "label": "New Graduate", "code": 2}],
        "accessModifier": [{"value": "private", "label": "Private", "code": 3}],
        "privilege": [{"value": "main", "label": "Desk (main)", "code": 3}],
        "accountStatus": [{"value": "active", "label": "Active", "code": 1}],
    },
    "category": {"category": "new_graduated", "rationale": _RATIONALE},
    "records": {"records": [_RECORD], "nextCursor": None},
    "get_record": {**_RECORD, "history": [_HISTORY]},
    "correct_record": {**_RECORD, "degreeType": "doctorate", "version": 2},
    "accounts": {"accountId": _ACCOUNT_ID, "memberNumber": "osot-0000042", "status": "active"},
}


def _leads_to(*operations: str, by: str, place: str) -> Json:
    return {name: {"operationId": name, "parameters": {by: f"$response.body#{place}"}} for name in operations}


_ON_A_SESSION = (
    *("getSession", "update", "cancel", "validate", "determineCategory"),
    *("linkAccount", "create", "executeWorkflow", "extend"),
)
_SESSION_LINKS = _leads_to(*_ON_A_SESSION, by="sessionId", place="/sessionId")
_RECORD_LINKS = _leads_to("getRecord", "correctRecord", "deleteRecord", by="recordId", place="/record/id")
# Where an answer's ids can be used.
LINKS: Mapping[str, Json] = {
    "stage": _SESSION_LINKS,
    "validate": _leads_to("determineCategory", by="sessionId", place="/sessionId"),
    "determine_category": _leads_to("linkAccount", by="sessionId", place="/sessionId"),
    "link_account": _leads_to("create", by="sessionId", place="/sessionId"),
    "create": _RECORD_LINKS,
    "execute_workflow": _RECORD_LINKS,
    "load_bulk": _leads_to("getBulk", by="bulkId", place="/bulkId"),
    "records": _leads_to("getRecord", "correctRecord", "deleteRecord", by="recordId", place="/records/0/id"),
}
