"""Looking changes nothing: GET and HEAD of every address, by whoever may do everything (promise 4)."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from tests.support.api import SYSTEM
from tests.support.databases import engine_of
from tests.support.desk import own, recorded, sign_in, staged
from tests.support.seed import Seeded
from wizard.core.accounts import LinkKind
from wizard.core.actors import Actor, Privilege
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call
from wizard.services.tokens import NewToken
from wizard.storage.schema import Table

State = tuple[dict[str, list[str]], dict[object, object]]


def addresses(app: Flask, values: dict[str, list[str]]) -> list[str]:
    """Every address that can be looked at, with real ids in it."""
    found = []
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "static":
            continue
        choices: list[dict[str, str]] = [{}]
        for name in rule.arguments:
            choices = [{**chosen, name: value} for chosen in choices for value in values[name]]
        with app.test_request_context():
            found += [app.url_for(rule.endpoint, _method=None, _external=False, **chosen) for chosen in choices]
    return found


def state(app: Flask, redis: Redis) -> State:
    """All rows of the database, and all registrations in Redis."""
    with engine_of(app).connect() as connection:
        tables = Table.metadata.sorted_tables
        rows = {table.name: [tuple(row) for row in connection.execute(table.select())] for table in tables}
    documents: dict[object, object] = {key: redis.get(key) for key in redis.scan_iter("ot_education_session:*")}
    return {name: sorted(map(repr, found)) for name, found in rows.items()}, documents


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_changes_nothing(
    app: Flask, client: FlaskClient, services: Services, redis_client: Redis, app_seeded: Seeded, method: str
) -> None:
    session_id = staged(services, email="me@example.org")
    staff = Call(Actor.staff(app_seeded.main.username, app_seeded.main.privilege))
    tokens = [services.links.create(staff, session_id, kind=kind) for kind in LinkKind]
    sign_in(client, app_seeded.main)
    own(client, session_id)
    values = {
        "session_id": [session_id],
        "step": ["identity", "education", "coto", "privacy", "review", "category", "account", "confirm", "complete"],
        "token": tokens,
        "name": ["user_business_id"],
        "kind": ["code"],
        "language": ["fr"],
        "link_id": [services.links.of_session(staff, session_id)[0].id],
        "account_id": [app_seeded.accounts[2].id],
        "job_id": [services.bulk.load_values(staff, [{"user_business_id": "osot-0000001"}]).id],
        "record_id": [recorded(services, user_business_id="osot-0000005").id],
        "message_id": ["7c1d9e52-0b4a-4f3e-8d6c-5a9b1e2f3c40"],
    }
    values["bulk_id"] = values["job_id"]
    secret = services.tokens.create(SYSTEM, NewToken("looking", Privilege.MAIN))
    # The first use of a token is noted.
    services.tokens.authenticate(secret)
    headers = {"Authorization": f"Bearer {secret}"}
    before = state(app, redis_client)
    statuses = {
        address: client.open(address, method=method, headers=headers).status_code for address in addresses(app, values)
    }
    assert state(app, redis_client) == before
    assert all(status < 500 for status in statuses.values()), statuses


def test_head_of_a_page_is_its_head(client: FlaskClient) -> None:
    answer = client.head("/")
    assert (answer.status_code, answer.data) == (200, b"")
