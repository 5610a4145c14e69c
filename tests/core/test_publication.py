"""Events as other systems get them: nothing personal, and as their schemas say."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.support.event_checks import ID, of_event
from wizard.core.event_schemas import SCHEMAS
from wizard.core.events import Event, EventName
from wizard.core.publication import json_schema, publication

WIZARD = Path(__file__).parents[2] / "wizard"
SENT = [name for name, schema in SCHEMAS.items() if schema.webhook]
UUID = "0b6f7a52-9d8e-4c11-a3f5-3a9f6f1f2c77"


def event(name: EventName, **changes: object) -> Event:
    """An event with every detail that it may have."""
    whole = Event(
        name,
        datetime(2026, 11, 23, 15, tzinfo=UTC),
        "staff:ann",
        UUID,
        privilege="main",
        session_id=UUID,
        record_id=UUID,
        operation_id="o1",
        request_id="q1",
        details=dict.fromkeys(SCHEMAS[name].details, "something"),
        changes={"graduation_year": ("2025", "2026"), "notes": (None, "Private words")},
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def sent(name: EventName, **changes: object) -> Mapping[str, object]:
    told = publication(event(name, **changes))
    assert told is not None
    return told


def test_every_event_has_a_schema() -> None:
    assert set(SCHEMAS) == set(EventName)


def test_every_event_is_brought_about_somewhere() -> None:
    """An event that nothing emits would be a promise that nobody keeps."""
    emitted = set()
    for path in (*(WIZARD / "services").rglob("*.py"), WIZARD / "web" / "errors.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "EventName":
                emitted.add(node.attr)
    assert emitted == {name.name for name in EventName}


@pytest.mark.parametrize("name", SENT)
def test_a_schema_is_one_and_takes_the_event(name: EventName) -> None:
    Draft202012Validator.check_schema(json_schema(name))
    assert list(of_event(event(name))) == []
    bare = {each: "x" for each, detail in SCHEMAS[name].details.items() if detail.always}
    assert list(of_event(event(name, details=bare, changes={}, operation_id=None, request_id=None))) == []


@pytest.mark.parametrize("name", SENT)
def test_a_schema_refuses_what_is_not_the_event(name: EventName) -> None:
    validator = Draft202012Validator(json_schema(name))
    whole = {"id": ID, **sent(name)}
    assert validator.is_valid(whole)
    for spoilt in (
        {**whole, "event": "something.else"},
        {**whole, "version": 99},
        {**whole, "more": 1},
        {**whole, "details": {"more": "x"}},
        {**whole, "actor": {"kind": "nobody", "client": None}},
        *({key: value for key, value in whole.items() if key != gone} for gone in whole),
    ):
        assert not validator.is_valid(spoilt)


@pytest.mark.parametrize("name", sorted(set(EventName) - set(SENT)))
def test_what_is_not_for_other_systems_is_not_sent(name: EventName) -> None:
    assert publication(event(name)) is None
    with pytest.raises(KeyError):
        json_schema(name)


def test_what_lets_people_in_and_what_staff_do_to_their_sign_in_stays_here() -> None:
    assert not [name for name in SENT if name.startswith(("code.", "link.", "staff.", "token.", "access."))]


def test_nothing_that_anybody_typed_goes_out_and_nobody_of_the_desk_is_named() -> None:
    told = sent(EventName.RECORD_UPDATED)
    assert told["changed"] == ["graduationYear", "notes"]
    assert told["actor"] == {"kind": "staff", "client": None}
    assert not [word for word in ("Private words", "2025", "ann") if word in str(told)]


def test_a_detail_that_the_schema_does_not_name_stays_here() -> None:
    told = sent(EventName.ACCOUNT_CREATED, details={"account": "a", "status": "active", "name": "Ada"})
    assert told["details"] == {"account": "a", "status": "active"}


@pytest.mark.parametrize(
    ("actor", "told"),
    [
        ("applicant", {"kind": "applicant", "client": None}),
        ("system:housekeeping", {"kind": "system", "client": None}),
        ("anonymous", {"kind": "api", "client": None}),
        ("token:membership", {"kind": "api", "client": "membership"}),
    ],
)
def test_of_who_acted_only_the_kind_is_told_and_the_client(actor: str, told: Mapping[str, object]) -> None:
    assert sent(EventName.EDUCATION_STAGED, actor=actor)["actor"] == told


def test_the_time_is_in_utc() -> None:
    at = datetime(2026, 11, 23, 10, tzinfo=timezone(-timedelta(hours=5)))
    assert sent(EventName.SESSION_EXTENDED, at=at)["occurredAt"] == "2026-11-23T15:00:00Z"


def test_an_event_that_is_not_as_its_schema_says_is_found() -> None:
    odd = event(EventName.RECORD_DELETED, details={"surprise": "x"}, record_id=None)
    found = list(of_event(odd))
    assert "record.deleted has an unknown detail surprise" in found
    assert "record.deleted lacks number" in found
    assert "record.deleted does not say what it is about" in found
