"""Levels: how many there are of everything, read from Redis and the database when Prometheus asks.

Every machine tells the same, for they share both: a query takes the greatest of them, not the sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from wizard.core.clock import Clock
from wizard.core.errors import ExternalServiceError
from wizard.services.ports.backlog import Queue, Queued
from wizard.services.ports.registrations import RegistrationStore, Tally
from wizard.services.ports.units import UnitsOfWork

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Levels(Collector):
    """One round trip to Redis and one statement to the database; what does not answer is said, and left out."""

    clock: Clock
    units: UnitsOfWork
    registrations: RegistrationStore
    # As the desk's board has it.
    given_up_shown_for: timedelta

    def collect(self) -> Iterator[Metric]:
        """Read everything."""
        tally, queues = self._tally(), self._queues()
        up = GaugeMetricFamily("wizard_up", "Whether Redis and the database answer.", labels=["service"])
        up.add_metric(["redis"], tally is not None)
        up.add_metric(["database"], queues is not None)
        yield up
        if tally is not None:
            yield from _of_registrations(tally)
            overdue = "wizard_registrations_overdue_seconds"
            yield GaugeMetricFamily(overdue, "Since when the first of them is over.", self._age(tally.overdue_since))
        if queues is not None:
            yield from self._of_queues(queues)

    def _tally(self) -> Tally | None:
        try:
            return self.registrations.tally()
        except ExternalServiceError:
            return None

    def _queues(self) -> list[Queued] | None:
        try:
            with self.units.read() as unit:
                return list(unit.backlog.waiting(given_up_since=self.clock.now() - self.given_up_shown_for))
        except ExternalServiceError:
            _log.warning("metrics.database_unavailable")
            return None

    def _of_queues(self, queues: list[Queued]) -> Iterator[Metric]:
        counts = GaugeMetricFamily("wizard_queue", "What waits, by queue.", labels=["queue", "kind"])
        ages = GaugeMetricFamily(
            "wizard_queue_oldest_seconds", "How long the longest has waited in a queue.", labels=["queue", "kind"]
        )
        # An empty queue is told of as well: nothing is not the same as unknown.
        empty = set(Queue) - {each.queue for each in queues}
        for each in [*queues, *(Queued(queue, "", 0, None) for queue in sorted(empty))]:
            labels = [each.queue.value, each.kind]
            counts.add_metric(labels, each.count)
            ages.add_metric(labels, self._age(each.since))
        yield counts
        yield ages

    def _age(self, since: datetime | None) -> float:
        return max((self.clock.now() - since).total_seconds(), 0.0) if since else 0.0


def _of_registrations(tally: Tally) -> Iterator[Metric]:
    yield _family("wizard_registrations", "Registrations, by status.", "status", tally.statuses)
    yield _family("wizard_registrations_open", "Open registrations, by the step they wait at.", "step", tally.steps)
    yield _family("wizard_registrations_came", "Registrations, by the way they came in.", "channel", tally.channels)
    yield _family("wizard_registrations_stuck", "Open registrations that are stuck, by why.", "why", tally.troubles)
    yield _family(
        "wizard_registrations_stopped", "Open registrations that a rule stopped last, by rule.", "rule", tally.rules
    )
    single = {
        "wizard_registrations_expiring": ("Open registrations that will soon be over.", tally.expiring),
        "wizard_registrations_overdue": ("Registrations that are over and not ended yet.", tally.overdue),
        "wizard_registrations_unrecorded": ("Registrations with events not in the audit trail yet.", tally.unrecorded),
    }
    for name, (what, count) in single.items():
        yield GaugeMetricFamily(name, what, value=count)


def _family(name: str, what: str, label: str, counts: Mapping[Any, int]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=[label])
    for kind, count in counts.items():
        family.add_metric([str(kind)], count)
    return family
