"""Commands that run the site and look after what it stands on."""

from __future__ import annotations

import logging
import signal
from threading import Event

import click

from wizard.commands import base
from wizard.commands.checks import findings
from wizard.commands.demo import demo
from wizard.commands.findings import Finding, Verdict
from wizard.commands.metrics import serving_metrics
from wizard.commands.worker import Worker
from wizard.storage import database


@click.command(cls=base.Command)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("--threads", default=8, show_default=True, type=click.IntRange(1), help="Threads of each process.")
def serve(*, host: str, port: int, workers: int, threads: int) -> None:
    """Serve the site, with the worker and, where no Redis is named, the embedded Valkey beside it."""
    from wizard import server  # noqa: PLC0415 - gunicorn is of use to no other command

    made = base.app()
    base.require_migrated(made)
    # The web's processes are forks of this one, and connect by themselves.
    database.engine(made).dispose()
    try:
        server.serve(base.settings(), host=host, port=port, workers=workers, threads=threads)
    except server.AddressError as error:
        raise click.ClickException(str(error)) from error


@click.command(cls=base.Command)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
@click.pass_context
def start(context: click.Context, *, port: int) -> None:
    """Migrate, add the demonstration on the first start, and serve: what “make run” does, in one process.

    A process for each took twice as long to be ready. Refused in production.
    """
    if base.settings().is_production:
        raise click.ClickException("This is for a first look, and has no place in production (WIZARD_ENV).")
    made = base.app()
    with made.app_context():
        context.invoke(migrate)
        context.invoke(demo, port=port)
    database.engine(made).dispose()
    context.invoke(serve, port=port)


@click.command(cls=base.Command)
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Address to serve its metrics on.")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Port to serve its metrics on; by default none.")
def worker(*, metrics_host: str, metrics_port: int | None) -> None:
    """Deliver mails and webhooks, send reminders and record expiry, until SIGTERM or Ctrl-C.

    “wizard serve” runs one by itself.
    """
    made = base.app(level=logging.INFO)
    base.require_redis(made)
    base.require_migrated(made)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with serving_metrics(made, metrics_host, metrics_port):
        Worker(base.services_of(made), stop).run()


@click.command(cls=base.Command)
def migrate() -> None:
    """Bring the database to the newest migration. Safe to repeat."""
    made = base.app()
    # What migrates is a fifth of a site's start, and stays in the memory of its processes (docs/benchmarks.md).
    if not database.is_current(made):
        database.migrate(made)
    click.echo("The database is at the newest migration.")


@click.command(cls=base.Command)
def check() -> None:
    """Check settings, connections and migrations; exits with 1 where the site could not run well."""
    made = base.app()
    click.echo("ok       The settings can be used.")
    found = findings(made, base.settings())
    for finding in found:
        click.echo(_line(finding))
    if any(finding.verdict is Verdict.FAILED for finding in found):
        raise SystemExit(1)


def _line(finding: Finding) -> str:
    return f"{finding.verdict.value:<8} {finding.sentence}"
