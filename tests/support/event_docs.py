"""The generated part of docs/events.md, and the schema of each event beside it: `make events` writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wizard.commands.events import PUBLISHED, schema_file, schema_text
from wizard.core.event_schemas import SCHEMAS
from wizard.core.events import EventName
from wizard.core.publication import camel

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, SCHEMA_FILES = DOCS / "events.md", DOCS / "events"
BEGIN, END = "<!-- made by `make events` from wizard/core/event_schemas.py -->", "<!-- end -->"


def table() -> str:
    """All events, those that are sent first."""
    return "\n".join([*_sent(), "", *_kept()])


def _sent() -> Iterator[str]:
    yield from ("| event | version | when | details |", "| --- | --- | --- | --- |")
    for name in PUBLISHED:
        link = f"[`{name.value}`](events/{schema_file(name)})"
        yield f"| {link} | {SCHEMAS[name].version} | {SCHEMAS[name].summary} | {_details(name, camelled=True)} |"


def _kept() -> Iterator[str]:
    yield "Not sent, but in the audit trail and in the logs:"
    yield from ("", "| event | version | when | details |", "| --- | --- | --- | --- |")
    for name, schema in SCHEMAS.items():
        if not schema.webhook:
            yield f"| `{name.value}` | {schema.version} | {schema.summary} | {_details(name, camelled=False)} |"


def _details(name: EventName, *, camelled: bool) -> str:
    return ", ".join(
        f"`{camel(detail) if camelled else detail}`{'' if what.always else '?'} ({what.meaning})"
        for detail, what in SCHEMAS[name].details.items()
    )


def with_table(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


def main() -> None:
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    for name in PUBLISHED:
        (SCHEMA_FILES / schema_file(name)).write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
