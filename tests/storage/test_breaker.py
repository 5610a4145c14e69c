"""A Redis that hangs is not waited for again and again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError, TimeoutError  # noqa: A004

from tests.support.valkey import Valkey, running_valkey
from wizard.storage.breaker import RESTS_FOR, TRIPS_AFTER, Breaker
from wizard.storage.redis_client import connect


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stopwatch() -> Clock:
    return Clock()


@pytest.fixture
def breaker(stopwatch: Clock) -> Breaker:
    return Breaker(clock=stopwatch)


def hang(breaker: Breaker, calls: list[str]) -> None:
    def do() -> None:
        calls.append("asked")
        raise TimeoutError

    with pytest.raises((TimeoutError, ConnectionError)):
        breaker.call_with_retry(do, lambda _error: None)


def answer(breaker: Breaker) -> str:
    return breaker.call_with_retry(lambda: "answer", lambda _error: None)


def test_after_a_few_timeouts_nothing_is_asked(breaker: Breaker) -> None:
    calls: list[str] = []
    for _ in range(TRIPS_AFTER + 5):
        hang(breaker, calls)
    assert len(calls) == TRIPS_AFTER
    with pytest.raises(ConnectionError):
        answer(breaker)


def test_an_answer_in_between_counts_from_the_start(breaker: Breaker) -> None:
    calls: list[str] = []
    for _ in range(TRIPS_AFTER - 1):
        hang(breaker, calls)
    assert answer(breaker) == "answer"
    for _ in range(TRIPS_AFTER - 1):
        hang(breaker, calls)
    assert answer(breaker) == "answer"


def test_after_a_rest_one_asks_and_the_others_still_do_not_wait(breaker: Breaker, stopwatch: Clock) -> None:
    calls: list[str] = []
    for _ in range(TRIPS_AFTER):
        hang(breaker, calls)
    stopwatch.now += RESTS_FOR

    def others_meanwhile() -> str:
        with ThreadPoolExecutor(1) as other, pytest.raises(ConnectionError):
            other.submit(answer, breaker).result()
        # Connecting and asking are calls of their own, one within the other.
        return breaker.call_with_retry(lambda: "answer", lambda _error: None)

    assert breaker.call_with_retry(others_meanwhile, lambda _error: None) == "answer"
    assert answer(breaker) == "answer"


def test_who_asked_in_vain_lets_it_rest_again(breaker: Breaker, stopwatch: Clock) -> None:
    calls: list[str] = []
    for _ in range(TRIPS_AFTER):
        hang(breaker, calls)
    stopwatch.now += RESTS_FOR
    hang(breaker, calls)
    hang(breaker, calls)
    assert len(calls) == TRIPS_AFTER + 1


def test_all_connections_know_from_one_another(breaker: Breaker) -> None:
    assert deepcopy(breaker) is breaker


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with running_valkey(tmp_path) as valkey:
        yield valkey


def test_a_server_that_hangs_and_goes_on(valkey: Valkey) -> None:
    pid = int(valkey.client.info("server")["process_id"])
    client = connect(valkey.url, timeout=0.1)
    assert isinstance(client, Redis)
    assert client.ping()
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(TRIPS_AFTER):
            with pytest.raises(TimeoutError):
                client.ping()
        with pytest.raises(ConnectionError, match="lately"):
            client.ping()
    finally:
        os.kill(pid, signal.SIGCONT)
    breaker = client.connection_pool.connection_kwargs["retry"]
    breaker._circuit._rests_until = 0.0
    assert client.ping()
