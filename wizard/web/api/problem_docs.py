"""The errors of the API, in words for those who call it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.core.errors import ErrorCode
from wizard.web.api import answers, problem_examples
from wizard.web.api.problems import MEDIA_TYPE
from wizard.web.api.texts import marked as _

Json = dict[str, Any]

# Every answer to a call that is counted has these.
EVERYWHERE = ("RateLimit", "RateLimit-Policy", "X-Request-ID", "Content-Language")
_ALSO: Mapping[ErrorCode, str] = {
    # Where the same call fares better in a moment.
    ErrorCode.CONFLICT: "Retry-After",
    ErrorCode.RATE_LIMITED: "Retry-After",
    ErrorCode.EXTERNAL_SERVICE_ERROR: "Retry-After",
    ErrorCode.UNAUTHENTICATED: "WWW-Authenticate",
}
_WHEN: Mapping[ErrorCode, str] = {
    ErrorCode.VALIDATION_ERROR: _("a field is malformed or missing"),
    ErrorCode.BUSINESS_RULE_VIOLATION: _("a business rule fails"),
    ErrorCode.WORKFLOW_STATE_INVALID: _("the operation does not fit the session; the detail says which would"),
    ErrorCode.CONFLICT: _(
        "a version that is no longer the one stored, a record that exists, another member number, "
        "or a call with the same `Idempotency-Key` under way"
    ),
    ErrorCode.UNAUTHENTICATED: _("there is no token, or one that does not work"),
    ErrorCode.PERMISSION_DENIED: _("the privilege of the token does not suffice"),
    ErrorCode.NOT_FOUND: _("there is no such thing, or it is not yours to know about"),
    ErrorCode.RATE_LIMITED: _("too many calls; `Retry-After` says for how many seconds to wait"),
    ErrorCode.EXTERNAL_SERVICE_ERROR: _(
        "Redis or the database cannot be reached; `Retry-After` says when to call again"
    ),
    ErrorCode.INTERNAL_ERROR: _("anything else; `errorId` finds it in the logs"),
}


def meaning(code: ErrorCode) -> str:
    """When an error has a code."""
    return _WHEN[code]


def problem(*codes: ErrorCode) -> Json:
    """The answer with one of some errors."""
    return content(" · ".join(f"`{code}`: {meaning(code)}" for code in codes), *codes)


def content(description: str, *codes: ErrorCode) -> Json:
    """An answer that is a problem, with an example for each code."""
    named = {code.value: {"value": problem_examples.problem(code)} for code in codes}
    schema = {"$ref": f"#/components/schemas/{answers.ProblemAnswer.__name__}"}
    return {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _headers(codes)},
        "content": {MEDIA_TYPE: {"schema": schema, "examples": named}},
    }


def _headers(codes: tuple[ErrorCode, ...]) -> list[str]:
    also = [_ALSO[code] for code in codes if code in _ALSO]
    return [*EVERYWHERE, *dict.fromkeys(also)]
