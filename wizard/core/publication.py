"""Events as other systems get them: versioned, in camelCase, with ids and slugs only; and the JSON Schema of each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from wizard.core.actors import ActorKind
from wizard.core.event_schemas import SCHEMAS, EventSchema
from wizard.core.events import Event, EventName

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# How actors are named begins with their kind, but for clients of the API, which are named by their token.
_TOKEN = "token"  # noqa: S105 - the beginning of a name


def publication(event: Event) -> Mapping[str, object] | None:
    """The event as it is sent, but for the id of its delivery; None where it is not for other systems.

    Who of the desk acted, and what anybody typed, stays here: only the names of changed fields go out.
    """
    schema = SCHEMAS[event.name]
    if not schema.webhook:
        return None
    return {
        "event": event.name.value,
        "version": schema.version,
        "occurredAt": event.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "actor": _actor(event.actor),
        "sessionId": event.session_id,
        "recordId": event.record_id,
        "operationId": event.operation_id,
        "requestId": event.request_id,
        "changed": sorted(camel(field) for field in event.changes),
        "details": {camel(name): event.details[name] for name in schema.details if name in event.details},
    }


def _actor(name: str) -> Mapping[str, str | None]:
    kind, _, rest = name.partition(":")
    known = kind in set(ActorKind)
    return {"kind": kind if known else ActorKind.API.value, "client": rest if kind == _TOKEN else None}


def json_schema(name: EventName) -> Mapping[str, object]:
    """The JSON Schema of an event as it is sent. Raises KeyError for one that is not."""
    schema = SCHEMAS[name]
    if not schema.webhook:
        raise KeyError(name)
    properties = _properties(name, schema)
    return {
        "$schema": DIALECT,
        "title": f"{name.value}, version {schema.version}",
        "description": f"{schema.summary}.",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _properties(name: EventName, schema: EventSchema) -> dict[str, object]:
    uuid = {"type": "string", "format": "uuid"}
    return {
        "id": {**uuid, "description": "Of this event, the same at every try: what to recognise a repetition by."},
        "event": {"const": name.value},
        "version": {"const": schema.version},
        "occurredAt": {"type": "string", "format": "date-time", "description": "In UTC."},
        "actor": {
            "type": "object",
            "description": "What kind of actor brought it about; of a client of the API its name, too.",
            "properties": {"kind": {"enum": [kind.value for kind in ActorKind]}, "client": _or_null("string")},
            "required": ["kind", "client"],
            "additionalProperties": False,
        },
        "sessionId": uuid if schema.session else {"type": ["string", "null"]},
        "recordId": uuid if schema.record else {"type": ["string", "null"]},
        "operationId": {**_or_null("string"), "description": "What one operation brought about has it in common."},
        "requestId": {**_or_null("string"), "description": "As in the wizard’s log."},
        "changed": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The names of the fields that changed, without their values.",
        },
        "details": _details(schema),
    }


def _details(schema: EventSchema) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {
            camel(name): {"type": "string", "description": f"{detail.meaning[0].upper()}{detail.meaning[1:]}."}
            for name, detail in schema.details.items()
        },
        "required": [camel(name) for name, detail in schema.details.items() if detail.always],
        "additionalProperties": False,
    }


def _or_null(kind: str) -> dict[str, object]:
    return {"type": [kind, "null"]}


def camel(name: str) -> str:
    """A name as JSON has it: `category_before` becomes `categoryBefore`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
