"""Commands for those who write a receiver of webhooks."""

from __future__ import annotations

import json

import click

from wizard.commands import base
from wizard.core.event_schemas import SCHEMAS
from wizard.core.events import EventName
from wizard.core.publication import json_schema

PUBLISHED = tuple(name for name, schema in SCHEMAS.items() if schema.webhook)


@click.group(cls=base.Group)
def events() -> None:
    """The events that are sent to other systems."""


@events.command("list")
def list_() -> None:
    """List the events that webhooks carry, with their versions."""
    base.table([(name.value, f"v{SCHEMAS[name].version}", SCHEMAS[name].summary) for name in PUBLISHED])


@events.command("schema")
@click.argument("name", type=click.Choice([name.value for name in PUBLISHED]))
def schema(*, name: str) -> None:
    """Print the JSON Schema of an event as a webhook carries it."""
    click.echo(schema_text(EventName(name)), nl=False)


def schema_text(name: EventName) -> str:
    """The JSON Schema of an event as it stands in its file."""
    return json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"


def schema_file(name: EventName) -> str:
    """What that file is called: a new version is a new file beside the old one."""
    return f"{name.value}.v{SCHEMAS[name].version}.json"
