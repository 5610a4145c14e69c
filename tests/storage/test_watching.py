"""What Redis and the database are asked is told by command and outcome, and never with a value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis, RedisCluster
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import ResponseError
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import IntegrityError

from tests.support.cluster import running_cluster
from tests.support.databases import database_app, engine_of
from wizard.config import Settings
from wizard.core.errors import ExternalServiceError, RuleViolated
from wizard.core.steps import Step
from wizard.services.ports.watching import UNWATCHED, Doing, Watch, Work
from wizard.storage import sqlite
from wizard.storage.redis_client import connect
from wizard.storage.watching import watch_statements


@dataclass
class Witness:
    """Sees everything; what is done within what shows by the order."""

    seen: list[Doing] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    steps: list[tuple[Step, timedelta]] = field(default_factory=list)

    @contextmanager
    def during(self, doing: Doing) -> Iterator[None]:
        self.begun.append(doing.name)
        try:
            yield
        finally:
            self.seen.append(replace(doing))

    def stepped(self, step: Step, took: timedelta) -> None:
        self.steps.append((step, took))

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(doing.name, doing.outcome) for doing in self.seen]


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def watch(witness: Witness) -> Watch:
    return Watch((witness,))


# Whoever watches


def test_each_hears_of_what_was_done_and_what_came_of_it(witness: Witness) -> None:
    other = Witness()
    both = Watch((witness, other))
    with both.during(Work.OPERATION, "validate"), both.during(Work.DATABASE, "SELECT", "SELECT 1") as inner:
        inner.outcome = "refused"
    with pytest.raises(RuleViolated), both.during(Work.OPERATION, "create"):
        raise RuleViolated("no")
    with pytest.raises(ZeroDivisionError), both.during(Work.OPERATION, "extend"):
        raise ZeroDivisionError
    with pytest.raises(OSError, match="gone"):
        unreachable(both)
    assert witness.begun == ["validate", "SELECT", "create", "extend", "GET"]
    assert (
        other.outcomes
        == witness.outcomes
        == [
            ("SELECT", "refused"),
            ("validate", "ok"),
            ("create", "business_rule_violation"),
            ("extend", "failed"),
            ("GET", "unreachable"),
        ]
    )


def unreachable(watch: Watch) -> None:
    with watch.during(Work.REDIS, "GET") as doing:
        doing.outcome = "unreachable"
        raise OSError("gone")


def test_each_hears_of_a_step(witness: Witness, watch: Watch) -> None:
    watch.stepped(Step.COTO, timedelta(minutes=1))
    assert witness.steps == [(Step.COTO, timedelta(minutes=1))]


# Redis


def test_a_command_and_a_pipeline_are_one_each(witness: Witness, watch: Watch, settings: Settings) -> None:
    with connect(settings.redis_url or "", watch=watch) as client:
        client.set("a-key-of-somebody", "a-value")
        with client.pipeline(transaction=False) as commands:
            commands.get("a-key-of-somebody")
            commands.zcard("another")
            commands.execute()
    assert witness.outcomes == [("SET", "ok"), ("PIPELINE", "ok")]
    assert "somebody" not in repr(witness.seen)
    assert {doing.work for doing in witness.seen} == {Work.REDIS}


def test_a_refusal_is_told_apart_from_silence(
    witness: Witness, watch: Watch, redis_client: Redis, tmp_path: Path
) -> None:
    path = str(redis_client.connection_pool.connection_kwargs["path"])
    with connect(f"unix://{path}", watch=watch) as client:
        client.set("key", "no list")
        with pytest.raises(ResponseError):
            client.lpush("key", "x")
    with connect(f"unix://{tmp_path}/nobody.sock", watch=watch) as client:
        with pytest.raises(Unreachable):
            client.get("key")
        with client.pipeline(transaction=False) as commands:
            commands.get("key")
            with pytest.raises(Unreachable):
                commands.execute()
    assert witness.outcomes == [
        ("SET", "ok"),
        ("LPUSH", "refused"),
        ("GET", "unreachable"),
        ("PIPELINE", "unreachable"),
    ]


def test_on_a_cluster_as_well(witness: Witness, watch: Watch, tmp_path: Path) -> None:
    with running_cluster(tmp_path) as cluster, connect(cluster.url, watch=watch) as client:
        assert isinstance(client, RedisCluster)
        client.set("one", "1")
        with client.pipeline(transaction=False) as commands:
            for number in range(20):
                commands.get(f"key-{number}")
            commands.execute()
    assert witness.outcomes[-2:] == [("SET", "ok"), ("PIPELINE", "ok")]


def test_a_client_is_unwatched_unless_somebody_asks(settings: Settings) -> None:
    with connect(settings.redis_url or "") as client:
        assert client.ping()
    assert UNWATCHED.watchers == ()


# The database


@pytest.fixture
def engine(tmp_path: Path, watch: Watch) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'watched.db'}")
    watch_statements(engine, watch, sqlite.is_unreachable)
    yield engine
    engine.dispose()


def test_statements_are_told_by_verb_with_their_text_and_no_value(witness: Witness, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE people (name TEXT UNIQUE)"))
        connection.execute(text("INSERT INTO people VALUES (:name)"), {"name": "somebody"})
        connection.execute(text("  select name FROM people WHERE name = :name"), {"name": "somebody"})
    assert witness.outcomes == [("OTHER", "ok"), ("INSERT", "ok"), ("SELECT", "ok")]
    assert witness.seen[1].text == "INSERT INTO people VALUES (?)"
    assert "somebody" not in repr(witness.seen)


def test_a_constraint_is_told_apart_from_a_database_that_fails(witness: Witness, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE people (name TEXT UNIQUE)"))
        connection.execute(text("INSERT INTO people VALUES ('x')"))
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("INSERT INTO people VALUES ('x')"))
    # Nobody else waits for the lock that is held here.
    with engine.connect() as holding:
        holding.execute(text("BEGIN IMMEDIATE"))
        with pytest.raises(ExternalServiceError), _locked_out(engine) as waiting:
            waiting.execute(text("INSERT INTO people VALUES ('y')"))
    assert [outcome for name, outcome in witness.outcomes if name == "INSERT"] == ["ok", "refused", "unreachable"]


@contextmanager
def _locked_out(engine: Engine) -> Iterator[Connection]:
    def told(_context: object) -> None:
        raise ExternalServiceError("database")

    event.listen(engine, "handle_error", told)
    with engine.connect() as connection:
        connection.execute(text("PRAGMA busy_timeout = 0"))
        yield connection


def test_what_fails_before_a_statement_ends_nothing(witness: Witness, plain_settings: Settings, watch: Watch) -> None:
    nowhere = plain_settings.model_copy(update={"database_url": "sqlite:////nowhere/at/all.db"})
    with database_app(nowhere) as app:
        watch_statements(engine_of(app), watch, sqlite.is_unreachable)
        with pytest.raises(ExternalServiceError), engine_of(app).connect():
            pass
    assert witness.seen == []
