"""Every app's requests in turn, round after round, each between two looks at the floor; medians of all rounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from time import sleep
from typing import NamedTuple

from bench import load, visits
from bench.servers import Server
from bench.visits import Journey

ROUNDS = 5
FLOOR, WHOLE = "A: bare page", "whole journey"
# Seconds in which everything is done that an app does behind its answers.
BEHIND = 0.15
# As many requests of A as take about as long as one of each journey.
_FLOOR_SHARE = 4


class Trips(NamedTuple):
    """Round trips to Redis and statements sent to the database so far, the question itself left out."""

    redis: float
    sql: float


@dataclass(frozen=True, slots=True)
class App:
    """An app under load: its letter, its server, as many of its journeys as are asked for, and its round trips."""

    name: str
    server: Server
    journeys: Callable[[int], Iterable[Journey]]
    trips: Callable[[], Trips]


@dataclass(frozen=True, slots=True)
class Row:
    """What one kind of request cost: medians of the rounds, and beside what A's page cost in the same rounds.

    `of_floor` compares requests a second, `of_floor_cpu` what the server's core was used for.
    """

    app: str
    request: str
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    of_floor: float
    of_floor_cpu: float
    redis: float
    sql: float
    client_busy: float


@dataclass(slots=True)
class _Rounds:
    """What was measured of one kind of request, by round."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    of_floor: list[float] = field(default_factory=list)
    of_floor_cpu: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Bench:
    """The floor and the apps beside it."""

    floor: App
    apps: Sequence[App]
    size: int
    _measured: dict[tuple[str, str], _Rounds] = field(default_factory=lambda: defaultdict(_Rounds))
    _trips: dict[tuple[str, str], Trips] = field(default_factory=dict)

    def run(self, rounds: int = ROUNDS) -> list[Row]:
        """Warm up and count round trips, then measure."""
        for app in (self.floor, *self.apps):
            load.drive(app.server.port, map(visits.unnamed, app.journeys(2 * load.CONNECTIONS)))
            self._count(app)
        for _ in range(rounds):
            for app in self.apps:
                self._in_step(app)
                self._whole(app)
        return [self._row(*key) for key in self._measured]

    def _count(self, app: App) -> None:
        for name, some in visits.in_step(app.journeys(max(2, self.size // 5))):
            before = app.trips()
            count = len(load.drive(app.server.port, some).took)
            after = app.trips()
            self._trips[app.name, name] = Trips((after.redis - before.redis) / count, (after.sql - before.sql) / count)

    def _in_step(self, app: App) -> None:
        floor = self._floor()
        for name, some in visits.in_step(app.journeys(self.size)):
            self._note(app, name, app.server, some, floor)
            floor = self._floor()

    def _whole(self, app: App) -> None:
        floor = self._floor()
        journeys = [visits.unnamed(journey) for journey in app.journeys(self.size)]
        self._note(app, WHOLE, app.server, journeys, floor)

    def _floor(self) -> tuple[float, float]:
        """Requests a second and CPU seconds for each, of A, now."""
        some = [visits.unnamed(journey) for journey in self.floor.journeys(_FLOOR_SHARE * self.size)]
        loaded, cpu = _driven(self.floor.server, some)
        self._add(self._measured["A", FLOOR], loaded, cpu, (loaded.per_second, cpu))
        return loaded.per_second, cpu

    def _note(
        self, app: App, name: str, server: Server, some: Iterable[load.Visit], floor: tuple[float, float]
    ) -> None:
        loaded, cpu = _driven(server, some, behind=BEHIND)
        self._add(self._measured[app.name, name], loaded, cpu, floor)

    @staticmethod
    def _add(rounds: _Rounds, loaded: load.Loaded, cpu: float, floor: tuple[float, float]) -> None:
        rounds.rates.append(loaded.per_second)
        rounds.cpu.append(cpu)
        rounds.of_floor.append(loaded.per_second / floor[0])
        rounds.of_floor_cpu.append(floor[1] / cpu)
        rounds.took += loaded.took
        rounds.busy.append(loaded.busy / loaded.seconds)

    def _row(self, app: str, request: str) -> Row:
        rounds = self._measured[app, request]
        trips = self._trips.get((app, request), Trips(0, 0))
        return Row(
            app=app,
            request=request,
            per_second=median(rounds.rates),
            p50_ms=1000 * median(rounds.took),
            p99_ms=1000 * quantiles(rounds.took, n=100)[98],
            cpu_ms=1000 * median(rounds.cpu),
            of_floor=median(rounds.of_floor),
            of_floor_cpu=median(rounds.of_floor_cpu),
            redis=trips.redis,
            sql=trips.sql,
            client_busy=median(rounds.busy),
        )


def _driven(server: Server, some: Iterable[load.Visit], *, behind: float = 0) -> tuple[load.Loaded, float]:
    """What a load came to, and the CPU seconds for each request, with those spent `behind` the answers."""
    cpu = server.cpu_seconds()
    loaded = load.drive(server.port, some)
    sleep(behind)
    return loaded, (server.cpu_seconds() - cpu) / len(loaded.took)


def floor_journeys(requests: int) -> Iterator[Journey]:
    """A's page, so often, over all connections."""
    for _ in range(load.CONNECTIONS):
        yield visits.floor(max(1, requests // load.CONNECTIONS))
