"""Counting in several processes of one machine: each in a file of its own, all read together.

The files lie in the directory that `PROMETHEUS_MULTIPROC_DIR` names. A process takes the first place that is free and
goes on counting where the one that had it before ended: there are never more files than processes at once, however
often one is started again, and no count ever falls.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from prometheus_client import values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


class Place:
    """The place of this process, until it ends; a fork takes another."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._owner = 0
        self._number = 0
        self._held = -1

    def number(self) -> int:
        """Which it is."""
        if self._owner != os.getpid():
            self._owner, (self._number, self._held) = os.getpid(), self._taken()
        return self._number

    def _taken(self) -> tuple[int, int]:
        for number in count():
            # Open for as long as the process lives: the lock goes with it, however it ends.
            file = os.open(self._directory / f"{number}.place", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(file)
            else:
                return number, file
        raise AssertionError  # pragma: no cover - there is always another number


class AllProcesses(Collector):
    """What all processes of this machine have counted."""

    def __init__(self, directory: Path) -> None:
        self._files = MultiProcessCollector(None, str(directory))

    def collect(self) -> Iterator[Metric]:
        """Read all files."""
        yield from self._files.collect()


def directory_of_counts() -> Path | None:
    """Where this process counts together with others; None where it counts alone."""
    named = os.environ.get(DIRECTORY)
    return Path(named) if named else None


def count_together(directory: Path) -> AllProcesses:
    """Let every count of this process go to its file from now on."""
    directory.mkdir(parents=True, exist_ok=True)
    # The library looks there by itself.
    os.environ[DIRECTORY] = str(directory)
    values.ValueClass = values.MultiProcessValue(Place(directory).number)
    return AllProcesses(directory)
