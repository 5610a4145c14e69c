"""Backups as docs/operations.md has them, made while people register, and brought back elsewhere: all is there."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import pytest
from flask import Flask
from sqlalchemy import make_url

from tests.conftest import PATIENCE, SECRET_KEYS
from tests.support.databases import copy_sqlite, engine_of, migrate, sessions_of, sqlite_url
from tests.support.desk import recorded, staged
from tests.support.postgres import running_postgres
from tests.support.valkey import Valkey, running_valkey
from tests.support.waiting import wait_for
from wizard import create_app
from wizard.config import Settings
from wizard.core.accounts import AccountStatus
from wizard.core.actors import Actor, Privilege
from wizard.core.clock import SystemClock
from wizard.core.records import Record
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call
from wizard.storage.crypto import Cipher
from wizard.storage.unit_of_work import SqlUnitsOfWork

MAIN = Call(Actor.staff("mia", Privilege.MAIN))


@dataclass
class Site:
    """The app on servers of its own."""

    app: Flask
    home: Path
    valkey: Valkey

    @property
    def services(self) -> Services:
        services: Services = self.app.extensions["wizard"]
        return services

    @property
    def units(self) -> SqlUnitsOfWork:
        return SqlUnitsOfWork(sessions_of(self.app), Cipher(SECRET_KEYS), SystemClock())

    def member(self) -> str:
        with self.units.write() as unit:
            account = unit.accounts.add(
                name="Vera", email="vera@example.org", status=AccountStatus.ACTIVE, language="en", number=None
            )
            unit.commit()
        return account.number


@contextmanager
def site_on(home: Path, url: str) -> Iterator[Site]:
    with running_valkey(home) as valkey:
        app = create_app(
            Settings(
                data_dir=home,
                redis_url=valkey.url,
                redis_timeout=PATIENCE,
                patience=PATIENCE,
                database_url=url,
                secret_keys=SECRET_KEYS,
                # One of the two has what is personal encrypted.
                encrypt_columns=url.startswith("postgresql"),
            )
        )
        yield Site(app, home, valkey)
        app.extensions["wizard_stores"].redis.close()
        engine_of(app).dispose()


@dataclass
class People:
    """They register one after the other, every other one leaving before the end."""

    site: Site
    over: Event = field(default_factory=Event)
    records: list[Record] = field(default_factory=list)
    under_way: list[str] = field(default_factory=list)

    @contextmanager
    def registering(self) -> Iterator[None]:
        thread = Thread(target=self._register)
        thread.start()
        try:
            yield
        finally:
            self.over.set()
            thread.join()

    def _register(self) -> None:
        while not self.over.is_set():
            self.under_way.append(staged(self.site.services, user_business_id=self.site.member(), notes="Kept"))
            self.records.append(recorded(self.site.services, user_business_id=self.site.member(), notes="Kept"))

    def wait_for_more(self) -> None:
        so_far = len(self.records)
        wait_for(lambda: len(self.records) > so_far + 3, what="people")


# --- As docs/operations.md has it -------------------------------------------------------------------------


def append_only_file(site: Site, to: Path) -> None:
    usual = site.valkey.client.config_get("auto-aof-rewrite-percentage")["auto-aof-rewrite-percentage"]
    site.valkey.client.config_set("auto-aof-rewrite-percentage", 0)
    shutil.copytree(site.home / "valkey" / "appendonlydir", to / "valkey" / "appendonlydir")
    site.valkey.client.config_set("auto-aof-rewrite-percentage", str(usual))


def vacuumed(url: str, to: Path) -> str:
    """Whole, beside whoever writes."""
    copy = to / "backup.db"
    connection = sqlite3.connect(str(make_url(url).database))
    try:
        connection.execute("VACUUM INTO ?", (str(copy),))
    finally:
        connection.close()
    return sqlite_url(copy)


Database = tuple[str, Callable[[str, Path], str]]


ON_POSTGRES = pytest.mark.postgres


@pytest.fixture(
    params=["VACUUM INTO", *(pytest.param(each, marks=ON_POSTGRES) for each in ("pg_basebackup", "pg_dump"))]
)
def database(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path, plain_settings: Settings
) -> Iterator[Database]:
    """A migrated database, and what backs it up and brings it back."""
    if request.param == "VACUUM INTO":
        yield copy_sqlite(sqlite_template, tmp_path / "wizard.db"), vacuumed
        return
    with ExitStack() as servers:
        server = servers.enter_context(running_postgres())
        name = server.create()
        migrate(server.url(name), plain_settings)

        def based(_url: str, _to: Path) -> str:
            return servers.enter_context(running_postgres(server.base_backup)).url(name)

        def dumped(_url: str, to: Path) -> str:
            server.dump(name, to / "wizard.dump")
            other = servers.enter_context(running_postgres())
            restored = other.create()
            other.restore(to / "wizard.dump", restored)
            return other.url(restored)

        yield server.url(name), based if request.param == "pg_basebackup" else dumped


def test_what_was_accepted_is_there_again(database: Database, tmp_path: Path) -> None:
    url, back_up = database
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    with ExitStack() as stack:
        site = stack.enter_context(site_on(tmp_path / "here", url))
        people = People(site)
        with people.registering():
            people.wait_for_more()
            # Redis first: whatever it says was completed has its record in the database that is backed up after it.
            records, under_way = list(people.records), list(people.under_way[:-1])
            append_only_file(site, elsewhere)
            people.wait_for_more()
            accepted = list(people.records)
            restored = back_up(url, elsewhere)
            people.wait_for_more()
        again = stack.enter_context(site_on(elsewhere, restored))
        assert_all_there(again, accepted)
        assert len(records) < len(accepted)
        for session_id in under_way:
            complete(again, session_id)
        # Whose record is there and whose registration is not, or not yet: nothing is made twice.
        for record in records:
            assert again.services.orchestrator.execute_workflow(MAIN, record.session_id).record == record
        assert_all_there(again, accepted)


def assert_all_there(site: Site, accepted: list[Record]) -> None:
    with site.units.read() as unit:
        assert [*unit.audit.verify()] == []
        for record in accepted:
            assert unit.records.by_session(record.session_id) == record
            names = [row.event.name.value for row in unit.audit.history(record.session_id)]
            assert names.count("education.created") == 1


def complete(site: Site, session_id: str) -> None:
    """From where it stood, with what it had."""
    orchestrator = site.services.orchestrator
    orchestrator.review(MAIN, session_id)
    orchestrator.link_account(MAIN, session_id)
    record = orchestrator.execute_workflow(MAIN, session_id).record
    assert record is not None
    assert record.data.notes == "Kept"
