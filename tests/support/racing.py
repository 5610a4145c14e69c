"""Doing the same thing from many threads at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Race(Generic[T]):
    """What the threads came back with, and what they failed with."""

    results: tuple[T, ...]
    errors: tuple[Exception, ...]


def race(*runners: Callable[[], T]) -> Race[T]:
    """Start all at the same moment, each in a thread of its own."""
    start = Barrier(len(runners))

    def run(runner: Callable[[], T]) -> T:
        start.wait()
        return runner()

    with ThreadPoolExecutor(len(runners)) as pool:
        futures = [pool.submit(run, runner) for runner in runners]
    results, errors = [], []
    for future in futures:
        error = future.exception()
        if error is None:
            results.append(future.result())
        elif isinstance(error, Exception):
            errors.append(error)
        else:
            raise error
    return Race(tuple(results), tuple(errors))
