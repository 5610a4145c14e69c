"""The same requests with ten registrations open and with a million: a Valkey and a server for each number, in turn."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter

from redis import Redis

from bench import cores, load, servers, visits
from bench.lists import registrations
from bench.registry import OwnCounts, Registry, environment, registry
from bench.rounds import ROUNDS, Trips
from tests.support.postgres import Postgres, running_postgres
from tests.support.valkey import running_valkey

NUMBERS = (10, 1_000, 100_000)
SLOWER_AT_MOST = 1.2
_AT_ONCE, _PAGES = 500, 5
_LIST, _CLEAN_UP = "GET list of registrations", "a slice of the clean-up"


@dataclass(frozen=True, slots=True)
class Among:
    """What a request cost among so many open registrations: medians of the rounds, in milliseconds."""

    request: str
    open: int
    p50_ms: float
    cpu_ms: float
    redis: float
    sql: float


@dataclass(slots=True)
class _Place:
    """A site with so many open registrations."""

    number: int
    ours: Registry
    server: servers.Server
    redis: Redis
    trips: OwnCounts
    bytes_each: float = 0.0

    def fill(self) -> None:
        """Open them, and see what they take."""
        before = int(self.redis.info("memory")["used_memory"])
        store = self.ours.app.extensions["wizard_stores"].registrations
        made = registrations(self.number, self.ours.services.clock.now())
        while some := list(islice(made, _AT_ONCE)):
            store.save_all([(each, None) for each in some])
        self.bytes_each = (int(self.redis.info("memory")["used_memory"]) - before) / self.number

    def requests(self, size: int) -> Iterator[tuple[str, list[load.Visit]]]:
        """Every request of some journeys, and the desk's list."""
        yield from visits.in_step(visits.applicant(each, self.ours.code_of) for each in self.ours.members(size))
        desk = visits.pages(_LIST, self.ours.at_the_desk, "/staff/sessions", _PAGES)
        yield _LIST, [visits.unnamed(desk)]

    def clean_up(self) -> float:
        """Seconds of one slice."""
        began = perf_counter()
        self.ours.services.housekeeping.run_once()
        return perf_counter() - began


def run(
    numbers: Iterable[int] = NUMBERS, *, size: int = 30, rounds: int = ROUNDS
) -> tuple[list[Among], dict[int, float]]:
    """What everything costs among each number, and what each registration takes up."""
    cores.stay_on(cores.cores()[1])
    with tempfile.TemporaryDirectory() as directory, running_postgres() as postgres, ExitStack() as stack:
        places = [_place(stack, Path(directory) / str(number), postgres, number) for number in numbers]
        for place in places:
            place.fill()
        trips = {place.number: _counted(place, size) for place in places}
        measured: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for _ in range(rounds):
            for place in places:
                for request, took, cpu in _measured(place, size):
                    measured.setdefault((request, place.number), []).append((took, cpu))
        return (
            [_row(*key, rounds_, trips[key[1]].get(key[0], Trips(0, 0))) for key, rounds_ in measured.items()],
            {place.number: place.bytes_each for place in places},
        )


def _place(stack: ExitStack, directory: Path, postgres: Postgres, number: int) -> _Place:
    directory.mkdir()
    valkey = stack.enter_context(running_valkey(directory))
    # What goes together behind the answers hangs on what else is under way; here each costs what it costs by itself.
    alone = {"WIZARD_AUDIT_DELAY": "0"}
    environ = environment(valkey.url, postgres.url(postgres.create()), str(directory)) | alone
    ours = stack.enter_context(registry(environ))
    server = stack.enter_context(servers.gunicorn("bench.product:app", directory, environ))
    return _Place(number, ours, server, valkey.client, OwnCounts(server, ours.metrics_token))


def _counted(place: _Place, size: int) -> dict[str, Trips]:
    """Round trips of each request; whatever is done for the first time is done here, too."""
    trips = {}
    for _ in range(2):
        for request, some in place.requests(size):
            before = place.trips()
            count = len(load.drive(place.server.port, some).took)
            after = place.trips()
            trips[request] = Trips((after.redis - before.redis) / count, (after.sql - before.sql) / count)
    return trips


def _measured(place: _Place, size: int) -> Iterator[tuple[str, float, float]]:
    for request, some in place.requests(size):
        cpu = place.server.cpu_seconds()
        took = load.drive(place.server.port, some).took
        yield request, median(took), (place.server.cpu_seconds() - cpu) / len(took)
    took_once = place.clean_up()
    yield _CLEAN_UP, took_once, took_once


def _row(request: str, number: int, rounds: list[tuple[float, float]], trips: Trips) -> Among:
    took, cpu = (1000 * median(each) for each in zip(*rounds, strict=True))
    return Among(request, number, took, cpu, *trips)


def show(rows: list[Among], bytes_each: dict[int, float]) -> bool:
    """The table; whether every request takes what it takes among the fewest."""
    numbers = sorted(bytes_each)
    of = {(row.request, row.open): row for row in rows}
    sys.stdout.write(
        f"\n{'CPU ms among so many open':<32}" + "".join(f"{number:>12,}" for number in numbers) + f"{'ratio':>8}\n"
    )
    even = True
    for request in dict.fromkeys(row.request for row in rows):
        some = [of[request, number] for number in numbers]
        ratio = max(row.cpu_ms for row in some[1:]) / some[0].cpu_ms if len(some) > 1 else 1.0
        same = len({(round(row.redis, 1), round(row.sql, 1)) for row in some}) == 1
        told = "" if same else "  other round trips: " + ", ".join(f"{row.redis:.1f}+{row.sql:.1f}" for row in some)
        sys.stdout.write(f"{request:<32}" + "".join(f"{row.cpu_ms:>12.3f}" for row in some) + f"{ratio:>8.2f}{told}\n")
        even = even and (request == _CLEAN_UP or ratio <= SLOWER_AT_MOST)
    held = ", ".join(f"{number:,}: {each:.0f} bytes" for number, each in bytes_each.items())
    sys.stdout.write(f"Each registration takes up, indexes included, among {held}.\n")
    return even
