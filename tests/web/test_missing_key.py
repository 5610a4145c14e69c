"""A key that the database needs is missing: an answer that says so, keeps what was typed, and passes by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from tests.conftest import SECRET_KEYS
from tests.support.api import ORCHESTRATOR, ApiClient
from tests.support.applicant import Applicant, filled, one, text
from tests.support.databases import engine_of
from tests.support.desk import page, recorded, sign_in, staged
from tests.support.seed import Seeded
from wizard.config import Settings
from wizard.core.actors import Privilege
from wizard.core.records import Record
from wizard.services.bundle import Services
from wizard.storage.crypto import Cipher
from wizard.storage.sealed_columns import Seals, seal
from wizard.storage.unit_of_work import SqlUnitsOfWork

OTHER = "tests-newer-0123456789-abcdefghijklmnopqrstuvwxyz"
Without = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"encrypt_columns": True})


@pytest.fixture
def made(app_seeded: Seeded, services: Services) -> Record:
    assert app_seeded.accounts
    return recorded(services, user_business_id="osot-0000002", coto_status="general", coto_registration="AB12")


@pytest.fixture
def without_key(app: Flask) -> Without:
    """For a while the database is opened with another key alone."""

    @contextmanager
    def without() -> Iterator[None]:
        seal(engine_of(app), Seals(Cipher([OTHER]), on=True))
        try:
            yield
        finally:
            seal(engine_of(app), Seals(Cipher(SECRET_KEYS), on=True))

    return without


def test_a_correction_is_kept_on_the_page_and_sent_again(
    client: FlaskClient, app_seeded: Seeded, made: Record, without_key: Without, app_units: SqlUnitsOfWork
) -> None:
    sign_in(client, app_seeded.admin)
    place = f"/staff/records/{made.id}/correct"
    form = {**filled(one(page(client.get(place)), "main form")), "notes": "<b>Typed</b> with care"}
    with without_key(), capture_logs() as lines:
        answer = client.post(place, data=form)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "“wizard check” says for how much" in text(page(answer), "main")
    assert "<b>Typed</b> with care" in text(page(answer), "main dl.typed")
    assert [line["column"] for line in lines if line["event"] == "key.missing"]
    again = one(page(answer), "main form")
    assert client.post(str(again["action"]), data=filled(again)).status_code == 303
    with app_units.read() as unit:
        corrected = unit.records.get(made.id)
    assert corrected is not None
    assert corrected.data.notes == "<b>Typed</b> with care"


def test_an_applicant_is_told_and_submits_later(
    client: FlaskClient, app_seeded: Seeded, without_key: Without, app_units: SqlUnitsOfWork
) -> None:
    assert app_seeded.accounts
    applicant = Applicant(client).start().answer().decide().prove(app_units)
    with without_key():
        answer = applicant.declare()
        assert client.get(applicant.address("review")).status_code == 200
    assert answer.status_code == 503
    told = text(page(answer), "main")
    assert "nothing is lost" in told
    assert "wizard check" not in told
    assert applicant.declare().headers["Location"].endswith("/complete")


@pytest.mark.parametrize("address", ["/staff/records", "/staff/accounts"])
def test_a_list_says_so_and_is_there_again(
    client: FlaskClient, app_seeded: Seeded, made: Record, without_key: Without, address: str
) -> None:
    sign_in(client, app_seeded.admin)
    with without_key():
        assert client.get(address).status_code == 503
    assert str(made.data.user_business_id) in client.get(address).text


def test_another_system_has_the_code(
    app: Flask, services: Services, app_seeded: Seeded, made: Record, without_key: Without
) -> None:
    system = ApiClient.made(app.test_client(), services, Privilege.MAIN)
    session_id = staged(services)
    body = {"accountId": app_seeded.accounts[0].id}
    with without_key():
        answers = [
            system.get(f"/ot-education/records/{made.id}"),
            system.get("/ot-education/records"),
            system.post(f"{ORCHESTRATOR}/execute-workflow/{session_id}", body),
        ]
    for answer in answers:
        assert (answer.status_code, answer.json["code"]) == (503, "EXTERNAL_SERVICE_ERROR"), answer.json
        assert answer.headers["Retry-After"] == "60"
        assert "its key is missing" in answer.json["detail"]
    assert system.post(f"{ORCHESTRATOR}/execute-workflow/{session_id}", body).status_code == 200


def test_what_somebody_changed_is_a_failure_of_ours(
    client: FlaskClient, app_seeded: Seeded, made: Record, app: Flask
) -> None:
    """The key is there: waiting would not help."""
    with engine_of(app).begin() as connection:
        connection.exec_driver_sql("UPDATE education_records SET notes = (SELECT email FROM accounts LIMIT 1)")
    sign_in(client, app_seeded.admin)
    assert client.get(f"/staff/records/{made.id}").status_code == 500
