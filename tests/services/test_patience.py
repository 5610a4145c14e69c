"""All that a request waits for has one limit together."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

import pytest

from wizard.services.ports import patience
from wizard.services.ports.patience import LONG, limited, take_long, waiting


class Stopwatch:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    stopwatch = Stopwatch()
    monkeypatch.setattr(patience, "monotonic", stopwatch)
    return stopwatch


def test_outside_a_request_only_the_wait_itself_is_limited() -> None:
    take_long()
    for most in (None, 3.0):
        with waiting(most) as allowed:
            assert allowed == most


def test_each_wait_leaves_less_for_the_next(stopwatch: Stopwatch) -> None:
    with limited(1.5):
        for expected in (1.0, 1.0, 0.75, 0.25):
            with waiting(1.0) as allowed:
                assert allowed == expected
                stopwatch.now += {1.0: 0.375, 0.75: 0.5}.get(expected, 0.0)
        with waiting() as allowed:
            assert allowed == 0.25


def test_where_nothing_is_left_a_wait_is_as_short_as_can_be(stopwatch: Stopwatch) -> None:
    with limited(1.0):
        with waiting(5.0):
            stopwatch.now += 2
        with waiting(5.0) as allowed:
            assert allowed is not None
            assert 0 < allowed < 0.01


def test_a_wait_that_fails_has_been_one(stopwatch: Stopwatch) -> None:
    def fail() -> None:
        with waiting(5.0):
            stopwatch.now += 0.5
            raise TimeoutError

    with limited(1.0):
        with pytest.raises(TimeoutError):
            fail()
        with waiting(5.0) as allowed:
            assert allowed == 0.5


def test_long_work_may_take_longer_and_never_less(stopwatch: Stopwatch) -> None:
    with limited(1.0):
        take_long()
        with waiting() as allowed:
            assert allowed == LONG
    with limited(LONG + 1), waiting() as allowed:
        take_long()
        stopwatch.now += 1
        assert allowed == LONG + 1


def test_what_one_request_waits_for_is_no_other_s(stopwatch: Stopwatch) -> None:
    told: list[float | None] = []

    def elsewhere() -> None:
        with waiting() as allowed:
            told.append(allowed)

    with limited(1.0):
        run_beside(elsewhere)
        with limited(2.0), waiting():
            stopwatch.now += 1
        with waiting() as allowed:
            assert allowed == 1.0
    assert told == [None]


def run_beside(do: Callable[[], None]) -> None:
    thread = Thread(target=do)
    thread.start()
    thread.join()
