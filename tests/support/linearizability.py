"""Whether what several callers were told could have happened one after the other (Wing and Gong, with a memory)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from math import inf
from threading import Lock
from typing import Generic, TypeVar

State = TypeVar("State", bound=Hashable)
Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Call(Generic[Told]):
    """What was asked and told, from one instant to another; endless where nobody knows whether it was done."""

    since: float
    until: float
    told: Told


class History(Generic[Told]):
    """Notes calls of any thread, in the order in which they begin and end."""

    def __init__(self) -> None:
        self.calls: list[Call[Told]] = []
        self._clock = count()
        self._lock = Lock()

    def call(self, do: Callable[[], tuple[Told | None, bool]]) -> None:
        """Do it; it answers what it was told, if anything, and whether it is known to be over."""
        since = self._now()
        told, is_over = do()
        until = self._now()
        if told is None:
            return
        with self._lock:
            self.calls.append(Call(since, until if is_over else inf, told))

    def _now(self) -> int:
        with self._lock:
            return next(self._clock)


def is_linearizable(calls: Sequence[Call[Told]], state: State, apply: Callable[[State, Told], Iterable[State]]) -> bool:
    """Whether there is an order of the calls, each between its beginning and its end, in which each is told so.

    `apply` answers the states that may follow one in which a caller is told this: none where it cannot be.
    """
    ordered = sorted(calls, key=lambda call: call.since)
    everything = (1 << len(ordered)) - 1
    endless = sum(1 << place for place, call in enumerate(ordered) if call.until == inf)
    seen: set[tuple[int, State]] = set()
    pending = [(0, state)]
    while pending:
        done, state = pending.pop()
        # What nobody was told of need not have happened.
        if done | endless == everything:
            return True
        if (done, state) in seen:
            continue
        seen.add((done, state))
        left = [place for place in range(len(ordered)) if not done >> place & 1]
        first_end = min(ordered[place].until for place in left)
        for place in left:
            if ordered[place].since > first_end:
                break
            call = ordered[place]
            # Nor need it have happened where it changes nothing.
            followed = [after for after in apply(state, call.told) if call.until < inf or after != state]
            pending += [(done | 1 << place, after) for after in followed]
    return False
