"""Waiting for processes, which tell nobody when they are ready."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_POLL = 0.02


def wait_for(
    condition: Callable[[], T], *, within: float = 30, what: str = "it", passing: tuple[type[Exception], ...] = ()
) -> T:
    """Ask until the answer is true, and answer it; errors that are `passing` count as a no."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if answer := condition():
                return answer
        except passing:
            pass
        time.sleep(_POLL)
    raise AssertionError(f"{what} did not come within {within} s")
