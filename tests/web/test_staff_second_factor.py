"""The second factor in the pages: setting it up, signing in with it, and everything before it is shown refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pyotp import TOTP
from werkzeug.test import TestResponse

from tests.support.databases import engine_of
from tests.support.desk import database_down, page, send, sign_in, staged, token
from tests.support.seed import PASSWORD, Seeded
from wizard import create_app
from wizard.config import Settings
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services
from wizard.storage.unit_of_work import SqlUnitsOfWork
from wizard.web import signing_in

DESK, MINE = "/staff/sessions", "/staff/my-sign-in"
CODE, SET_UP = "/staff/sign-in/code", "/staff/sign-in/set-up"
STEP = timedelta(seconds=30)
CREDENTIALS = {"username": "mia", "password": PASSWORD}
WAYS_IN_AND_OUT = frozenset({"staff.sign_in", "staff.sign_in_code", "staff.sign_out"})


def cookie(client: FlaskClient) -> str | None:
    found = client.get_cookie("wizard")
    return found.value if found else None


def key_on(response: TestResponse) -> str:
    """The key as the page has it; the picture beside it needs no style of its own."""
    drawn = page(response)
    picture = drawn.select_one(".app-key img")
    assert picture is not None
    assert str(picture["src"]).startswith("data:image/svg+xml")
    shown = drawn.select_one(".app-key .key")
    assert shown is not None
    return re.sub(r"\s", "", shown.get_text())


def codes_on(response: TestResponse) -> list[str]:
    return [each.get_text() for each in page(response).select(".recovery-codes li")]


class Shown:
    """What an app shows."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock

    def __call__(self, key: str) -> str:
        """The next code, that has not been used."""
        self.clock.instant += STEP
        return TOTP(key).at(self.clock.now())


@pytest.fixture
def shown(clock: FixedClock) -> Shown:
    return Shown(clock)


def enrol(client: FlaskClient, shown: Shown) -> tuple[str, list[str]]:
    """Set an app up as whoever is signed in; answers its key and the recovery codes."""
    begun = send(client, f"{MINE}/app/begin", of=MINE)
    assert begun.headers["Location"] == f"{MINE}/app"
    key = key_on(client.get(f"{MINE}/app"))
    answer = send(client, f"{MINE}/app", {"code": shown(key), "password": PASSWORD}, of=f"{MINE}/app")
    assert answer.status_code == 200, answer.text
    return key, codes_on(answer)


@pytest.fixture
def enrolled(client: FlaskClient, app_seeded: Seeded, shown: Shown) -> tuple[str, list[str]]:
    """Mia's app; she is signed out again."""
    sign_in(client, app_seeded.main)
    made = enrol(client, shown)
    send(client, "/staff/sign-out", of=DESK)
    return made


def half(client: FlaskClient, **more: str) -> TestResponse:
    return send(client, "/staff/sign-in", {**CREDENTIALS, **more})


# --- Signing in --------------------------------------------------------------------------------------------------


def test_the_code_comes_after_the_password(
    client: FlaskClient, enrolled: tuple[str, list[str]], shown: Shown, services: Services
) -> None:
    place = f"/staff/sessions/{staged(services)}"
    answer = half(client, next=place)
    assert answer.headers["Location"] == f"{CODE}?next={place}"
    drawn = page(client.get(answer.headers["Location"]))
    assert drawn.select_one("input#code[autocomplete=one-time-code][inputmode=numeric]") is not None
    before = cookie(client)
    answer = send(client, CODE, {"code": shown(enrolled[0]), "next": place}, of=CODE)
    assert (answer.status_code, answer.headers["Location"]) == (303, place)
    assert cookie(client) not in {None, before}
    assert "Mia Main" in client.get(DESK).text
    assert client.get(CODE).headers["Location"] == "/staff/"


@pytest.mark.usefixtures("enrolled")
def test_with_the_password_alone_a_browser_is_nobody(app: Flask, client: FlaskClient) -> None:
    assert half(client).status_code == 303
    used = token(client, CODE)
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("staff.") and rule.endpoint not in WAYS_IN_AND_OUT:
            with app.test_request_context():
                _, address = rule.build(dict.fromkeys(rule.arguments, "abc")) or ("", "")
            for method in (rule.methods or set()) & {"GET", "POST"}:
                answer = client.open(address, method=method, data={"csrf_token": used})
                assert answer.status_code == (401 if method == "POST" else 303), (method, address)
                assert method == "POST" or answer.headers["Location"].startswith("/staff/sign-in"), address


@pytest.mark.usefixtures("enrolled")
def test_the_password_waits_for_five_minutes(client: FlaskClient, clock: FixedClock) -> None:
    half(client)
    clock.instant += signing_in.HALF_AT_MOST - timedelta(seconds=1)
    assert client.get(CODE).status_code == 200
    used = token(client, CODE)
    clock.instant += timedelta(seconds=1)
    assert client.get(CODE).headers["Location"].startswith("/staff/sign-in?next=")
    assert client.post(CODE, data={"csrf_token": used, "code": "123456"}).status_code == 401


@pytest.mark.usefixtures("app_seeded")
def test_without_the_password_no_code_is_asked_for(client: FlaskClient) -> None:
    for place in (CODE, SET_UP):
        assert client.get(place).status_code == 303
        assert send(client, place, {"code": "123456"}).status_code == 401


def test_who_was_signed_in_is_so_no_more(client: FlaskClient, enrolled: tuple[str, list[str]], shown: Shown) -> None:
    half(client)
    send(client, CODE, {"code": shown(enrolled[0])}, of=CODE)
    used = token(client, DESK)
    client.post("/staff/sign-in", data={**CREDENTIALS, "csrf_token": used})
    assert client.get(DESK).status_code == 303


def test_a_wrong_code_is_refused_beside_the_field(client: FlaskClient, enrolled: tuple[str, list[str]]) -> None:
    half(client)
    for typed in ("000000", enrolled[1][0][:-1]):
        answer = send(client, CODE, {"code": typed}, of=CODE)
        assert answer.status_code == 422
        drawn = page(answer)
        assert drawn.select_one("#code-error") is not None
        assert typed not in answer.text
    assert "Enter the code." in send(client, CODE, {"code": " "}, of=CODE).text
    assert client.get(DESK).status_code == 303


def test_a_code_signs_in_once(app: Flask, client: FlaskClient, enrolled: tuple[str, list[str]], shown: Shown) -> None:
    code = shown(enrolled[0])
    other = app.test_client()
    for browser, status in ((client, 303), (other, 422)):
        half(browser)
        assert send(browser, CODE, {"code": code}, of=CODE).status_code == status


def test_a_recovery_code_signs_in_once(client: FlaskClient, enrolled: tuple[str, list[str]]) -> None:
    for status in (303, 422):
        half(client)
        place = f"{CODE}?recovery=1"
        assert "Enter a recovery code" in client.get(place).text
        answer = send(client, CODE, {"code": enrolled[1][3].upper(), "recovery": "1"}, of=place)
        assert answer.status_code == status
        assert (status == 422) == ("Check it, or enter another" in answer.text)
        if status == 303:
            assert "9" in client.get(MINE).text
            send(client, "/staff/sign-out", of=DESK)


def test_codes_are_tried_a_few_times_only(
    client: FlaskClient, enrolled: tuple[str, list[str]], settings: Settings, shown: Shown
) -> None:
    assert settings.limit_sign_in.startswith("10 per 15 minutes")
    half(client)
    used = token(client, CODE)
    statuses = [client.post(CODE, data={"csrf_token": used, "code": "000000"}).status_code for _ in range(60)]
    assert statuses[0] == 422
    assert statuses[-1] == 429
    assert client.post(CODE, data={"csrf_token": used, "code": shown(enrolled[0])}).status_code == 429
    assert client.get(DESK).status_code == 303


def test_no_secret_is_offered_again_while_the_database_is_down(
    app: Flask, client: FlaskClient, settings: Settings, enrolled: tuple[str, list[str]], shown: Shown
) -> None:
    half(client)
    used, code = token(client, CODE), shown(enrolled[0])
    with database_down(app, settings):
        answer = client.post(CODE, data={"csrf_token": used, "code": code})
        assert answer.status_code == 503
        assert code not in answer.text
    assert client.post(CODE, data={"csrf_token": used, "code": code}).status_code == 303


def test_a_half_signed_in_browser_can_finish(client: FlaskClient, enrolled: tuple[str, list[str]]) -> None:
    assert enrolled
    half(client)
    send(client, "/finish", {"choice": "clear"}, of=CODE)
    assert client.get(CODE).status_code == 303


# --- My sign-in --------------------------------------------------------------------------------------------------


def test_the_page_says_how_it_stands(client: FlaskClient, app_seeded: Seeded, shown: Shown) -> None:
    sign_in(client, app_seeded.main)
    assert "lets nobody in" in client.get(MINE).text
    _, codes = enrol(client, shown)
    assert len(codes) == 10
    text = page(client.get(MINE)).get_text(" ", strip=True)
    assert "Recovery codes left 10" in text
    # Shown once.
    assert not any(code in client.get(place).text for code in codes for place in (MINE, f"{MINE}/recovery-codes"))


def test_setting_up_says_what_is_wrong(client: FlaskClient, app_seeded: Seeded, shown: Shown) -> None:
    sign_in(client, app_seeded.main)
    assert client.get(f"{MINE}/app").headers["Location"] == MINE
    send(client, f"{MINE}/app/begin", of=MINE)
    place = f"{MINE}/app"
    key = key_on(client.get(place))
    assert page(send(client, place, of=place)).select_one("#code-error + *, #password-error") is not None
    assert "not the code" in send(client, place, {"code": "000000", "password": PASSWORD}, of=place).text
    answer = send(client, place, {"code": shown(key), "password": "wrong"}, of=place)
    assert page(answer).select_one("#password-error") is not None
    assert key_on(answer) == key
    assert "Set up an authenticator app" in client.get(MINE).text


def test_every_other_browser_is_signed_out(app: Flask, app_seeded: Seeded, shown: Shown) -> None:
    here, elsewhere = app.test_client(), app.test_client()
    for client in (here, elsewhere):
        sign_in(client, app_seeded.main)
    enrol(here, shown)
    assert here.get(DESK).status_code == 200
    assert elsewhere.get(DESK).status_code == 303


def test_new_recovery_codes_and_no_app_any_more(client: FlaskClient, app_seeded: Seeded, shown: Shown) -> None:
    sign_in(client, app_seeded.main)
    for place in ("recovery-codes", "app/remove"):
        assert client.get(f"{MINE}/{place}").headers["Location"] == MINE
    _, old = enrol(client, shown)
    place = f"{MINE}/recovery-codes"
    assert send(client, place, {"password": "wrong"}, of=place).status_code == 422
    new = codes_on(send(client, place, {"password": PASSWORD}, of=place))
    assert len(new) == 10
    assert not {*old} & {*new}
    place = f"{MINE}/app/remove"
    answer = send(client, place, {"password": PASSWORD}, of=place)
    assert answer.headers["Location"] == f"{MINE}?done=app_removed"
    assert "is removed" in client.get(answer.headers["Location"]).text
    send(client, "/staff/sign-out", of=DESK)
    sign_in(client, app_seeded.main)
    assert client.get(DESK).status_code == 200


def test_the_password_is_changed(client: FlaskClient, app_seeded: Seeded) -> None:
    sign_in(client, app_seeded.main)
    place, new = f"{MINE}/password", "another long password"
    assert send(client, place, {"password": PASSWORD, "new_password": "short"}, of=place).status_code == 422
    before = cookie(client)
    answer = send(client, place, {"password": PASSWORD, "new_password": new}, of=place)
    assert answer.headers["Location"] == f"{MINE}?done=password_changed"
    assert client.get(DESK).status_code == 200
    assert cookie(client) != before
    send(client, "/staff/sign-out", of=DESK)
    assert half(client).status_code == 422
    assert half(client, password=new).status_code == 303


def test_signing_out_everywhere(app: Flask, app_seeded: Seeded) -> None:
    here, elsewhere, colleague = app.test_client(), app.test_client(), app.test_client()
    for client in (here, elsewhere):
        sign_in(client, app_seeded.main)
    sign_in(colleague, app_seeded.admin)
    answer = send(here, f"{MINE}/sign-out-everywhere", of=MINE)
    assert answer.headers["Location"] == "/staff/sign-in"
    assert here.get(DESK).status_code == elsewhere.get(DESK).status_code == 303
    assert colleague.get(DESK).status_code == 200


def test_addresses_of_buttons_lead_back(client: FlaskClient, app_seeded: Seeded) -> None:
    sign_in(client, app_seeded.main)
    for place in ("app/begin", "sign-out-everywhere"):
        assert client.get(f"{MINE}/{place}").headers["Location"] == MINE
    assert client.get(MINE).status_code == 200


# --- Required ----------------------------------------------------------------------------------------------------


@pytest.fixture
def strict(app: Flask, settings: Settings, clock: FixedClock) -> Iterator[FlaskClient]:
    """A browser at the same site once the second factor is required."""
    made = create_app(settings.model_copy(update={"staff_totp_required": True}), clock=clock)
    made.testing = app.testing
    yield made.test_client()
    engine_of(made).dispose()


@pytest.mark.usefixtures("app_seeded")
def test_where_it_is_required_it_is_set_up_before_anything_else(strict: FlaskClient, shown: Shown) -> None:
    answer = half(strict, next=DESK)
    assert answer.headers["Location"] == f"{SET_UP}?next={DESK}"
    assert strict.get(DESK).status_code == 303
    key = key_on(strict.get(SET_UP))
    assert key_on(strict.get(SET_UP)) == key
    wrong = send(strict, SET_UP, {"code": "000000"}, of=SET_UP)
    assert (wrong.status_code, key_on(wrong)) == (422, key)
    assert strict.get(DESK).status_code == 303
    before = cookie(strict)
    done = send(strict, SET_UP, {"code": shown(key), "next": DESK}, of=SET_UP)
    assert (done.status_code, len(codes_on(done))) == (200, 10)
    assert cookie(strict) != before
    assert page(done).select_one(f"a.button[href='{DESK}']") is not None
    assert strict.get(DESK).status_code == 200
    assert "Remove the app" not in strict.get(MINE).text
    assert strict.get(f"{MINE}/app/remove").headers["Location"] == MINE


def test_who_came_in_without_it_has_to_come_again(
    client: FlaskClient, strict: FlaskClient, app_seeded: Seeded, app_units: SqlUnitsOfWork
) -> None:
    sign_in(client, app_seeded.main)
    value = cookie(client)
    assert value is not None
    strict.set_cookie("wizard", value)
    assert strict.get(DESK).status_code == 303
    with app_units.read() as unit:
        assert unit.second_factors.of(app_seeded.main.id) is None
