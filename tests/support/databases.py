"""Migrated databases by copying one that was migrated once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text, update
from sqlalchemy.orm import Session, sessionmaker

from tests.conftest import SECRET_KEYS
from wizard.config import Settings
from wizard.storage import database
from wizard.storage.audit_heads import plant_root
from wizard.storage.crypto import Cipher
from wizard.storage.schema import Table
from wizard.storage.tables import CounterRow


@contextmanager
def database_app(settings: Settings) -> Iterator[Flask]:
    """A bare application with nothing but the database; its connections are closed at the end."""
    app = Flask("wizard")
    database.init_app(app, settings)
    try:
        yield app
    finally:
        engine_of(app).dispose()


def engine_of(app: Flask) -> Engine:
    return database.engine(app)


def sessions_of(app: Flask) -> sessionmaker[Session]:
    return database.sessionmaker(app)


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def migrate(url: str, settings: Settings) -> None:
    """Bring the database at a URL to the newest migration."""
    with database_app(settings.model_copy(update={"database_url": url})) as app:
        database.migrate(app)


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def copy_sqlite(template: Path, target: Path) -> str:
    """Copy a closed SQLite database; answers the copy's URL."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(template, target)
    # As the site makes its own.
    target.chmod(0o600)
    return sqlite_url(target)


def unguard(connection: Connection) -> None:
    """Let this transaction do to the audit trail what the database refuses to everybody."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        return
    for trigger in connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
        connection.execute(text(f"DROP TRIGGER {trigger}"))


def empty(url: str) -> None:
    """Take everything out of a migrated database: quicker by far than making a new one on PostgreSQL."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        unguard(connection)
        for table in reversed(Table.metadata.sorted_tables):
            if table.name != CounterRow.__tablename__:
                connection.execute(table.delete())
        connection.execute(update(CounterRow).values(value=0))
        plant_root(connection, Cipher(SECRET_KEYS))
