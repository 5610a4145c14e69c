"""Callers of the API, by what their tokens may do."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.support.api import ApiClient
from tests.support.seed import Seeded
from wizard.core.actors import Privilege
from wizard.services.bundle import Services


@pytest.fixture
def main(client: FlaskClient, services: Services) -> ApiClient:
    return ApiClient.made(client, services, Privilege.MAIN)


@pytest.fixture
def admin(client: FlaskClient, services: Services) -> ApiClient:
    return ApiClient.made(client, services, Privilege.ADMIN)


@pytest.fixture
def owner(client: FlaskClient, services: Services, app_seeded: Seeded) -> ApiClient:
    return ApiClient.made(client, services, Privilege.OWNER, member_number=app_seeded.accounts[0].number)
