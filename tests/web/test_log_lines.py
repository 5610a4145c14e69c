"""What production logs of an operation: one JSON object a line, with the ids that lead from one to the others."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from flask import Flask
from redis import Redis

from tests.support.applicant import Applicant
from tests.support.seed import Seeded
from wizard import logs


@pytest.fixture
def written(app: Flask) -> Iterator[StringIO]:
    """What the app's logs say, as in production."""
    assert app.testing
    root = logging.getLogger()
    handlers, level, said = root.handlers, root.level, StringIO()
    logs.configure(production=True, to=said)
    yield said
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(written: StringIO) -> list[dict[str, Any]]:
    """The lines since the last time."""
    said = written.getvalue()
    written.seek(0)
    written.truncate()
    return [json.loads(line) for line in said.splitlines()]


def test_an_operation_is_found_by_any_of_its_ids(app: Flask, app_seeded: Seeded, written: StringIO) -> None:
    assert app_seeded.accounts
    applicant = Applicant(app.test_client()).start()
    lines(written)
    answer = applicant.submit("identity", user_business_id="osot-0000001")
    said = lines(written)
    (staged,) = [line for line in said if line["event"] == "education.staged"]
    assert staged["request_id"] == answer.headers["X-Request-ID"]
    assert (staged["session_id"], staged["actor"]) == (applicant.session_id, "applicant")
    assert staged["operation_id"]
    (request,) = [line for line in said if line["event"] == "request" and line["method"] == "POST"]
    assert (request["request_id"], request["session_id"]) == (staged["request_id"], staged["session_id"])
    assert (request["actor"], request["status"]) == ("applicant", 303)


def test_whatever_is_logged_meanwhile_bears_the_operations_id(
    app: Flask, app_seeded: Seeded, redis_client: Redis, written: StringIO
) -> None:
    assert app_seeded.accounts
    applicant = Applicant(app.test_client()).start().answer("identity")
    lines(written)
    redis_client.config_set("maxmemory", 1)
    try:
        assert applicant.submit("education", degree_type="masters", university="mcmaster").status_code == 422
        values = {"degree_type": "masters", "university": "mcmaster", "country": "CA", "graduation_year": "2026"}
        assert applicant.submit("education", **values).status_code == 503
    finally:
        redis_client.config_set("maxmemory", 0)
    said = lines(written)
    (unavailable,) = [line for line in said if line["event"] == "redis.unavailable"]
    (failed,) = [line for line in said if line["event"] == "operation.failed"]
    assert unavailable["operation_id"] == failed["operation_id"]
    assert (failed["operation"], failed["reason"]) == ("update", "redis.unavailable")
    # An operation's id ends with it.
    assert "operation_id" not in said[-1]


def test_nobody_writes_a_line_of_their_own(app: Flask, written: StringIO) -> None:
    client, forged = app.test_client(), 'x\r\n{"event": "staff.signed_in", "actor": "staff:mia"}\u2028\x1b[2J'
    used = Applicant(client).token()
    lines(written)
    client.get(f"/resume/{quote(forged)}")
    client.get(f"/{quote(forged)}", query_string={"next": forged})
    client.post("/staff/sign-in", data={"csrf_token": used, "username": forged, "password": forged})
    said = lines(written)
    # Each line is one JSON object, and nobody has signed in.
    assert [line["event"] for line in said if line["event"] != "request"] == ["staff.sign_in_failed"]
    assert len(said) == 4
    assert "staff:mia" not in str(said)
