"""How long a request waits for others: all its waits together have one limit, so that a page can say so in time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic

# What work may take that a person has asked for and watches: a file of rows, an export, a year of statistics.
LONG = 25.0
# Nothing takes no time at all, and to the libraries zero seconds mean another thing than a few.
_LEAST = 0.005


@dataclass(slots=True)
class _Patience:
    left: float


_patience: ContextVar[_Patience | None] = ContextVar("wizard_patience", default=None)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """All that is waited for within, in this thread, takes so long at most."""
    before = _patience.set(_Patience(seconds))
    try:
        yield
    finally:
        _patience.reset(before)


def take_long() -> None:
    """What is under way is long work: it may wait for more than a page does."""
    if patience := _patience.get():
        patience.left = max(patience.left, LONG)


@contextmanager
def waiting(most: float | None = None) -> Iterator[float | None]:
    """Around a wait for somebody else: how long it may take, `most` or what is left; None where nothing limits it."""
    patience = _patience.get()
    if patience is None:
        yield most
        return
    left = max(patience.left, _LEAST)
    began = monotonic()
    try:
        yield left if most is None else min(most, left)
    finally:
        patience.left -= monotonic() - began
