"""Whether the events in an audit trail are as wizard/core/event_schemas.py says."""

from __future__ import annotations

from collections.abc import Iterator

from jsonschema import Draft202012Validator
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from wizard.core.event_schemas import SCHEMAS
from wizard.core.events import Event, EventName
from wizard.core.publication import json_schema, publication
from wizard.storage.trail_tables import AuditEventRow

# A delivery's own id; the audit trail does not know it.
ID = "00000000-0000-4000-8000-000000000000"


def departures(sessions: sessionmaker[Session]) -> list[str]:
    """What is not as it should be, in any row of a trail."""
    with sessions() as session:
        return [each for row in session.scalars(select(AuditEventRow)) for each in _of_row(row)]


def _of_row(row: AuditEventRow) -> Iterator[str]:
    event = Event(
        EventName(row.name),
        row.at,
        row.actor,
        row.chain,
        row.privilege,
        row.session_id,
        row.sequence,
        row.record_id,
        row.operation_id,
        row.request_id,
        row.details,
        dict.fromkeys(row.changes, (None, None)),
    )
    yield from of_event(event)


def of_event(event: Event) -> Iterator[str]:
    """What is not as it should be about an event."""
    schema = SCHEMAS[event.name]
    needed = {name for name, detail in schema.details.items() if detail.always}
    for name in sorted(set(event.details) - set(schema.details)):
        yield f"{event.name} has an unknown detail {name}"
    for name in sorted(needed - set(event.details)):
        yield f"{event.name} lacks {name}"
    if (schema.session and event.session_id is None) or (schema.record and event.record_id is None):
        yield f"{event.name} does not say what it is about"
    sent = publication(event)
    if sent is not None:
        yield from (error.message for error in _validator(event.name).iter_errors({"id": ID, **sent}))


def _validator(name: EventName) -> Draft202012Validator:
    return Draft202012Validator(json_schema(name))
