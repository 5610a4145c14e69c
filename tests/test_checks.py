"""`wizard check`: every misconfiguration that could be thought of is found, and said with what to do about it.

What settings alone get wrong stops the start (tests/test_config.py); what stands around the site is here. The servers'
troubles are real where they can be made in a test, and otherwise told by what such a server says of itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jinja2 import FileSystemLoader
from redis import Redis, RedisCluster

from tests.conftest import NOW
from tests.support.cluster import running_cluster
from tests.support.databases import database_app
from tests.support.replica import running_pair
from tests.support.seed import Seeded
from tests.support.valkey import Valkey
from wizard.commands import checks_database, checks_redis, checks_site
from wizard.commands.checks import findings
from wizard.commands.findings import Finding, Verdict
from wizard.config import Settings
from wizard.services.ports.backlog import Queue, Queued
from wizard.services.ports.personal_columns import Standing
from wizard.storage.redis_client import connect

OK, WARNING, FAILED = Verdict.OK, Verdict.WARNING, Verdict.FAILED
SERVER: dict[str, Any] = {
    "redis_version": "7.2.4",
    "role": "master",
    "maxmemory": 0,
    "maxmemory_policy": "noeviction",
    "aof_enabled": 1,
    "connected_slaves": 0,
}
WITH_ONE: dict[str, Any] = {**SERVER, "connected_slaves": 1, "slave0": {"state": "online"}}
POSTGRESQL = {
    "server_version_num": "180001",
    "transaction_read_only": "off",
    "server_encoding": "UTF8",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "100",
    "owner": "false",
}


def said(found: Iterable[Finding], verdict: Verdict) -> str:
    return "\n".join(each.sentence for each in found if each.verdict is verdict)


def wrong(found: Iterable[Finding]) -> list[Finding]:
    return [each for each in found if each.verdict is not OK]


# --- Settings ---------------------------------------------------------------------------------------------


def test_settings_that_were_meant_have_nothing_said_of_them(plain_settings: Settings) -> None:
    assert list(checks_site.of_settings(plain_settings)) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"env": "production", "proxy_count": 0}, "WIZARD_PROXY_COUNT is 0"),
        ({"session_ttl": timedelta(minutes=29)}, "WIZARD_SESSION_TTL is shorter than half an hour"),
        ({"session_grace": timedelta(minutes=5)}, "WIZARD_SESSION_GRACE is shorter than an hour"),
        ({"patience": 5.0}, "pages may take longer than two seconds"),
        ({"redis_timeout": 5.0}, "pages may take longer than two seconds"),
        ({"coto_pattern": "[A-Z0-9]*"}, "WIZARD_COTO_PATTERN matches nothing at all"),
    ],
)
def test_settings_that_were_hardly_meant(plain_settings: Settings, changed: dict[str, object], told: str) -> None:
    (finding,) = checks_site.of_settings(plain_settings.model_copy(update=changed))
    assert finding.verdict is WARNING
    assert told in finding.sentence


# --- The machine ------------------------------------------------------------------------------------------


def test_a_data_directory_that_is_missing(plain_settings: Settings, tmp_path: Path) -> None:
    settings = plain_settings.model_copy(update={"data_dir": tmp_path / "none"})
    assert f"WIZARD_DATA_DIR: {tmp_path}/none cannot be written to" in said(checks_site.of_directory(settings), FAILED)


def test_a_data_directory_that_is_not_used_is_not_asked_for(plain_settings: Settings, tmp_path: Path) -> None:
    elsewhere = {"redis_url": "redis://r", "mail_url": "smtp://m", "database_url": "postgresql+psycopg://d/w"}
    settings = plain_settings.model_copy(update={"data_dir": tmp_path / "none", **elsewhere})
    assert list(checks_site.of_directory(settings)) == []


@pytest.mark.parametrize("name", ["secret-keys", "wizard.db"])
def test_what_others_could_read(plain_settings: Settings, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    settings = plain_settings.model_copy(update={"data_dir": tmp_path})
    (tmp_path / name).chmod(0o640)
    (finding,) = checks_site.of_directory(settings)
    assert f"{tmp_path / name} can be read by others on this machine: “chmod -R go= " in finding.sentence
    (tmp_path / name).chmod(0o600)
    assert list(checks_site.of_directory(settings)) == []


def test_a_machine_that_allows_too_little(tmp_path: Path) -> None:
    assert list(checks_site.of_machine(tmp_path, 4096)) == list(checks_site.of_machine(tmp_path, -1)) == []
    assert "Only 256 files and connections" in said(checks_site.of_machine(tmp_path, 256), WARNING)
    assert "set TMPDIR" in said(checks_site.of_machine(tmp_path / "none", 4096), FAILED)


def test_pages_and_what_they_load_are_there(app: Flask) -> None:
    assert wrong(checks_site.of_files(app, checks_site.CATALOGUES)) == []


def test_pages_files_and_languages_that_are_missing(app: Flask, tmp_path: Path) -> None:
    pages, environment = tmp_path / "templates", app.jinja_env
    pages.mkdir()
    (pages / "broken.html").write_text("{% if %}")
    app.extensions["wizard_static"] = {}
    environment.loader = FileSystemLoader(pages)
    told = said(checks_site.of_files(app, tmp_path), FAILED)
    assert "The pages (templates/) are missing" in told
    assert "The page broken.html cannot be read" in told
    assert "The file static/css/wizard.css is missing" in told
    assert "The language fr is missing" in told


@pytest.mark.parametrize(
    ("ahead", "verdict", "told"),
    [
        (timedelta(seconds=30), WARNING, "The clock of Redis is 30 seconds ahead of this machine's"),
        (timedelta(minutes=-3), FAILED, "The clock of Redis is 180 seconds behind this machine's"),
    ],
)
def test_clocks_that_do_not_agree(ahead: timedelta, verdict: Verdict, told: str) -> None:
    (finding,) = checks_site.of_clocks({"Redis": ahead, "the database": timedelta(seconds=1)})
    assert finding.verdict is verdict
    assert told in finding.sentence


# --- Redis ------------------------------------------------------------------------------------------------


def test_a_redis_as_it_should_be() -> None:
    assert list(checks_redis.of_server(SERVER)) == []
    assert wrong(checks_redis.of_keeping([SERVER])) == []


@pytest.mark.parametrize(
    ("changed", "verdict", "told"),
    [
        ({"redis_version": "6.2.14"}, FAILED, "Redis is too old (6.2.14): version 7.0 or newer"),
        ({"role": "slave"}, FAILED, "Redis is a replica, and takes no writes"),
        ({"maxmemory": 100, "used_memory": 95}, WARNING, "Redis is nearly full (95 % of maxmemory)"),
        ({"aof_last_write_status": "err"}, FAILED, "Redis cannot write its append-only file"),
        ({"rdb_last_bgsave_status": "err"}, WARNING, "Redis could not write its last snapshot"),
        ({"min_slaves_good_slaves": 0}, FAILED, "min-replicas-to-write is set and no replica keeps up"),
    ],
)
def test_a_server_of_redis_in_trouble(changed: dict[str, object], verdict: Verdict, told: str) -> None:
    (finding,) = checks_redis.of_server({**SERVER, **changed})
    assert finding.verdict is verdict
    assert told in finding.sentence


@pytest.mark.parametrize(
    ("servers", "url", "verdict", "told"),
    [
        ([SERVER], "redis://r", OK, "Redis has no replica"),
        ([SERVER], "redis+sentinel://s/wizard", WARNING, "has no replica, so that nothing can take its place"),
        (
            [WITH_ONE, SERVER],
            "redis+cluster://c",
            WARNING,
            "has no replica, so that nothing can take its place",
        ),
        (
            [{**SERVER, "connected_slaves": 1, "slave0": {"state": "wait_bgsave"}}],
            "redis://r",
            WARNING,
            "not up to date",
        ),
        ([{**SERVER, "connected_slaves": 1, "slave0": {"state": "online"}}], "redis://r", OK, "Replicas of Redis: 1."),
    ],
)
def test_replicas_of_redis(servers: list[checks_redis.Info], url: str, verdict: Verdict, told: str) -> None:
    (finding,) = checks_redis.of_replicas(servers, url)
    assert finding.verdict is verdict
    assert told in finding.sentence


def test_a_real_pair_and_one_that_is_the_replica(plain_settings: Settings, tmp_path: Path) -> None:
    with running_pair(tmp_path) as (primary, replica):
        assert "Replicas of Redis: 1." in said(_of(plain_settings, primary.url), OK)
        assert "Redis is a replica" in said(_of(plain_settings, replica.url), FAILED)


def test_a_cluster_of_which_a_part_is_missing(plain_settings: Settings, tmp_path: Path) -> None:
    with running_cluster(tmp_path) as cluster, connect(cluster.url, timeout=8) as client:
        assert isinstance(client, RedisCluster)
        first = client.get_primaries()[0]
        client.config_set("appendonly", "yes", target_nodes=first)
        settings = plain_settings.model_copy(update={"redis_url": cluster.url})
        found = list(checks_redis.redis_findings(client, settings))
        assert said(found, FAILED) == ""
        # One of the two does not.
        assert "Redis keeps no append-only file" in said(found, WARNING)
    assert "The Cluster is not whole (8192 of 16384 slots" in said(
        checks_redis.of_cluster({"cluster_state": "fail", "cluster_slots_ok": 8192}), FAILED
    )


def test_a_redis_that_others_use_as_well(plain_settings: Settings, valkey: Valkey, redis_client: Redis) -> None:
    redis_client.set("ot_ours", "x")
    assert "Something else keeps" not in said(_of(plain_settings, valkey.url), WARNING)
    redis_client.set("celery-task-1", "x")
    assert "Something else keeps 1 of the first 100 keys" in said(_of(plain_settings, valkey.url), WARNING)


def _of(settings: Settings, url: str) -> list[Finding]:
    with connect(url, timeout=8) as client:
        return list(checks_redis.redis_findings(client, settings.model_copy(update={"redis_url": url})))


# --- The database -----------------------------------------------------------------------------------------


def test_a_postgresql_as_it_should_be() -> None:
    assert list(checks_database.of_server(POSTGRESQL, production=True)) == []


@pytest.mark.parametrize(
    ("changed", "verdict", "told"),
    [
        ({"server_version_num": "130012"}, FAILED, "PostgreSQL is too old"),
        ({"transaction_read_only": "on"}, FAILED, "The database takes no writes"),
        ({"server_encoding": "SQL_ASCII"}, FAILED, "The database keeps SQL_ASCII"),
        ({"fsync": "off"}, FAILED, "(fsync is off): set it to on"),
        ({"full_page_writes": "off"}, FAILED, "(full_page_writes is off): set it to on"),
        ({"synchronous_commit": "off"}, FAILED, "(synchronous_commit is off): set it to on"),
        ({"max_connections": "20"}, WARNING, "PostgreSQL lets only 20 in (max_connections)"),
        ({"owner": "true"}, WARNING, "connect as a role that owns nothing"),
    ],
)
def test_a_postgresql_in_trouble(changed: dict[str, str], verdict: Verdict, told: str) -> None:
    (finding,) = checks_database.of_server({**POSTGRESQL, **changed}, production=True)
    assert finding.verdict is verdict
    assert told in finding.sentence


@pytest.mark.postgres
def test_what_is_asked_of_a_real_one(plain_settings: Settings, postgres_url: str) -> None:
    with database_app(plain_settings.model_copy(update={"database_url": postgres_url})) as app:
        server = checks_database._server(app)
    assert server.keys() == POSTGRESQL.keys()
    assert (server["server_encoding"], server["fsync"], server["owner"]) == ("UTF8", "off", "true")


@pytest.mark.parametrize(
    ("ends_on", "verdict", "told"),
    [
        (None, WARNING, "No membership year is set"),
        (date(2026, 11, 22), WARNING, "The membership year has ended (2026-11-22)"),
        (date(2026, 11, 23), OK, "The membership year runs to 2026-11-23."),
    ],
)
def test_the_membership_year(ends_on: date | None, verdict: Verdict, told: str) -> None:
    finding = checks_database.of_year(ends_on, NOW)
    assert finding.verdict is verdict
    assert told in finding.sentence


def test_somebody_of_the_desk_may_decide(app_seeded: Seeded) -> None:
    assert "“wizard staff add" in checks_database.of_staff([app_seeded.admin], by_provider=False).sentence
    assert checks_database.of_staff([app_seeded.admin, app_seeded.main], by_provider=False).verdict is OK
    assert checks_database.of_staff([], by_provider=True).verdict is OK


def test_a_worker_that_does_not_run() -> None:
    for queue, since, found in (
        (Queue.OUTBOX, timedelta(minutes=11), 1),
        (Queue.OUTBOX, timedelta(minutes=9), 0),
        (Queue.VERIFICATION, timedelta(days=9), 0),
    ):
        told = list(checks_database.of_backlog([Queued(queue, "code", 1, NOW - since)], NOW))
        assert len(told) == found
        assert all("see that a worker runs" in each.sentence for each in told)


def test_columns_that_are_not_as_the_setting_says() -> None:
    for encrypted, otherwise, lost, told in (
        (False, 0, 0, [(OK, "not encrypted (WIZARD_ENCRYPT_COLUMNS is off)")]),
        (True, 0, 0, [(OK, "encrypted with the newest key")]),
        (False, 2, 0, [(WARNING, "Still encrypted: accounts (2). Run “wizard keys rotate”.")]),
        (True, 2, 0, [(WARNING, "Not encrypted with the newest key, as WIZARD_ENCRYPT_COLUMNS asks: accounts (2).")]),
        (
            True,
            2,
            1,
            [(FAILED, "not among WIZARD_SECRET_KEYS: accounts (1). Put the key back"), (WARNING, "accounts (2)")],
        ),
    ):
        standing = [Standing("accounts", otherwise, lost), Standing("audit_values", 0, 0)]
        found = list(checks_database.of_columns(standing, encrypted=encrypted))
        assert [each.verdict for each in found] == [verdict for verdict, _ in told]
        assert all(part in each.sentence for each, (_, part) in zip(found, told, strict=True))


# --- All of it --------------------------------------------------------------------------------------------


def test_every_kind_of_check_is_made(app: Flask, app_seeded: Seeded, settings: Settings) -> None:
    assert app_seeded.accounts
    told = said(findings(app, settings), OK)
    for sentence in (
        "Pages and languages are there.",
        "The database is at the newest migration.",
        "The membership year runs to 2027-09-30.",
        "The personal columns of the database are not encrypted (WIZARD_ENCRYPT_COLUMNS is off).",
        "There is somebody at the desk with the privilege “main”.",
        "Redis never evicts.",
        "Mails are written to",
        "No other system is told of events.",
    ):
        assert sentence in told
