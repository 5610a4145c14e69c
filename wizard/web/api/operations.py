"""Every call as OpenAPI describes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from wizard.core.errors import ErrorCode
from wizard.web.api import examples, parameters, problem_docs
from wizard.web.api.calling import JSON, REPLAYED
from wizard.web.api.endpoints import ENDPOINTS, Endpoint
from wizard.web.api.problems import STATUSES

Json = dict[str, Any]

_EVERY_CALL = (
    ErrorCode.VALIDATION_ERROR,
    ErrorCode.RATE_LIMITED,
    ErrorCode.EXTERNAL_SERVICE_ERROR,
    ErrorCode.INTERNAL_ERROR,
)


def paths(*, queries: Mapping[str, Json]) -> Json:
    """Every call by its address and method."""
    made: Json = {}
    for endpoint in ENDPOINTS:
        made.setdefault(place_of(endpoint), {})[endpoint.method.lower()] = _operation(endpoint, queries)
    return made


def _operation(endpoint: Endpoint, queries: Mapping[str, Json]) -> Json:
    operation: Json = {
        "operationId": to_camel(endpoint.name),
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": endpoint.description,
        "parameters": list(parameters.of(endpoint, queries)),
        "responses": _responses(endpoint),
    }
    if endpoint.takes_body:
        operation["requestBody"] = _request_body(endpoint)
    if endpoint.is_open:
        operation["security"] = []
    return operation


def _request_body(endpoint: Endpoint) -> Json:
    return {
        "required": any(field.is_required() for field in endpoint.body.model_fields.values()),
        "content": {JSON: {"schema": _ref(endpoint.body), "examples": _named(examples.REQUESTS[endpoint.name])}},
    }


def _responses(endpoint: Endpoint) -> Json:
    responses: Json = {}
    for status in filter(None, (endpoint.status, endpoint.may_answer)):
        responses[str(status)] = _success(endpoint, status)
    if endpoint.has_etag and endpoint.method == "GET":
        responses["304"] = {"description": "As you have it: the ETag is that of `If-None-Match`."}
    if endpoint.takes_version:
        responses["412"] = problem_docs.content("The version in `If-Match` is not the one stored.", ErrorCode.CONFLICT)
    for status, codes in statuses_of(endpoint).items():
        responses[str(status)] = _failure(codes)
    # Whoever takes no body refuses one that is not an empty object.
    responses["413"] = problem_docs.content("The body is too large.", ErrorCode.VALIDATION_ERROR)
    responses["415"] = problem_docs.content("The body is not JSON.", ErrorCode.VALIDATION_ERROR)
    # Said before the application is asked, and as a page: by gunicorn, or whatever stands before it.
    responses["414"] = {"description": "The address is longer than 4,094 bytes."}
    return responses


def _success(endpoint: Endpoint, status: int) -> Json:
    headers = [*problem_docs.EVERYWHERE]
    headers += ["ETag"] if endpoint.has_etag else []
    headers += [REPLAYED] if endpoint.method == "POST" else []
    headers += ["Location"] if status in {HTTPStatus.ACCEPTED, HTTPStatus.CREATED} and endpoint.name != "create" else []
    response: Json = {
        "description": HTTPStatus(status).phrase,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
    }
    if endpoint.answer is not None:
        example = examples.ANSWERS[endpoint.name]
        response["content"] = {JSON: {"schema": _ref(endpoint.answer), "examples": _named(example)}}
    if links := examples.LINKS.get(endpoint.name):
        response["links"] = links
    return response


def _failure(codes: tuple[ErrorCode, ...]) -> Json:
    if len(codes) == 1:
        return {"$ref": f"#/components/responses/{codes[0]}"}
    return problem_docs.problem(*codes)


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _named(example: Json) -> Json:
    return {"example": {"value": example}}


def place_of(endpoint: Endpoint) -> str:
    """The address with its parameters as OpenAPI writes them."""
    return re.sub(r"<(\w+)>", lambda match: "{" + to_camel(match[1]) + "}", endpoint.rule)


def statuses_of(endpoint: Endpoint) -> Mapping[int, tuple[ErrorCode, ...]]:
    """The statuses of the errors that a call may answer, with the codes of each."""
    needed = () if endpoint.is_open else (ErrorCode.UNAUTHENTICATED,)
    codes = dict.fromkeys((*needed, *endpoint.errors, *_EVERY_CALL))
    if endpoint.method == "POST":
        # Of an `Idempotency-Key`: the call that it came with before is under way.
        codes[ErrorCode.CONFLICT] = None
    by_status: dict[int, tuple[ErrorCode, ...]] = {}
    for code in codes:
        by_status[STATUSES[code]] = (*by_status.get(STATUSES[code], ()), code)
    return dict(sorted(by_status.items()))
