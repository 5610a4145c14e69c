"""Statistics of a period: charts with a sentence and a table each, small groups left out."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from babel.dates import format_date
from babel.numbers import format_decimal
from flask import make_response, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString
from werkzeug import Response

from wizard.core.choices import EducationCategory
from wizard.core.errors import ValidationFailed
from wizard.core.steps import Step
from wizard.core.suppression import Shown
from wizard.services.statistics import UNDER_WAY, Counted, Report, Unit
from wizard.web import access, choices, dates, language, wording
from wizard.web.facts import today
from wizard.web.staff import list_wording
from wizard.web.texts import lazy_gettext

Key = TypeVar("Key", bound=Hashable)
Label = LazyString | str
# As templates/components/chart.html takes them: None for a group too small to be shown, a text for one kept back.
Rows = list[tuple[Label, int | str | None]]

KEPT_BACK = lazy_gettext("not shown")
UNITS: dict[Unit, LazyString] = {
    Unit.DAY: lazy_gettext("Completed per day"),
    Unit.WEEK: lazy_gettext("Completed per week"),
    Unit.MONTH: lazy_gettext("Completed per month"),
}
COLUMNS: dict[Unit, LazyString] = {
    Unit.DAY: lazy_gettext("Day"),
    Unit.WEEK: lazy_gettext("Week that begins on"),
    Unit.MONTH: lazy_gettext("Month"),
}
DURATIONS: tuple[LazyString, ...] = (
    lazy_gettext("Less than 5 minutes"),
    lazy_gettext("5 to 10 minutes"),
    lazy_gettext("10 to 30 minutes"),
    lazy_gettext("Half an hour to an hour"),
    lazy_gettext("An hour to a day"),
    lazy_gettext("A day to a week"),
    lazy_gettext("A week or longer"),
)


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as it is drawn; `says` is what there is to see. Without any number it says why."""

    id: str
    title: Label
    column: Label
    rows: Rows
    says: str
    empty: str = ""
    upright: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A period to choose."""

    label: str
    address: str
    chosen: bool


def statistics() -> Response:
    """The statistics of the period that is asked for, by default of this year so far."""
    call, service = access.staff_call(), access.services().statistics
    problems: list[tuple[str, str]] = []
    asked = {name: _day(name, problems) for name in ("first", "last")}
    try:
        report = service.report(call, **({} if problems else asked))
    except ValidationFailed as error:
        problems = [(each.field or "first", wording.problem(each)) for each in error.problems]
        report = service.report(call)
    drawn = render_template(
        "staff/statistics.html",
        member=access.signed_in_staff(),
        report=report,
        typed={name: request.args.get(name) or _iso(getattr(report, name)) for name in asked},
        problems=problems,
        periods=_periods(report),
        charts=_charts(report),
        earliest="2000-01-01",
        today=_iso(today()),
    )
    return make_response(drawn, 422 if problems else 200)


def _day(name: str, problems: list[tuple[str, str]]) -> date | None:
    text = request.args.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        problems.append((name, wording.sentence("period.format")))
        return None


def _iso(day: date) -> str:
    return day.isoformat()


def _periods(report: Report) -> list[Choice]:
    now = today()
    year = now.year
    offered = (
        (_("The last 30 days"), now - timedelta(days=29), now),
        (_("This year"), date(year, 1, 1), now),
        (_("Last year"), date(year - 1, 1, 1), date(year - 1, 12, 31)),
    )
    return [
        Choice(
            label,
            url_for("staff.statistics", first=_iso(first), last=_iso(last)),
            (first, last) == (report.first, report.last),
        )
        for label, first, last in offered
    ]


# Charts.


def _charts(report: Report) -> list[Chart]:
    return [
        _per_time(report),
        _where_people_leave(report),
        _time_to_complete(report),
        *_categories(report),
        _by_slug(report.schools, "schools", _("Schools"), _("School"), "university"),
        _by_slug(report.statuses, "statuses", _("Standing with the College (COTO)"), _("Standing"), "coto_status"),
    ]


def _per_time(report: Report) -> Chart:
    shown, total = report.completed.shown, report.completed.total
    labels = {day: _of_time(day, report.unit) for day in shown.keys}
    says = _("%(total)s registrations were completed in this period.", total=_number(total)) if total else ""
    return Chart(
        "completed",
        UNITS[report.unit],
        COLUMNS[report.unit],
        _rows(shown, labels),
        says,
        _why_empty(shown),
        upright=True,
    )


def _where_people_leave(report: Report) -> Chart:
    labels: dict[str, Label] = {step.value: _("Left before “%(step)s”", step=list_wording.STEPS[step]) for step in Step}
    labels |= {Step.COMPLETE.value: list_wording.STEPS[Step.COMPLETE], UNDER_WAY: _("Still under way")}
    shown, total = report.left.shown, report.left.total
    # The first answers that are kept are those to the first step: before it nobody is known to have left.
    rows = [row for row in _rows(shown, labels) if row != (labels[Step.IDENTITY], 0)]
    says = _("%(total)s registrations were begun by people in this period.", total=_number(total)) if total else ""
    leaving = {key: count for key, count in shown.counts.items() if count and key not in {Step.COMPLETE, UNDER_WAY}}
    if says and leaving:
        step = list_wording.STEPS[Step(max(leaving, key=lambda key: leaving[key]))]
        says = f"{says} {_('Most of those who left did so before “%(step)s”.', step=step)}"
    return Chart("left", _("Where people leave"), _("How far"), rows, says, _why_empty(shown))


def _time_to_complete(report: Report) -> Chart:
    shown = report.durations.shown
    most = max(shown.counts, key=lambda key: shown.counts[key], default=None)
    often = DURATIONS[most] if most is not None and shown.counts[most] else None
    says = _("From the first answers to the record. Most often: %(span)s.", span=often) if often else ""
    rows = _rows(shown, dict(enumerate(DURATIONS)))
    return Chart("durations", _("Time to complete"), _("Time"), rows, says, _why_empty(shown))


def _categories(report: Report) -> list[Chart]:
    """One for each category, so that each can be compared with the others year by year."""
    shown = report.categories.shown
    charts = []
    for category in EducationCategory:
        keys = tuple(key for key in shown.keys if key[0] == category)
        of_it = Shown(
            keys,
            {key: shown.counts[key] for key in keys if key in shown.counts},
            shown.few.intersection(keys),
            shown.kept_back.intersection(keys),
            shown.withheld,
        )
        name = choices.label("education_category", category)
        title = _("%(category)s by graduation year", category=name)
        rows = _rows(of_it, {key: choices.label("graduation_year", key[1]) for key in keys})
        most = max(of_it.counts, key=lambda key: of_it.counts[key], default=None)
        says = _("Most of them: %(year)s.", year=choices.label("graduation_year", most[1])) if most else ""
        charts.append(Chart(category.value, title, _("Graduation year"), rows, says, _why_empty(of_it), upright=True))
    return charts


def _by_slug(counted: Counted[str], name: str, title: str, column: str, field: str) -> Chart:
    shown, total = counted.shown, counted.total
    rows = _rows(shown, {slug: choices.label(field, slug) for slug in shown.keys})
    says = _("Of %(total)s records that are not private.", total=_number(total)) if total else ""
    return Chart(name, title, column, sorted(rows, key=_by_number), says, _why_empty(shown))


def _by_number(row: tuple[Label, int | str | None]) -> int:
    return -row[1] if isinstance(row[1], int) else 0


def _rows(shown: Shown[Key], labels: Mapping[Key, Label]) -> Rows:
    return [] if shown.withheld else [(labels[key], _value(shown, key)) for key in shown.keys]


def _value(shown: Shown[Key], key: Key) -> int | str | None:
    if key in shown.few:
        return None
    return str(KEPT_BACK) if key in shown.kept_back else shown.counts[key]


def _why_empty(shown: Shown[Key]) -> str:
    """Why there is nothing to draw; empty where there is something."""
    if not shown.is_empty:
        return ""
    if shown.few:
        return _("There are too few registrations to show any group of them.")
    return _("There is nothing to count yet.")


def _of_time(day: date, unit: Unit) -> str:
    return format_date(day, "LLLL y", locale=language.current()) if unit is Unit.MONTH else dates.long_date(day)


def _number(value: int) -> str:
    return format_decimal(value, locale=language.current())
