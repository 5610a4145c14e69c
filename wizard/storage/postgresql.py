"""PostgreSQL, through psycopg: a server that is down or cut off is noticed in time to say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Self

import psycopg
from psycopg import errors
from psycopg.abc import PQGenConn
from sqlalchemy import URL, Dialect, Engine, event, func, select, text

CONNECT_TIMEOUT = 1.0
# Milliseconds: for a lock that somebody else holds, and for a machine that no longer answers at all.
LOCK_TIMEOUT = 1500
SILENCE_TIMEOUT = 900
READ_ONLY = "25006"
# Any number that nothing else in the database locks by.
MIGRATION_LOCK = 7_160_310_417
# One picture for all that is read in a transaction, as on SQLite. Writers see what others committed meanwhile.
READING: dict[str, Any] = {"isolation_level": "REPEATABLE READ"}
WRITING: dict[str, Any] = {"isolation_level": "READ COMMITTED"}


class PromptConnection(psycopg.Connection[Any]):
    """A connection that is not waited for as long as the two seconds which are the least that psycopg accepts."""

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        opening = super()._connect_gen(conninfo)
        deadline = monotonic() + CONNECT_TIMEOUT
        ready: Any = None
        while True:
            try:
                wanted = opening.send(ready)
            except StopIteration as opened:
                connection: Self = opened.value
                return connection
            ready = yield wanted
            if monotonic() >= deadline:
                opening.close()
                raise errors.ConnectionTimeout("connection timeout expired")


def options(url: URL) -> dict[str, Any]:
    """What the engine is made with."""
    given = url.normalized_query.get("options", ())
    arguments = {
        "connect_timeout": 2,
        "tcp_user_timeout": SILENCE_TIMEOUT,
        "options": " ".join([*given, f"-c lock_timeout={LOCK_TIMEOUT} -c timezone=UTC"]),
    }
    return {"connect_args": arguments, "pool_pre_ping": True}


def prepare(engine: Engine) -> None:
    """Connect in our own way."""
    event.listen(engine, "do_connect", _connect)


def _connect(_dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]) -> PromptConnection:
    return PromptConnection.connect(*arguments, **options)


@contextmanager
def alone(engine: Engine) -> Iterator[None]:
    """Migrate while nobody else does, however long that takes."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        yield


def is_unreachable(error: BaseException) -> bool:
    """Whether the server is away, ends the connection, lacks room, or has become read-only (a failover)."""
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return True
    return isinstance(error, psycopg.Error) and error.sqlstate == READ_ONLY


def without_values(error: BaseException) -> str | None:
    """What an error says without its DETAIL line, in which the server repeats whole rows."""
    return error.diag.message_primary if isinstance(error, psycopg.Error) else None
