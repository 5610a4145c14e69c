"""Where names are encrypted, the desk's pages say that only whole words are found."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.support.applicant import one
from tests.support.desk import page, recorded, send, sign_in
from tests.support.seed import Seeded
from wizard.config import Settings
from wizard.services.bundle import Services


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    return settings.model_copy(update={"encrypt_columns": request.param})


def test_the_list_of_records_says_what_is_found(
    client: FlaskClient, services: Services, app_seeded: Seeded, settings: Settings
) -> None:
    record = recorded(services)
    sign_in(client, app_seeded.admin)
    assert ("whole words" in one(page(client.get("/staff/records")), "#text-hint").text) is settings.encrypt_columns
    assert record.number in send(client, "/staff/records", {"text": "applicant"}).text
    assert (record.number in send(client, "/staff/records", {"text": "applic"}).text) is not settings.encrypt_columns


def test_the_list_of_accounts_says_what_is_found(client: FlaskClient, app_seeded: Seeded, settings: Settings) -> None:
    sign_in(client, app_seeded.admin)
    label = one(page(client.get("/staff/accounts")), "label[for=sought]").text
    assert ("whole words" in label) is settings.encrypt_columns
    assert "Ada Applicant" in send(client, "/staff/accounts", {"sought": "ada"}).text
    assert ("Ada Applicant" in send(client, "/staff/accounts", {"sought": "ad"}).text) is not settings.encrypt_columns
