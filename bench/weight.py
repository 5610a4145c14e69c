"""What an open registration takes up in Valkey: its document, and all of the indexes that know of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import sleep
from typing import cast

from redis import Redis

from bench import load, visits
from bench.rounds import BEHIND
from bench.visits import Journey

DOCUMENTS, INDEXES, BROWSERS = "ot_education_session:*", "ot_education_index:*", "ot_browser_session:*"
# Where most is in a document: checked and decided, not linked yet.
_FULLEST = "POST category"


@dataclass(frozen=True, slots=True)
class Weight:
    """Bytes of each registration in Valkey, and of its browser's session."""

    registrations: int
    document: float
    indexes: float
    browser: float

    @property
    def session(self) -> float:
        return self.document + self.indexes


def weigh(redis: Redis) -> Weight:
    """All that there is, shared out."""
    documents, browsers = list(_bytes(redis, DOCUMENTS)), list(_bytes(redis, BROWSERS))
    count = len(documents)
    return Weight(
        registrations=count,
        document=sum(documents) / count,
        indexes=sum(_bytes(redis, INDEXES)) / count,
        browser=sum(browsers) / max(1, len(browsers)),
    )


def _bytes(redis: Redis, pattern: str) -> Iterator[int]:
    for key in redis.scan_iter(pattern, count=1000):
        yield cast("int", redis.memory_usage(key, samples=0))


def at_the_category(port: int, redis: Redis, journeys: Iterable[Journey]) -> Weight:
    """What registrations weigh that have come this far; of a Valkey without any others."""
    for name, some in visits.in_step(journeys):
        if name == _FULLEST:
            break
        load.drive(port, some)
        # Nobody answers a page before the events of the one before have left the document.
        sleep(BEHIND)
    return weigh(redis)
