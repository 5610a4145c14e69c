"""SQLite for one machine: readers beside one writer, everything on disk when a commit returns."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import URL, Connection, Dialect, Engine, event

from wizard.core.errors import ExternalServiceError
from wizard.services.ports.patience import waiting

_WRITES = "wizard_writes"
READING: dict[str, Any] = {_WRITES: False}
WRITING: dict[str, Any] = {_WRITES: True}
# How long a writer waits for the one before it; a page that has to give up can still answer within two seconds.
BUSY_TIMEOUT = 1.5


def options(url: URL) -> dict[str, Any]:
    """What the engine is made with. Raises `ValueError` for a database in memory: each connection had its own."""
    if url.database in {None, "", ":memory:"}:
        raise ValueError("SQLite needs a file")
    return {"connect_args": {"timeout": BUSY_TIMEOUT}}


def prepare(engine: Engine) -> None:
    """Every connection writes ahead, checks foreign keys, and begins its transactions where we say."""
    event.listen(engine, "do_connect", _keep_private)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)


def _keep_private(_dialect: Dialect, _record: object, arguments: list[Any], _options: dict[str, Any]) -> None:
    """Make a new file for its owner alone; whatever cannot be made is SQLite's to report."""
    path = arguments[0]
    if not path.startswith("file:"):
        with suppress(OSError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    # Left to itself the driver begins at the first write, which is too late for a reader that goes on to write.
    connection.isolation_level = None
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {setting}").close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    with waiting(BUSY_TIMEOUT) as most:
        driver = connection.connection.driver_connection
        if driver is not None and most is not None:
            driver.execute(f"PRAGMA busy_timeout = {round(most * 1000)}").close()
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def require_writable(_connection: Connection) -> None:
    """Nothing to ask: a file that cannot be written to is told of by the first to write."""


@contextmanager
def alone(engine: Engine) -> Iterator[None]:
    """Migrate while nobody else does, however long that takes.

    The lock is on the file's directory, before anything is connected: a new file that several open at once to
    make it write ahead is found locked without any waiting, and a migration takes longer than writers wait.
    Raises ExternalServiceError where there is no such directory.
    """
    try:
        directory = os.open(_file_of(engine.url).parent, os.O_RDONLY)
    except OSError as error:
        raise ExternalServiceError("database") from error
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _file_of(url: URL) -> Path:
    database = url.database or ""
    return Path(unquote(urlsplit(database).path) if database.startswith("file:") else database).absolute()


def is_unreachable(error: BaseException) -> bool:
    """Whether the database as such fails (locked, full, unreadable), not a statement that is wrong."""
    if not isinstance(error, sqlite3.OperationalError | sqlite3.InterfaceError):
        return False
    return getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR


def without_values(_error: BaseException) -> str | None:
    """SQLite names columns only."""
    return None
