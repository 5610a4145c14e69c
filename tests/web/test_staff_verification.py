"""The desk's verification queue: what waits, several accepted at once, one decided on, by both privileges."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from tests.support.applicant import filled, one, text
from tests.support.desk import ANSWERS, page, send, sign_in
from tests.support.outbox import waiting
from tests.support.seed import Seeded
from wizard.core.actors import Actor, Privilege
from wizard.core.clock import FixedClock
from wizard.core.records import Record
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call, Staging
from wizard.storage.unit_of_work import SqlUnitsOfWork

QUEUE = "/staff/verification"
MAIN = Call(Actor.staff("mia", Privilege.MAIN))


@pytest.fixture
def desk(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.admin)
    return client


@pytest.fixture
def records(services: Services, app_seeded: Seeded, clock: FixedClock) -> list[Record]:
    """Three records that wait, the oldest first."""
    found = []
    for number in (1, 2, 5):
        clock.instant += timedelta(minutes=1)
        found.append(made(services, app_seeded, number))
    return found


def made(services: Services, seeded: Seeded, number: int) -> Record:
    account = seeded.accounts[number - 1]
    abroad = {"university": "other", "other_details": "Lund", "country": "SE"}
    staging = Staging(data={**ANSWERS, **abroad, "user_business_id": account.number}, account_id=account.id)
    staged = services.orchestrator.stage(MAIN, staging).registration.session_id
    record = services.orchestrator.execute_workflow(MAIN, staged).record
    assert record is not None
    return record


def state(units: SqlUnitsOfWork, record: Record) -> str:
    with units.read() as unit:
        found = unit.records.get(record.id)
    assert found is not None
    return found.verification.state.value


def tokens(desk: FlaskClient) -> list[str]:
    return [str(box["value"]) for box in page(desk.get(QUEUE)).select("input[name=record]")]


def kinds(units: SqlUnitsOfWork) -> list[str]:
    return [mail.kind for mail in waiting(units) if mail.kind != "confirmation"]


def test_those_that_wait_are_listed_with_why(desk: FlaskClient, records: list[Record]) -> None:
    soup = page(desk.get(QUEUE))
    rows = soup.select("table tbody tr")
    assert len(rows) == len(records)
    for told in (records[0].number, "Ada Applicant", "Studied outside Canada", "Waits for the desk"):
        assert told in rows[0].text
    assert one(soup, ".masthead a[aria-current=page]")["href"] == QUEUE


def test_nothing_waits(desk: FlaskClient) -> None:
    assert "No record waits" in text(page(desk.get(QUEUE)), ".empty-state")


def test_those_ticked_are_accepted(desk: FlaskClient, records: list[Record], app_units: SqlUnitsOfWork) -> None:
    ticked = tokens(desk)[:2]
    answer = send(desk, QUEUE, {"record": ticked, "note": "Seen together."}, of=QUEUE)  # type: ignore[dict-item]
    assert answer.headers["Location"] == f"{QUEUE}?accepted=2"
    shown = page(desk.get(answer.headers["Location"]))
    assert "2 records are verified" in text(shown, "[role=status]")
    assert [state(app_units, record) for record in records] == ["verified", "verified", "waiting"]
    assert kinds(app_units) == ["verification_outcome"] * 2


def test_one_that_fails_is_named_and_costs_only_itself(
    desk: FlaskClient, records: list[Record], app_units: SqlUnitsOfWork
) -> None:
    ticked = tokens(desk)
    place = f"{QUEUE}/{records[1].id}"
    send(desk, place, {"outcome": "asked", "note": "Which city?", "version": "1"}, of=place)
    answer = send(desk, QUEUE, {"record": ticked, "note": ""}, of=QUEUE)  # type: ignore[dict-item]
    assert answer.status_code == 422
    soup = page(answer)
    told = one(soup, "#error-summary a")
    assert told["href"] == place
    assert f"Record {records[1].number} is not accepted. Somebody has changed it" in told.text
    assert "2 records are verified" in text(soup, "[role=status]")
    assert [state(app_units, record) for record in records] == ["verified", "asked", "verified"]


@pytest.mark.parametrize("ticked", [[], ["no such token"], ["a.b.c"]])
def test_nothing_ticked_accepts_nothing(
    desk: FlaskClient, records: list[Record], app_units: SqlUnitsOfWork, ticked: list[str]
) -> None:
    answer = send(desk, QUEUE, {"record": ticked, "note": "A note"}, of=QUEUE)  # type: ignore[dict-item]
    assert answer.status_code == 422
    assert one(page(answer), "#error-summary a")["href"] == "#record"
    assert "A note" in answer.text
    assert {state(app_units, record) for record in records} == {"waiting"}


def test_a_note_that_is_too_long_accepts_nothing(
    desk: FlaskClient, records: list[Record], app_units: SqlUnitsOfWork
) -> None:
    first = tokens(desk)[0]
    answer = send(desk, QUEUE, {"record": first, "note": "x" * 1001}, of=QUEUE)
    assert answer.status_code == 422
    soup = page(answer)
    assert one(soup, "#error-summary a")["href"] == "#note"
    assert [str(box["value"]) for box in soup.select("input[name=record][checked]")] == [first]
    assert state(app_units, records[0]) == "waiting"


def test_a_record_is_shown_with_all_that_the_desk_needs(desk: FlaskClient, records: list[Record]) -> None:
    soup = page(desk.get(str(page(desk.get(QUEUE)).select("tbody th a")[0]["href"])))
    for told in (records[0].number, "Lund", "Sweden", "ada@example.org", "Studied outside Canada", "New Graduate"):
        assert told in soup.text


@pytest.mark.parametrize(
    ("outcome", "kind", "told"),
    [
        ("verified", "verification_outcome", "The record is verified"),
        ("asked", "verification_question", "The question is on its way"),
        ("rejected", "verification_outcome", "The record is rejected"),
    ],
)
def test_a_record_is_decided(
    desk: FlaskClient, records: list[Record], app_units: SqlUnitsOfWork, outcome: str, kind: str, told: str
) -> None:
    place = f"{QUEUE}/{records[0].id}"
    form = filled(one(page(desk.get(place)), "form#typing"))
    answer = desk.post(place, data={**form, "outcome": outcome, "note": "Line one"})
    assert answer.headers["Location"] == f"{QUEUE}?done={outcome}"
    assert told in text(page(desk.get(answer.headers["Location"])), "[role=status]")
    assert state(app_units, records[0]) == outcome
    assert kinds(app_units) == [kind]
    assert "Line one" in desk.get(place).text, "in the record's history"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"note": "x"}, "outcome"),
        ({"outcome": "not_required", "note": "x"}, "outcome"),
        ({"outcome": "asked", "note": " "}, "note"),
        ({"outcome": "rejected", "note": "x" * 1001}, "note"),
    ],
)
def test_a_decision_needs_its_note(
    desk: FlaskClient, records: list[Record], app_units: SqlUnitsOfWork, values: dict[str, str], field: str
) -> None:
    place = f"{QUEUE}/{records[0].id}"
    answer = send(desk, place, {"version": "1", **values}, of=place)
    assert answer.status_code == 422
    assert one(page(answer), "#error-summary a")["href"] == f"#{field}"
    assert values["note"] in answer.text
    assert state(app_units, records[0]) == "waiting"


def test_what_somebody_else_has_changed_is_shown_first(
    desk: FlaskClient, records: list[Record], services: Services, app_units: SqlUnitsOfWork
) -> None:
    place = f"{QUEUE}/{records[0].id}"
    services.records.correct(MAIN, records[0].id, {"notes": "A colleague was here"}, version=1)
    answer = send(desk, place, {"version": "1", "outcome": "rejected", "note": "Half a note"}, of=place)
    assert answer.status_code == 409
    assert "Somebody has changed it" in text(page(answer), "#error-summary")
    assert "A colleague was here" in answer.text
    form = filled(one(page(answer), "form#typing"))
    assert form["note"] == "Half a note"
    assert desk.post(place, data={**form, "outcome": "rejected"}).status_code == 303
    assert state(app_units, records[0]) == "rejected"


def test_a_question_can_no_longer_be_asked_of_what_is_verified(desk: FlaskClient, records: list[Record]) -> None:
    place = f"{QUEUE}/{records[0].id}"
    assert send(desk, place, {"version": "1", "outcome": "verified"}, of=place).status_code == 303
    answer = send(desk, place, {"version": "2", "outcome": "asked", "note": "x"}, of=place)
    assert answer.status_code == 422
    assert "does not wait for such a decision" in text(page(answer), "#error-summary")


@pytest.mark.usefixtures("records")
def test_what_is_typed_crosses_a_change_of_language(desk: FlaskClient) -> None:
    ticked = tokens(desk)[1]
    moved = send(desk, "/language/fr", {"next": QUEUE, "record": ticked, "note": "Une note"}, of=QUEUE)
    soup = page(desk.get(moved.headers["Location"]))
    assert [str(box["value"]) for box in soup.select("input[name=record][checked]")] == [ticked]
    assert text(soup, "textarea") == "Une note"


def test_only_the_desk_sees_it(client: FlaskClient, records: list[Record], app_units: SqlUnitsOfWork) -> None:
    place = f"{QUEUE}/{records[0].id}"
    for address in (QUEUE, place):
        assert client.get(address).headers["Location"].startswith("/staff/sign-in")
    assert send(client, place, {"outcome": "verified", "version": "1"}).status_code == 401
    assert send(client, QUEUE, {"record": f"{records[0].id}.1.{records[0].number}"}).status_code == 401
    assert state(app_units, records[0]) == "waiting"


def test_a_record_that_there_is_not(desk: FlaskClient) -> None:
    assert desk.get(f"{QUEUE}/none").status_code == 404
    assert send(desk, f"{QUEUE}/none", {"outcome": "verified", "version": "1"}, of="/staff/accounts").status_code == 404
