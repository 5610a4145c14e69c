"""Every error of the API as problem JSON (RFC 9457): one table says which status an error's code has."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, current_app, request
from werkzeug import exceptions as http

from wizard.core.errors import (
    ErrorCode,
    InternalError,
    NotFound,
    Problem,
    Unauthenticated,
    ValidationFailed,
    WizardError,
)
from wizard.web import access
from wizard.web.api import answers, parts, session_answers, words

MEDIA_TYPE = "application/problem+json"
STATUSES: Mapping[ErrorCode, int] = {
    ErrorCode.VALIDATION_ERROR: 422,
    ErrorCode.BUSINESS_RULE_VIOLATION: 409,
    ErrorCode.WORKFLOW_STATE_INVALID: 409,
    ErrorCode.CONFLICT: 409,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.PERMISSION_DENIED: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.EXTERNAL_SERVICE_ERROR: 503,
    ErrorCode.INTERNAL_ERROR: 500,
}
# What Flask itself refuses; each keeps its own status.
_HTTP: Mapping[type[http.HTTPException], WizardError] = {
    http.NotFound: NotFound("api.address"),
    http.MethodNotAllowed: ValidationFailed("api.method"),
    http.RequestEntityTooLarge: ValidationFailed("api.too_large"),
    http.UnsupportedMediaType: ValidationFailed("api.media_type"),
}
_RETRY_SOON = 1


def answer(error: Exception, *, error_id: str) -> Response:
    """The answer to an error; what is unforeseen is known by its id alone."""
    told = error if isinstance(error, WizardError) else _of_http(error) or InternalError(error_id)
    status = _status(error, told)
    response = current_app.response_class(_body(told, status), status, mimetype=MEDIA_TYPE)
    response.headers.update(_headers(error, told))
    return response


def _status(error: Exception, told: WizardError) -> int:
    if isinstance(error, http.HTTPException) and error.code:
        return error.code
    return http.PreconditionFailed.code if told.message == "version.unmatched" else STATUSES[told.code]


def type_of(code: ErrorCode) -> str:
    """The address that says what a code means."""
    return f"{access.settings().base_url}/api#{code.lower()}"


def _of_http(error: Exception) -> WizardError | None:
    if not isinstance(error, http.HTTPException) or (error.code or 0) >= http.InternalServerError.code:
        return None
    return next((told for kind, told in _HTTP.items() if isinstance(error, kind)), ValidationFailed("api.bad_request"))


def _body(error: WizardError, status: int) -> str:
    first = next((each for each in error.problems if each.message == error.message), error.problems[0])
    return answers.ProblemAnswer(
        type=type_of(error.code),
        title=str(words.TITLES[error.code]),
        status=status,
        detail=words.problem(first),
        code=error.code,
        errors=parts.issues(error.problems),
        request_id=access.request_id(),
        error_id=error.error_id if isinstance(error, InternalError) else None,
        result=session_answers.refused(error.result) if error.result else None,
    ).model_dump_json(by_alias=True)


def _headers(error: Exception, told: WizardError) -> dict[str, str]:
    headers = {}
    if (seconds := getattr(told, "retry_after", None)) is not None:
        headers["Retry-After"] = str(seconds)
    if told.message in {"idempotency.in_flight", "session.busy"}:
        headers["Retry-After"] = str(_RETRY_SOON)
    if isinstance(told, Unauthenticated):
        invalid = ', error="invalid_token"' if "Authorization" in request.headers else ""
        headers["WWW-Authenticate"] = f'Bearer realm="ot-education"{invalid}'
    if isinstance(error, http.MethodNotAllowed):
        headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return headers


def malformed(problems: tuple[Problem, ...]) -> ValidationFailed:
    """That what was sent is not as its model has it."""
    return ValidationFailed(problems[0].message, problems=problems)
