"""What was copied from a browser, and what was planted in Redis: neither opens anything."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

import wizard
from tests.support.api import ApiClient
from tests.support.applicant import Applicant, unheard
from tests.support.desk import own, send, sign_in, staged, token
from tests.support.seed import Seeded
from tests.test_privileges import SINCE
from wizard.core.accounts import StaffMember
from wizard.core.actors import Privilege
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services
from wizard.services.ports.cookies import LEFT_FOR, MOST, REMEMBERED
from wizard.storage.unit_of_work import SqlUnitsOfWork

BOARD = "/staff/"
UNSAFE_MODULES = frozenset({"pickle", "cPickle", "marshal", "shelve", "dill", "jsonpickle", "yaml", "copyreg"})


def signed_in(client: FlaskClient, member: StaffMember) -> None:
    with client.session_transaction() as session:
        session.update(staff=member.id, staff_epoch=member.epoch, staff_since=SINCE)


def copied(app: Flask, client: FlaskClient) -> FlaskClient:
    """A browser with the cookie of another."""
    thief, cookie = app.test_client(), client.get_cookie("wizard")
    assert cookie is not None
    thief.set_cookie("wizard", cookie.value)
    return thief


@pytest.mark.parametrize("leaving", ["/staff/sign-out", "/staff/my-sign-in/sign-out-everywhere", "/finish"])
def test_a_stolen_cookie_opens_nothing_after_the_sign_in_has_ended(
    app: Flask, client: FlaskClient, app_seeded: Seeded, services: Services, leaving: str
) -> None:
    session_id = staged(services)
    signed_in(client, app_seeded.main)
    own(client, session_id)
    thief = copied(app, client)
    assert thief.get(BOARD).status_code == 200
    assert send(client, leaving, {"choice": "clear"}, of="/").status_code == 303
    for browser in (thief, client):
        assert browser.get(BOARD).headers["Location"].startswith("/staff/sign-in")
    if leaving == "/finish":
        assert thief.get(f"/registrations/{session_id}/education").status_code == 404


def test_a_stolen_cookie_opens_nothing_once_its_owner_may_do_more(
    app: Flask, client: FlaskClient, app_seeded: Seeded
) -> None:
    """Neither does one that an attacker made the browser use before: the id changes with what it opens."""
    send(client, "/language/fr", of="/")
    thief = copied(app, client)
    applicant = Applicant(client).start()
    assert thief.get(applicant.address("identity")).status_code == 404
    second = copied(app, client)
    values = {"username": app_seeded.main.username, "password": app_seeded.password}
    assert send(client, "/staff/sign-in", values).status_code == 303
    assert client.get(BOARD).status_code == 200
    for each in (thief, second):
        assert each.get(BOARD).status_code == 303


@pytest.mark.parametrize("asked_with", ["old", "new"])
@pytest.mark.usefixtures("app_seeded")
def test_finish_and_clear_ends_every_cookie_that_the_browser_ever_had(
    app: Flask, client: FlaskClient, app_units: SqlUnitsOfWork, asked_with: str
) -> None:
    """Also where it is asked for with the old one, for the answer with the new one came later or never."""
    applicant = Applicant(client).start().answer().decide()
    old = copied(app, client)
    applicant.prove(app_units)
    assert old.get(applicant.address("identity")).status_code == 200
    browser = {"old": old, "new": client}[asked_with]
    assert send(browser, "/finish", {"choice": "clear"}, of="/").status_code == 303
    for each in (old, client):
        assert each.get(applicant.address("identity")).status_code == 404


@pytest.mark.usefixtures("app_seeded")
def test_what_is_left_under_an_old_cookie_is_not_taken_along(
    app: Flask, client: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    applicant = Applicant(client).start().answer().decide()
    thief = copied(app, client)
    applicant.prove(app_units)
    clock.instant += REMEMBERED
    Applicant(thief).start().answer(user_business_id="osot-0000002").decide().prove(app_units)
    assert thief.get(applicant.address("identity")).status_code == 404


@pytest.mark.usefixtures("app_seeded")
def test_what_went_on_from_a_copy_ends_when_its_owner_goes_on(
    app: Flask, client: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    applicant = Applicant(client).start().answer().decide()
    thief = copied(app, client)
    Applicant(thief).start()
    assert thief.get(applicant.address("identity")).status_code == 200
    clock.instant += REMEMBERED
    applicant.prove(app_units)
    assert thief.get(applicant.address("identity")).status_code == 404
    assert applicant.declare().headers["Location"].endswith("/complete")


@pytest.mark.usefixtures("app_seeded")
def test_a_copy_that_is_over_ends_nothing(
    app: Flask, client: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    applicant = Applicant(client).start().answer().decide()
    thief = copied(app, client)
    applicant.prove(app_units)
    clock.instant += LEFT_FOR
    Applicant(thief).start()
    assert send(thief, "/finish", {"choice": "clear"}, of="/").status_code == 303
    assert client.get(applicant.address("confirm")).status_code == 200


@pytest.mark.parametrize("slow", ["start", "help"])
def test_a_sign_out_reaches_what_an_answer_on_its_way_would_go_on_with(
    app: Flask, client: FlaskClient, app_seeded: Seeded, services: Services, slow: str
) -> None:
    session_id = staged(services)
    sign_in(client, app_seeded.main)
    form = {"csrf_token": token(client, "/")}
    ahead = copied(app, client)
    address = {"start": "/registrations", "help": f"/staff/sessions/{session_id}/open"}[slow]
    assert ahead.post(address, data=form).status_code == 303
    assert client.post("/staff/sign-out", data=form).status_code == 303
    for each in (ahead, client):
        assert each.get(BOARD).headers["Location"].startswith("/staff/sign-in")


@pytest.mark.parametrize("slow", ["start", "sign in"])
def test_finish_reaches_what_an_answer_on_its_way_would_go_on_with(
    app: Flask, client: FlaskClient, app_seeded: Seeded, slow: str
) -> None:
    form = {"csrf_token": token(client, "/")}
    ahead = copied(app, client)
    if slow == "start":
        begun = ahead.post("/registrations", data=form).headers["Location"]
    else:
        begun = BOARD
        values = {"username": app_seeded.main.username, "password": app_seeded.password}
        assert ahead.post("/staff/sign-in", data={**form, **values}).status_code == 303
    assert ahead.get(begun).status_code == 200
    assert client.post("/finish", data={**form, "choice": "clear"}).status_code == 303
    assert ahead.get(begun).status_code != 200


@pytest.mark.parametrize("pressed", ["sign in", "sign out", "finish"])
def test_a_second_press_whose_first_answer_was_lost_is_answered_as_the_first(
    client: FlaskClient, app_seeded: Seeded, pressed: str
) -> None:
    values = {"username": app_seeded.main.username, "password": app_seeded.password}
    address, fields = {
        "sign in": ("/staff/sign-in", values),
        "sign out": ("/staff/sign-out", {}),
        "finish": ("/finish", {"choice": "clear"}),
    }[pressed]
    if pressed != "sign in":
        sign_in(client, app_seeded.main)
    form = {**fields, "csrf_token": token(client, "/")}
    with unheard(client):
        first = client.post(address, data=form)
    second = client.post(address, data=form)
    for answer in (first, second):
        assert (answer.status_code, answer.headers["Location"]) == (303, first.headers["Location"])
    signed_in = client.get(BOARD).status_code == 200
    assert signed_in == (pressed == "sign in")


@pytest.mark.usefixtures("app_seeded")
def test_however_often_a_copy_goes_on_its_owner_can_end_it(
    app: Flask, client: FlaskClient, app_units: SqlUnitsOfWork
) -> None:
    applicant = Applicant(client).start().answer().decide().prove(app_units)
    thief = copied(app, client)
    form = {"csrf_token": token(thief, "/")}
    statuses = {thief.post("/registrations", data=form).status_code for _ in range(MOST + 1)}
    assert statuses == {303, 429}
    assert client.get(applicant.address("confirm")).status_code == 200
    assert send(client, "/finish", {"choice": "clear"}, of="/").status_code == 303
    assert thief.get(applicant.address("confirm")).status_code == 404


def test_help_ends_with_the_sign_in_that_it_was_given_in(
    client: FlaskClient, app_seeded: Seeded, services: Services
) -> None:
    session_id = staged(services)
    sign_in(client, app_seeded.main)
    assert send(client, f"/staff/sessions/{session_id}/open", of=BOARD).status_code == 303
    assert client.get(f"/registrations/{session_id}/education").status_code == 200
    sign_in(client, app_seeded.admin)
    assert client.get(f"/registrations/{session_id}/education").status_code == 404


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_a_pickle_under_any_key_is_not_run(
    client: FlaskClient, app_seeded: Seeded, services: Services, redis_client: Redis, tmp_path: Path
) -> None:
    """Browsers' sessions, what was typed and not sent, registrations, answers kept for other systems."""
    main = ApiClient.made(client, services, Privilege.MAIN)
    main.post("/ot-education/orchestrator/stage", {}, Idempotency_Key="k1")
    signed_in(client, app_seeded.main)
    applicant = Applicant(client).start().answer("identity")
    switched = send(client, "/language/fr", {"next": applicant.address("education"), "degree_type": "masters"}, of="/")
    planted = set()
    for key in redis_client.scan_iter():
        if redis_client.type(key) == b"string" and b"_limit" not in key:
            redis_client.set(key, pickle.dumps(_Bomb(tmp_path / "exploded")))
            planted.add(key.partition(b":")[0])
    assert len(planted) >= 4, planted
    places = ("/", BOARD, "/staff/sessions", applicant.address("education"), switched.headers["Location"])
    statuses = [client.get(place).status_code for place in places]
    statuses.append(main.post("/ot-education/orchestrator/stage", {}, Idempotency_Key="k1").status_code)
    assert not (tmp_path / "exploded").exists()
    assert all(status < 500 for status in statuses), statuses


def test_nothing_of_ours_reads_what_could_run() -> None:
    root = Path(wizard.__file__).parent
    found = []
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [(path.name, name) for name in names if name.partition(".")[0] in UNSAFE_MODULES]
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}:
                found.append((path.name, node.func.id))
    assert found == []
