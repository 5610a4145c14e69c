"""A write is accepted once a replica has it, where there is one: a real replica, held up, killed and promoted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest
from redis import Redis, RedisCluster
from structlog.testing import capture_logs

from tests.storage.registration_examples import a_registration
from tests.support.cluster import running_cluster
from tests.support.replica import Server, running_pair, running_replica, running_server
from tests.support.roundtrips import counted
from wizard.core.clock import FixedClock
from wizard.core.errors import ExternalServiceError
from wizard.storage.crypto import Cipher
from wizard.storage.redis_client import connect
from wizard.storage.registrations import RedisRegistrationStore
from wizard.storage.replicas import ASKED_EVERY, WAITED_AT_MOST, Replicas
from wizard.storage.stored_values import key_of

HOUR = timedelta(hours=1)
Opened = Callable[[Server], tuple[RedisRegistrationStore, Redis]]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    with running_pair(tmp_path) as pair:
        yield pair


@pytest.fixture
def opened(cipher: Cipher, clock: FixedClock) -> Iterator[Opened]:
    """A store on a server, with its client."""
    clients: list[Redis] = []

    def open_store(server: Server) -> tuple[RedisRegistrationStore, Redis]:
        client = connect(server.url, timeout=8)
        assert isinstance(client, Redis)
        clients.append(client)
        return RedisRegistrationStore(client, cipher, clock, grace=HOUR), client

    yield open_store
    for client in clients:
        client.close()


def test_what_was_accepted_outlives_the_server(pair: tuple[Server, Server], opened: Opened) -> None:
    primary, replica = pair
    store, _ = opened(primary)
    saved = store.save(a_registration(), replacing=None)
    for _ in range(50):
        saved = store.save(replace(saved, reminded=not saved.reminded), replacing=saved)
    primary.kill()
    replica.client.replicaof("NO", "ONE")
    assert opened(replica)[0].load(saved.session_id) == saved


def test_every_write_waits_and_only_the_first_costs_more(pair: tuple[Server, Server], opened: Opened) -> None:
    primary, _ = pair
    store, client = opened(primary)
    with counted(client) as trips:
        saved = store.save(a_registration(), replacing=None)
        assert (trips.count, primary.calls("wait")) == (2, 1)
        saved = store.save(replace(saved, reminded=True), replacing=saved)
        store.save(replace(saved, reminded=False), replacing=saved)
    assert (trips.count, primary.calls("wait")) == (4, 3)


def test_the_answer_comes_after_the_replica_has_it(pair: tuple[Server, Server], opened: Opened) -> None:
    primary, replica = pair
    store, _ = opened(primary)
    saved = store.save(a_registration(), replacing=None)
    with replica.held_up(), capture_logs() as logs:
        began = monotonic()
        late = store.save(replace(saved, reminded=True), replacing=saved)
        assert monotonic() - began >= WAITED_AT_MOST.total_seconds()
        # Said, and not waited for again at every write.
        assert [entry["event"] for entry in logs] == ["redis.replica_late"]
        waits = primary.calls("wait")
        store.save(replace(late, reminded=False), replacing=late)
        assert primary.calls("wait") == waits


def test_without_a_replica_nothing_is_waited_for(tmp_path: Path, opened: Opened) -> None:
    with running_server(tmp_path / "alone") as server:
        store, client = opened(server)
        with counted(client) as trips:
            store.save(a_registration(), replacing=None)
            store.save(a_registration(), replacing=None)
        asked, told = trips.sent
        assert asked == (*told, "INFO")
        assert server.calls("wait") == 0


def test_a_replica_that_comes_later_is_noticed(tmp_path: Path) -> None:
    now = 1000.0
    with running_server(tmp_path / "primary", "--repl-diskless-sync-delay", "0") as primary:
        replicas = Replicas(primary.client, clock=lambda: now)

        def write() -> None:
            with primary.client.pipeline(transaction=False) as commands:
                commands.set("key", "value")
                replicas.queue_wait(commands)
                answers = commands.execute()
            replicas.confirm("key", answers[1:])

        write()
        with running_replica(tmp_path / "replica", primary):
            write()
            assert primary.calls("wait") == 0
            now += ASKED_EVERY
            write()
            assert primary.calls("wait") == 1


def test_on_a_cluster_the_node_of_the_registration_waits(tmp_path: Path, cipher: Cipher, clock: FixedClock) -> None:
    with running_cluster(tmp_path, replicas=True) as cluster, connect(cluster.url, timeout=8) as client:
        assert isinstance(client, RedisCluster)
        store = RedisRegistrationStore(client, cipher, clock, grace=HOUR)
        saved = [store.save(a_registration(), replacing=None) for _ in range(9)]
        nodes = [node.redis_connection for node in client.get_primaries()]
        assert sum(node.info("commandstats")["cmdstat_wait"]["calls"] for node in nodes) == len(saved)
        assert all(node.keys("ot_education_session*") for node in nodes)


def test_a_server_that_dies_while_it_is_waited_for_accepts_nothing(
    pair: tuple[Server, Server], opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary, _ = pair
    store, _ = opened(primary)
    written = a_registration()
    confirm = Replicas.confirm

    def killed_first(replicas: Replicas, key: str, answers: list[object]) -> None:
        assert key == key_of(written.session_id)
        primary.kill()
        confirm(replicas, key, answers)

    monkeypatch.setattr(Replicas, "confirm", killed_first)
    with pytest.raises(ExternalServiceError):
        store.save(written, replacing=None)
