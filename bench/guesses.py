"""Whether a code asked for a member number tells by its time if there is such a member: half are made up, in turn."""

from __future__ import annotations

import random
import sys
import tempfile
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median

from bench import cores, load, servers, visits
from bench.registry import Registry, environment, registry
from tests.support.postgres import running_postgres
from tests.support.valkey import running_valkey

ASKED = "POST account (send a code)"
_SHUFFLES = 5_000


@dataclass(frozen=True, slots=True)
class Guesses:
    """Medians in milliseconds, and how often a shuffle of all times has medians that are as far apart."""

    each: int
    known_ms: float
    unknown_ms: float
    by_chance: float


def run(*, size: int) -> Guesses:
    """Ask for so many numbers of each kind, one request at a time."""
    cores.stay_on(cores.cores()[1])
    with (
        tempfile.TemporaryDirectory() as directory,
        running_valkey(Path(directory)) as valkey,
        running_postgres() as postgres,
    ):
        environ = environment(valkey.url, postgres.url(postgres.create()), directory)
        with registry(environ) as ours, servers.gunicorn("bench.product:app", Path(directory), environ) as server:
            # The first few are slower, whoever is asked for.
            _took(server, ours, 5)
            took = _took(server, ours, size)
    known, unknown = took[::2], took[1::2]
    return Guesses(size, 1000 * median(known), 1000 * median(unknown), _by_chance(known, unknown))


def _took(server: servers.Server, ours: Registry, size: int) -> list[float]:
    """Seconds for each, a member's and a made-up number's in turn."""
    pairs = ((number, f"{number}-made-up"[:20]) for number in ours.members(size))
    journeys = [visits.applicant(number, ours.code_of) for number in chain.from_iterable(pairs)]
    for name, some in visits.in_step(journeys):
        loaded = load.drive(server.port, some, connections=1)
        if name == ASKED:
            return loaded.took
    raise AssertionError(ASKED)


def _by_chance(known: list[float], unknown: list[float]) -> float:
    apart, both, as_far = abs(median(known) - median(unknown)), [*known, *unknown], 0
    dice = random.Random(1)  # noqa: S311 - no secret
    for _ in range(_SHUFFLES):
        dice.shuffle(both)
        as_far += abs(median(both[: len(known)]) - median(both[len(known) :])) >= apart
    return as_far / _SHUFFLES


def show(guesses: Guesses) -> None:
    """A line."""
    sys.stdout.write(
        f"A code asked for {guesses.each} numbers each: a member's {guesses.known_ms:.2f} ms, made up "
        f"{guesses.unknown_ms:.2f} ms; as far apart by chance in {guesses.by_chance:.0%} of shuffles.\n"
    )
