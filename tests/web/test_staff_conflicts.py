"""The desk's conflicts: listed, compared, decided by `main` with a reason."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.support.applicant import filled, one, text
from tests.support.desk import ANSWERS, page, send, sign_in, staged
from tests.support.outbox import waiting
from tests.support.seed import Seeded
from wizard.core.actors import Actor, Privilege
from wizard.core.records import Record
from wizard.core.registration import Registration, Status
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call, Staging
from wizard.storage.unit_of_work import SqlUnitsOfWork

LIST = "/staff/conflicts"
MAIN = Call(Actor.staff("mia", Privilege.MAIN))
GENERAL = {"coto_status": "general", "coto_registration": "G1234567"}


@pytest.fixture
def desk(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.main)
    return client


@pytest.fixture
def record(services: Services, app_seeded: Seeded) -> Record:
    return made(services, app_seeded, 1)


def made(services: Services, seeded: Seeded, number: int, **answers: str) -> Record:
    account = seeded.accounts[number - 1]
    given = {**ANSWERS, **answers, "user_business_id": account.number}
    staging = Staging(data=given, account_id=account.id)
    session_id = services.orchestrator.stage(MAIN, staging).registration.session_id
    found = services.orchestrator.execute_workflow(MAIN, session_id).record
    assert found is not None
    return found


def flagged(services: Services, **answers: str) -> str:
    """A registration of the first member that something is in the way of; its address."""
    session_id = staged(services, **answers)
    services.orchestrator.review(MAIN, session_id)
    return f"{LIST}/{session_id}"


def registration(services: Services, place: str) -> Registration:
    return services.orchestrator.get(MAIN, place.rpartition("/")[2]).registration


def stored(units: SqlUnitsOfWork, record: Record) -> Record | None:
    with units.read() as unit:
        return unit.records.get(record.id)


def outcomes(units: SqlUnitsOfWork) -> list[str]:
    return [mail.values["outcome"] for mail in waiting(units) if mail.kind == "conflict_outcome"]


def test_nothing_is_in_conflict(desk: FlaskClient) -> None:
    assert "No registration is in conflict" in text(page(desk.get(LIST)), ".empty-state")


@pytest.mark.usefixtures("record")
def test_conflicts_are_listed_with_why(desk: FlaskClient, services: Services) -> None:
    place = flagged(services)
    soup = page(desk.get(LIST))
    row = one(soup, "table tbody tr")
    assert one(row, "a")["href"] == place
    assert "A record has this member number already." in row.text
    assert one(soup, ".masthead a[aria-current=page]")["href"] == LIST


def test_both_stand_side_by_side_with_the_differences_marked(
    desk: FlaskClient, services: Services, record: Record
) -> None:
    soup = page(desk.get(flagged(services, university="queens", notes="A new answer")))
    rows = {one(row, "th").text.split(" differs")[0]: row for row in soup.select("table.compared tbody tr")}
    assert [cell.text for cell in rows["University"].select("td")] == ["McMaster University", "Queen’s University"]
    assert [cell.text for cell in rows["Notes for the desk"].select("td")] == ["Not given", "A new answer"]
    assert {name for name, row in rows.items() if row.select("th strong")} == {"University", "Notes for the desk"}
    assert "2 answers differ." in text(soup, "table.compared caption")
    assert soup.select(f"a[href='/staff/records/{record.id}']")


@pytest.mark.parametrize(
    ("outcome", "told", "status"),
    [
        ("kept", "The record is kept", Status.CANCELLED),
        ("replaced", "The record has the answers", Status.WORKFLOW_COMPLETED),
    ],
)
def test_a_conflict_is_decided(
    desk: FlaskClient,
    services: Services,
    record: Record,
    app_units: SqlUnitsOfWork,
    outcome: str,
    told: str,
    status: Status,
) -> None:
    place = flagged(services, university="queens")
    form = filled(one(page(desk.get(place)), "form#typing"))
    answer = desk.post(place, data={**form, "outcome": outcome, "reason": "One person."})
    assert answer.headers["Location"] == f"{LIST}?done={outcome}"
    assert told in text(page(desk.get(answer.headers["Location"])), "[role=status]")
    assert registration(services, place).status is status
    now = stored(app_units, record)
    assert now is not None
    assert now.data.university == ("queens" if outcome == "replaced" else "mcmaster")
    assert outcomes(app_units) == [outcome]
    assert desk.post(place, data={**form, "outcome": outcome, "reason": "One person."}).status_code in {303, 422}
    assert outcomes(app_units) == [outcome]
    assert desk.get(place).status_code == 303, "nothing is left to decide"


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"reason": "x"}, "outcome"),
        ({"outcome": "released", "reason": "x"}, "outcome"),
        ({"outcome": "kept", "reason": " "}, "reason"),
        ({"outcome": "replaced", "reason": "x" * 501}, "reason"),
    ],
)
def test_a_decision_needs_its_reason(desk: FlaskClient, services: Services, values: dict[str, str], field: str) -> None:
    place = flagged(services)
    answer = send(desk, place, {"version": "1", "record_version": "1", **values}, of=place)
    assert answer.status_code == 422
    assert one(page(answer), "#error-summary a")["href"] == f"#{field}"
    assert values["reason"] in answer.text
    assert registration(services, place).is_open


@pytest.mark.parametrize("stale", [{"version": "7"}, {"record_version": "7"}, {"record_version": "x"}])
def test_what_changed_since_it_was_seen_is_shown_first(
    desk: FlaskClient, services: Services, record: Record, app_units: SqlUnitsOfWork, stale: dict[str, str]
) -> None:
    place = flagged(services, university="queens")
    values = {"version": "1", "record_version": "1", "outcome": "replaced", "reason": "Half a reason", **stale}
    answer = send(desk, place, values, of=place)
    assert answer.status_code == 409
    assert "Somebody has changed it" in text(page(answer), "#error-summary")
    assert stored(app_units, record) == record
    form = filled(one(page(answer), "form#typing"))
    assert form["reason"] == "Half a reason"
    assert desk.post(place, data={**form, "outcome": "replaced"}).status_code == 303


def test_somebody_elses_record_can_be_opened_and_not_replaced(
    desk: FlaskClient, services: Services, app_seeded: Seeded, app_units: SqlUnitsOfWork
) -> None:
    other = made(services, app_seeded, 2, **GENERAL)
    place = flagged(services, **GENERAL)
    soup = page(desk.get(place))
    assert "Another member’s record has this COTO registration number." in text(soup, "dd.flag")
    assert soup.select(f"a[href='/staff/records/{other.id}']")
    assert [str(button["value"]) for button in soup.select("input[type=radio]")] == ["kept"]
    values = {"version": "1", "record_version": "1", "outcome": "replaced", "reason": "x"}
    assert send(desk, place, values, of=place).status_code == 422
    assert stored(app_units, other) == other


def test_the_rules_hold_for_what_replaces(desk: FlaskClient, services: Services, app_seeded: Seeded) -> None:
    made(services, app_seeded, 1)
    made(services, app_seeded, 2, **GENERAL)
    place = flagged(services, **GENERAL)
    soup = page(desk.get(place))
    assert "has it, too" in soup.text
    values = {"version": "1", "record_version": "1", "outcome": "replaced", "reason": "x"}
    answer = send(desk, place, values, of=place)
    assert answer.status_code == 422
    assert "COTO registration number already" in text(page(answer), "#error-summary")


def test_one_whose_way_is_free_is_taken_off_the_list(
    desk: FlaskClient, services: Services, app_seeded: Seeded, app_units: SqlUnitsOfWork
) -> None:
    other = made(services, app_seeded, 2, **GENERAL)
    place = flagged(services, **GENERAL)
    answer = send(desk, f"{place}/release", of=place)
    assert answer.status_code == 422
    assert "is in the way of this registration still" in text(page(answer), "#error-summary")
    services.records.correct(MAIN, other.id, {"coto_registration": "G7654321"}, version=1)
    form = one(page(desk.get(place)), "main .actions form")
    shown = desk.post(str(form["action"]), data=filled(form), follow_redirects=True)
    assert "off the list" in text(page(shown), "[role=status]")
    assert "No registration is in conflict" in shown.text
    assert outcomes(app_units) == ["released"]
    assert desk.get(f"{place}/release").headers["Location"] == LIST


def test_admin_is_told_first_and_does_not_decide(
    client: FlaskClient, services: Services, app_seeded: Seeded, record: Record, app_units: SqlUnitsOfWork
) -> None:
    sign_in(client, app_seeded.admin)
    place = flagged(services)
    assert "a colleague with the privilege “main” decides" in page(client.get(LIST)).text
    soup = page(client.get(place))
    assert "To keep or to replace takes a colleague" in text(soup, ".notice-info")
    assert soup.select("form#typing") == []
    for outcome in ("kept", "replaced"):
        values = {"version": "1", "record_version": "1", "outcome": outcome, "reason": "x"}
        assert send(client, place, values, of=place).status_code == 403
    assert registration(services, place).is_open
    assert stored(app_units, record) == record
    assert outcomes(app_units) == []


@pytest.mark.usefixtures("record")
def test_only_the_desk_sees_it(client: FlaskClient, services: Services) -> None:
    place = flagged(services)
    for address in (LIST, place):
        assert client.get(address).headers["Location"].startswith("/staff/sign-in")
    for address in (place, f"{place}/release"):
        assert send(client, address, {"outcome": "kept", "reason": "x", "version": "1"}).status_code == 401
    assert registration(services, place).is_open


@pytest.mark.parametrize("session_id", ["none", "0b6f8a52-6d0a-4a5e-9f0e-0d5a8f2f7c11"])
def test_a_registration_that_there_is_not(desk: FlaskClient, session_id: str) -> None:
    place = f"{LIST}/{session_id}"
    assert desk.get(place).status_code == 404
    for address in (place, f"{place}/release"):
        assert send(desk, address, {"outcome": "kept", "reason": "x"}, of=LIST).status_code == 404
