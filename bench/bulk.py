"""Ten thousand rows of a file, checked and registered, on SQLite and on PostgreSQL; a process for each."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time

from sqlalchemy import insert

from bench.sites import Site, site
from tests.support.databases import engine_of
from tests.support.postgres import running_postgres
from wizard.core.actors import Actor
from wizard.services.ports.bulk import JobState, RowState
from wizard.services.ports.calls import Call
from wizard.storage.tables import AccountRow

ROWS = 10_000
SECONDS_AT_MOST = 60
SYSTEM = Call(Actor.system("bench"))
HEADING = "user_business_id,degree_type,university,country,graduation_year,coto_status,access_modifier"


@dataclass(frozen=True)
class Registered:
    """How long it took, in seconds; how much of that the process was busy itself, and not waiting for disk or others.

    `grown_mb` is by how much it grew from the first batch to the last.
    """

    database: str
    rows: int
    check_s: float
    register_s: float
    busy_s: float
    grown_mb: float

    @property
    def seconds(self) -> float:
        return self.check_s + self.register_s


def people(many: Site, rows: int) -> None:
    """An account for each row."""
    now = many.services.clock.now()
    values = [
        {
            "id": f"M-{number}",
            "number": f"M-{number}",
            "number_key": f"m-{number}",
            "name": "Somebody",
            "email": f"{number}@example.org",
            "status": "active",
            "language": "en",
            "created_at": now,
        }
        for number in range(rows)
    ]
    with engine_of(many.app).begin() as connection:
        connection.execute(insert(AccountRow), values)


def file(rows: int) -> bytes:
    lines = (f"M-{number},masters,mcmaster,CA,2026,pending,private" for number in range(rows))
    return "\n".join((HEADING, *lines)).encode()


def register(many: Site, database: str, rows: int) -> Registered:
    """As a worker does it, batch by batch."""
    people(many, rows)
    bulk = many.services.bulk
    job = bulk.load(SYSTEM, "graduates.csv", file(rows), goes_on=True)
    bulk.workers.run_once()
    at_first, began, busy, checked = megabytes(), perf_counter(), process_time(), 0.0
    while bulk.workers.run_once():
        if not checked and bulk.job(SYSTEM, job.id).state is JobState.RUNNING:
            checked = perf_counter()
    ended, busy = perf_counter(), process_time() - busy
    counts = bulk.job(SYSTEM, job.id).counts
    assert counts == {RowState.CREATED: rows}, counts
    return Registered(database, rows, checked - began, ended - checked, busy, megabytes() - at_first)


def megabytes() -> float:
    """The most that this process has held at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def on(database: str, directory: Path) -> Iterator[Site]:
    if database == "sqlite":
        with site(directory) as made:
            yield made
        return
    with running_postgres() as postgres, site(directory, database=postgres.url(postgres.create())) as made:
        yield made


def run(*, rows: int = ROWS) -> tuple[list[Registered], bool]:
    """What each took, and whether it was quick enough."""
    done = []
    for database in ("sqlite", "postgresql"):
        said = subprocess.run(
            [sys.executable, "-m", "bench.bulk", database, str(rows)], capture_output=True, text=True, check=True
        )
        done.append(Registered(**json.loads(said.stdout.splitlines()[-1])))
    return done, all(each.seconds <= SECONDS_AT_MOST for each in done)


def show(done: list[Registered]) -> None:
    heads = f"{'check s':>9} {'register s':>11} {'busy s':>8} {'rows/s':>8} {'grown MB':>9}"
    sys.stdout.write(f"\n{'rows of a file':<40} {'rows':>8} {heads}\n")
    for each in done:
        took = f"{each.check_s:>9.1f} {each.register_s:>11.1f} {each.busy_s:>8.1f}"
        rest = f"{each.rows / each.seconds:>8.0f} {each.grown_mb:>9.1f}"
        sys.stdout.write(f"{each.database:<40} {each.rows:>8} {took} {rest}\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data, on(sys.argv[1], Path(data) / "site") as alone:
        sys.stdout.write(json.dumps(asdict(register(alone, sys.argv[1], int(sys.argv[2])))) + "\n")
