"""Whether the process lives, and whether what it needs answers."""

from __future__ import annotations

from threading import Event

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.desk import database_down
from tests.support.roundtrips import counted
from tests.support.valkey import Valkey
from wizard.config import Settings
from wizard.web import health


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow disk under the tests decides nothing."""
    monkeypatch.setattr(health, "PROBED_WITHIN", 30.0)


def test_the_process_lives_and_asks_nobody(app: Flask, client: FlaskClient) -> None:
    client.set_cookie("wizard", "some-session")
    with counted(app.extensions["wizard_stores"].redis) as trips:
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert trips.count == 0
    assert "Set-Cookie" not in answer.headers


@pytest.mark.usefixtures("unhurried")
def test_it_is_ready_when_both_answer(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "redis": "ok", "database": "ok"})
    assert "Set-Cookie" not in answer.headers


@pytest.mark.usefixtures("unhurried")
def test_it_is_not_ready_without_redis_and_lives_on(client: FlaskClient, valkey: Valkey) -> None:
    valkey.server.stop()
    try:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json) == (
            503,
            {"status": "unavailable", "redis": "unavailable", "database": "ok"},
        )
        assert client.get("/healthz").status_code == 200
    finally:
        valkey.server.start()
    assert client.get("/readyz").status_code == 200


@pytest.mark.usefixtures("unhurried")
def test_it_is_not_ready_without_the_database(app: Flask, client: FlaskClient, settings: Settings) -> None:
    with database_down(app, settings):
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (
        503,
        {"status": "unavailable", "redis": "ok", "database": "unavailable"},
    )
    assert client.get("/readyz").status_code == 200


def test_a_probe_that_hangs_is_not_waited_for(app: Flask, client: FlaskClient) -> None:
    released = Event()

    class Silent:
        def ping(self) -> None:
            released.wait(60)

    class Prompt:
        def ping(self) -> None:
            """Answer at once, as a database on a slow disk would not."""

    class Stores:
        registrations = Silent()
        units = Prompt()

    app.extensions["wizard_stores"] = Stores()
    try:
        answer = client.get("/readyz")
    finally:
        released.set()
    assert (answer.status_code, answer.json) == (
        503,
        {"status": "unavailable", "redis": "no answer", "database": "ok"},
    )
