"""The product beside A, B and C: every page, every step, the API, the desk's list, and whole journeys."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from redis import Redis

from bench import cores, load, servers, visits
from bench.registry import OwnCounts, Registry, account_id, environment, registry
from bench.rounds import ROUNDS, App, Bench, Row, Trips, floor_journeys
from bench.weight import Weight, at_the_category
from tests.support.postgres import running_postgres
from tests.support.valkey import running_valkey


@dataclass(frozen=True, slots=True)
class Result:
    """The rows, how fast the client is with a server that does nothing, and what each worker holds, in MB."""

    rows: list[Row]
    client_per_second: float
    memory_mb: dict[str, float]
    weight: Weight

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(slots=True)
class _Reads:
    """Valkey's own count of what peers sent it: one for each round trip, unless that is longer than 16 kB."""

    client: Redis
    _asked: int = 0

    def __call__(self) -> Trips:
        self._asked += 1
        return Trips(self.client.info("stats")["total_reads_processed"] - self._asked, 0)


@contextmanager
def beside_each_other(directory: Path) -> Iterator[tuple[App, list[App], Redis]]:
    """All apps, each with a core's one worker, on one Valkey; the floor first."""
    with ExitStack() as stack:
        valkey = stack.enter_context(running_valkey(directory))
        postgres = stack.enter_context(running_postgres())
        environ = environment(valkey.url, postgres.url(postgres.create()), str(directory))
        ours = stack.enter_context(registry(environ))
        peers = {"BENCH_REDIS_URL": valkey.url}

        def served(app: str, environ: dict[str, str]) -> servers.Server:
            return stack.enter_context(servers.gunicorn(app, directory, environ))

        reads = _Reads(valkey.client)
        floor = App("A", served("bench.peers.floor:app", {}), floor_journeys, reads)
        b = App(
            "B", served("bench.peers.flask_wizard:app", peers), lambda size: (visits.peer() for _ in range(size)), reads
        )
        c = App(
            "C",
            served("bench.peers.django_wizard:app", peers),
            lambda size: (visits.peer(lambda step, name: f"{step}-{name}") for _ in range(size)),
            reads,
        )
        product = served("bench.product:app", environ)
        trips = OwnCounts(product, ours.metrics_token)
        yield (
            floor,
            [
                b,
                c,
                App("product", product, lambda size: _applicants(ours, size), trips),
                App("API", product, lambda size: _systems(ours, size), trips),
                App("desk", product, lambda size: _desk(ours, size), trips),
            ],
            valkey.client,
        )


def _applicants(ours: Registry, size: int) -> Iterator[visits.Journey]:
    return (visits.applicant(number, ours.code_of) for number in ours.members(size))


def _systems(ours: Registry, size: int) -> Iterator[visits.Journey]:
    return (visits.system(ours.token, number, account_id(number)) for number in ours.members(size))


def _desk(ours: Registry, size: int) -> Iterator[visits.Journey]:
    """Pages of the list of registrations, by somebody who is signed in."""
    browser = ours.at_the_desk
    return (visits.pages("GET list of registrations", browser, "/staff/sessions", 1) for _ in range(size))


def run(*, size: int, rounds: int = ROUNDS) -> Result:
    """Measure all, the client on its own core."""
    cores.stay_on(cores.cores()[1])
    with (
        tempfile.TemporaryDirectory() as directory,
        beside_each_other(Path(directory)) as (floor, apps, valkey),
        servers.nothing() as port,
    ):
        product = next(app for app in apps if app.name == "product")
        weight = at_the_category(product.server.port, valkey, product.journeys(size))
        bench = Bench(floor, apps, size)
        rows = bench.run(rounds)
        ceiling = load.drive(port, [visits.unnamed(visits.floor(2_000)) for _ in range(load.CONNECTIONS)])
        memory = {app.name: app.server.memory_mb() for app in (floor, *apps)}
    return Result(rows, ceiling.per_second, memory, weight)
