"""An example of every error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.core.errors import ErrorCode

Json = dict[str, Any]

_PROBLEMS: Mapping[ErrorCode, tuple[int, str, str, str, str | None]] = {
    ErrorCode.VALIDATION_ERROR: (
        422,
        "A field is malformed or missing",
        "This is not a graduation year from the list, such as 2026 or 1970-1979.",
        "graduation_year.choice",
        "graduationYear",
    ),
    ErrorCode.BUSINESS_RULE_VIOLATION: (
        409,
        "A business rule fails",
        "McMaster University is in Ontario, so the country cannot be France. Correct one of the two.",
        "university_country.alignment",
        "country",
    ),
    ErrorCode.WORKFLOW_STATE_INVALID: (
        409,
        "The operation does not fit the state of the session",
        "The session is staged; possible now: update validate extend cancel.",
        "workflow.state",
        None,
    ),
    ErrorCode.CONFLICT: (
        409,
        "Something else stands in the way",
        "The data were changed since you read them. Read them again.",
        "version.stale",
        None,
    ),
    ErrorCode.UNAUTHENTICATED: (
        401,
        "A token is needed",
        "Call with a token that works, as “Authorization: Bearer …”.",
        "token.required",
        None,
    ),
    ErrorCode.PERMISSION_DENIED: (
        403,
        "The privilege does not suffice",
        "This takes the privilege main.",
        "privilege.main",
        None,
    ),
    ErrorCode.NOT_FOUND: (
        404,
        "There is no such thing",
        "There is no such session, or it is not yours to know about.",
        "session.unknown",
        None,
    ),
    ErrorCode.RATE_LIMITED: (
        429,
        "Too many calls",
        "Too many calls. Wait for as many seconds as Retry-After says.",
        "rate_limited",
        None,
    ),
    ErrorCode.EXTERNAL_SERVICE_ERROR: (
        503,
        "The service cannot be reached at the moment",
        "Sessions cannot be reached at the moment. Call again in a few seconds.",
        "redis.unavailable",
        None,
    ),
    ErrorCode.INTERNAL_ERROR: (
        500,
        "Something went wrong",
        "Something went wrong on our side. If it happens again, tell the desk this number: 3f9c1a7be2.",
        "internal",
        None,
    ),
}


# What its sentence says, beside the rule.
_CONTEXT: Mapping[ErrorCode, Mapping[str, str]] = {
    ErrorCode.BUSINESS_RULE_VIOLATION: {"university": "mcmaster", "country": "FR"},
    ErrorCode.WORKFLOW_STATE_INVALID: {"status": "staged", "possible": "update validate extend cancel"},
    ErrorCode.CONFLICT: {"seen": "1", "current": "2"},
}


def problem(code: ErrorCode) -> Json:
    """An error with a code."""
    status, title, detail, rule, field = _PROBLEMS[code]
    context = {"rule": rule, **_CONTEXT.get(code, {})}
    return {
        "type": f"https://registration.example.org/api#{code.lower()}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code.value,
        "errors": [{"code": code.value, "field": field, "message": detail, "context": context}],
        "requestId": "0b6f2d1c9a8e",
        "errorId": "3f9c1a7be2" if code is ErrorCode.INTERNAL_ERROR else None,
        "result": None,
    }
