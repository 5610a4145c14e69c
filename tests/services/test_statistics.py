"""The statistics of a period: Toronto's days, groups, and who may see them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from tests.support.new_records import education, new_record
from wizard.core.accounts import AccountStatus
from wizard.core.actors import Actor, Privilege
from wizard.core.clock import FixedClock
from wizard.core.errors import PermissionDenied, ValidationFailed
from wizard.core.events import Event, EventName
from wizard.services.ports.calls import Call
from wizard.services.statistics import StatisticsService, Unit
from wizard.storage.unit_of_work import SqlUnitsOfWork

DESK = Call(Actor.staff("ann", Privilege.ADMIN))
SECOND = timedelta(seconds=1)


@pytest.fixture
def statistics(units: SqlUnitsOfWork, clock: FixedClock) -> StatisticsService:
    return StatisticsService(clock, units)


def completed(units: SqlUnitsOfWork, *instants: datetime, times: int = 5) -> None:
    """As many registrations at each instant."""
    with units.write() as unit:
        for at in instants * times:
            session_id = str(uuid4())
            unit.audit.append(
                Event(name, at, "applicant", session_id, session_id=session_id, sequence=number, operation_id="o")
                for number, name in enumerate((EventName.EDUCATION_STAGED, EventName.EDUCATION_CREATED), 1)
            )
        unit.commit()


def recorded(units: SqlUnitsOfWork, times: int, **answers: str) -> None:
    with units.write() as unit:
        for _ in range(times):
            account = unit.accounts.add(name="N", email="", status=AccountStatus.ACTIVE, language="en", number=None)
            data = education(access_modifier="public").with_changes(answers)
            unit.records.add(new_record(account.id, data=data))
        unit.commit()


@pytest.mark.parametrize(
    ("day", "begins", "ends"),
    [
        # 23 hours, 25 hours, and a day like others.
        (date(2026, 3, 8), datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 9, 4, tzinfo=UTC)),
        (date(2026, 11, 1), datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 11, 2, 5, tzinfo=UTC)),
        (date(2026, 7, 1), datetime(2026, 7, 1, 4, tzinfo=UTC), datetime(2026, 7, 2, 4, tzinfo=UTC)),
    ],
)
def test_a_day_is_torontos_from_midnight_to_midnight(
    units: SqlUnitsOfWork, statistics: StatisticsService, day: date, begins: datetime, ends: datetime
) -> None:
    completed(units, begins - SECOND, begins, ends - SECOND, ends)
    one = timedelta(days=1)
    report = statistics.report(DESK, first=day - one, last=day + one)
    assert report.completed.shown.counts == {day - one: 5, day: 10, day + one: 5}
    assert statistics.report(DESK, first=day, last=day).completed.shown.counts == {day: 10}


def test_the_hour_that_comes_twice_belongs_to_its_day(units: SqlUnitsOfWork, statistics: StatisticsService) -> None:
    completed(units, *(datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (5, 6)))
    report = statistics.report(DESK, first=date(2026, 10, 31), last=date(2026, 11, 2))
    assert report.completed.shown.counts[date(2026, 11, 1)] == 10


def test_today_is_torontos_too(units: SqlUnitsOfWork, statistics: StatisticsService, clock: FixedClock) -> None:
    clock.instant = datetime(2027, 1, 1, 4, 59, 59, tzinfo=UTC)
    completed(units, clock.instant)
    report = statistics.report(DESK)
    assert (report.first, report.last) == (date(2026, 1, 1), date(2026, 12, 31))
    assert report.completed.total == 5
    clock.instant += SECOND
    assert (statistics.report(DESK).first, statistics.report(DESK).completed.total) == (date(2027, 1, 1), 0)


def test_longer_periods_are_counted_by_week_then_by_month(units: SqlUnitsOfWork, statistics: StatisticsService) -> None:
    # A Sunday and the Monday after it.
    completed(units, datetime(2026, 9, 6, 12, tzinfo=UTC), datetime(2026, 9, 7, 12, tzinfo=UTC))
    weeks = statistics.report(DESK, first=date(2026, 1, 1), last=date(2026, 11, 23))
    assert weeks.unit is Unit.WEEK
    assert {day: count for day, count in weeks.completed.shown.counts.items() if count} == {
        date(2026, 8, 31): 5,
        date(2026, 9, 7): 5,
    }
    assert min(weeks.completed.shown.keys) == date(2026, 1, 1), "no day before the period"
    months = statistics.report(DESK, first=date(2020, 1, 1), last=date(2026, 11, 23))
    assert months.unit is Unit.MONTH
    assert months.completed.shown.counts[date(2026, 9, 1)] == 10


def test_small_groups_are_left_out_with_what_would_give_them_away(
    units: SqlUnitsOfWork, statistics: StatisticsService
) -> None:
    recorded(units, 12, university="toronto")
    recorded(units, 7, university="western")
    recorded(units, 2, university="queens")
    report = statistics.report(DESK)
    schools = report.schools.shown
    assert (set(schools.few), set(schools.kept_back)) == ({"queens"}, {"western"})
    assert schools.counts["toronto"] == 12
    assert report.schools.total == report.statuses.total == 21
    assert report.statuses.shown.counts["general"] == 21


def test_private_records_are_in_no_breakdown(units: SqlUnitsOfWork, statistics: StatisticsService) -> None:
    recorded(units, 6, access_modifier="private", university="mcmaster")
    recorded(units, 5, access_modifier="protected", university="ottawa")
    report = statistics.report(DESK)
    assert (report.schools.total, report.categories.total, report.statuses.total) == (5, 5, 5)
    assert report.schools.shown.counts["mcmaster"] == 0
    assert report.categories.shown.counts["new_graduated", "2026"] == 5


def test_what_is_too_little_is_not_even_summed_up(units: SqlUnitsOfWork, statistics: StatisticsService) -> None:
    recorded(units, 3)
    report = statistics.report(DESK)
    assert report.schools.shown.withheld
    assert report.schools.total is None


def test_the_first_day_is_no_later_than_the_last(statistics: StatisticsService) -> None:
    for first, last in ((date(2026, 5, 2), date(2026, 5, 1)), (date(2027, 1, 1), None)):
        with pytest.raises(ValidationFailed):
            statistics.report(DESK, first=first, last=last)


@pytest.mark.parametrize("actor", [Actor.applicant(), Actor.applicant("session", "account")])
def test_only_the_desk_sees_statistics(statistics: StatisticsService, actor: Actor) -> None:
    with pytest.raises(PermissionDenied):
        statistics.report(Call(actor))
