"""The OpenAPI document, made from the table of calls and the models that validate."""

from __future__ import annotations

from datetime import date
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel

from wizard.core.errors import ErrorCode
from wizard.web.api import answers, operations, parameters, problem_docs, schemas
from wizard.web.api.calling import REPLAYED
from wizard.web.api.endpoints import ENDPOINTS
from wizard.web.api.models import Nothing
from wizard.web.api.texts import marked as _

Json = dict[str, Any]

_DESCRIPTION = (
    _(
        "For other systems of the association: stage a registration, let its rules be checked, its category decided, "
        "its account linked and its record made, one call at a time or all at once; read and correct records; "
        "register many at a time."
    ),
    _(
        "Every call but two takes a token, as `Authorization: Bearer …`, and may do what the token’s privilege allows. "
        "A POST sent again with the same `Idempotency-Key` within 24 hours is not done again: it is answered as it "
        "was. Errors are problem JSON (RFC 9457) with a `code`. Sentences come in the language of `Accept-Language`, "
        "English or French."
    ),
)


def document(*, base_url: str, today: date, coto: str) -> Json:
    """The document as it stands on a day."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OT education registration",
            "version": version("ot-education-wizard"),
            "summary": "Education records of occupational therapists in Ontario",
            "description": "\n\n".join(_DESCRIPTION),
        },
        "servers": [{"url": base_url}],
        "security": [{"token": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(endpoint.tag for endpoint in ENDPOINTS)],
        "paths": operations.paths(queries=parameters.of_queries(today, coto)),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas.of_models(taken=_bodies(), answered=_answers(), today=today, coto=coto),
            "headers": _HEADERS,
            "responses": {code.value: problem_docs.problem(code) for code in ErrorCode},
        },
    }


def _bodies() -> list[type[BaseModel]]:
    return list(dict.fromkeys(endpoint.body for endpoint in ENDPOINTS if endpoint.body is not Nothing))


def _answers() -> list[type[BaseModel]]:
    made = [endpoint.answer for endpoint in ENDPOINTS if endpoint.answer is not None]
    return list(dict.fromkeys([*made, answers.ProblemAnswer]))


def _header(description: str, example: str) -> Json:
    return {"description": description, "schema": {"type": "string"}, "example": example}


_HEADERS: Json = {
    "RateLimit": _header(
        "How many calls are left of the tightest limit, and in how many seconds there are more.", '"60";r=599;t=1'
    ),
    "RateLimit-Policy": _header("The limits: so many calls in so many seconds.", '"60";q=600;w=60'),
    "X-Request-ID": _header(
        "The id of the request in the logs and in the audit trail; yours, if you sent one.", "0b6f2d1c9a8e"
    ),
    "Content-Language": _header("The language of the sentences.", "en"),
    "ETag": _header("What is answered, as it is now: for `If-Match` and `If-None-Match`.", '"3.7"'),
    "Location": _header(
        "The address of what was made.", "/ot-education/orchestrator/session/0b6f2d1c-0000-4000-8000-000000000000"
    ),
    "Retry-After": _header("In how many seconds to call again, where the same call may fare better then.", "1"),
    "WWW-Authenticate": _header(
        "That a token is needed, or that the one sent does not work.",
        'Bearer realm="ot-education", error="invalid_token"',
    ),
    REPLAYED: _header("That the call was not done again: it is answered as it was.", "true"),
}
