"""What `wizard check` looks at around the site: its settings together, files, clocks, and what the machine allows."""

from __future__ import annotations

import os
import re
import resource
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from jinja2 import Environment, TemplateError
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text

from wizard.commands import base
from wizard.commands.findings import Finding, failed, ok, warning
from wizard.config import Settings
from wizard.core.errors import ExternalServiceError
from wizard.storage import database

# The page warns ten minutes before the end; a life that is hardly longer begins with the warning.
SHORTEST_TTL, SHORTEST_GRACE = timedelta(minutes=30), timedelta(hours=1)
# Of the two seconds in which a page is to answer, its own work wants the rest.
LONGEST_PATIENCE = 1.6
OPEN_FILES = 1024
SKEWED, WRONG = timedelta(seconds=5), timedelta(minutes=1)
CATALOGUES = Path(__file__).parents[1] / "translations"
LANGUAGES = ("fr",)
NEEDED_FILES = ("css/wizard.css", "js/wizard.js", "js/combobox.js")


def site_findings(made: Flask, settings: Settings) -> Iterator[Finding]:
    """All of it."""
    yield from of_settings(settings)
    yield from of_directory(settings)
    yield from of_machine(Path(tempfile.gettempdir()), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    yield from of_files(made, CATALOGUES)
    yield from of_clocks(_clocks(made))


def of_settings(settings: Settings) -> Iterator[Finding]:
    """What can be used, and hardly was meant."""
    if settings.is_production and settings.proxy_count == 0:
        yield warning(
            "WIZARD_PROXY_COUNT is 0: what ends TLS in front of the site counts as one proxy; without it, everybody "
            "seems to come from the proxy's address, and shares one limit."
        )
    if settings.session_ttl < SHORTEST_TTL:
        yield warning(
            "WIZARD_SESSION_TTL is shorter than half an hour: pages warn ten minutes before the end. Make it 24h."
        )
    if settings.session_grace < SHORTEST_GRACE:
        yield warning(
            "WIZARD_SESSION_GRACE is shorter than an hour: where no worker runs for so long, what expired is gone "
            "before it is recorded. Make it 7d."
        )
    if settings.patience > LONGEST_PATIENCE or settings.redis_timeout > LONGEST_PATIENCE:
        yield warning(
            "WIZARD_PATIENCE, WIZARD_REDIS_TIMEOUT: pages may take longer than two seconds to say that something is "
            "down. Make them 1.4 and 1."
        )
    if re.fullmatch(settings.coto_pattern, ""):
        yield warning("WIZARD_COTO_PATTERN matches nothing at all, too: end it with {1,8} rather than with *.")


def of_directory(settings: Settings) -> Iterator[Finding]:
    """Whether the data directory can be used, by us alone."""
    directory = settings.data_dir
    used = settings.redis_url is None or settings.mail_url is None or str(directory) in settings.database_url
    if not used:
        return
    if not directory.is_dir() or not os.access(directory, os.W_OK | os.X_OK):
        yield failed(f"WIZARD_DATA_DIR: {directory} cannot be written to: make it, and “chown” it to who runs this.")
        return
    others = stat.S_IRWXG | stat.S_IRWXO
    for each in (directory / "secret-keys", directory / "wizard.db", directory / "mail"):
        if each.exists() and each.stat().st_mode & others:
            yield warning(f"{each} can be read by others on this machine: “chmod -R go= {directory}”.")


def of_machine(temporary: Path, open_files: int) -> Iterator[Finding]:
    """Whether there is room for what is open at once, and for files on their way."""
    if not os.access(temporary, os.W_OK | os.X_OK):
        yield failed(f"{temporary} cannot be written to, where exports and uploads lie meanwhile: set TMPDIR.")
    if 0 <= open_files < OPEN_FILES:
        yield warning(
            f"Only {open_files} files and connections may be open at once: raise the limit to {OPEN_FILES} or more "
            "(“ulimit -n”, LimitNOFILE=)."
        )


def of_files(made: Flask, catalogues: Path) -> Iterator[Finding]:
    """Whether pages, what they load, and their other language were installed, and can be read."""
    names = made.jinja_env.list_templates()
    broken = [name for name in names if not _is_well_formed(made, name)]
    if "base.html" not in names:
        yield failed("The pages (templates/) are missing: install the wheel anew, or check the whole source out.")
    for name in broken:
        yield failed(f"The page {name} cannot be read: install the wheel anew, or check the whole source out.")
    static: Mapping[str, object] = made.extensions["wizard_static"]
    for name in NEEDED_FILES:
        if name not in static:
            yield failed(f"The file static/{name} is missing: install the wheel anew, or check the whole source out.")
    for language in LANGUAGES:
        if not (catalogues / language / "LC_MESSAGES" / "messages.mo").is_file():
            yield failed(f"The language {language} is missing: install the wheel anew, or run “make translations”.")
    if names and not broken:
        yield ok("Pages and languages are there.")


def _is_well_formed(made: Flask, name: str) -> bool:
    environment = made.jinja_env
    try:
        source = environment.loader.get_source(environment, name)[0] if environment.loader else ""
        # Read only: the site's own environment would go on to translate it.
        Environment(extensions=tuple(environment.extensions), autoescape=True).parse(source)
    except (TemplateError, OSError, UnicodeError):
        return False
    return True


def _clocks(made: Flask) -> dict[str, timedelta]:
    """How far ahead of ours the clocks of those are that answer."""
    client, engine = base.stores_of(made).redis, database.engine(made)
    ahead: dict[str, timedelta] = {}
    if isinstance(client, Redis):
        with suppress(RedisError):
            seconds, microseconds = client.time()
            ahead["Redis"] = datetime.fromtimestamp(seconds + microseconds / 1e6, UTC) - datetime.now(UTC)
    if engine.dialect.name == "postgresql":
        with suppress(ExternalServiceError), engine.connect() as connection:
            told: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            ahead["the database"] = told - datetime.now(UTC)
    return ahead


def of_clocks(ahead: Mapping[str, timedelta]) -> Iterator[Finding]:
    """Whether all are of one time: what expires is decided here, and tidied up there."""
    for name, by in ahead.items():
        if abs(by) > SKEWED:
            finding = failed if abs(by) > WRONG else warning
            seconds = round(abs(by).total_seconds())
            yield finding(
                f"The clock of {name} is {seconds} seconds {'ahead of' if by > timedelta() else 'behind'} this "
                "machine's: have both set by NTP (“timedatectl”)."
            )
