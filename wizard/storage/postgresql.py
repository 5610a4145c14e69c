"""PostgreSQL, through psycopg: a server that is down or cut off is noticed in time to say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from select import POLLIN, poll
from time import monotonic
from typing import Any, Self

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGen, PQGenConn
from sqlalchemy import URL, Connection, Dialect, Engine, event, func, select, text

from wizard.core.errors import ExternalServiceError
from wizard.services.ports.patience import waiting
from wizard.storage.breaker import Circuit

CONNECT_TIMEOUT = 1.0
# Milliseconds: for a lock that somebody else holds, and for a machine that no longer answers at all.
LOCK_TIMEOUT = 1500
SILENCE_TIMEOUT = 900
# Who waits without a limit (a worker, a command) notices so many seconds after the machine has gone.
KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
# Milliseconds: how soon the server stops working for somebody who has given up waiting.
NOTICES_LEAVING = 1000
# Seconds for which a connection that has answered is taken to live.
FRESH = 1.0
# Seconds after which a wait looks at the time.
INTERVAL = 0.05
READ_ONLY = "25006"
_SESSION = {
    "lock_timeout": LOCK_TIMEOUT,
    "client_connection_check_interval": NOTICES_LEAVING,
    "timezone": "UTC",
}
# Any number that nothing else in the database locks by.
MIGRATION_LOCK = 7_160_310_417
# One picture for all that is read in a transaction, as on SQLite. Writers see what others committed meanwhile.
READING: dict[str, Any] = {"isolation_level": "REPEATABLE READ"}
WRITING: dict[str, Any] = {"isolation_level": "READ COMMITTED"}


class PromptConnection(psycopg.Connection[Any]):
    """A connection that is waited for no longer than a page can be: not to be opened, and not for an answer.

    psycopg itself accepts no less than two seconds to connect in, and waits for answers without an end.
    """

    circuit = Circuit()
    answered_at = 0.0

    @classmethod
    def opened(cls, circuit: Circuit, *arguments: Any, **options: Any) -> PromptConnection:  # noqa: ANN401 - psycopg's
        """Connect, unless the server has not answered lately."""
        _require_answering(circuit)
        try:
            connection = cls.connect(*arguments, **options)
        except errors.ConnectionTimeout:
            circuit.had_no_answer()
            raise
        connection.circuit = circuit
        return connection

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        opening = super()._connect_gen(conninfo)
        with waiting(CONNECT_TIMEOUT) as most:
            deadline = monotonic() + (most or CONNECT_TIMEOUT)
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

    def wait(self, gen: PQGen[RV], interval: float = INTERVAL, timeout: float | None = None) -> RV:
        """Wait for whatever the server is asked. Raises OperationalError where no answer has come in time."""
        _require_answering(self.circuit)
        with waiting(timeout) as most:
            try:
                answer = super().wait(gen, interval, most)
            except errors._WaitTimeout:  # noqa: SLF001 - what the library has callers convert
                self.circuit.had_no_answer()
                self.close()
                raise psycopg.OperationalError("no answer in time") from None
        self.circuit.had_an_answer()
        self.answered_at = monotonic()
        return answer


def _require_answering(circuit: Circuit) -> None:
    if circuit.is_closed_to_me():
        raise psycopg.OperationalError("The database has not answered lately.")


def options(url: URL) -> dict[str, Any]:
    """What the engine is made with."""
    given = url.normalized_query.get("options", ())
    arguments = {
        "connect_timeout": 2,
        "tcp_user_timeout": SILENCE_TIMEOUT,
        **KEEPALIVES,
        "options": " ".join([*given, *(f"-c {name}={value}" for name, value in _SESSION.items())]),
    }
    return {"connect_args": arguments, "pool_pre_ping": True}


def prepare(engine: Engine) -> None:
    """Connect in our own way."""
    circuit = Circuit()

    def connect(_dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]) -> PromptConnection:
        return PromptConnection.opened(circuit, *arguments, **options)

    event.listen(engine, "do_connect", connect)
    asks: Any = engine.dialect.do_ping

    def lives(connection: PromptConnection) -> bool:
        """One that has just answered, and heard nothing since, is not asked: a round trip of each transaction."""
        fresh = not connection.closed and monotonic() - connection.answered_at < FRESH
        return (fresh and not _was_told_something(connection)) or bool(asks(connection))

    engine.dialect.do_ping = lives  # type: ignore[method-assign, assignment]


def _was_told_something(connection: PromptConnection) -> bool:
    """Whether the server has said something by itself, such as that it ends the connection."""
    looking = poll()
    looking.register(connection.fileno(), POLLIN)
    return bool(looking.poll(0))


def require_writable(connection: Connection) -> None:
    """Raise ExternalServiceError where the server answers and takes nothing: it is, or has become, a replica."""
    if connection.scalar(text("SHOW transaction_read_only")) == "on":
        raise ExternalServiceError("database")


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
