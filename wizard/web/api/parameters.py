"""What a call takes beside its body: in its address, in the parameters behind it, and in headers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from pydantic.alias_generators import to_camel

from wizard.web.api import examples, schemas
from wizard.web.api.calling import IDEMPOTENCY_KEY
from wizard.web.api.endpoints import ENDPOINTS, Endpoint
from wizard.web.api.texts import marked as _
from wizard.web.api.values import UUID

Json = dict[str, Any]

_IDS: Mapping[str, str] = {
    "session_id": _("The id of the session."),
    "record_id": _("The id of the record."),
    "bulk_id": _("The id of the bulk registration."),
}


def of(endpoint: Endpoint, queries: Mapping[str, Json]) -> Iterator[Json]:
    """The parameters of a call; `queries` are the schemas of what stands behind addresses."""
    yield from _place(endpoint)
    yield from _query(endpoint, queries)
    yield from _headers(endpoint)


def _place(endpoint: Endpoint) -> Iterator[Json]:
    for name in re.findall(r"<(\w+)>", endpoint.rule):
        schema = {"type": "string", "pattern": UUID}
        told, example = _IDS[name], examples.IDS[name]
        described = {"description": told, "schema": schema, "example": example}
        yield {"name": to_camel(name), "in": "path", "required": True, **described}


def _query(endpoint: Endpoint, queries: Mapping[str, Json]) -> Iterator[Json]:
    if not endpoint.takes_query:
        return
    schema = queries[endpoint.query.__name__]
    for name, of in schema["properties"].items():
        described = {"description": of["description"]} if "description" in of else {}
        required = name in schema.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": _without_null(of), **described}


def _without_null(schema: Json) -> Json:
    """What may be left out of an address is left out, and never null."""
    kept = {name: value for name, value in schema.items() if name not in {"anyOf", "description"}}
    for each in schema.get("anyOf", ()):
        kept |= each if each.get("type") != "null" else {}
    if isinstance(kept.get("type"), list):
        kept["type"] = "string"
    if "enum" in kept:
        kept["enum"] = [value for value in kept["enum"] if value is not None]
    return kept


def _headers(endpoint: Endpoint) -> Iterator[Json]:
    text = {"type": "string"}
    yield {
        "name": "Accept-Language",
        "in": "header",
        "schema": text,
        "description": "English or French.",
        "example": "fr-CA",
    }
    if endpoint.method == "POST":
        key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"}
        told = _("The same key, token, address and body within 24 hours are answered the same.")
        yield {"name": IDEMPOTENCY_KEY, "in": "header", "schema": key, "description": told, "example": "7a1c6f1e"}
    if endpoint.takes_version:
        told = _("Only if it is this version that is stored, else 412: an `ETag`, as it was answered.")
        yield {"name": "If-Match", "in": "header", "schema": text, "description": told, "example": '"3.7"'}
    if endpoint.has_etag and endpoint.method == "GET":
        told = _("Answered 304 if it is still this version: an `ETag`, as it was answered.")
        yield {"name": "If-None-Match", "in": "header", "schema": text, "description": told, "example": '"3.7"'}


def of_queries(today: date, coto: str) -> Mapping[str, Json]:
    """The schema of what stands behind the addresses, by the names of its models."""
    models = list(dict.fromkeys(endpoint.query for endpoint in ENDPOINTS if endpoint.takes_query))
    found = schemas.of_models(taken=models, answered=(), today=today, coto=coto)
    return {name: _resolved(schema, found) for name, schema in found.items()}


def _resolved(schema: Any, found: Json) -> Any:  # noqa: ANN401 - JSON
    """Without references: a parameter stands for itself."""
    if isinstance(schema, list):
        return [_resolved(each, found) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {
            **_resolved(found[schema["$ref"].rpartition("/")[2]], found),
            **{k: v for k, v in schema.items() if k != "$ref"},
        }
    return {name: _resolved(each, found) for name, each in schema.items()}
