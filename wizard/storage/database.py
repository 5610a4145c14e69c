"""The database of an application: engine and sessions (Flask-SQLAlchemy-Lite), migrations, and whether it answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Engine, PoolProxiedConnection, QueuePool, event, inspect, make_url, orm, select, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from wizard.config import Settings
from wizard.core.errors import ExternalServiceError
from wizard.services.ports.watching import UNWATCHED, Watch
from wizard.storage import bulk_tables, postgresql, sqlite, tables, trail_tables
from wizard.storage.audit_heads import plant_root
from wizard.storage.crypto import Cipher
from wizard.storage.schema import Table
from wizard.storage.sealed_columns import Seals, seal
from wizard.storage.watching import watch_statements

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext, MigrationInfo
    from flask_alembic import Alembic

DIALECTS = {"sqlite": sqlite, "postgresql": postgresql}
# The metadata is whole only once every module of tables is there.
TABLES = (tables, trail_tables, bulk_tables)
MIGRATIONS = Path(__file__).with_name("migrations")
# The one that makes the tables of the audit trail.
_TRAIL_BEGINS = "0001"
_VERSIONS = "alembic_version"
_EXTENSION = "wizard_migrations"


class ReportingPool(QueuePool):
    """Connections for the threads of one process; when all stay taken, that is said as any other failure."""

    def connect(self) -> PoolProxiedConnection:
        try:
            return super().connect()
        except NoConnectionFree as error:
            raise ExternalServiceError("database") from error


# More than there are threads in a process, with the probes of its readiness: nobody waits for a connection.
POOL = {"poolclass": ReportingPool, "pool_size": 10, "max_overflow": 10, "pool_timeout": 1.5, "pool_use_lifo": True}

# Parameters are what people typed: no error message repeats them.
db = SQLAlchemy(engine_options={"hide_parameters": True, **POOL}, session_options={"expire_on_commit": False})


def init_app(app: Flask, settings: Settings, watch: Watch = UNWATCHED) -> None:
    """Give an application its engine; nothing is connected yet. Raises `ValueError` for an unknown kind of database."""
    url = make_url(settings.database_url)
    dialect = DIALECTS.get(url.get_backend_name())
    if dialect is None:
        raise ValueError(f"{url.get_backend_name()} is not supported; PostgreSQL and SQLite are")
    app.config["SQLALCHEMY_ENGINES"] = {"default": {"url": url, **dialect.options(url)}}
    db.init_app(app)
    _start_no_threads(app)
    dialect.prepare(engine(app))
    seal(engine(app), Seals(Cipher(settings.secret_keys), settings.encrypt_columns))
    # Who watches hears of a failure first: whoever raises the error that says so ends the telling.
    watch_statements(engine(app), watch, dialect.is_unreachable)
    event.listen(engine(app), "handle_error", _report)
    app.extensions[_EXTENSION] = cache(lambda: _migrations(app, settings))
    _leave_logging_to_us()


def _migrations(app: Flask, settings: Settings) -> Alembic:
    # Only for who migrates: 10 MB of each process and a tenth of its start (docs/benchmarks.md).
    from flask_alembic import Alembic  # noqa: PLC0415

    app.config["ALEMBIC"] = {"script_location": str(MIGRATIONS)}
    app.config["ALEMBIC_CONTEXT"] = {"transactional_ddl": True, "on_version_apply": (_begin_trail(settings),)}
    connected = engine(app)
    writing = connected.execution_options(**DIALECTS[connected.dialect.name].WRITING)
    made = Alembic(metadatas=Table.metadata, engines=writing, run_mkdir=False, command_name="")
    made.init_app(app)
    _leave_logging_to_us()
    return made


def _start_no_threads(app: Flask) -> None:
    """Flask-SQLAlchemy-Lite ends each request with a thread that closes asynchronous sessions, of which there are none.

    It took 17 % of the time of a page (docs/benchmarks.md).
    """
    ours = [each for each in app.teardown_appcontext_funcs if not iscoroutinefunction(each)]
    app.teardown_appcontext_funcs[:] = ours


def _begin_trail(settings: Settings) -> Callable[..., None]:
    """The audit trail's root is signed, with keys that a migration does not know."""

    def applied(*, ctx: MigrationContext, step: MigrationInfo, **_: object) -> None:
        if step.is_upgrade and _TRAIL_BEGINS in step.up_revision_ids and ctx.connection is not None:
            plant_root(ctx.connection, Cipher(settings.secret_keys))

    return applied


def _leave_logging_to_us() -> None:
    # Flask-Alembic writes to stderr by itself, and Alembic tells of every look at the database.
    for name in ("alembic", "sqlalchemy"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.WARNING)


def _report(context: ExceptionContext) -> None:
    """The one place where a failing database becomes the error that says so; a wrong statement stays what it is."""
    # The pool asks whether a connection still lives: that one does not is no failure yet.
    if context.is_pre_ping:
        return
    dialect, error = DIALECTS[context.dialect.name], context.original_exception
    if dialect.is_unreachable(error):
        raise ExternalServiceError("database") from error
    # Errors end up in logs, where nothing that a person typed belongs.
    if said := dialect.without_values(error):
        for raised in filter(None, (error, context.sqlalchemy_exception)):
            raised.args = (said,)


def engine(app: Flask) -> Engine:
    """The application's engine."""
    with app.app_context():
        return db.engine


def sessionmaker(app: Flask) -> orm.sessionmaker[orm.Session]:
    """What makes the sessions of the units of work."""
    with app.app_context():
        return db.sessionmaker


def migrate(app: Flask) -> None:
    """Bring the database to the newest migration, in one transaction, one process at a time."""
    connected = engine(app)
    # Alembic's connection closes with the application's context, and SQLite locks the file while its last one does.
    with DIALECTS[connected.dialect.name].alone(connected), app.app_context():
        alembic(app).upgrade()


def is_current(app: Flask) -> bool:
    """Whether the database stands at the newest migration. Raises ExternalServiceError where it does not answer."""
    return _stands_at(app) == {revisions()[-1]}


def is_behind(app: Flask) -> bool:
    """Whether migrations are missing; not where newer code has migrated the database: that serves older code as well.

    Raises ExternalServiceError where it does not answer.
    """
    known, stands_at = revisions(), _stands_at(app)
    return stands_at.issubset(known) and stands_at != {known[-1]}


@cache
def revisions() -> tuple[str, ...]:
    """The migrations there are, oldest first: each is numbered in the name of its file."""
    return tuple(sorted(path.name[1:].partition("_")[0] for path in MIGRATIONS.glob("v*.py")))


def _stands_at(app: Flask) -> set[str]:
    """What Alembic has noted in the database: nothing where it is empty."""
    with app.app_context(), db.engine.connect() as connection:
        if not inspect(connection).has_table(_VERSIONS):
            return set()
        return set(connection.scalars(select(text("version_num")).select_from(text(_VERSIONS))))


def ping(app: Flask) -> None:
    """Raise ExternalServiceError unless the database answers."""
    with app.app_context(), db.engine.connect() as connection:
        connection.execute(select(1))


def alembic(app: Flask) -> Alembic:
    """The application's migrations."""
    made: Alembic = app.extensions[_EXTENSION]()
    return made
