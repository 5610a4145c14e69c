"""Everything that is done to a site, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.faults.harness import outages
from tests.faults.harness.crash_points import POINTS
from tests.faults.harness.parts import Site
from tests.support.mailserver import Mood
from tests.support.receiver import fails, hangs, takes_and_hangs

Doing = Callable[[Site], AbstractContextManager[object]]

SLOWED_BY = 0.05
# The part of those faults that are over with a death.
DEATHS = "points"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to a part, for as long as its context lasts.

    `may_repeat` says that a message may go out twice, under its key: who sends it may be cut off before it is marked.
    """

    part: str
    doing: Doing
    may_repeat: bool = True


def _died_at(point: str) -> Doing:
    return lambda site: outages.dying(site, point)


FAULTS: Mapping[str, Fault] = {
    "web killed": Fault("web", outages.web_killed),
    "one web process killed": Fault("web", outages.one_of_web_killed, may_repeat=False),
    "web stopped": Fault("web", outages.web_stopped, may_repeat=False),
    "one web process stopped": Fault("web", outages.one_of_web_stopped, may_repeat=False),
    "workers killed": Fault("workers", outages.workers_killed),
    "workers stopped": Fault("workers", outages.workers_stopped),
    "worker overtaken": Fault("workers", outages.worker_overtaken),
    "redis killed": Fault("redis", lambda site: site.valkey.killed(), may_repeat=False),
    "redis stopped": Fault("redis", lambda site: site.valkey.stopped(), may_repeat=False),
    "redis slow": Fault("redis", lambda site: site.valkey.line.slowed(SLOWED_BY), may_repeat=False),
    "redis cut off": Fault("redis", lambda site: site.valkey.line.cut(), may_repeat=False),
    "redis losing answers": Fault("redis", lambda site: site.valkey.line.losing_answers(), may_repeat=False),
    "redis full": Fault("redis", lambda site: site.valkey.configured("maxmemory", "1", "0"), may_repeat=False),
    "redis without disk": Fault("redis", lambda site: site.valkey.disk_full(), may_repeat=False),
    "redis read-only": Fault("redis", lambda site: site.valkey.read_only(), may_repeat=False),
    "redis without replicas": Fault(
        "redis", lambda site: site.valkey.configured("min-replicas-to-write", "1", "0"), may_repeat=False
    ),
    "database killed": Fault("database", lambda site: site.postgres.killed()),
    "database connection killed": Fault("database", lambda site: site.postgres.backend_killed()),
    "database stopped": Fault("database", lambda site: site.postgres.stopped()),
    "database slow": Fault("database", lambda site: site.postgres.line.slowed(SLOWED_BY)),
    "database cut off": Fault("database", lambda site: site.postgres.line.cut()),
    "database losing answers": Fault("database", lambda site: site.postgres.line.losing_answers()),
    "database full": Fault("database", lambda site: site.postgres.full()),
    "database read-only": Fault("database", lambda site: site.postgres.read_only()),
    "mail away": Fault("mail", outages.mail_away),
    "mail put off": Fault("mail", lambda site: outages.mail_in(site, Mood.PUTS_OFF)),
    "mail hanging": Fault("mail", lambda site: outages.mail_in(site, Mood.HANGS)),
    "mail taken and hanging": Fault("mail", lambda site: outages.mail_in(site, Mood.TAKES_AND_HANGS)),
    "receiver away": Fault("receiver", outages.receiver_away),
    "receiver failing": Fault("receiver", lambda site: outages.receiver_as(site, fails(503))),
    "receiver hanging": Fault("receiver", lambda site: outages.receiver_as(site, hangs)),
    "receiver taking and hanging": Fault("receiver", lambda site: outages.receiver_as(site, takes_and_hangs)),
    **{f"death at {point}": Fault(DEATHS, _died_at(point)) for point in POINTS},
}

# What needs a small disk of its own.
NEEDS_DISK = frozenset({"database full"})
