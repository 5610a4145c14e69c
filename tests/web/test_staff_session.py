"""One registration at the desk: seeing it, helping, giving it time, ending it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.desk import SYSTEM, page, recorded, send, sign_in, staged
from tests.support.seed import Seeded
from wizard.config import Settings
from wizard.core.actors import Actor, Privilege
from wizard.core.clock import FixedClock
from wizard.core.events import EventName
from wizard.core.registration import Status
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call
from wizard.storage.unit_of_work import SqlUnitsOfWork

UNKNOWN = "0b6f8a52-6d0a-4a5e-9f0e-0d5a8f2f7c11"


@pytest.fixture
def desk(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.main)
    return client


def place(session_id: str) -> str:
    return f"/staff/sessions/{session_id}"


def press(client: FlaskClient, session_id: str, action: str) -> str:
    """Press a button of the registration's page; answers where it led."""
    answer = send(client, f"{place(session_id)}/{action}", of=place(session_id))
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_everything_is_shown(desk: FlaskClient, services: Services) -> None:
    session_id = staged(services, email="ada@example.org", graduation_year="2028", notes="<i>Note</i>")
    services.orchestrator.review(SYSTEM, session_id)
    answer = desk.get(place(session_id))
    text = page(answer).get_text(" ", strip=True)
    for shown in ("osot-0000001", "McMaster University", "Canada", "2028", "ada@example.org", "<i>Note</i>"):
        assert shown in text
    assert "Category decided" in text
    assert "24 hours" in text
    assert "Graduates after this year" in text
    checks = page(answer).select(".checks li")
    assert {str(check["class"][0]) for check in checks} >= {"passed", "warning"}


def test_a_registration_with_nothing_but_a_university(desk: FlaskClient, services: Services) -> None:
    nothing = dict.fromkeys(("user_business_id", "coto_status", "graduation_year"))
    text = page(desk.get(place(staged(services, **nothing)))).get_text(" ", strip=True)
    assert "Registration without a member number" in text
    assert "Not given" in text
    assert "have not been checked as a whole yet" in text


@pytest.mark.parametrize(
    ("flag", "says"), [("coto_registration.unique", "record has this COTO registration number"), ("other", "other")]
)
def test_what_needs_the_desk_says_why(app: Flask, desk: FlaskClient, services: Services, flag: str, says: str) -> None:
    session_id = staged(services)
    stored = services.orchestrator.get(SYSTEM, session_id).registration
    app.extensions["wizard_stores"].registrations.save(replace(stored, flag=flag), replacing=stored)
    shown = page(desk.get(place(session_id))).select_one("dd.flag")
    assert shown is not None
    assert says in shown.get_text()
    assert "Needs the desk" in page(desk.get("/staff/sessions")).get_text()


@pytest.mark.parametrize("session_id", [UNKNOWN, "nonsense", UNKNOWN.upper(), "00000000-0000-1000-8000-000000000000"])
def test_an_unknown_registration_is_not_there(desk: FlaskClient, session_id: str) -> None:
    assert desk.get(place(session_id)).status_code == 404
    assert desk.get(f"{place(session_id)}/cancel").status_code == 404
    for action in ("open", "extend", "cancel", "links", "links/abc/revoke"):
        assert send(desk, f"{place(session_id)}/{action}", of="/staff/sessions").status_code == 404


def test_an_expired_registration_says_so(
    desk: FlaskClient, services: Services, clock: FixedClock, settings: Settings, app_seeded: Seeded
) -> None:
    session_id = staged(services)
    clock.instant += settings.session_ttl
    sign_in(desk, app_seeded.main)
    assert desk.get(place(session_id)).status_code == 410


@pytest.mark.parametrize("action", ["open", "leave", "extend", "links", "links/abc/revoke"])
def test_the_address_of_a_button_shows_the_page_when_it_is_reloaded(
    desk: FlaskClient, services: Services, action: str
) -> None:
    session_id = staged(services)
    answer = desk.get(f"{place(session_id)}/{action}")
    assert (answer.status_code, answer.headers["Location"]) == (303, place(session_id))


# --- Helping ----------------------------------------------------------------------------------------------


def test_helping_leads_to_the_step_and_says_so_on_every_page(
    desk: FlaskClient, services: Services, app_units: SqlUnitsOfWork
) -> None:
    session_id = staged(services, coto_status=None)
    assert desk.get(f"/registrations/{session_id}/coto").status_code == 404
    answer = desk.get(press(desk, session_id, "open"), follow_redirects=True)
    assert answer.request.path == f"/registrations/{session_id}/coto"
    banner = page(answer).select_one(".helping")
    assert banner is not None
    assert "Mia Main" in banner.get_text()
    assert "everything but create" not in banner.get_text()
    with app_units.read() as unit:
        resumed = [row.event for row in unit.audit.history(session_id) if row.event.name is EventName.SESSION_RESUMED]
    assert [event.actor for event in resumed] == ["staff:mia"]


def test_what_staff_change_is_under_their_name(desk: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    press(desk, session_id, "open")
    step = f"/registrations/{session_id}/privacy"
    assert send(desk, step, {"access_modifier": "public", "version": "1"}, of=step).status_code == 303
    registration = services.orchestrator.get(SYSTEM, session_id).registration
    assert (registration.updated_by, registration.data.access_modifier) == ("staff:mia", "public")


def test_another_registration_is_not_opened_by_it(desk: FlaskClient, services: Services) -> None:
    helped, other = staged(services), staged(services, user_business_id="osot-0000002")
    press(desk, helped, "open")
    assert desk.get(f"/registrations/{other}/education").status_code == 404


def test_leaving_ends_it(desk: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    press(desk, session_id, "open")
    answer = desk.get(press(desk, session_id, "leave"))
    assert "no longer helping" in page(answer).get_text()
    assert desk.get(f"/registrations/{session_id}/education").status_code == 404


def test_an_applicant_sees_no_banner(client: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    with client.session_transaction() as session:
        session[f"registration:{session_id}"] = "2026-11-23T15:00:00+00:00"
    assert not page(client.get(f"/registrations/{session_id}/education")).select(".helping")


def test_help_without_a_sign_in_opens_nothing(client: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    with client.session_transaction() as session:
        session[f"helping:{session_id}"] = "1"
    assert client.get(f"/registrations/{session_id}/education").headers["Location"].startswith("/staff/sign-in")


def test_admin_reads_first_what_is_left_to_main(client: FlaskClient, app_seeded: Seeded, services: Services) -> None:
    session_id = staged(services)
    sign_in(client, app_seeded.admin)
    assert "but create the record" in page(client.get(place(session_id))).get_text()
    press(client, session_id, "open")
    banner = page(client.get(f"/registrations/{session_id}/education")).select_one(".helping")
    assert banner is not None
    assert "everything but create the record" in banner.get_text()
    sign_in(client, app_seeded.main)
    assert "but create the record" not in page(client.get(place(session_id))).get_text()


# --- Time and end -----------------------------------------------------------------------------------------


def test_more_time(desk: FlaskClient, services: Services, clock: FixedClock) -> None:
    session_id = staged(services)
    clock.instant += timedelta(minutes=30)
    answer = desk.get(press(desk, session_id, "extend"))
    assert "has more time" in page(answer).get_text()
    registration = services.orchestrator.get(SYSTEM, session_id).registration
    assert registration.expires_at == clock.instant + timedelta(hours=24)


def test_no_more_time_at_the_greatest_age_and_why(
    desk: FlaskClient, services: Services, clock: FixedClock, app_seeded: Seeded
) -> None:
    session_id = staged(services)
    services.orchestrator.prolong(SYSTEM, session_id)
    for _ in range(2):
        clock.instant += timedelta(days=9)
        services.orchestrator.extend(SYSTEM, session_id)
    clock.instant += timedelta(days=9)
    sign_in(desk, app_seeded.main)
    answer = send(desk, f"{place(session_id)}/extend", of=place(session_id))
    assert answer.status_code == 422
    alert = page(answer).select_one("[role=alert]")
    assert alert is not None
    assert "maximum age" in alert.get_text()


def test_cancelling_asks_first_and_erases(desk: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    assert "cannot be undone" in desk.get(f"{place(session_id)}/cancel").text
    assert services.orchestrator.get(SYSTEM, session_id).registration.status is Status.STAGED
    answer = desk.get(press(desk, session_id, "cancel"))
    assert "its answers are erased" in page(answer).get_text()
    registration = services.orchestrator.get(SYSTEM, session_id).registration
    assert (registration.status, registration.user_id) == (Status.CANCELLED, None)
    # What is over cannot be acted on, and says so.
    assert not page(desk.get(place(session_id))).select(".actions")
    assert send(desk, f"{place(session_id)}/extend", of="/staff/sessions").status_code == 422


def test_a_completed_registration_is_known_by_its_record(desk: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    press(desk, session_id, "open")
    for step in ("review", "account"):
        assert send(desk, f"/registrations/{session_id}/{step}").status_code == 303
    assert send(desk, f"/registrations/{session_id}/confirm", {"declaration": "y"}).status_code == 303
    number = "osot-oted-0000001"
    assert number in page(desk.get("/staff/sessions")).select_one("tbody th").get_text()  # type: ignore[union-attr]
    shown = page(desk.get(place(session_id)))
    assert shown.h1 is not None
    assert number in shown.h1.get_text()


def test_the_desk_reads_of_the_applicant_and_is_not_spoken_to_as_one(
    client: FlaskClient, app_seeded: Seeded, services: Services
) -> None:
    sign_in(client, app_seeded.admin)
    session_id = staged(services, university="other", other_details="Lund", country="SE", graduation_year="2028")
    services.orchestrator.review(SYSTEM, session_id)
    shown = page(client.get(f"/staff/sessions/{session_id}")).select_one("main")
    assert shown is not None
    text = shown.get_text(" ", strip=True)
    assert "Studied outside Canada" in text
    assert "Graduates after this year" in text
    assert "Name of the school" in text
    assert "Step Category" in text
    for applicants in ("Your category", "You studied", "You have not graduated", "your school", "Your school"):
        assert applicants not in text


def test_what_stops_a_registration_is_said_to_the_desk_of_the_applicant(
    client: FlaskClient, app_seeded: Seeded, services: Services
) -> None:
    sign_in(client, app_seeded.admin)
    session_id = staged(services, country="FR", coto_status="general", graduation_year="2099")
    services.orchestrator.validate(SYSTEM, session_id)
    shown = page(client.get(f"/staff/sessions/{session_id}")).select_one("main")
    assert shown is not None
    text = shown.get_text(" ", strip=True)
    assert "With the standing “General certificate” a COTO registration number is needed." in text
    # Of what failed then, the history knows which rule it was.
    assert "Failed: University and country fit together" in text
    for applicants in ("Enter your", "your standing", "above", "Choose one"):
        assert applicants not in text


def test_what_needs_the_desk_is_said_to_it(client: FlaskClient, app_seeded: Seeded, services: Services) -> None:
    recorded(services)
    sign_in(client, app_seeded.admin)
    session_id = staged(services)
    services.orchestrator.validate(Call(Actor.staff("ana", Privilege.ADMIN)), session_id)
    shown = page(client.get(f"/staff/sessions/{session_id}")).select_one("main")
    assert shown is not None
    text = shown.get_text(" ", strip=True)
    assert "A record has this member number already." in text
    assert "if it is yours" not in text


@pytest.mark.parametrize("session_id", ["zz", "0b6f7a52-9d8e-4c11-a3f5-3a9f6f1f2c77"])
def test_a_registration_that_is_not_there_is_said_to_the_desk(desk: FlaskClient, session_id: str) -> None:
    answer = desk.get(f"/staff/sessions/{session_id}")
    assert answer.status_code == 404
    shown = page(answer).select_one("main")
    assert shown is not None
    assert "There is no such registration" in shown.get_text()
    assert "browser" not in shown.get_text()
    assert shown.select_one("a[href='/staff/sessions']") is not None
    assert "Write to the registration desk" not in answer.text
