"""Signing in to the desk: who gets in, for how long, and where to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.desk import SYSTEM, own, page, send, sign_in, staged, token
from tests.support.seed import PASSWORD, Seeded
from wizard.core.clock import FixedClock
from wizard.core.events import EventName
from wizard.services.bundle import Services
from wizard.storage.unit_of_work import SqlUnitsOfWork
from wizard.web import access

BOARD = "/staff/"
DESK = "/staff/sessions"


def session_cookie(client: FlaskClient) -> str | None:
    cookie = client.get_cookie("wizard")
    return cookie.value if cookie else None


def test_the_page_asks_for_name_and_password(client: FlaskClient) -> None:
    drawn = page(client.get("/staff/sign-in"))
    assert drawn.select_one("input#username[autocomplete=username]") is not None
    assert drawn.select_one("input#password[type=password]") is not None


@pytest.mark.usefixtures("app_seeded")
def test_staff_get_in_with_a_new_cookie(client: FlaskClient) -> None:
    used = token(client)
    before = session_cookie(client)
    values = {"username": " MIA ", "password": PASSWORD, "csrf_token": used}
    answer = client.post("/staff/sign-in", data=values)
    assert (answer.status_code, answer.headers["Location"]) == (303, BOARD)
    after = session_cookie(client)
    assert before is not None
    assert after not in {None, before}
    assert client.get(DESK).status_code == 200
    assert "Mia Main" in client.get(DESK).text
    # The old cookie opens nothing, and the old token sends nothing.
    assert client.post("/staff/sign-out", data={"csrf_token": used}).status_code == 400
    client.set_cookie("wizard", before)
    assert client.get(DESK).status_code == 303


@pytest.mark.usefixtures("app_seeded")
@pytest.mark.parametrize(
    ("username", "password"),
    [("mia", "not this one"), ("nobody", PASSWORD), ("mia", PASSWORD + " "), ("ann@", PASSWORD)],
)
def test_whatever_is_wrong_the_answer_is_the_same(client: FlaskClient, username: str, password: str) -> None:
    answer = send(client, "/staff/sign-in", {"username": username, "password": password})
    assert answer.status_code == 422
    drawn = page(answer)
    assert "The user name or the password is not right" in drawn.get_text()
    assert drawn.select_one("[role=alert] a[href='#username']") is not None
    typed = drawn.select_one("#username")
    assert typed is not None
    assert typed["value"] == username
    assert password not in answer.text
    assert client.get(DESK).status_code == 303


def test_empty_fields_are_named(client: FlaskClient) -> None:
    drawn = page(send(client, "/staff/sign-in"))
    assert drawn.select_one("#username-error") is not None
    assert drawn.select_one("#password-error") is not None


def test_both_outcomes_are_in_the_audit_trail(
    client: FlaskClient, app_seeded: Seeded, app_units: SqlUnitsOfWork
) -> None:
    send(client, "/staff/sign-in", {"username": "mia", "password": "wrong"})
    sign_in(client, app_seeded.main)
    with app_units.read() as unit:
        rows = unit.audit.history(f"staff:{app_seeded.main.id}")
    assert [row.event.name for row in rows] == [EventName.STAFF_SIGN_IN_FAILED, EventName.STAFF_SIGNED_IN]
    assert all(row.event.request_id for row in rows)


@pytest.mark.usefixtures("app_seeded")
def test_the_way_goes_on_to_where_it_led(client: FlaskClient, services: Services) -> None:
    place = f"/staff/sessions/{staged(services)}"
    answer = client.get(place)
    assert answer.status_code == 303
    form = page(client.get(answer.headers["Location"])).select_one("input[name=next]")
    assert form is not None
    values = {"username": "mia", "password": PASSWORD, "next": str(form["value"])}
    assert send(client, "/staff/sign-in", values).headers["Location"] == place


@pytest.mark.usefixtures("app_seeded")
@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/x", "/\\evil.example", "javascript:x"])
def test_the_way_never_goes_elsewhere(client: FlaskClient, elsewhere: str) -> None:
    values = {"username": "mia", "password": PASSWORD, "next": elsewhere}
    assert send(client, "/staff/sign-in", values).headers["Location"] == BOARD
    assert client.get("/staff/sign-in", query_string={"next": elsewhere}).headers["Location"] == BOARD


def test_signing_out_ends_it_and_all_help(client: FlaskClient, app_seeded: Seeded, services: Services) -> None:
    helped, owned = staged(services), staged(services)
    sign_in(client, app_seeded.main)
    send(client, f"/staff/sessions/{helped}/open", of=DESK)
    own(client, owned)
    before = session_cookie(client)
    answer = send(client, "/staff/sign-out", of=DESK)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/staff/sign-in")
    assert session_cookie(client) != before
    assert client.get(DESK).status_code == 303
    assert client.get(f"/registrations/{helped}/education").status_code == 404
    assert client.get(f"/registrations/{owned}/education").status_code == 200


def test_signing_out_needs_a_button(client: FlaskClient, app_seeded: Seeded) -> None:
    sign_in(client, app_seeded.main)
    assert client.get("/staff/sign-out").status_code == 405
    assert client.get(DESK).status_code == 200


def test_who_leaves_the_desk_is_signed_out(client: FlaskClient, app_seeded: Seeded, clock: FixedClock) -> None:
    sign_in(client, app_seeded.main)
    clock.instant += access.IDLE_AT_MOST - timedelta(seconds=1)
    assert client.get(DESK).status_code == 200
    clock.instant += access.IDLE_AT_MOST - timedelta(seconds=1)
    assert client.get(DESK).status_code == 200
    clock.instant += access.IDLE_AT_MOST
    assert client.get(DESK).status_code == 303


def test_nobody_stays_signed_in_longer_than_a_working_day(
    client: FlaskClient, app_seeded: Seeded, clock: FixedClock
) -> None:
    sign_in(client, app_seeded.main)
    began, pause = clock.instant, timedelta(minutes=50)
    while clock.instant + pause < began + access.SIGNED_IN_AT_MOST:
        clock.instant += pause
        assert client.get(DESK).status_code == 200
    clock.instant = began + access.SIGNED_IN_AT_MOST
    assert client.get(DESK).status_code == 303


def test_disabled_staff_are_out_at_once(client: FlaskClient, app_seeded: Seeded, services: Services) -> None:
    sign_in(client, app_seeded.main)
    services.desk.disable(SYSTEM, "mia")
    assert client.get(DESK).status_code == 303


def test_a_form_sent_after_the_sign_in_ended_is_kept(
    client: FlaskClient, app_seeded: Seeded, services: Services, clock: FixedClock
) -> None:
    session_id = staged(services)
    sign_in(client, app_seeded.main)
    send(client, f"/staff/sessions/{session_id}/open", of=DESK)
    place = f"/registrations/{session_id}/privacy"
    typed = {"access_modifier": "private", "notes": "A long note", "version": "1", "csrf_token": token(client, place)}
    clock.instant += access.IDLE_AT_MOST
    answer = client.post(place, data=typed)
    assert answer.status_code == 401
    drawn = page(answer)
    assert "A long note" in drawn.get_text()
    assert drawn.select_one(f"a[href='/staff/sign-in?next={place}']") is not None
    assert drawn.select_one(f"form[action='{place}']") is not None


def test_every_address_of_the_desk_asks_to_sign_in(app: Flask, client: FlaskClient) -> None:
    values = {"session_id": "0b6f8a52-6d0a-4a5e-9f0e-0d5a8f2f7c11", "link_id": "abc", "account_id": "abc"}
    values["record_id"] = values["job_id"] = values["message_id"] = "abc"
    used = token(client)
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("staff.") or rule.endpoint in {"staff.sign_in", "staff.sign_out"}:
            continue
        with app.test_request_context():
            _, address = rule.build({name: values[name] for name in rule.arguments}) or ("", "")
        for method in (rule.methods or set()) - {"OPTIONS"}:
            answer = client.open(address, method=method, data={"csrf_token": used})
            assert answer.status_code == (401 if method == "POST" else 303), (method, address)
