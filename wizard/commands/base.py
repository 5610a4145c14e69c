"""What all commands share: the application, the caller, and refusals as plain sentences."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Any, cast

import click
from flask import Flask, current_app, has_app_context
from redis.exceptions import RedisError

from wizard import create_app, logs
from wizard.commands.wording import sentence
from wizard.config import Settings, SettingsError
from wizard.core.actors import Actor
from wizard.core.errors import ExternalServiceError, WizardError
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call
from wizard.storage import database
from wizard.storage.crypto import Undecipherable
from wizard.storage.embedded import EmbeddedValkeyError

if TYPE_CHECKING:
    from wizard.wiring import Stores

CALL = Call(Actor.system("command"))
_NOT_RUNNING = (
    "The embedded Valkey is not running. Start the site with “wizard serve”, or name a server in WIZARD_REDIS_URL."
)
_CHANGED = (
    "Something encrypted in the database cannot be opened, though its key is there: somebody changed it, or moved it "
    "from another column. Compare with a backup."
)

BEHIND = "The database is not at the newest migration: run “wizard migrate”."


class Command(click.Command):
    """A command whose refusals are sentences, with exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Run it."""
        try:
            return super().invoke(ctx)
        except WizardError as error:
            told = [sentence(problem.message, problem.params) for problem in error.problems]
            raise click.ClickException("\n".join(told)) from error
        except (SettingsError, EmbeddedValkeyError) as error:
            raise click.ClickException(str(error)) from error
        except Undecipherable as error:
            raise click.ClickException(_CHANGED) from error


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type


def settings() -> Settings:
    """The settings. Raises SettingsError."""
    if has_app_context():
        return cast("Settings", current_app.extensions["wizard_settings"])
    return Settings.from_env(os.environ)


def app(*, level: int = logging.WARNING) -> Flask:
    """The application: Flask's own where it runs the command, else a new one. Logs are for when something is wrong."""
    chosen = settings()
    logs.configure(production=chosen.is_production, level=level)
    return current_app if has_app_context() else create_app(chosen)


def services() -> Services:
    """The services of the application. Refuses a database that is behind."""
    made = app()
    require_migrated(made)
    return services_of(made)


def services_of(made: Flask) -> Services:
    """The services of an application."""
    return cast("Services", made.extensions["wizard"])


def stores_of(made: Flask) -> Stores:
    """The stores of an application."""
    return cast("Stores", made.extensions["wizard_stores"])


def require_redis(made: Flask) -> None:
    """Raise a plain refusal where the embedded Valkey is meant and does not run."""
    if settings().redis_url is not None:
        return
    try:
        stores_of(made).redis.ping()
    except RedisError:
        raise click.ClickException(_NOT_RUNNING) from None


def require_migrated(made: Flask) -> None:
    """Raise a plain refusal where the database is behind; whether it answers is for whoever uses it to say."""
    try:
        behind = database.is_behind(made)
    except ExternalServiceError:
        return
    if behind:
        raise click.ClickException(BEHIND)


@contextmanager
def replacing(file: Path) -> Iterator[IO[bytes]]:
    """A file to write to, readable by its owner alone, which takes the place of another once all is written."""
    with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as made:
        try:
            yield made
        except BaseException:
            Path(made.name).unlink()
            raise
    Path(made.name).replace(file)


@contextmanager
def progress(length: int) -> Iterator[Callable[..., None]]:
    """A progress bar to be moved on by calling it, by one or by as much as is said, where a person watches."""
    if not _a_person_watches():
        yield lambda _steps=1: None
        return
    with click.progressbar(length=length) as bar:
        yield lambda steps=1: bar.update(steps)


def _a_person_watches() -> bool:
    return sys.stdout.isatty()


def table(rows: list[tuple[str, ...]]) -> None:
    """Print rows in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
