"""Counts what a Redis client sends: a command, or a whole pipeline, is one round trip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from unittest.mock import patch

from redis import Connection, Redis

Packed = bytes | str | Iterable[bytes | str]


@dataclass(slots=True)
class RoundTrips:
    """One entry per send: the names of its commands."""

    sent: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.sent)


@contextmanager
def counted(*clients: Redis) -> Iterator[RoundTrips]:
    """Count the sends of some clients (and of all that share their pools), handshakes aside."""
    trips = RoundTrips()
    with ExitStack() as watches:
        for pool in {id(client.connection_pool): client.connection_pool for client in clients}.values():
            watched = partial(_watched, pool.get_connection, trips)
            watches.enter_context(patch.object(pool, "get_connection", watched))
        yield trips


def _watched(get_connection: Callable[..., Connection], trips: RoundTrips, *args: object) -> Connection:
    # A connection is handed out connected: what it sends from here on is asked for by the code under test.
    connection = get_connection(*args)
    send = partial(type(connection).send_packed_command, connection)

    def counting_send(command: Packed, check_health: bool = True) -> None:
        trips.sent.append(_names(command))
        send(command, check_health=check_health)

    connection.send_packed_command = counting_send  # type: ignore[method-assign]
    return connection


def _names(packed: Packed) -> tuple[str, ...]:
    parts = [packed] if isinstance(packed, (bytes, str)) else packed
    rest = b"".join(part.encode() if isinstance(part, str) else bytes(part) for part in parts)
    names = []
    while rest:
        head, _, rest = rest.partition(b"\r\n")
        words = []
        for _ in range(int(head.removeprefix(b"*"))):
            size, _, rest = rest.partition(b"\r\n")
            length = int(size.removeprefix(b"$"))
            words.append(rest[:length])
            rest = rest[length + 2 :]
        names.append(words[0].decode())
    return tuple(names)
