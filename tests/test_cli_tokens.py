"""`wizard tokens`: a token is made for another system, seen, called with, and taken away."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from tests.conftest import SECRET_KEYS
from tests.support.api import ORCHESTRATOR, ApiClient, problem
from tests.support.desk import SYSTEM
from tests.support.valkey import Valkey
from wizard import cli, create_app
from wizard.commands import base
from wizard.config import Settings
from wizard.core.clock import FixedClock
from wizard.core.tokens import ApiToken
from wizard.services.accounts import NewAccount
from wizard.services.bundle import Services

SESSIONS, RECORDS = f"{ORCHESTRATOR}/sessions", "/ot-education/records"


@pytest.fixture
def site(
    app: Flask, settings: Settings, valkey: Valkey, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> Services:
    """A migrated site that commands find by their environment, at work."""
    assert redis_client.dbsize() == 0
    for name in [name for name in os.environ if name.startswith("WIZARD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WIZARD_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("WIZARD_REDIS_URL", valkey.url)
    monkeypatch.setenv("WIZARD_SECRET_KEYS", ",".join(SECRET_KEYS))
    services: Services = app.extensions["wizard"]
    return services


def told(*arguments: str, exits: int = 0) -> Result:
    result = CliRunner().invoke(cli.main, ["tokens", *arguments])
    assert result.exit_code == exits, (result.output, result.exception)
    return result


def created(*more: str, name: str = "membership", privilege: str = "main") -> str:
    """The secret: what is on the standard output, and nothing else is."""
    secret = told("create", "--name", name, "--privilege", privilege, *more).stdout
    assert secret.count("\n") == 1
    return secret.strip()


def only(services: Services) -> ApiToken:
    (token,) = services.tokens.all(SYSTEM)
    return token


def test_a_secret_goes_to_the_output_alone_and_opens_the_api(site: Services, client: FlaskClient) -> None:
    result = told("create", "--name", "membership", "--privilege", "main")
    secret = result.stdout.strip()
    assert result.stdout == f"{secret}\n"
    assert result.stderr == "The token, shown only now:\n"
    assert secret not in told("list").output
    assert secret not in str(only(site))
    assert ApiClient(client, secret).get(SESSIONS).status_code == 200


def test_tokens_are_listed_with_what_becomes_of_them(site: Services, client: FlaskClient) -> None:
    assert told("list").stdout == ""
    ApiClient(client, created()).get(RECORDS)
    created(name="old", privilege="admin")
    told("revoke", "old")
    rows = [line.split() for line in told("list").stdout.splitlines()]
    day = site.clock.now().date().isoformat()
    assert sorted(rows) == [
        ["membership", "main", "works", "used", day],
        ["old", "admin", "revoked", "never", "used"],
    ]


def test_a_token_works_to_the_end_of_its_last_day_in_toronto(
    site: Services, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = created("--expires", "2099-07-01")
    assert only(site).expires_at == datetime(2099, 7, 2, 4, tzinfo=UTC)
    clock = FixedClock(datetime(2099, 7, 2, 3, 59, 59, tzinfo=UTC))
    main = ApiClient(create_app(settings, clock=clock).test_client(), secret)
    assert main.get(RECORDS).status_code == 200
    clock.instant = datetime(2099, 7, 2, 4, tzinfo=UTC)
    problem(main.get(RECORDS), 401, "UNAUTHENTICATED")
    later = create_app(settings, clock=clock).extensions["wizard"]
    monkeypatch.setattr(base, "services", lambda: later)
    assert told("list").stdout.split()[:3] == ["membership", "main", "expired"]


def test_in_winter_the_day_ends_an_hour_later(site: Services) -> None:
    created("--expires", "2099-12-31")
    assert only(site).expires_at == datetime(2100, 1, 1, 5, tzinfo=UTC)


def test_an_owners_token_is_for_its_account_alone(site: Services, client: FlaskClient) -> None:
    account = site.accounts.add(SYSTEM, NewAccount("Ada", "ada@example.org"))
    secret = created("--account", account.number, privilege="owner")
    assert only(site).account_id == account.id
    problem(ApiClient(client, secret).get(SESSIONS), 403, "PERMISSION_DENIED")


def test_a_revoked_token_opens_nothing_and_may_be_revoked_again(site: Services, client: FlaskClient) -> None:
    main = ApiClient(client, created())
    for _ in range(2):
        assert told("revoke", "membership").stdout == "membership can no longer be called with.\n"
    problem(main.get(RECORDS), 401, "UNAUTHENTICATED")
    assert only(site).revoked_at is not None


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("arguments", "exits", "says"),
    [
        (("create", "--name", "x", "--privilege", "owner"), 1, "account"),
        (("create", "--name", "x", "--privilege", "owner", "--account", "osot-9999999"), 1, "account"),
        (("create", "--name", "x", "--privilege", "main", "--account", "osot-0000001"), 1, "account"),
        (("create", "--name", " ", "--privilege", "main"), 1, "name"),
        (("create", "--name", "x", "--privilege", "main", "--expires", "2020-01-01"), 1, "before"),
        (("create", "--name", "x", "--privilege", "main", "--expires", "soon"), 2, "“soon” is no day"),
        (("create", "--name", "x", "--privilege", "main", "--expires", "9999-12-31"), 2, "no day"),
        (("create", "--name", "x", "--privilege", "root"), 2, "root"),
        (("create", "--privilege", "main"), 2, "--name"),
        (("create", "--name", "x"), 2, "--privilege"),
        (("revoke", "nobody"), 1, "token"),
        (("revoke",), 2, "NAME"),
    ],
)
def test_what_cannot_be_done_is_said_and_exits_with_a_failure(
    arguments: tuple[str, ...], exits: int, says: str
) -> None:
    result = told(*arguments, exits=exits)
    assert says in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("site")
def test_a_name_is_given_once() -> None:
    created()
    again = told("create", "--name", "Membership", "--privilege", "admin", exits=1)
    assert again.stdout == ""


def test_help_is_there_for_each() -> None:
    for command in ("create", "list", "revoke"):
        assert "--help" in told(command, "--help").stdout


def test_the_digest_alone_is_kept(site: Services, tmp_path: Path) -> None:
    secret = created()
    assert only(site).digest
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("wizard.db*"))
    assert kept
    assert secret.encode() not in kept
