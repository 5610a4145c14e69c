from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.clock import FixedClock, SystemClock, toronto_date


def test_system_clock_tells_the_present_in_utc() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


def test_fixed_clock_stands_still_until_it_is_set() -> None:
    clock = FixedClock(datetime(2026, 11, 23, 15, tzinfo=UTC))
    assert clock.now() == clock.now() == datetime(2026, 11, 23, 15, tzinfo=UTC)
    clock.instant += timedelta(days=1)
    assert clock.now() == datetime(2026, 11, 24, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        # 31 December, 23:59:59 in Toronto, when UTC has the new year for five hours already.
        (datetime(2027, 1, 1, 4, 59, 59, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2027, 1, 1, 5, 0, tzinfo=UTC), date(2027, 1, 1)),
        # Summer time: four hours.
        (datetime(2027, 10, 1, 3, 59, 59, tzinfo=UTC), date(2027, 9, 30)),
        (datetime(2027, 10, 1, 4, 0, tzinfo=UTC), date(2027, 10, 1)),
        # The nights on which the clocks change.
        (datetime(2026, 3, 8, 4, 59, tzinfo=UTC), date(2026, 3, 7)),
        (datetime(2026, 3, 9, 3, 59, tzinfo=UTC), date(2026, 3, 8)),
        (datetime(2026, 11, 1, 3, 59, tzinfo=UTC), date(2026, 10, 31)),
        (datetime(2026, 11, 2, 4, 59, tzinfo=UTC), date(2026, 11, 1)),
    ],
)
def test_day_turns_at_midnight_in_toronto(instant: datetime, day: date) -> None:
    assert toronto_date(instant) == day


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the strategy adds the zone
def test_toronto_is_never_ahead_of_utc_and_never_more_than_a_day_behind(instant: datetime) -> None:
    assert instant.date() - timedelta(days=1) <= toronto_date(instant) <= instant.date()
