"""The embedded Valkey for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from wizard.config import Settings
from wizard.storage.embedded import EmbeddedValkey
from wizard.storage.redis_client import connect


@dataclass(frozen=True, slots=True)
class Valkey:
    """A running server; `server.stop()` and `server.start()` take it down and up again with its data."""

    server: EmbeddedValkey
    client: Redis

    @property
    def url(self) -> str:
        return self.server.url


@contextmanager
def running_valkey(data_dir: Path) -> Iterator[Valkey]:
    """A server of its own in a directory."""
    with EmbeddedValkey(Settings(data_dir=data_dir)) as server:
        client = connect(server.url)
        assert isinstance(client, Redis)
        with client:
            yield Valkey(server, client)
