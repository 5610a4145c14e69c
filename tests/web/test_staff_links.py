"""Links to continue, made by the desk: shown once, mailed, revoked, and seen for what became of them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.desk import SYSTEM, page, send, sign_in, staged
from tests.support.seed import Seeded
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services
from wizard.storage.unit_of_work import SqlUnitsOfWork

LINK = re.compile(r"http://127\.0\.0\.1:8000/resume/([\w-]{43})")


@pytest.fixture
def desk(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.admin)
    return client


def make(client: FlaskClient, session_id: str, **values: str) -> TestResponse:
    place = f"/staff/sessions/{session_id}"
    return send(client, f"{place}/links", values, of=place)


def token_in(answer: TestResponse) -> str:
    shown = page(answer).select_one("input#new-link[readonly]")
    assert shown is not None
    found = LINK.fullmatch(str(shown["value"]))
    assert found is not None
    return found[1]


def states(client: FlaskClient, session_id: str) -> list[str]:
    rows = page(client.get(f"/staff/sessions/{session_id}")).select("table.links tbody tr")
    return [row.select("td")[1].get_text(strip=True) for row in rows]


def test_a_link_is_shown_once(desk: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    answer = make(desk, session_id, kind="applicant")
    assert answer.status_code == 200
    token = token_in(answer)
    assert token not in desk.get(f"/staff/sessions/{session_id}").text
    assert states(desk, session_id) == ["Issued"]


def test_it_opens_the_registration_in_another_browser(app: Flask, desk: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    token = token_in(make(desk, session_id, kind="applicant"))
    applicant = app.test_client()
    address = f"/resume/{token}"
    answer = send(applicant, address, {"user_business_id": "osot-0000001"}, of=address)
    assert answer.status_code == 303
    assert applicant.get(f"/registrations/{session_id}/education").status_code == 200
    assert states(desk, session_id) == ["Used"]


def test_a_link_for_staff_asks_to_sign_in(
    app: Flask, desk: FlaskClient, services: Services, app_seeded: Seeded
) -> None:
    session_id = staged(services)
    token = token_in(make(desk, session_id, kind="staff"))
    colleague = app.test_client()
    address = f"/resume/{token}"
    sign_in(colleague, app_seeded.main)
    assert send(colleague, address, of=address).status_code == 303
    answer = colleague.get(f"/registrations/{session_id}/education")
    assert page(answer).select_one(".helping") is not None


def test_a_link_lets_the_registration_live_longer(desk: FlaskClient, services: Services, clock: FixedClock) -> None:
    session_id = staged(services)
    make(desk, session_id, kind="applicant")
    registration = services.orchestrator.get(SYSTEM, session_id).registration
    assert registration.expires_at == clock.instant + timedelta(days=14)


def test_on_request_it_is_mailed_too(desk: FlaskClient, services: Services, app_units: SqlUnitsOfWork) -> None:
    session_id = staged(services, email="ada@example.org")
    token = token_in(make(desk, session_id, kind="applicant", send="1"))
    with app_units.write() as unit:
        (claimed,) = unit.outbox.claim(services.clock.now())
    assert (claimed.message.kind, claimed.message.recipient) == ("link", "ada@example.org")
    assert claimed.message.secret == {"token": token}


@pytest.mark.parametrize(("email", "values"), [("ada@example.org", {}), (None, {"send": "1"})])
def test_otherwise_it_is_not(
    desk: FlaskClient, services: Services, app_units: SqlUnitsOfWork, email: str | None, values: dict[str, str]
) -> None:
    make(desk, staged(services, email=email), kind="applicant", **values)
    with app_units.write() as unit:
        assert not unit.outbox.claim(services.clock.now())


def test_mailing_is_limited(desk: FlaskClient, services: Services) -> None:
    session_id = staged(services, email="ada@example.org")
    answers = [make(desk, session_id, kind="applicant", send="1").status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]


def test_a_revoked_link_opens_nothing(app: Flask, desk: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    token = token_in(make(desk, session_id, kind="applicant"))
    drawn = page(desk.get(f"/staff/sessions/{session_id}"))
    form = drawn.select_one("table.links form")
    assert form is not None
    answer = send(desk, str(form["action"]), of=f"/staff/sessions/{session_id}")
    assert answer.status_code == 303
    assert "The link is revoked" in desk.get(answer.headers["Location"]).text
    assert states(desk, session_id) == ["Revoked"]
    applicant = app.test_client()
    opened = send(applicant, f"/resume/{token}", {"user_business_id": "osot-0000001"})
    assert opened.status_code != 303
    assert applicant.get(f"/registrations/{session_id}/education").status_code == 404


def test_a_link_of_another_registration_is_not_revoked_by_this_one(desk: FlaskClient, services: Services) -> None:
    first, second = staged(services), staged(services, user_business_id="osot-0000002")
    make(desk, first, kind="applicant")
    form = page(desk.get(f"/staff/sessions/{first}")).select_one("table.links form")
    assert form is not None
    elsewhere = str(form["action"]).replace(first, second)
    assert send(desk, elsewhere, of=f"/staff/sessions/{first}").status_code == 404
    assert states(desk, first) == ["Issued"]


def test_the_five_newest_live(desk: FlaskClient, services: Services, clock: FixedClock) -> None:
    session_id = staged(services)
    for _ in range(6):
        clock.instant += timedelta(seconds=1)
        make(desk, session_id, kind="applicant")
    assert states(desk, session_id) == ["Issued"] * 5 + ["Revoked"]


def test_an_old_link_is_expired(desk: FlaskClient, services: Services, clock: FixedClock, app_seeded: Seeded) -> None:
    session_id = staged(services)
    make(desk, session_id, kind="applicant")
    clock.instant += timedelta(days=10)
    services.orchestrator.extend(SYSTEM, session_id)
    clock.instant += timedelta(days=5)
    sign_in(desk, app_seeded.main)
    assert states(desk, session_id) == ["Expired"]


def test_what_is_over_gets_no_link(desk: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    services.orchestrator.cancel(SYSTEM, session_id)
    answer = send(desk, f"/staff/sessions/{session_id}/links", {"kind": "applicant"}, of="/staff/sessions")
    assert answer.status_code == 422
    assert page(answer).select_one("[role=alert]") is not None


def test_it_is_copied_at_one_press_and_said_to_be_on_its_way(desk: FlaskClient, services: Services) -> None:
    session_id = staged(services, email="ada@example.org")
    mailed = page(make(desk, session_id, kind="applicant", send="1"))
    assert mailed.select_one(".new-link button[data-copy='new-link'][data-copied]") is not None
    assert "ada@example.org" in mailed.select_one(".new-link").get_text()  # type: ignore[union-attr]
    shown = page(make(desk, session_id, kind="applicant"))
    assert "ada@example.org" not in shown.select_one(".new-link").get_text()  # type: ignore[union-attr]
