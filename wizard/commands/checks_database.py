"""What `wizard check` looks at in the database: migrations, how it keeps what was committed, and who is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from flask import Flask
from sqlalchemy import text

from wizard.commands import base
from wizard.commands.findings import Finding, failed, ok, warning
from wizard.commands.keys import NAMES
from wizard.config import Settings
from wizard.core.accounts import StaffMember
from wizard.core.actors import Privilege
from wizard.core.clock import toronto_date
from wizard.core.errors import ExternalServiceError
from wizard.services.ports.backlog import Queue, Queued
from wizard.services.ports.personal_columns import Standing
from wizard.storage import database

# Two processes of the web and a worker, each with its pool.
CONNECTIONS = 60
# After so long nobody is at work on what waits.
LATE = timedelta(minutes=10)
_KNOWN = (
    "fsync",
    "full_page_writes",
    "max_connections",
    "server_encoding",
    "server_version_num",
    "synchronous_commit",
    "transaction_read_only",
)
OLDEST = 140000


def database_findings(made: Flask, settings: Settings) -> Iterator[Finding]:
    """Everything that can be known of it."""
    try:
        behind, current = database.is_behind(made), database.is_current(made)
        server = _server(made) if database.engine(made).dialect.name == "postgresql" else {}
    except ExternalServiceError:
        yield failed("The database cannot be reached: see that it runs, and that WIZARD_DATABASE_URL is its address.")
        return
    yield ok("The database answers.")
    if server:
        yield from of_server(server, production=settings.is_production)
    if behind:
        yield failed(base.BEHIND)
        return
    if current:
        yield ok("The database is at the newest migration.")
    else:
        yield warning("The database was migrated by a newer version than this one: install that version here, too.")
    yield from _contents(made, settings)


def of_server(server: Mapping[str, str], *, production: bool) -> Iterator[Finding]:
    """Whether a PostgreSQL takes writes, keeps them, and lets enough of us in."""
    if int(server["server_version_num"]) < OLDEST:
        yield failed("PostgreSQL is too old: version 14 or newer is needed.")
    if server["transaction_read_only"] == "on":
        yield failed("The database takes no writes: it is a replica, or default_transaction_read_only is on.")
    if server["server_encoding"] != "UTF8":
        yield failed(
            f"The database keeps {server['server_encoding']}, in which not every name can be written: make one with "
            "“createdb --encoding=UTF8”."
        )
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        if server[name] == "off" and production:
            yield failed(f"PostgreSQL loses what was accepted when its machine fails ({name} is off): set it to on.")
    if int(server["max_connections"]) < CONNECTIONS:
        yield warning(
            f"PostgreSQL lets only {server['max_connections']} in (max_connections): a machine with two processes and "
            f"a worker may want {CONNECTIONS}."
        )
    if server["owner"] == "true" and production:
        yield warning(
            "The site connects as the owner of its tables, who could change the audit trail: connect as a role that "
            "owns nothing, and migrate as the one that does."
        )


def _server(made: Flask) -> dict[str, str]:
    with database.engine(made).connect() as connection:
        asked = text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)")
        found = {row.name: row.setting for row in connection.execute(asked, {"names": list(_KNOWN)})}
        owned = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tableowner = current_user"
        return {**found, "owner": str(bool(connection.scalar(text(owned)))).lower()}


def _contents(made: Flask, settings: Settings) -> Iterator[Finding]:
    stores, now = base.stores_of(made), base.services_of(made).clock.now()
    with stores.units.read() as unit:
        year, staff = unit.membership_years.current(), unit.staff.all()
        waiting = unit.backlog.waiting(given_up_since=now)
        standing = unit.personal_columns.standing()
    yield of_year(year.ends_on if year else None, now)
    yield of_staff(staff, by_provider=settings.oidc_issuer is not None and bool(settings.oidc_main_values))
    yield from of_backlog(waiting, now)
    yield from of_columns(standing, encrypted=settings.encrypt_columns)


def of_year(ends_on: date | None, now: datetime) -> Finding:
    """Whether anybody can be a New Graduate."""
    if ends_on is None:
        return warning("No membership year is set, so that nobody is a New Graduate: “wizard membership-year set”.")
    if ends_on < toronto_date(now):
        return warning(
            f"The membership year has ended ({ends_on}), so that nobody is a New Graduate: set the next one with "
            "“wizard membership-year set”."
        )
    return ok(f"The membership year runs to {ends_on}.")


def of_staff(staff: Sequence[StaffMember], *, by_provider: bool) -> Finding:
    """Whether somebody can do what only `main` may."""
    if by_provider or any(each.active and each.privilege is Privilege.MAIN for each in staff):
        return ok("There is somebody at the desk with the privilege “main”.")
    return warning(
        "Nobody at the desk has the privilege “main”, so that conflicts stay as they are: “wizard staff add NAME "
        "--privilege main”."
    )


def of_columns(standing: Sequence[Standing], *, encrypted: bool) -> Iterator[Finding]:
    """Whether personal columns are written as the setting says, and can be read."""
    otherwise, lost = ([each for each in standing if getattr(each, name)] for name in ("otherwise", "lost"))
    if lost:
        rows = ", ".join(f"{NAMES[each.table]} ({each.lost})" for each in lost)
        yield failed(
            f"Encrypted with a key that is not among WIZARD_SECRET_KEYS: {rows}. Put the key back, last in the list, "
            "and run “wizard keys rotate” before it goes."
        )
    if otherwise:
        rows = ", ".join(f"{NAMES[each.table]} ({each.otherwise})" for each in otherwise)
        how = "not encrypted with the newest key, as WIZARD_ENCRYPT_COLUMNS asks" if encrypted else "still encrypted"
        yield warning(f"{how[0].upper()}{how[1:]}: {rows}. Run “wizard keys rotate”.")
    if not lost and not otherwise:
        how = "encrypted with the newest key" if encrypted else "not encrypted (WIZARD_ENCRYPT_COLUMNS is off)"
        yield ok(f"The personal columns of the database are {how}.")


def of_backlog(waiting: Sequence[Queued], now: datetime) -> Iterator[Finding]:
    """Whether a worker is at work."""
    since = [each.since for each in waiting if each.queue in {Queue.OUTBOX, Queue.BULK_ROWS} and each.since]
    if since and now - min(since) > LATE:
        yield warning(
            f"Mails, events or rows have waited since {min(since):%Y-%m-%d %H:%M} UTC: see that a worker runs (“wizard "
            "worker”), and what it logs."
        )
