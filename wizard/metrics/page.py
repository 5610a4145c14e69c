"""The page that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from wizard.metrics.counts import Counts
from wizard.metrics.processes import count_together


@dataclass(frozen=True, slots=True)
class Metrics:
    """The counts of this process, and how all processes of the machine are read."""

    counts: Counts
    counted: Collector

    @classmethod
    def of_process(cls, directory: Path | None) -> Metrics:
        """Counted for this process alone, or in a directory for several."""
        # When each count began is of no use to anybody here, and would double the page.
        disable_created_metrics()
        together = count_together(directory) if directory else None
        counts = Counts()
        return cls(counts, together or counts.registry)

    def page(self, levels: Collector) -> Callable[[], bytes]:
        """What makes the page, of the counts and of levels."""
        everything = CollectorRegistry()
        everything.register(self.counted)
        everything.register(levels)
        return lambda: generate_latest(everything)
