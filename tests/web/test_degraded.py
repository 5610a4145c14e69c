"""Redis or the database in every kind of trouble, and everybody who asks meanwhile: the whole table.

Whatever is asked has its answer within two seconds; one that cannot be given now is a 503 from which what was sent can
be sent again; readiness tells; and when the trouble has passed, the same process does all of it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from urllib.parse import quote, unquote, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Connection, NullPool, create_engine, make_url, text
from werkzeug.test import TestResponse

from tests.conftest import NOW, SECRET_KEYS
from tests.support.api import DATA, ORCHESTRATOR, ApiClient
from tests.support.applicant import ANSWERS, Applicant, filled, parsed
from tests.support.applicant import text as text_of
from tests.support.databases import engine_of, migrate, sessions_of
from tests.support.desk import sign_in, token
from tests.support.postgres import Postgres
from tests.support.proxy import Proxy, proxied
from tests.support.seed import seed_all
from tests.support.valkey import Valkey, running_valkey
from tests.support.waiting import wait_for
from wizard import create_app
from wizard.config import Settings
from wizard.core.accounts import AccountStatus
from wizard.core.actors import Privilege
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services
from wizard.storage.crypto import Cipher
from wizard.storage.schema import Table
from wizard.storage.unit_of_work import SqlUnitsOfWork

pytestmark = pytest.mark.postgres

WITHIN = 2.0
# Seconds for each answer: a page asks Redis once or twice, and the database at least four times.
SLOW_REDIS, SLOW_DATABASE = 0.45, 0.5
TYPED = {"university": "other", "other_details": "<b>École</b> & Cie"}


@dataclass
class Site:
    """The app as it runs in production, on a Valkey and a PostgreSQL behind proxies, with people at it."""

    app: Flask
    clock: FixedClock
    redis: Redis
    valkey: Valkey
    redis_proxy: Proxy
    database: Connection
    database_proxy: Proxy
    desk: FlaskClient
    system: ApiClient

    @property
    def services(self) -> Services:
        services: Services = self.app.extensions["wizard"]
        return services

    @property
    def units(self) -> SqlUnitsOfWork:
        return SqlUnitsOfWork(sessions_of(self.app), Cipher(SECRET_KEYS), self.clock)

    def member(self) -> str:
        """The number of somebody without a record."""
        with self.units.write() as unit:
            account = unit.accounts.add(
                name="Vera",
                email="vera@example.org",
                status=AccountStatus.ACTIVE,
                language="en",
                number=None,
            )
            unit.commit()
        return account.number


@pytest.fixture(scope="module")
def site(postgres: Postgres, plain_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("degraded")
    url = make_url(postgres.url(postgres.create()))
    migrate(url.render_as_string(hide_password=False), plain_settings)
    port = ".s.PGSQL.5432"
    # A socket's path has to be short.
    with (
        TemporaryDirectory(prefix="wizard-") as sockets,
        running_valkey(home) as valkey,
        proxied(Path(sockets) / "valkey", Path(unquote(urlsplit(valkey.url).path))) as redis_proxy,
        proxied(Path(sockets) / port, Path(postgres.socket_directory) / port) as database_proxy,
        create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as database,
    ):
        settings = Settings(
            data_dir=home,
            redis_url=f"unix://{quote(str(redis_proxy.path))}",
            database_url=url.set(query={"host": sockets}).render_as_string(hide_password=False),
            secret_keys=SECRET_KEYS,
            # What is written behind the answers would have connections of its own when a trouble takes all away.
            audit_delay=0,
        )
        clock = FixedClock(NOW)
        app = create_app(settings, clock=clock)
        units = SqlUnitsOfWork(sessions_of(app), Cipher(SECRET_KEYS), clock)
        seeded = seed_all(units)
        desk = app.test_client()
        sign_in(desk, seeded.main)
        system = ApiClient.made(app.test_client(), app.extensions["wizard"], Privilege.MAIN)
        yield Site(app, clock, valkey.client, valkey, redis_proxy, database, database_proxy, desk, system)
        engine_of(app).dispose()


# --- Trouble ----------------------------------------------------------------------------------------------

Trouble = Callable[[Site], AbstractContextManager[object]]


@contextmanager
def configured(site: Site, name: str, value: str, usual: str) -> Iterator[None]:
    site.redis.config_set(name, value)
    try:
        yield
    finally:
        site.redis.config_set(name, usual)


@contextmanager
def stopped(*processes: int) -> Iterator[None]:
    """They are there, and do nothing."""
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@contextmanager
def redis_down(site: Site) -> Iterator[None]:
    site.valkey.server.stop()
    try:
        yield
    finally:
        site.valkey.server.start()


def redis_slow(site: Site) -> AbstractContextManager[None]:
    return site.redis_proxy.slow(SLOW_REDIS)


def redis_hangs(site: Site) -> AbstractContextManager[None]:
    return stopped(int(site.redis.info("server")["process_id"]))


def redis_full(site: Site) -> AbstractContextManager[None]:
    return configured(site, "maxmemory", "1", "0")


def redis_without_replicas(site: Site) -> AbstractContextManager[None]:
    return configured(site, "min-replicas-to-write", "1", "0")


@contextmanager
def redis_read_only(site: Site) -> Iterator[None]:
    site.redis.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        site.redis.replicaof("NO", "ONE")


def database_down(site: Site) -> AbstractContextManager[None]:
    return site.database_proxy.away()


def database_slow(site: Site) -> AbstractContextManager[None]:
    return site.database_proxy.slow(SLOW_DATABASE)


@contextmanager
def database_hangs(site: Site) -> Iterator[None]:
    """The whole server: whoever is connected, and whoever would let others in."""
    here = site.database.scalar(text("SELECT pg_backend_pid()"))
    others = site.database.scalars(
        text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> :here"), {"here": here}
    ).all()
    data = site.database.scalar(text("SHOW data_directory"))
    server = int((Path(data) / "postmaster.pid").read_text().split()[0])
    with stopped(server, *others):
        yield


@contextmanager
def setting_of_database(site: Site, setting: str) -> Iterator[None]:
    """It holds for whoever connects from now on."""
    name = site.database.engine.url.database
    site.database.execute(text(f'ALTER DATABASE "{name}" SET {setting}'))
    engine_of(site.app).dispose()
    try:
        yield
    finally:
        site.database.execute(text(f'ALTER DATABASE "{name}" RESET ALL'))


@contextmanager
def database_read_only(site: Site) -> Iterator[None]:
    """As after a failover; connections that were made before notice, too."""
    with setting_of_database(site, "default_transaction_read_only = on"):
        yield
    engine_of(site.app).dispose()


@contextmanager
def database_full(site: Site) -> Iterator[None]:
    """The server answers every write as it does when its disk is full."""
    tables = [table.name for table in Table.metadata.sorted_tables]
    site.database.execute(
        text(
            "CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN RAISE EXCEPTION USING ERRCODE = ''disk_full''; END'"
        )
    )
    for table in tables:
        site.database.execute(
            text(
                f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION disk_full()"
            )
        )
    try:
        yield
    finally:
        site.database.execute(text("DROP FUNCTION disk_full() CASCADE"))


@contextmanager
def database_without_connections(site: Site) -> Iterator[None]:
    """No more connections are let in, not even ours."""
    name = site.database.engine.url.database
    engine_of(site.app).dispose()
    elsewhere = create_engine(site.database.engine.url.set(database="postgres"), poolclass=NullPool)
    with elsewhere.connect().execution_options(isolation_level="AUTOCOMMIT") as server:
        server.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'))
        try:
            yield
        finally:
            server.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))


# --- Who asks ---------------------------------------------------------------------------------------------


@dataclass
class Asked:
    """Everybody with what they are about to do, prepared while all was well."""

    site: Site
    typing: Applicant
    form: Mapping[str, str]
    submitting: Applicant
    declared: Mapping[str, str]
    staged: Mapping[str, object]
    note: Mapping[str, str]

    @classmethod
    def prepared(cls, site: Site) -> Asked:
        # The newest code is found by its time.
        site.clock.instant += timedelta(minutes=1)
        typing = Applicant(site.app.test_client()).start().answer("identity", user_business_id=site.member())
        form = typing.soup("education").select_one("main form[method=post]")
        assert form is not None
        submitting = Applicant(site.app.test_client()).start().answer(user_business_id=site.member())
        submitting.decide().prove(site.units)
        return cls(
            site=site,
            typing=typing,
            form={**filled(form), **ANSWERS["education"], **TYPED},
            submitting=submitting,
            declared={"csrf_token": submitting.token(), "declaration": "y"},
            staged=site.system.staged(userBusinessId=site.member()),
            note={"csrf_token": token(site.desk, "/staff/sessions"), "note": "Called <b>back</b>."},
        )

    def looks(self) -> TestResponse:
        return self.typing.client.get(self.typing.address("education"))

    def types(self) -> TestResponse:
        return self.typing.client.post(self.typing.address("education"), data=self.form)

    def submits(self) -> TestResponse:
        return self.submitting.client.post(self.submitting.address("confirm"), data=self.declared)

    def calls(self) -> TestResponse:
        return self.site.system.get(f"{ORCHESTRATOR}/session/{self.staged['sessionId']}").answer

    def sends(self) -> TestResponse:
        body = {"educationData": {**DATA, "notes": "new"}}
        return self.site.system.post(f"{ORCHESTRATOR}/stage", body, Idempotency_Key="a-key-of-this-test").answer

    def reads(self) -> TestResponse:
        return self.site.desk.get("/staff/records")

    def notes(self) -> TestResponse:
        return self.site.desk.post(f"/staff/sessions/{self.staged['sessionId']}/notes", data=self.note)

    def probes(self) -> TestResponse:
        return self.site.app.test_client().get("/readyz")


WELL: Mapping[str, int] = {
    "looks": 200,
    "types": 303,
    "submits": 303,
    "calls": 200,
    "sends": 201,
    "reads": 200,
    "notes": 303,
    "probes": 200,
}


def all_but(*people: str) -> Mapping[str, int]:
    """All are told to come back but for these."""
    return {each: status if each in people else 503 for each, status in WELL.items()}


# Reading needs Redis for the browser's session, whose life begins again; a data step needs no database.
TABLE: Mapping[Trouble, Mapping[str, int]] = {
    redis_down: all_but(),
    redis_slow: WELL,
    redis_hangs: all_but(),
    redis_full: all_but("looks", "reads", "notes"),
    redis_without_replicas: all_but(),
    redis_read_only: all_but(),
    database_down: all_but("looks", "types"),
    database_slow: WELL,
    database_hangs: all_but("looks", "types"),
    database_read_only: all_but("looks", "types", "calls", "sends", "reads"),
    # Nobody but who writes can know: readiness does not tell of this one.
    database_full: all_but("looks", "types", "calls", "sends", "reads", "probes"),
    database_without_connections: all_but("looks", "types"),
}


# There is no telling who is done in time.
SLOW = frozenset({redis_slow, database_slow})


@pytest.mark.parametrize("trouble", TABLE, ids=lambda trouble: trouble.__name__)
def test_everybody_has_an_answer_in_time_and_can_do_it_afterwards(site: Site, trouble: Trouble) -> None:
    asked = Asked.prepared(site)
    answers: dict[str, TestResponse] = {}
    with trouble(site):
        for person in WELL:
            began = monotonic()
            answers[person] = getattr(asked, person)()
            assert monotonic() - began < WITHIN, person
    statuses = {person: answer.status_code for person, answer in answers.items()}
    if trouble in SLOW:
        assert all(status in {WELL[person], 503} for person, status in statuses.items()), statuses
    else:
        assert statuses == TABLE[trouble]
    assert_shown(answers["types"], TYPED["other_details"])
    assert_shown(answers["notes"], asked.note["note"])
    assert all(answer.headers["Retry-After"] for person, answer in answers.items() if is_refused(person, answer))
    wait_for(lambda: asked.probes().status_code == 200, what="readiness")
    assert asked.looks().status_code == 200
    for person, client in (("types", asked.typing), ("submits", asked.submitting)):
        send_again(client.client, answers[person])
    send_again(site.desk, answers["notes"])
    assert asked.sends().status_code == 201
    assert_done_once(asked)


def assert_shown(answer: TestResponse, typed: str) -> None:
    """A page that says to come back shows what was typed, as text."""
    if answer.status_code == 503:
        assert typed in text_of(parsed(answer), "main")
        assert typed not in answer.text


def is_refused(person: str, answer: TestResponse) -> bool:
    return answer.status_code == 503 and person != "probes"


def send_again(client: FlaskClient, answer: TestResponse) -> None:
    """Press the button of the page that said so, with all that it kept."""
    if answer.status_code == 503:
        form = parsed(answer).select_one("main form")
        assert form is not None, answer.text
        again = client.post(str(form["action"]), data=filled(form))
        assert again.status_code == 303, again.text


def assert_done_once(asked: Asked) -> None:
    kept = filled(asked.typing.soup("education").select("main form[method=post]")[0])
    assert {name: kept[name] for name in TYPED} == TYPED
    session_id = asked.submitting.session_id
    with asked.site.units.read() as unit:
        record = unit.records.by_session(session_id)
        names = [row.event.name.value for row in unit.audit.history(session_id)]
        noted = [row.event.name.value for row in unit.audit.history(str(asked.staged["sessionId"]))]
    assert record is not None
    assert names.count("education.created") == names.count("workflow.completed") == 1
    assert noted.count("session.noted") == 1
    assert record.number in asked.submitting.soup("complete").text
