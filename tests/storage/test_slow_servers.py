"""Servers that are slow or hang: waited for as long as the request has patience, and not by everybody in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from urllib.parse import quote, unquote, urlsplit

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import TimeoutError  # noqa: A004
from sqlalchemy import make_url, text

from tests.support.cluster import running_cluster
from tests.support.databases import database_app, engine_of
from tests.support.postgres import Postgres
from tests.support.proxy import Proxy, proxied
from tests.support.valkey import Valkey
from tests.support.waiting import wait_for
from wizard.config import Settings
from wizard.core.errors import ExternalServiceError
from wizard.services.ports.patience import limited
from wizard.storage import database
from wizard.storage.breaker import TRIPS_AFTER
from wizard.storage.patient_redis import PatientBehindSentinel, PatientConnection, PatientPool, PatientTls
from wizard.storage.redis_client import connect

PORT = ".s.PGSQL.5432"
# Neither comes to an end within a test.
FOREVER = 1000.0


@pytest.fixture
def proxy(postgres: Postgres) -> Iterator[Proxy]:
    with (
        TemporaryDirectory(prefix="wizard-") as home,
        proxied(Path(home) / PORT, Path(postgres.socket_directory) / PORT) as proxy,
    ):
        yield proxy


@pytest.fixture
def app(proxy: Proxy, postgres: Postgres, plain_settings: Settings) -> Iterator[Flask]:
    url = make_url(postgres.url("postgres")).set(query={"host": str(proxy.path.parent)})
    with database_app(plain_settings.model_copy(update={"database_url": url.render_as_string()})) as app:
        yield app


def ask(app: Flask, *, patience: float) -> float:
    """How long it takes to be told that there is no answer."""
    began = monotonic()
    with limited(patience), pytest.raises(ExternalServiceError):
        database.ping(app)
    return monotonic() - began


@pytest.mark.postgres
def test_a_database_that_hangs_is_waited_for_as_long_as_there_is_patience(app: Flask, proxy: Proxy) -> None:
    database.ping(app)
    with proxy.slow(FOREVER):
        assert 0.2 <= ask(app, patience=0.2) < 1
        # The connection that hangs is given up, and so is the wait for another.
        assert ask(app, patience=0.2) < 1
    wait_for(lambda: answers(app), what="recovery", passing=(ExternalServiceError,))


@pytest.mark.postgres
def test_after_a_few_nobody_waits_until_it_answers_again(app: Flask, proxy: Proxy) -> None:
    with proxy.slow(FOREVER):
        for _ in range(TRIPS_AFTER):
            ask(app, patience=0.1)
        assert ask(app, patience=FOREVER) < 0.1
    wait_for(lambda: answers(app), what="recovery", passing=(ExternalServiceError,))


@pytest.mark.postgres
def test_several_waits_have_one_limit(app: Flask, proxy: Proxy) -> None:
    with engine_of(app).connect() as connection, proxy.slow(0.1):

        def ask_often() -> None:
            for _ in range(20):
                connection.execute(text("SELECT 1"))

        began = monotonic()
        with limited(0.35), pytest.raises(ExternalServiceError):
            ask_often()
        assert monotonic() - began < 1


@pytest.mark.postgres
def test_who_has_no_page_to_show_waits(app: Flask, proxy: Proxy) -> None:
    with engine_of(app).connect() as connection, proxy.slow(0.2):
        assert connection.scalar(text("SELECT 1")) == 1


@pytest.mark.postgres
def test_the_server_stops_what_nobody_waits_for_any_more(app: Flask) -> None:
    with engine_of(app).connect() as connection, limited(0.2), pytest.raises(ExternalServiceError):
        connection.execute(text("SELECT pg_sleep(1000)"))
    asleep = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")
    with engine_of(app).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        wait_for(lambda: connection.scalar(asleep) == 0, what="the end of what was asked", within=5)


def answers(app: Flask) -> bool:
    database.ping(app)
    return True


def test_several_waits_for_redis_have_one_limit(valkey: Valkey) -> None:
    with (
        TemporaryDirectory(prefix="wizard-") as home,
        proxied(Path(home) / "valkey", Path(unquote(urlsplit(valkey.url).path))) as proxy,
        connect(f"unix://{quote(str(proxy.path))}", timeout=FOREVER) as client,
    ):

        def ask_often() -> None:
            for _ in range(20):
                client.ping()

        client.ping()
        with proxy.slow(0.1):
            client.ping()
            began = monotonic()
            with limited(0.35), pytest.raises(TimeoutError):
                ask_often()
            assert monotonic() - began < 1


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://127.0.0.1", PatientConnection),
        ("rediss://127.0.0.1", PatientTls),
        ("redis+sentinel://127.0.0.1/main", PatientBehindSentinel),
    ],
)
def test_whatever_the_address_connections_know_patience(url: str, kind: type) -> None:
    with connect(url) as client:
        assert isinstance(client, Redis)
        assert client.connection_pool.connection_class is kind


def test_the_nodes_of_a_cluster_as_well(tmp_path: Path) -> None:
    with running_cluster(tmp_path) as cluster, connect(cluster.url, timeout=8) as client:
        client.set("key", "value")
        (pool,) = {type(node.redis_connection.connection_pool) for node in client.get_primaries()}
        assert pool is PatientPool
        with limited(5):
            assert client.get("key") == b"value"
