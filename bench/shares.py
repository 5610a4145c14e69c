"""What one registration costs each part of a site, from the first page to the mails: what `docs/scale.md` reckons with.

Processor time, bytes and transactions, not seconds: other work on the machine changes little of them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from redis import Redis
from sqlalchemy import Engine, func, select, text

from bench import cores, load, servers, visits
from bench.registry import Registry, environment, registry
from tests.support.databases import engine_of
from tests.support.mailserver import MailServer
from tests.support.postgres import Postgres, running_postgres
from tests.support.valkey import running_valkey
from tests.support.waiting import wait_for
from wizard.storage.trail_tables import OutboxRow

_SENT_WITHIN = 600.0
_POSTGRES = text(
    "SELECT pg_database_size(current_database()), pg_current_wal_lsn() - '0/0'::pg_lsn,"
    " (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())"
)


class Used(NamedTuple):
    """So far: processor seconds, bytes, and numbers of things."""

    web_cpu: float
    worker_cpu: float
    valkey_cpu: float
    postgres_cpu: float
    valkey_memory: float
    valkey_log: float
    valkey_commands: float
    postgres_size: float
    postgres_log: float
    postgres_transactions: float


@dataclass(frozen=True, slots=True)
class Shares:
    """Of one registration, processor time in milliseconds."""

    registrations: int
    mails: float
    web_ms: float
    worker_ms: float
    valkey_ms: float
    postgres_ms: float
    valkey_bytes: float
    valkey_log_bytes: float
    valkey_commands: float
    postgres_bytes: float
    postgres_log_bytes: float
    postgres_transactions: float


@dataclass(frozen=True)
class _Parts:
    ours: Registry
    web: servers.Server
    worker: int
    valkey: Redis
    postgres: Postgres

    @property
    def engine(self) -> Engine:
        return engine_of(self.ours.app)

    def register(self, size: int) -> None:
        """So many, and every mail of theirs sent: afterwards, for codes are read where a worker would find them."""
        journeys = [visits.unnamed(visits.applicant(each, self.ours.code_of)) for each in self.ours.members(size)]
        os.kill(self.worker, signal.SIGSTOP)
        try:
            load.drive(self.web.port, journeys)
        finally:
            os.kill(self.worker, signal.SIGCONT)
        wait_for(lambda: not self._unsent(), within=_SENT_WITHIN, what="the mails")

    def used(self) -> Used:
        told = self.valkey.info("everything")
        with self.engine.connect() as connection:
            size, log, transactions = connection.execute(_POSTGRES).one()
        return Used(
            web_cpu=self.web.cpu_seconds(),
            worker_cpu=cores.cpu_seconds(self.worker),
            valkey_cpu=cores.cpu_seconds(told["process_id"]),
            postgres_cpu=cores.family_cpu_seconds(self.postgres.pid),
            valkey_memory=told["used_memory"],
            valkey_log=told["aof_current_size"],
            valkey_commands=told["total_commands_processed"],
            postgres_size=size,
            postgres_log=float(log),
            postgres_transactions=transactions,
        )

    def _unsent(self) -> int:
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).where(OutboxRow.state == "waiting")) or 0


@contextmanager
def _running(directory: Path) -> Iterator[tuple[_Parts, list[str]]]:
    with (
        running_valkey(directory) as valkey,
        running_postgres() as postgres,
        MailServer().running() as mails,
    ):
        environ = environment(valkey.url, postgres.url(postgres.create()), str(directory))
        environ["WIZARD_MAIL_URL"] = mails.url
        with (
            registry(environ) as ours,
            servers.gunicorn("bench.product:app", directory, environ) as web,
            _worker(directory, environ) as worker,
        ):
            yield _Parts(ours, web, worker, valkey.client, postgres), mails.ids


@contextmanager
def _worker(directory: Path, environ: dict[str, str]) -> Iterator[int]:
    with (directory / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "wizard.cli", "worker"], env={**os.environ, **environ}, stdout=log, stderr=log
        )
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait()


def run(*, size: int) -> Shares:
    """Of so many registrations, after some that warm everything up."""
    with tempfile.TemporaryDirectory() as directory, _running(Path(directory)) as (parts, mails):
        parts.register(max(4, size // 10))
        before, sent = parts.used(), len(mails)
        parts.register(size)
        each = Used(*((late - early) / size for early, late in zip(before, parts.used(), strict=True)))
    return Shares(
        registrations=size,
        mails=(len(mails) - sent) / size,
        web_ms=1000 * each.web_cpu,
        worker_ms=1000 * each.worker_cpu,
        valkey_ms=1000 * each.valkey_cpu,
        postgres_ms=1000 * each.postgres_cpu,
        valkey_bytes=each.valkey_memory,
        valkey_log_bytes=each.valkey_log,
        valkey_commands=each.valkey_commands,
        postgres_bytes=each.postgres_size,
        postgres_log_bytes=each.postgres_log,
        postgres_transactions=each.postgres_transactions,
    )


def show(shares: Shares) -> None:
    """A line for each part."""
    each = shares
    sys.stdout.write(
        f"\nwhat one registration costs, of {each.registrations}\n"
        f"  web         {each.web_ms:8.1f} ms of a core\n"
        f"  worker      {each.worker_ms:8.1f} ms of a core, {each.mails:.1f} mails\n"
        f"  Valkey      {each.valkey_ms:8.1f} ms of a core, {each.valkey_commands:.0f} commands, "
        f"{each.valkey_bytes:,.0f} bytes kept, {each.valkey_log_bytes:,.0f} bytes of its log\n"
        f"  PostgreSQL  {each.postgres_ms:8.1f} ms of a core, {each.postgres_transactions:.1f} transactions, "
        f"{each.postgres_bytes:,.0f} bytes kept, {each.postgres_log_bytes:,.0f} bytes of its log\n"
    )
