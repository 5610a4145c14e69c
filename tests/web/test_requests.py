"""Request ids, the one log line a request has, and the proxies in front."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tests.support.desk import own, page, send, staged
from tests.support.seed import Seeded
from wizard.services.bundle import Services
from wizard.web.requests import HEADER


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    with capture_logs(processors=[merge_contextvars]) as lines:
        yield lines


def the_line(lines: list[EventDict]) -> EventDict:
    (line,) = [line for line in lines if line["event"] == "request"]
    return line


def test_a_request_gets_an_id_that_answer_and_log_share(client: FlaskClient, lines: list[EventDict]) -> None:
    answer = client.get("/healthz")
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers[HEADER])
    assert the_line(lines)["request_id"] == answer.headers[HEADER]


def test_an_id_from_a_proxy_is_taken_over(client: FlaskClient) -> None:
    assert client.get("/healthz", headers={HEADER: "edge-0123.abc_9"}).headers[HEADER] == "edge-0123.abc_9"


@pytest.mark.parametrize("sent", ["short", "x" * 65, "with a blank in it", 'quote"quote"', "ada@example.org"])
def test_an_id_that_is_no_plain_id_is_not(client: FlaskClient, sent: str) -> None:
    assert client.get("/healthz", headers={HEADER: sent}).headers[HEADER] != sent


def test_the_line_names_method_rule_status_and_duration(client: FlaskClient, lines: list[EventDict]) -> None:
    client.post("/healthz")
    client.get("/healthz")
    first, second = [line for line in lines if line["event"] == "request"]
    assert (first["method"], first["route"], first["status"]) == ("POST", "-", 405)
    assert (second["method"], second["route"], second["status"]) == ("GET", "/healthz", 200)
    assert isinstance(second["duration_ms"], int)


def test_the_line_names_registration_and_actor(client: FlaskClient, services: Services, lines: list[EventDict]) -> None:
    session_id = staged(services)
    own(client, session_id)
    lines.clear()
    client.get(f"/registrations/{session_id}/education")
    line = the_line(lines)
    assert (line["session_id"], line["actor"]) == (session_id, "applicant")


def test_the_next_request_inherits_nothing(client: FlaskClient, services: Services, lines: list[EventDict]) -> None:
    session_id = staged(services)
    own(client, session_id)
    client.get(f"/registrations/{session_id}/education")
    lines.clear()
    client.get("/healthz")
    assert {"session_id", "actor"}.isdisjoint(the_line(lines))


def test_a_failing_request_has_its_line(app: Flask, client: FlaskClient, lines: list[EventDict]) -> None:
    def fail() -> str:
        raise RuntimeError("boom")

    app.add_url_rule("/fail", view_func=fail)
    client.get("/fail")
    assert the_line(lines)["status"] == 500


def test_nothing_personal_is_in_the_lines(
    client: FlaskClient, app_seeded: Seeded, services: Services, lines: list[EventDict]
) -> None:
    session_id = staged(services, email="ada@example.org", coto_status="general", coto_registration="G2601234")
    own(client, session_id)
    token = "a-secret-token-in-the-address"
    client.get(f"/resume/{token}")
    client.get("/staff/sessions?status=staged&member_number=osot-0000001")
    client.get(f"/registrations/{session_id}/review")
    send(client, "/staff/sign-in", {"username": "mia", "password": "wrong password"})
    send(
        client, f"/registrations/{session_id}/identity", {"user_business_id": "osot-0000002", "email": "b@example.org"}
    )
    said = repr(lines).casefold()
    for personal in (
        *("ada@", "osot-0000001", "osot-0000002", "g2601234", "b@example.org", "example.org"),
        *("mia", "wrong password", token, app_seeded.password),
    ):
        assert personal.casefold() not in said


def test_one_proxy_is_believed_about_the_client_when_there_is_one(app: Flask) -> None:
    seen: list[tuple[str | None, str, str]] = []

    def look() -> str:
        seen.append((request.remote_addr, request.scheme, request.host))
        return ""

    app.add_url_rule("/look", view_func=look)
    forwarded = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    app.test_client().get("/look", headers=forwarded)
    assert seen == [("127.0.0.1", "http", "localhost")]


def test_a_host_that_is_not_ours_is_refused(client: FlaskClient, lines: list[EventDict]) -> None:
    answer = client.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    # Whoever sends many fills no log with failures of ours.
    assert [line["event"] for line in lines] == ["request"]
    assert "evil.example" not in answer.text
    assert page(answer).h1 is not None


def test_a_host_of_ours_may_have_a_port(client: FlaskClient) -> None:
    assert client.get("/healthz", headers={"Host": "127.0.0.1:8000"}).status_code == 200
