"""Privileges, ids and states that somebody sends along: a form passes them over, a call of the API refuses them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.security.test_every_address import UNKNOWN
from tests.support.api import ApiClient
from tests.support.applicant import ANSWERS, Applicant, newest_code
from tests.support.seed import Seeded
from wizard.core.actors import Privilege
from wizard.core.records import Record
from wizard.services.bundle import Services
from wizard.storage.unit_of_work import SqlUnitsOfWork
from wizard.web.api import examples
from wizard.web.api.endpoints import ENDPOINTS, Endpoint

# What stands in records, registrations, accounts, staff and sessions, and is never anybody's to send.
MORE: Mapping[str, str] = {
    "privilege": "main",
    "staff": "00000000-0000-4000-8000-000000000002",
    "staff_epoch": "0",
    "actor": "staff:mia",
    "account_id": UNKNOWN,
    "proof": UNKNOWN,
    "session_id": UNKNOWN,
    "record_id": UNKNOWN,
    "id": UNKNOWN,
    "number": "osot-oted-0000042",
    "status": "workflow_completed",
    "category": "new_graduated",
    "determined_category": "new_graduated",
    "education_category": "new_graduated",
    "membership_expires": "2099-09-30",
    "verification_required": "",
    "verification_state": "verified",
    "persisted": "true",
    "progress": "persisted",
    "revision": "99",
    "created_by": "staff:mia",
    "channel": "bulk",
    "expires_at": "2099-01-01T00:00:00+00:00",
}


def registered(client: FlaskClient, units: SqlUnitsOfWork, more: dict[str, str]) -> Record:
    """The record of somebody who sends more with every step."""
    applicant, number = Applicant(client).start(), {"user_business_id": "osot-0000001"}
    for step, usual in ANSWERS.items():
        answers = {**usual, **(number if step == "identity" else {"graduation_year": "2020"})}
        assert applicant.submit(step, **{**more, **answers}).status_code == 303, step
    for tail in ("review", "category", "account"):
        assert applicant.send(tail, more).status_code == 303, tail
    assert applicant.send("account", {**more, "code": newest_code(units)}).status_code == 303
    assert applicant.send("confirm", {**more, "declaration": "y"}).status_code == 303
    with units.read() as unit:
        record = unit.records.by_session(applicant.session_id)
    assert record is not None
    return record


def test_no_form_takes_what_is_none_of_its_fields(
    app: Flask, app_units: SqlUnitsOfWork, app_seeded: Seeded, services: Services
) -> None:
    client = app.test_client()
    record = registered(client, app_units, dict(MORE))
    assert record.account_id == app_seeded.accounts[0].id
    assert record.number == "osot-oted-0000001"
    assert (record.category, record.created_by) == ("graduated", "applicant")
    assert client.get("/staff/").status_code == 303
    with app_units.read() as unit:
        assert {row.event.actor for row in unit.audit.history(record.session_id)} == {"applicant"}
    assert services.sign_in.member(app_seeded.main.id, app_seeded.main.epoch) == app_seeded.main


# --- The API -------------------------------------------------------------------------------------------------


def with_more(body: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    """A right body with one field more, in each of its objects."""
    places: list[tuple[str, ...]] = [()]
    places += [(name,) for name, value in body.items() if isinstance(value, dict)]
    for place in places:
        for name in ("privilege", "accountNumber", "status", "category", "version2", "__proto__", "_id", "createdBy"):
            changed = copy.deepcopy(body)
            inner = changed
            for step in place:
                inner = inner[step]
            inner[name] = "main"
            yield name, changed


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if each.takes_body], ids=lambda each: each.name)
def test_no_call_takes_a_field_that_is_none_of_its(client: FlaskClient, services: Services, endpoint: Endpoint) -> None:
    main = ApiClient.made(client, services, Privilege.MAIN)
    place = endpoint.rule.replace("<session_id>", UNKNOWN).replace("<record_id>", UNKNOWN)
    for name, body in with_more(examples.REQUESTS[endpoint.name]):
        answer = main.call(endpoint.method, place, body)
        assert answer.status_code == 422, (name, answer.json)
        assert name in str(answer.json["errors"]), answer.json


def test_a_token_may_no_more_than_it_was_given(client: FlaskClient, services: Services, app_seeded: Seeded) -> None:
    number = app_seeded.accounts[0].number
    owner = ApiClient.made(client, services, Privilege.OWNER, member_number=number)
    wishes = {"X-Privilege": "main", "X-Actor": "staff:mia", "X-Account-Id": UNKNOWN, "Cookie": "privilege=main"}
    assert owner.call("GET", "/ot-education/orchestrator/sessions", headers=wishes).status_code == 403
    assert owner.call("GET", "/ot-education/records?privilege=main", headers=wishes).status_code == 422
