"""Counts over records, accounts, mails and the audit trail: each a single statement, on both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, String, and_, case, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from wizard.core.accounts import AccountStatus
from wizard.core.choices import AccessModifier
from wizard.core.events import EventName
from wizard.core.records import VerificationState
from wizard.core.registration import Channel
from wizard.core.steps import ORDER, Step
from wizard.services.ports.deliveries import Undone
from wizard.services.ports.messages import Medium
from wizard.services.ports.statistics import Furthest, Period, Records, Waiting
from wizard.storage.repositories.deliveries import is_undelivered
from wizard.storage.tables import AccountRow, RecordRow
from wizard.storage.trail_tables import AuditEventRow

_HOUR = "%Y-%m-%d %H"
# What tells how far a registration has got; answers say so themselves.
_REACHED = {
    EventName.CATEGORY_DETERMINED: Step.ACCOUNT,
    EventName.ACCOUNT_LINKED: Step.CONFIRM,
    EventName.CREATION_FAILED: Step.CONFIRM,
    EventName.EDUCATION_CREATED: Step.COMPLETE,
}
_OVER = (EventName.SESSION_CANCELLED, EventName.SESSION_EXPIRED, EventName.EDUCATION_CREATED)
_ANSWERS = (EventName.EDUCATION_STAGED, EventName.EDUCATION_UPDATED)


class UtcHour(FunctionElement[str]):
    """The hour in UTC that an instant lies in. Toronto's days begin on the hour, in summer and in winter."""

    type = String()
    inherit_cache = True


@compiles(UtcHour, "sqlite")
def _hour_on_sqlite(element: UtcHour, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return f"substr({compiler.process(element.clauses, **options)}, 1, 13)"


@compiles(UtcHour, "postgresql")
def _hour_on_postgresql(element: UtcHour, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return f"to_char({compiler.process(element.clauses, **options)} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')"


class Seconds(FunctionElement[float]):
    """An instant as seconds since some other."""

    type = Float()
    inherit_cache = True


@compiles(Seconds, "sqlite")
def _seconds_on_sqlite(element: Seconds, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    instant = compiler.process(element.clauses, **options)
    return f"(CAST(strftime('%s', {instant}) AS REAL) + CAST('0' || substr({instant}, 20) AS REAL))"


@compiles(Seconds, "postgresql")
def _seconds_on_postgresql(element: Seconds, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return f"extract(epoch from {compiler.process(element.clauses, **options)})"


class SqlStatistics:
    """`ports.Statistics`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def waiting(self, *, now: datetime, kept: timedelta) -> Waiting:
        """What waits for the desk; what was given up longer ago than it is `kept` does not count any more."""
        records = select(func.count()).where(RecordRow.verification_state == VerificationState.WAITING)
        accounts = select(func.count()).where(AccountRow.status == AccountStatus.PENDING)
        mails, webhooks = (
            select(func.count()).where(is_undelivered(Undone(each, now, kept)))
            for each in (Medium.MAIL, Medium.WEBHOOK)
        )
        counts = (records, accounts, mails, webhooks)
        found = self._session.execute(select(*(count.scalar_subquery() for count in counts)))
        return Waiting(*found.one())

    def completed(self, period: Period) -> Mapping[datetime, int]:
        """How many registrations were completed, by the hour in which they were."""
        hour = UtcHour(AuditEventRow.at)
        made = select(hour, func.count()).where(AuditEventRow.name == EventName.EDUCATION_CREATED, _in(period))
        hours = self._session.execute(made.group_by(hour))
        return {datetime.strptime(each, _HOUR).replace(tzinfo=UTC): count for each, count in hours}

    def furthest(self, period: Period) -> Sequence[Furthest]:
        """How far the registrations have got that people began in a period."""
        place = func.max(_place())
        over = func.max(case((AuditEventRow.name.in_(_OVER), 1), else_=0))
        each = (
            select(place.label("place"), over.label("over"))
            .where(AuditEventRow.session_id.in_(_begun(period)))
            .group_by(AuditEventRow.session_id)
            .subquery()
        )
        counted = select(each.c.place, each.c.over, func.count()).group_by(each.c.place, each.c.over)
        return [Furthest(ORDER[place], bool(over), count) for place, over, count in self._session.execute(counted)]

    def durations(self, period: Period, *, minutes: Sequence[int]) -> Sequence[int]:
        """How many of those completed in a period took less than each number of minutes, and longer."""
        begun, created = aliased(AuditEventRow), AuditEventRow
        seconds = Seconds(created.at) - Seconds(begun.at)
        bucket = case(*((seconds < bound * 60, number) for number, bound in enumerate(minutes)), else_=len(minutes))
        took = select(bucket, func.count()).select_from(created)
        took = took.join(begun, and_(begun.session_id == created.session_id, _is_begun_by_a_person(begun)))
        took = took.where(created.name == EventName.EDUCATION_CREATED, _in(period)).group_by(bucket)
        counts = {number: count for number, count in self._session.execute(took)}  # noqa: C416 - rows, for mypy
        return [counts.get(number, 0) for number in range(len(minutes) + 1)]

    def records(self, period: Period) -> Sequence[Records]:
        """The records made in a period, by kind, without private ones."""
        kinds = (RecordRow.category, RecordRow.graduation_year, RecordRow.university, RecordRow.coto_status)
        counted = select(*kinds, func.count()).where(
            RecordRow.access_modifier != AccessModifier.PRIVATE,
            RecordRow.created_at >= period.begins,
            RecordRow.created_at < period.ends,
        )
        return [Records(*row) for row in self._session.execute(counted.group_by(*kinds))]


def _in(period: Period) -> ColumnElement[bool]:
    return and_(AuditEventRow.at >= period.begins, AuditEventRow.at < period.ends)


def _begun(period: Period) -> Select[str | None]:
    return select(AuditEventRow.session_id).where(_is_begun_by_a_person(AuditEventRow), _in(period))


def _is_begun_by_a_person(event: type[AuditEventRow]) -> ColumnElement[bool]:
    """What a machine sends in is neither slow nor left half-way."""
    channel = func.coalesce(event.details["channel"].as_string(), Channel.WEB.value)
    return and_(event.name == EventName.EDUCATION_STAGED, channel == Channel.WEB)


def _place() -> ColumnElement[int]:
    """Where in the order of the steps an event leads to."""
    step = AuditEventRow.details["step"].as_string()
    answered = and_(AuditEventRow.name.in_(_ANSWERS), step.is_not(None))
    led = [(AuditEventRow.name == name, ORDER.index(step)) for name, step in _REACHED.items()]
    asked = [(and_(answered, step == each.value), number) for number, each in enumerate(ORDER)]
    return case(*led, *asked, else_=0)
