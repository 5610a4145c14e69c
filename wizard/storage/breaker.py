"""Not waiting for a Redis that hangs: once a few commands in a row had no answer, the next fail at once.

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


class Breaker(Retry):
    """How all connections of a client retry: once where a connection was lost, and not at all where nobody answers.

    After `TRIPS_AFTER` time-outs in a row everything is refused for `RESTS_FOR` seconds; then one caller at a time
    tries whether it answers again.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(NoBackoff(), 1, supported_errors=(ConnectionError,))
        self._clock = clock
        self._lock = threading.Lock()
        self._unanswered = 0
        self._rests_until = 0.0
        self._trying: int | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Each connection wants a copy: they are to know from one another."""
        return self

    def call_with_retry(self, do: Callable[[], T], *args: Any, **options: Any) -> T:  # noqa: ANN401 - the library's
        """Do it. Raises `ConnectionError` at once while it rests, and what the call itself raises."""
        self._enter()
        try:
            answer = super().call_with_retry(do, *args, **options)
        except TimeoutError:
            self._had_no_answer()
            raise
        self._had_an_answer()
        return answer

    def _enter(self) -> None:
        with self._lock:
            me, now = threading.get_ident(), self._clock()
            if self._unanswered < TRIPS_AFTER or self._trying == me:
                return
            if now < self._rests_until:
                raise ConnectionError("Redis has not answered lately.")
            self._trying, self._rests_until = me, now + RESTS_FOR

    def _had_no_answer(self) -> None:
        with self._lock:
            self._unanswered += 1
            self._trying, self._rests_until = None, self._clock() + RESTS_FOR

    def _had_an_answer(self) -> None:
        with self._lock:
            self._unanswered, self._trying = 0, None
