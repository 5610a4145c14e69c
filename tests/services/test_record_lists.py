"""The desk's lists of records: who may see them, how they go on, and what an export holds and leaves behind."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from tests.services.conftest import World
from tests.support.new_records import education, new_record
from tests.support.workbooks import cells
from wizard.core.accounts import AccountStatus
from wizard.core.actors import Actor, ActorKind, Privilege
from wizard.core.errors import ExternalServiceError, PermissionDenied
from wizard.core.events import EventName
from wizard.services import record_lists
from wizard.services.events import EventBus
from wizard.services.ports.calls import Call
from wizard.services.ports.record_lists import Sought
from wizard.services.record_lists import CHAIN, RecordLists, Sheet
from wizard.services.sheets import SheetKind


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def encrypting(request: pytest.FixtureRequest) -> bool:
    """With the personal columns encrypted, all of it is the same."""
    return bool(request.param)


@pytest.fixture
def lists(world: World) -> RecordLists:
    events = EventBus()
    events.subscribe(world.told.append)
    return RecordLists(world.clock, world.units, events)


def add(world: World, count: int, **answers: str | None) -> None:
    with world.units.write() as unit:
        for position in range(count):
            account = unit.accounts.add(
                name=f"=Person {position}",
                email="p@example.org",
                status=AccountStatus.ACTIVE,
                language="en",
                number=None,
            )
            data = education(user_business_id=account.number, **answers)
            unit.records.add(new_record(account.id, data=data))
        unit.commit()


def exported(lists: RecordLists, call: Call, sought: Sought, *, codes: bool = False) -> list[dict[str, str]]:
    to = io.BytesIO()
    written = lists.export(call, sought, Sheet(codes=codes), to=to)
    rows = list(csv.DictReader(io.StringIO(to.getvalue().decode("utf-8-sig"), newline="")))
    assert written == len(rows)
    return rows


def test_only_the_desk_and_the_system_see_lists(world: World, lists: RecordLists) -> None:
    owner = world.applicant("any", proved=world.account)
    token = Call(Actor(ActorKind.API, "token:x", Privilege.OWNER, world.account.id))
    for call in (owner, world.applicant("any")):
        with pytest.raises(PermissionDenied):
            lists.page(call, Sought())
    for call in (owner, world.applicant("any"), token):
        for act in (
            lambda call=call: lists.count(call, Sought()),
            lambda call=call: lists.export(call, Sought(), Sheet(), to=io.BytesIO()),
        ):
            with pytest.raises(PermissionDenied):
                act()  # type: ignore[no-untyped-call]
    assert world.trail(CHAIN) == []
    for call in (world.staff, world.main, Call(Actor.system("command"))):
        assert lists.page(call, Sought()).listed == []
        assert lists.export(call, Sought(), Sheet(), to=io.BytesIO()) == 0


def test_pages_follow_each_other(world: World, lists: RecordLists) -> None:
    add(world, 30)
    first = lists.page(world.staff, Sought())
    second = lists.page(world.staff, Sought(), after=first.following)
    assert (len(first.listed), len(second.listed), second.following) == (25, 5, None)
    assert first.following == first.listed[-1].record.number == "osot-oted-0000006"


@pytest.mark.parametrize("text", ["\x00", " \u2028 ", "\ud800", "x" * 10_000])
def test_what_no_database_takes_is_left_out(world: World, lists: RecordLists, text: str) -> None:
    add(world, 1)
    assert len(lists.page(world.staff, Sought(text=text), after=text).listed) in {0, 1}


def test_an_export_holds_all_that_are_sought(world: World, lists: RecordLists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_lists, "_BATCH", 2)
    add(world, 5, university="western", notes="One\nTwo")
    add(world, 1, university="ottawa")
    rows = exported(lists, world.staff, Sought(university="western"))
    assert [row["number"] for row in rows] == [f"osot-oted-{number:07}" for number in range(5, 0, -1)]
    assert rows[0]["name"] == "'=Person 4"
    assert rows[0]["notes"] == "One\nTwo"
    assert rows[0]["created_at"] == "2026-11-23T15:00:00+00:00"
    assert (rows[0]["education_category"], rows[0]["privilege"]) == ("new_graduated", "owner")
    assert not [title for title in rows[0] if title.endswith("_code")]


def test_codes_stand_beside_the_choices(world: World, lists: RecordLists) -> None:
    add(world, 1, country="GF", university="other", other_details="X", graduation_year="1970-1979", degree_type="other")
    (row,) = exported(lists, world.staff, Sought(), codes=True)
    assert {name: row[f"{name}_code"] for name in row if f"{name}_code" in row} == {
        "degree_type": "0",
        "university": "0",
        "country": "58",
        "graduation_year": "3",
        "coto_status": "4",
        "education_category": "2",
        "access_modifier": "3",
        "privilege": "1",
    }


def test_a_workbook_has_texts_as_they_are_and_codes_as_numbers(world: World, lists: RecordLists) -> None:
    add(world, 2)
    to = io.BytesIO()
    assert lists.export(world.main, Sought(), Sheet(SheetKind.XLSX, codes=True), to=to) == 2
    row = cells(to.getvalue())[0]
    assert (row["name"].value, row["name"].is_formula) == ("=Person 1", False)
    assert (row["degree_type_code"].value, row["degree_type_code"].is_number) == ("3", True)
    assert not [name for name, cell in row.items() if cell.is_formula or not (cell.is_number or cell.stays_text)]


def test_an_export_is_in_the_trail_with_who_and_what(world: World, lists: RecordLists) -> None:
    add(world, 2, university="ottawa")
    lists.export(world.staff, Sought(text="person", university="ottawa"), Sheet(codes=True), to=io.BytesIO())
    with world.units.read() as unit:
        (row,) = unit.audit.history(CHAIN)
    assert (row.event.name, row.event.actor, row.event.request_id) == (
        EventName.RECORD_EXPORTED,
        "staff:ann",
        "request-2",
    )
    assert row.event.details == {"kind": "csv", "codes": "yes", "records": "2", "university": "ottawa"}
    assert dict(row.event.changes) == {"search": (None, "person")}
    assert world.told[-1].name is EventName.RECORD_EXPORTED


def test_what_cannot_be_recorded_does_not_go_out(
    world: World, lists: RecordLists, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> Iterator[None]:
        raise ExternalServiceError("database")

    monkeypatch.setattr(type(world.units), "write", lambda _units: down().__next__())
    with pytest.raises(ExternalServiceError):
        lists.export(world.staff, Sought(), Sheet(), to=io.BytesIO())
