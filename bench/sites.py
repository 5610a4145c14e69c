"""A site in this process, on a Valkey of its own, with as much in it as a benchmark wants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from flask import Flask
from redis import Redis

from tests.conftest import SECRET_KEYS
from tests.support.databases import engine_of, migrate, sqlite_url
from tests.support.valkey import running_valkey
from wizard import create_app
from wizard.config import Settings
from wizard.services.bundle import Services

# A pipeline of many documents on a busy machine.
PATIENCE = 10


@dataclass(frozen=True)
class Site:
    """An application with its stores."""

    app: Flask
    redis: Redis

    @property
    def services(self) -> Services:
        services: Services = self.app.extensions["wizard"]
        return services


@contextmanager
def site(directory: Path, *, database: str | None = None) -> Iterator[Site]:
    """Migrated and empty; on SQLite unless the address of another database is given."""
    directory.mkdir()
    url = database or sqlite_url(directory / "wizard.db")
    settings = Settings(
        data_dir=directory, database_url=url, redis_timeout=PATIENCE, patience=PATIENCE, secret_keys=SECRET_KEYS
    )
    migrate(url, settings)
    with running_valkey(directory) as valkey:
        app = create_app(settings.model_copy(update={"redis_url": valkey.url}))
        # Telling costs as much as in production, and is read by nobody.
        structlog.configure(
            processors=[structlog.processors.JSONRenderer()],
            logger_factory=structlog.PrintLoggerFactory((directory / "log").open("w", encoding="utf-8")),
        )
        yield Site(app, valkey.client)
        engine_of(app).dispose()
