"""The fixtures that all tests share. Parts of the wizard are imported inside, so that each test needs only its own."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from wizard.config import Settings
from wizard.core.clock import FixedClock

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from redis import Redis
    from sqlalchemy.orm import Session, sessionmaker

    from tests.support.postgres import Postgres
    from tests.support.seed import Seeded
    from tests.support.valkey import Valkey
    from wizard.services.bundle import Services
    from wizard.storage.crypto import Cipher
    from wizard.storage.unit_of_work import SqlUnitsOfWork

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
SECRET_KEYS = (
    "tests-newest-0123456789-abcdefghijklmnopqrstuvwxyz",
    "tests-oldest-9876543210-zyxwvutsrqponmlkjihgfedcba",
)
PATIENCE = 8.0
MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, not a file of ours
ENOUGH_MEMORY = 2 << 30


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """Commands set up logs for a process of their own, which here has the next tests, too."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def pytest_configure() -> None:
    """Write to memory where there is room: a disk that is busy must not decide whether a test passes."""
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


# --- Redis ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A real server for the whole run."""
    from tests.support.valkey import running_valkey  # noqa: PLC0415

    with running_valkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


@pytest.fixture
def redis_client(valkey: Valkey) -> Redis:
    """A client of the server, emptied."""
    valkey.client.flushall()
    return valkey.client


# --- Settings ---------------------------------------------------------------------------------------------


@pytest.fixture
def settings(valkey: Valkey, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        redis_url=valkey.url,
        # On a busy machine an answer may take its time; what happens without one has tests of its own.
        redis_timeout=PATIENCE,
        patience=PATIENCE,
        # Tests read the audit trail as soon as they have an answer; what goes in behind it has tests of its own.
        audit_delay=0,
        database_url=f"sqlite:///{tmp_path / 'wizard.db'}",
        secret_keys=SECRET_KEYS,
    )


@pytest.fixture(scope="session")
def plain_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings that need no server, for what needs only keys or a database."""
    return Settings(data_dir=tmp_path_factory.mktemp("plain"), secret_keys=SECRET_KEYS, audit_delay=0)


@pytest.fixture
def cipher() -> Cipher:
    from wizard.storage.crypto import Cipher  # noqa: PLC0415

    return Cipher(SECRET_KEYS)


# --- Databases --------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, plain_settings: Settings) -> Path:
    """A migrated SQLite database to copy."""
    from tests.support.databases import migrate, sqlite_url  # noqa: PLC0415

    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(sqlite_url(path), plain_settings)
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real server for the whole run."""
    from tests.support.postgres import running_postgres  # noqa: PLC0415

    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres, plain_settings: Settings) -> str:
    """A migrated PostgreSQL database for the whole run; tests take it through `database_url`, which empties it."""
    from tests.support.databases import migrate  # noqa: PLC0415

    url = postgres.url(postgres.create())
    migrate(url, plain_settings)
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database with nothing in it, of each kind."""
    from tests.support.databases import copy_sqlite, empty  # noqa: PLC0415

    if request.param == "sqlite":
        yield copy_sqlite(request.getfixturevalue("sqlite_template"), tmp_path / "units.db")
        return
    url: str = request.getfixturevalue("postgres_url")
    yield url
    empty(url)


@pytest.fixture
def encrypting() -> bool:
    """Whether personal columns are encrypted; modules to which that matters have it both ways."""
    return False


@pytest.fixture
def sessions(database_url: str, plain_settings: Settings, encrypting: bool) -> Iterator[sessionmaker[Session]]:
    """Database sessions as the application makes them, on each kind of database."""
    from tests.support.databases import database_app, sessions_of  # noqa: PLC0415

    chosen = {"database_url": database_url, "encrypt_columns": encrypting}
    with database_app(plain_settings.model_copy(update=chosen)) as app:
        yield sessions_of(app)


@pytest.fixture
def units(sessions: sessionmaker[Session], cipher: Cipher, clock: FixedClock) -> SqlUnitsOfWork:
    """Transactions on an empty migrated database of each kind."""
    from wizard.storage.unit_of_work import SqlUnitsOfWork  # noqa: PLC0415

    return SqlUnitsOfWork(sessions, cipher, clock)


@pytest.fixture
def seeded(units: SqlUnitsOfWork) -> Seeded:
    """Accounts, staff and a membership year in `units`."""
    from tests.support.seed import seed_all  # noqa: PLC0415

    return seed_all(units)


# --- The application --------------------------------------------------------------------------------------


@pytest.fixture
def app(settings: Settings, clock: FixedClock, redis_client: Redis, sqlite_template: Path) -> Iterator[Flask]:
    """The whole application on an empty Redis and an empty migrated SQLite."""
    from tests.support.databases import copy_sqlite, engine_of, sessions_of  # noqa: PLC0415
    from tests.support.event_checks import departures  # noqa: PLC0415
    from wizard import create_app  # noqa: PLC0415

    assert redis_client.dbsize() == 0
    copy_sqlite(sqlite_template, settings.data_dir / "wizard.db")
    app = create_app(settings, clock=clock)
    app.testing = True
    yield app
    assert departures(sessions_of(app)) == [], "events that are not as wizard/core/event_schemas.py says"
    engine_of(app).dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def services(app: Flask) -> Services:
    bundle: Services = app.extensions["wizard"]
    return bundle


@pytest.fixture
def app_units(app: Flask, cipher: Cipher, clock: FixedClock) -> SqlUnitsOfWork:
    """Transactions on the application's own database."""
    from tests.support.databases import sessions_of  # noqa: PLC0415
    from wizard.storage.unit_of_work import SqlUnitsOfWork  # noqa: PLC0415

    return SqlUnitsOfWork(sessions_of(app), cipher, clock)


@pytest.fixture
def app_seeded(app_units: SqlUnitsOfWork) -> Seeded:
    """Accounts, staff and a membership year in the application's database."""
    from tests.support.seed import seed_all  # noqa: PLC0415

    return seed_all(app_units)
