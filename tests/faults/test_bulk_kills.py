"""Many rows under load, real workers killed in the middle: every row is accounted for exactly once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from redis import Redis
from sqlalchemy import func, insert, select

from tests.conftest import SECRET_KEYS
from tests.support.databases import engine_of, migrate, sqlite_url
from tests.support.postgres import Postgres
from tests.support.valkey import Valkey
from tests.support.waiting import wait_for
from wizard import create_app
from wizard.commands import base
from wizard.config import Settings
from wizard.core.actors import Actor
from wizard.services.ports.bulk import JobState, RowState
from wizard.services.ports.calls import Call
from wizard.storage.tables import AccountRow, RecordRow
from wizard.storage.trail_tables import OutboxRow

# `make soak` has as many as a file may have.
ROWS = int(os.environ.get("WIZARD_TEST_BULK_ROWS", "200"))
KILLS = 3
PATIENCE = 60 + ROWS / 10
SYSTEM = Call(Actor.system("tests"))
HEADING = "user_business_id,degree_type,university,country,graduation_year,coto_status,access_modifier"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def environ(
    request: pytest.FixtureRequest, tmp_path: Path, valkey: Valkey, redis_client: Redis, plain_settings: Settings
) -> dict[str, str]:
    """A migrated site's environment."""
    assert redis_client.dbsize() == 0
    url = sqlite_url(tmp_path / "wizard.db")
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.url(postgres.create())
    migrate(url, plain_settings)
    return {
        "WIZARD_DATA_DIR": str(tmp_path),
        "WIZARD_REDIS_URL": valkey.url,
        "WIZARD_REDIS_TIMEOUT": "8",
        "WIZARD_DATABASE_URL": url,
        "WIZARD_SECRET_KEYS": ",".join(SECRET_KEYS),
    }


@contextmanager
def working(environ: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of its own, killed in the end."""
    with log.open("ab") as to:
        worker = subprocess.Popen(
            [sys.executable, "-m", "wizard.cli", "worker"], env={**os.environ, **environ}, stdout=to, stderr=to
        )
        try:
            yield worker
        finally:
            worker.kill()
            worker.wait()


def number(position: int) -> str:
    return f"M-{position}"


def file() -> bytes:
    """One in ten is wrong, and the last one is the first one again."""
    rows = [
        f"{number(each)},masters,{'nowhere' if each % 10 == 0 else 'mcmaster'},CA,2026,pending,private"
        for each in range(1, ROWS)
    ]
    return "\n".join((HEADING, *rows, rows[0])).encode()


def test_workers_killed_in_the_middle_account_for_every_row_once(environ: dict[str, str], tmp_path: Path) -> None:
    app = create_app(Settings.from_env(environ))
    bulk = base.services_of(app).bulk
    people = [
        {
            "id": number(each),
            "number": number(each),
            "number_key": number(each).casefold(),
            "name": "Somebody",
            "email": f"{each}@example.org",
            "status": "active",
            "language": "en",
            "created_at": base.services_of(app).clock.now(),
        }
        for each in range(1, ROWS)
    ]
    with engine_of(app).begin() as connection:
        connection.execute(insert(AccountRow), people)
    job = bulk.load(SYSTEM, "many.csv", file(), goes_on=True)

    def done() -> int:
        now = bulk.job(SYSTEM, job.id)
        return now.steps_done if now.state is JobState.RUNNING else ROWS * (now.state is JobState.DONE)

    log, since = tmp_path / "workers.log", monotonic()
    for kill in range(KILLS):
        with working(environ, log), working(environ, log):
            wait_for(lambda: done() > ROWS * (kill + 1) / (KILLS + 2), what="progress", within=PATIENCE)  # noqa: B023
    with working(environ, log), working(environ, log):
        wait_for(lambda: bulk.job(SYSTEM, job.id).finished_at is not None, what="the end", within=PATIENCE)
    took = monotonic() - since
    wrong = (ROWS - 1) // 10
    assert bulk.job(SYSTEM, job.id).counts == {
        RowState.CREATED: ROWS - 1 - wrong,
        RowState.REJECTED: wrong + 1,
    }, log.read_text()
    with engine_of(app).connect() as connection:
        records = connection.scalar(select(func.count()).select_from(RecordRow))
        mails = connection.scalar(select(func.count()).select_from(OutboxRow))
    assert records == mails == ROWS - 1 - wrong
    with base.stores_of(app).units.read() as unit:
        assert unit.audit.verify() == []
        told = [row.event.name.value for row in unit.audit.history(f"bulk:{job.id}")]
    assert told == ["bulk.loaded", "bulk.started", "bulk.completed"]
    engine_of(app).dispose()
    # For `make soak`, which shows it.
    sys.stdout.write(
        f"{ROWS} rows in {took:.0f} s with {2 * KILLS} workers killed: "
        f"{records} records, {wrong + 1} rejected, {ROWS - (records or 0) - wrong - 1} not accounted for.\n"
    )
