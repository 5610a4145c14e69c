"""The statistics of a period, by days in Toronto, without groups that are too small to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Generic

from wizard.core.choices import CotoStatus, EducationCategory, University, year_as_number
from wizard.core.clock import TORONTO, Clock, toronto_date
from wizard.core.errors import ValidationFailed
from wizard.core.steps import ORDER, Step
from wizard.core.suppression import Key, Shown, suppressed
from wizard.services.authority import require_desk_or_system
from wizard.services.ports.calls import Call
from wizard.services.ports.patience import take_long
from wizard.services.ports.statistics import Furthest, Period, Records
from wizard.services.ports.units import UnitsOfWork

EARLIEST = date(2000, 1, 1)
# How long it took, in minutes: up to each of these, and longer.
MINUTES = (5, 10, 30, 60, 24 * 60, 7 * 24 * 60)
UNDER_WAY = "under_way"
_DAYS_SHOWN, _WEEKS_SHOWN = 92, 2 * 366


class Unit(StrEnum):
    """What a column of time stands for."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Counted(Generic[Key]):
    """Groups as they may be shown, and how many there are in all; None where that is not to be known."""

    shown: Shown[Key]
    total: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page of a period shows; both days are part of it.

    `left` has where those left whose registration is over, by step, `complete` those who arrived, and `UNDER_WAY`.
    """

    first: date
    last: date
    unit: Unit
    completed: Counted[date]
    left: Counted[str]
    durations: Counted[int]
    categories: Counted[tuple[str, str]]
    schools: Counted[str]
    statuses: Counted[str]


@dataclass(frozen=True, slots=True)
class StatisticsService:
    """Counts, for the desk."""

    clock: Clock
    units: UnitsOfWork

    def report(self, call: Call, *, first: date | None = None, last: date | None = None) -> Report:
        """The statistics from one day to another, by default of this year so far.

        Raises PermissionDenied, and ValidationFailed("period.order").
        """
        require_desk_or_system(call.actor)
        today = toronto_date(self.clock.now())
        last = min(last or today, today)
        first = max(first or date(last.year, 1, 1), EARLIEST)
        if first > last:
            raise ValidationFailed("period.order", field="first")
        period = Period(_midnight(first), _midnight(last + timedelta(days=1)))
        with self.units.read() as unit:
            take_long()
            completed = unit.statistics.completed(period)
            furthest = unit.statistics.furthest(period)
            durations = unit.statistics.durations(period, minutes=MINUTES)
            records = unit.statistics.records(period)
        width = _unit(first, last)
        return Report(
            first=first,
            last=last,
            unit=width,
            completed=_counted(_by_time(completed, first, last, width)),
            left=_counted(_endings(furthest)),
            durations=_counted(dict(enumerate(durations))),
            categories=_counted(_by_category_and_year(records)),
            schools=_counted(_by_slug(University, records, "university")),
            statuses=_counted(_by_slug(CotoStatus, records, "coto_status")),
        )


def _counted(counts: Mapping[Key, int]) -> Counted[Key]:
    shown = suppressed(counts)
    return Counted(shown, None if shown.withheld else sum(counts.values()))


# Time.


def _midnight(day: date) -> datetime:
    """The instant at which a day begins in Toronto; on two days a year the one before has 23 or 25 hours."""
    return datetime.combine(day, time(), TORONTO).astimezone(UTC)


def _unit(first: date, last: date) -> Unit:
    days = (last - first).days + 1
    if days <= _DAYS_SHOWN:
        return Unit.DAY
    return Unit.WEEK if days <= _WEEKS_SHOWN else Unit.MONTH


def _by_time(hours: Mapping[datetime, int], first: date, last: date, unit: Unit) -> dict[date, int]:
    """The numbers of each day, week (from Monday on) or month, by its first day within the period."""
    counts: dict[date, int] = {}
    day = first
    while day <= last:
        counts.setdefault(max(_beginning(day, unit), first), 0)
        day += timedelta(days=1)
    for hour, count in hours.items():
        counts[max(_beginning(toronto_date(hour), unit), first)] += count
    return counts


def _beginning(day: date, unit: Unit) -> date:
    if unit is Unit.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit is Unit.MONTH else day


# Groups.


def _endings(furthest: Sequence[Furthest]) -> dict[str, int]:
    # Whoever has seen the category goes on to the account: nobody stays between the two.
    counts: dict[str, int] = {**{step.value: 0 for step in ORDER if step is not Step.CATEGORY}, UNDER_WAY: 0}
    for each in furthest:
        counts[each.step if each.over else UNDER_WAY] += each.count
    return counts


def _by_slug(slugs: type[StrEnum], records: Sequence[Records], field: str) -> dict[str, int]:
    counts = {slug.value: 0 for slug in slugs}
    for each in records:
        counts[getattr(each, field)] += each.count
    return counts


def _by_category_and_year(records: Sequence[Records]) -> dict[tuple[str, str], int]:
    """One number for each category and each year that there is, earliest first."""
    years = sorted({each.graduation_year for each in records}, key=year_as_number)
    counts = {(category.value, year): 0 for category in EducationCategory for year in years}
    for each in records:
        counts[each.category, each.graduation_year] += each.count
    return counts
