"""`wizard keys rotate`: encryption switched on, its key exchanged, switched off again; and what `wizard check` says."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner
from flask import Flask
from redis import Redis

from tests.conftest import SECRET_KEYS
from tests.support.desk import recorded
from tests.support.seed import Seeded
from tests.support.valkey import Valkey
from wizard import cli
from wizard.commands import base
from wizard.config import Settings
from wizard.services.bundle import Services

NEWER = "tests-newer-0123456789-abcdefghijklmnopqrstuvwxyz"
ENCRYPTED, PLAIN = "are encrypted with the newest key.", "are not encrypted"


@pytest.fixture
def environ(
    app: Flask,
    app_seeded: Seeded,
    services: Services,
    settings: Settings,
    valkey: Valkey,
    redis_client: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> pytest.MonkeyPatch:
    """The environment of a site with accounts and a record."""
    assert app.testing
    recorded(services, user_business_id=app_seeded.accounts[0].number, notes="A note")
    assert redis_client.dbsize() > 0
    for name in [name for name in os.environ if name.startswith("WIZARD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WIZARD_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("WIZARD_REDIS_URL", valkey.url)
    monkeypatch.setenv("WIZARD_SECRET_KEYS", ",".join(SECRET_KEYS))
    return monkeypatch


def said(*arguments: str, exits: int | None = 0) -> str:
    result = CliRunner().invoke(cli.main, arguments)
    assert exits is None or result.exit_code == exits, (result.output, result.exception)
    return result.output


def test_encryption_is_switched_on_its_key_exchanged_and_it_is_switched_off(environ: pytest.MonkeyPatch) -> None:
    listed = said("accounts", "list")
    assert "Ada Applicant" in listed
    assert PLAIN in said("check", exits=None)
    for setting, keys, wrong, right in (
        ("on", SECRET_KEYS, "Not encrypted with the newest key", ENCRYPTED),
        ("on", (NEWER, *SECRET_KEYS), "Not encrypted with the newest key", ENCRYPTED),
        ("off", (NEWER, *SECRET_KEYS), "Still encrypted", PLAIN),
    ):
        environ.setenv("WIZARD_ENCRYPT_COLUMNS", setting)
        environ.setenv("WIZARD_SECRET_KEYS", ",".join(keys))
        assert wrong in said("check", exits=None)
        told = said("keys", "rotate").splitlines()
        assert told[:2] == ["accounts: 5 rewritten.", "records: 1 rewritten."]
        assert right in said("check", exits=None)
        assert said("keys", "rotate").count(": 0 rewritten.") == 3
        assert said("accounts", "list") == listed
    assert said("audit", "verify") == "The audit trail is whole.\n"


def test_a_key_that_went_too_early_is_told_of(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("WIZARD_ENCRYPT_COLUMNS", "on")
    environ.setattr(base, "_a_person_watches", lambda: True)
    environ.setattr("click._termui_impl.isatty", lambda _stream: True)
    assert "100%" in said("keys", "rotate")
    environ.setenv("WIZARD_SECRET_KEYS", NEWER)
    assert "FAILED   Encrypted with a key that is not among WIZARD_SECRET_KEYS: accounts (5), records (1)" in said(
        "check", exits=1
    )
    assert "Left as they were: accounts (5), records (1)" in said("keys", "rotate", exits=1)
    assert "cannot be opened" in said("accounts", "list", exits=1)


def test_what_somebody_changed_is_told_of(environ: pytest.MonkeyPatch, settings: Settings) -> None:
    environ.setenv("WIZARD_ENCRYPT_COLUMNS", "on")
    said("keys", "rotate")
    with closing(sqlite3.connect(settings.data_dir / "wizard.db")) as database:
        database.execute("UPDATE accounts SET name = email")
        database.commit()
    assert "somebody changed it" in said("accounts", "list", exits=1)
