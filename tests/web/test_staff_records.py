"""The desk's pages of records: found, looked at with their history, corrected, deleted, exported."""

from __future__ import annotations

import csv
import io
import re

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.applicant import filled, one, text
from tests.support.desk import page, recorded, send, sign_in
from tests.support.seed import Seeded
from tests.support.workbooks import cells
from wizard.core.events import EventName
from wizard.core.records import Record
from wizard.services.bundle import Services
from wizard.services.record_lists import RecordLists
from wizard.storage.unit_of_work import SqlUnitsOfWork
from wizard.web.staff.history import EVENTS

LIST = "/staff/records"
REGISTERED = {"coto_status": "general", "coto_registration": "AB12"}


@pytest.fixture
def made(app_seeded: Seeded, services: Services) -> Record:
    """The record of Ada Applicant, as her registration made it."""
    assert app_seeded.accounts
    return recorded(services)


@pytest.fixture
def desk(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.admin)
    return client


@pytest.fixture
def main(app: Flask, app_seeded: Seeded) -> FlaskClient:
    client = app.test_client()
    sign_in(client, app_seeded.main)
    return client


def found(soup: BeautifulSoup) -> list[str]:
    return [cell.text for cell in soup.select("table.registrations tbody th")]


def search(client: FlaskClient, **values: str) -> TestResponse:
    form = one(page(client.get(LIST)), "form#typing")
    return client.post(str(form["action"]), data={**filled(form), **values})


# --- The list -------------------------------------------------------------------------------------------------


def test_records_are_listed_with_what_tells_them_apart(desk: FlaskClient, made: Record) -> None:
    soup = page(desk.get(LIST))
    row = text(soup, "table.registrations tbody tr")
    for told in (made.number, "Ada Applicant", "osot-0000001", "McMaster University", "2026", "New Graduate"):
        assert told in row
    assert one(soup, ".masthead a[aria-current=page]")["href"] == LIST


@pytest.mark.parametrize("sought", ["osot-oted-0000001", "1", "OSOT-0000001", "applicant"])
def test_a_record_is_found_by_number_or_name_which_no_address_has(desk: FlaskClient, made: Record, sought: str) -> None:
    answer = search(desk, text=sought)
    assert answer.status_code == 200
    soup = page(answer)
    assert found(soup) == [made.number]
    assert one(soup, "#text")["value"] == sought
    assert not [link for link in soup.select("a[href], form[action]") if f"text={sought}" in str(link)]
    # Nor is it taken from one.
    assert found(page(desk.get(f"{LIST}?text=nobody"))) == [made.number]


def test_filters_make_an_address_to_come_back_to(desk: FlaskClient, made: Record) -> None:
    answer = search(desk, university="mcmaster", graduation_year="2026", category="new_graduated")
    assert answer.headers["Location"] == f"{LIST}?university=mcmaster&graduation_year=2026&category=new_graduated"
    soup = page(desk.get(answer.headers["Location"]))
    assert found(soup) == [made.number]
    assert one(soup, "#university option[selected]")["value"] == "mcmaster"
    empty = desk.get(search(desk, university="western").headers["Location"])
    assert "There are no such records" in empty.text
    assert not page(empty).select("form[action$='/export']")
    assert found(page(desk.get(f"{LIST}?university=x&graduation_year=x&category=x&after="))) == [made.number]


def test_without_records_the_page_says_when_there_will_be_some(desk: FlaskClient) -> None:
    assert "once the first graduates have submitted" in desk.get(LIST).text


def test_the_list_goes_page_by_page_searched_or_not(
    desk: FlaskClient, made: Record, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RecordLists.page.__kwdefaults__, "limit", 1)  # type: ignore[arg-type]
    second = recorded(services, user_business_id="osot-0000002")
    first_page = page(desk.get(LIST))
    assert found(first_page) == [second.number]
    last_page = page(desk.get(str(one(first_page, "a[rel=next]")["href"])))
    assert found(last_page) == [made.number]
    assert not last_page.select("[rel=next]")
    assert found(page(desk.get(str(one(last_page, "main .actions a")["href"])))) == [second.number]
    assert found(page(search(desk, text="beginner"))) == [second.number]


def test_the_next_page_of_a_search_is_sent_too(
    desk: FlaskClient, made: Record, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RecordLists.page.__kwdefaults__, "limit", 1)  # type: ignore[arg-type]
    second = recorded(services, user_business_id="osot-0000002", university="other", other_details="Lund A")
    third = recorded(services, user_business_id="osot-0000005", university="other", other_details="Lund B")
    soup = page(search(desk, text="lund"))
    form = next(form for form in soup.select("main form") if form.select("[rel=next]"))
    assert found(soup) == [third.number]
    assert found(page(desk.post(str(form["action"]), data=filled(form)))) == [second.number]
    assert made.number < second.number


# --- Export ---------------------------------------------------------------------------------------------------


def export(client: FlaskClient, soup: BeautifulSoup, **values: str) -> TestResponse:
    form = one(soup, "form[action$='/export']")
    assert form["data-hx-boost"] == "false"
    return client.post(str(form["action"]), data={**filled(form), **values}, buffered=True)


def test_the_list_is_exported_as_it_is_filtered(
    desk: FlaskClient, made: Record, services: Services, app_units: SqlUnitsOfWork
) -> None:
    recorded(services, user_business_id="osot-0000002", university="western", notes="=1+1")
    answer = export(desk, page(desk.get(f"{LIST}?university=western")), kind="csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == "attachment; filename=education-records-2026-11-23.csv"
    (row,) = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""))
    assert (row["university"], row["notes"]) == ("western", "'=1+1")
    with app_units.read() as unit:
        (told,) = unit.audit.history("exports")
    assert (told.event.name, told.event.actor) == (EventName.RECORD_EXPORTED, "staff:ann")
    assert told.event.details["university"] == "western"
    assert made.data.university == "mcmaster"


def test_a_search_is_exported_as_a_workbook_with_codes(desk: FlaskClient, made: Record) -> None:
    answer = export(desk, page(search(desk, text="ada")), kind="xlsx", codes="y")
    assert answer.headers["Content-Disposition"].endswith("education-records-2026-11-23.xlsx")
    (row,) = cells(answer.data)
    assert (row["number"].value, row["university_code"].value) == (made.number, "2")


def test_the_address_of_the_export_by_itself_shows_the_list(desk: FlaskClient) -> None:
    assert desk.get(f"{LIST}/export").headers["Location"] == LIST


# --- One record -------------------------------------------------------------------------------------------------


def test_a_record_shows_all_of_it_and_its_whole_history(desk: FlaskClient, made: Record) -> None:
    place = f"{LIST}/{made.id}"
    form = one(page(desk.get(f"{place}/correct")), "form#typing")
    desk.post(str(form["action"]), data={**filled(form), **REGISTERED, "graduation_year": "2019"})
    soup = page(desk.get(place))
    assert "Ada Applicant, osot-0000001" in text(soup, "dl.state")
    assert "Graduated in 2019: Graduate." in text(soup, "dl.state")
    rows = [row.get_text(" ", strip=True) for row in soup.select("table.history tbody tr")]
    assert "Record corrected" in rows[0]
    assert "ann" in rows[0]
    assert "23 November 2026, 10:00" in rows[0]
    for told in ("Graduation year Before 2026 After 2019", "COTO registration number After AB12"):
        assert told in rows[0]
    assert "Category Before New Graduate After Graduate" in rows[0]
    assert "Registration begun" in rows[-1]
    assert "University After McMaster University" in rows[-1]
    assert [row for row in rows if "Record made" in row]


def test_only_main_is_offered_to_delete(desk: FlaskClient, main: FlaskClient, made: Record) -> None:
    place = f"{LIST}/{made.id}"
    assert not page(desk.get(place)).select(f"a[href='{place}/delete']")
    assert page(main.get(place)).select(f"a[href='{place}/delete']")
    assert desk.get(f"{place}/delete").status_code == 403
    sent = {"reason": "No", "number": made.number, "version": "1"}
    assert send(desk, f"{place}/delete", sent, of=LIST).status_code == 403
    assert desk.get(place).status_code == 200


def test_nobody_else_sees_or_does_any_of_it(client: FlaskClient, made: Record) -> None:
    for tail in ("", f"/{made.id}", f"/{made.id}/correct", f"/{made.id}/delete", "/export"):
        assert client.get(f"{LIST}{tail}").headers["Location"].startswith("/staff/sign-in")
    for tail in ("", f"/{made.id}/correct", f"/{made.id}/delete", "/export"):
        assert send(client, f"{LIST}{tail}").status_code == 401


def test_a_record_that_there_is_not(main: FlaskClient) -> None:
    for tail in ("", "/correct", "/delete"):
        assert main.get(f"{LIST}/none{tail}").status_code == 404
    assert send(main, f"{LIST}/none/correct", of=LIST).status_code == 404
    assert send(main, f"{LIST}/none/delete", of=LIST).status_code == 404


def test_every_event_has_words() -> None:
    assert set(EVENTS) == set(EventName)


# --- Correcting ---------------------------------------------------------------------------------------------------


def correct(client: FlaskClient, record: Record, **values: str) -> TestResponse:
    form = one(page(client.get(f"{LIST}/{record.id}/correct")), "form#typing")
    return client.post(str(form["action"]), data={**filled(form), **values})


def test_a_correction_is_saved_and_said(desk: FlaskClient, made: Record, app_units: SqlUnitsOfWork) -> None:
    answer = correct(desk, made, notes="Looked at.", **REGISTERED)
    assert answer.headers["Location"] == f"{LIST}/{made.id}?done=corrected"
    assert "The record is corrected" in text(page(desk.get(answer.headers["Location"])), "[role=status]")
    with app_units.read() as unit:
        after = unit.records.get(made.id)
    assert after is not None
    assert (after.data.notes, after.data.coto_registration, after.version) == ("Looked at.", "AB12", 2)
    assert correct(desk, made).headers["Location"].endswith("?done=unchanged")


def test_what_no_longer_applies_is_dropped(desk: FlaskClient, made: Record, app_units: SqlUnitsOfWork) -> None:
    correct(desk, made, university="other", other_details="Lund", **REGISTERED)
    assert correct(desk, made, university="ottawa", coto_status="resigned").status_code == 303
    with app_units.read() as unit:
        after = unit.records.get(made.id)
    assert after is not None
    assert (after.data.other_details, after.data.coto_registration) == (None, None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"country": "FR"}, "country"),
        ({"coto_status": "general"}, "coto_registration"),
        ({"graduation_year": "2099"}, "graduation_year"),
        ({"user_business_id": "osot-0000002"}, "user_business_id"),
        ({"coto_status": "general", "coto_registration": "TAKEN1"}, "coto_registration"),
    ],
)
def test_a_correction_keeps_to_the_rules(
    desk: FlaskClient,
    made: Record,
    services: Services,
    app_units: SqlUnitsOfWork,
    values: dict[str, str],
    field: str,
) -> None:
    recorded(services, user_business_id="osot-0000005", coto_status="general", coto_registration="TAKEN1")
    answer = correct(desk, made, notes="Kept", **values)
    assert answer.status_code == 422
    soup = page(answer)
    assert one(soup, "#error-summary a")["href"] == f"#{field}"
    assert not re.search(r"\b(your?|above|registration desk)\b", text(soup, "#error-summary"), re.IGNORECASE)
    assert "Kept" in text(soup, "#notes")
    with app_units.read() as unit:
        assert unit.records.get(made.id) == made


def test_a_stale_correction_shows_both_sides_and_lets_choose(
    desk: FlaskClient, main: FlaskClient, made: Record, app_units: SqlUnitsOfWork
) -> None:
    form = one(page(desk.get(f"{LIST}/{made.id}/correct")), "form#typing")
    correct(main, made, notes="Theirs", degree_type="doctorate")
    answer = desk.post(str(form["action"]), data={**filled(form), "notes": "Mine"})
    assert answer.status_code == 409
    soup = page(answer)
    rows = [row.get_text("|", strip=True) for row in soup.select("tr.differs")]
    assert rows == ["Degree or credential|Master’s degree|Doctorate", "Notes for the desk|Mine|Theirs"]
    with app_units.read() as unit:
        stored = unit.records.get(made.id)
    assert stored is not None
    assert stored.data.notes == "Theirs"
    again = one(soup, f"main form[action='{LIST}/{made.id}/correct']")
    assert desk.post(str(again["action"]), data=filled(again)).status_code == 303
    with app_units.read() as unit:
        stored = unit.records.get(made.id)
    assert stored is not None
    assert (stored.data.notes, stored.version) == ("Mine", 3)


def test_a_form_without_a_version_has_seen_none(desk: FlaskClient, made: Record) -> None:
    form = one(page(desk.get(f"{LIST}/{made.id}/correct")), "form#typing")
    values = {name: value for name, value in filled(form).items() if name != "version"}
    assert desk.post(str(form["action"]), data={**values, "notes": "Blind"}).status_code == 409


def test_what_was_typed_survives_a_change_of_language(desk: FlaskClient, main: FlaskClient, made: Record) -> None:
    place = f"{LIST}/{made.id}/correct"
    form = one(page(desk.get(place)), "form#typing")
    typed = {**filled(form), "notes": "Half a thought", "next": place}
    switched = desk.post("/language/fr", data=typed)
    correct(main, made, notes="Theirs")
    soup = page(desk.get(switched.headers["Location"]))
    assert one(soup, "html")["lang"] == "fr"
    assert "Half a thought" in text(soup, "table.versions")


# --- Deleting -----------------------------------------------------------------------------------------------------


def delete(client: FlaskClient, record: Record, **values: str) -> TestResponse:
    form = one(page(client.get(f"{LIST}/{record.id}/delete")), "form#typing")
    return client.post(str(form["action"]), data={**filled(form), **values})


def test_main_deletes_a_record_after_typing_its_number(main: FlaskClient, made: Record) -> None:
    answer = delete(main, made, reason="Entered twice.", number=f" {made.number.upper()} ")
    assert answer.headers["Location"] == f"{LIST}?done=deleted"
    assert "The record is deleted" in main.get(answer.headers["Location"]).text
    gone = main.get(f"{LIST}/{made.id}")
    assert gone.status_code == 410
    assert "Entered twice." in text(page(gone), "table.history")


def test_all_that_is_wrong_with_a_deletion_is_said_at_once(main: FlaskClient, made: Record) -> None:
    soup = page(delete(main, made))
    assert [link["href"] for link in soup.select("#error-summary a")] == ["#reason", "#number"]


@pytest.mark.parametrize(
    ("reason", "typed", "field"),
    [("", "osot-oted-0000001", "reason"), ("x" * 501, "osot-oted-0000001", "reason"), ("Twice", "1", "number")],
)
def test_a_deletion_needs_reason_and_number(
    main: FlaskClient, made: Record, reason: str, typed: str, field: str
) -> None:
    answer = delete(main, made, reason=reason, number=typed)
    assert answer.status_code == 422
    assert one(page(answer), "#error-summary a")["href"] == f"#{field}"
    assert main.get(f"{LIST}/{made.id}").status_code == 200


def test_a_record_changed_meanwhile_is_looked_at_again_before_it_is_deleted(main: FlaskClient, made: Record) -> None:
    form = one(page(main.get(f"{LIST}/{made.id}/delete")), "form#typing")
    correct(main, made, notes="Wait")
    sent = {"reason": "Twice", "number": made.number}
    answer = main.post(str(form["action"]), data={**filled(form), **sent})
    assert answer.status_code == 409
    again = one(page(answer), "form#typing")
    assert main.post(str(again["action"]), data={**filled(again), **sent}).status_code == 303
