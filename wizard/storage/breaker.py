"""Not waiting for a server that hangs: once a few requests in a row had no answer, the next fail at once.

Every thread of a process may wait for one time-out, and a queue of requests behind them for one after the other;
so that each still gets its page in time, they are told what is known already.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, Self, TypeVar

from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, TimeoutError  # noqa: A004
from redis.retry import Retry

T = TypeVar("T")

TRIPS_AFTER = 3
RESTS_FOR = 1.0


class Circuit:
    """Whether a server has answered lately; all who speak to it know from one another.

    After `TRIPS_AFTER` time-outs in a row everything is refused for `RESTS_FOR` seconds; then one caller at a time
    tries whether it answers again.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._unanswered = 0
        self._rests_until = 0.0
        self._trying: int | None = None

    def is_closed_to_me(self) -> bool:
        """Whether to ask nothing now; a no may be this caller's turn to try."""
        with self._lock:
            me, now = threading.get_ident(), self._clock()
            if self._unanswered < TRIPS_AFTER or self._trying == me:
                return False
            if now < self._rests_until:
                return True
            self._trying, self._rests_until = me, now + RESTS_FOR
            return False

    def had_no_answer(self) -> None:
        with self._lock:
            self._unanswered += 1
            self._trying, self._rests_until = None, self._clock() + RESTS_FOR

    def had_an_answer(self) -> None:
        with self._lock:
            self._unanswered, self._trying = 0, None


class Breaker(Retry):
    """How all connections of a Redis client retry: once where one was lost, and not at all where nobody answers."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(NoBackoff(), 1, supported_errors=(ConnectionError,))
        self._circuit = Circuit(clock=clock)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Each connection wants a copy: they are to know from one another."""
        return self

    def call_with_retry(self, do: Callable[[], T], *args: Any, **options: Any) -> T:  # noqa: ANN401 - the library's
        """Do it. Raises `ConnectionError` at once while it rests, and what the call itself raises."""
        if self._circuit.is_closed_to_me():
            raise ConnectionError("Redis has not answered lately.")
        try:
            answer = super().call_with_retry(do, *args, **options)
        except TimeoutError:
            self._circuit.had_no_answer()
            raise
        self._circuit.had_an_answer()
        return answer
