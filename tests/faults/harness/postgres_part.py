"""PostgreSQL as a part of a site: killed, stopped, filled up, made read-only."""

from __future__ import annotations

import os
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

from tests.faults.harness.processes import family, signal_all, stopped
from tests.faults.harness.proxy import Proxy
from tests.support.postgres import Postgres
from tests.support.waiting import wait_for

# Writes what was accepted before it answers; nothing less outlives a kill.
DURABLE = {"synchronous_commit": "on", "deadlock_timeout": "200ms"}
BALLAST = 4096


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
