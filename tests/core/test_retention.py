"""What a chain of the trail is by what came of it, and until when what was typed in it is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from wizard.core.events import EventName
from wizard.core.retention import Course, Kind, Periods, kept_from, kind_of

LAST = datetime(2026, 11, 23, 15, tzinfo=UTC)
DAY = timedelta(days=1)
PERIODS = Periods(
    completed=7 * DAY,
    cancelled=1 * DAY,
    expired=3 * DAY,
    failed=5 * DAY,
    history=20 * DAY,
    deleted=9 * DAY,
    desk=11 * DAY,
    lives_at_most=30 * DAY,
)
STAGED, EXPIRED = EventName.EDUCATION_STAGED, EventName.SESSION_EXPIRED
NOTHING: frozenset[str] = frozenset()


def registration(*names: EventName, rules: frozenset[str] = NOTHING) -> Course:
    return Course("s1", frozenset(names), LAST, rules, is_registration=True)


@pytest.mark.parametrize(
    ("course", "kind"),
    [
        (registration(STAGED, EventName.EDUCATION_CREATED), Kind.COMPLETED),
        (registration(STAGED, EventName.CREATION_FAILED, EventName.WORKFLOW_COMPLETED), Kind.COMPLETED),
        (registration(STAGED, EventName.SESSION_CANCELLED), Kind.CANCELLED),
        (registration(STAGED, EXPIRED), Kind.EXPIRED),
        (registration(STAGED), Kind.EXPIRED),
        (registration(STAGED, EventName.CREATION_FAILED, EXPIRED), Kind.FAILED),
        (registration(STAGED, EventName.CONFLICT_RESOLVED, EventName.SESSION_CANCELLED), Kind.FAILED),
        (registration(STAGED, EXPIRED, rules=frozenset({"coto_registration.unique"})), Kind.FAILED),
        (registration(STAGED, EXPIRED, rules=frozenset({"country.required"})), Kind.EXPIRED),
        (Course("record:r1", frozenset({EventName.RECORD_DELETED}), LAST), Kind.DELETED),
        (Course("record:r1"), Kind.HISTORY),
        (Course("account:a1"), Kind.HISTORY),
        (Course("records"), Kind.DESK),
        (Course("staff:s1"), Kind.DESK),
    ],
)
def test_each_chain_is_of_a_kind(course: Course, kind: Kind) -> None:
    assert kind_of(course) is kind


@pytest.mark.parametrize(
    ("course", "days"),
    [
        (registration(STAGED, EventName.EDUCATION_CREATED), 7),
        (registration(STAGED, EventName.SESSION_CANCELLED), 1),
        (registration(STAGED, EXPIRED), 3),
        (registration(STAGED, EventName.CREATION_FAILED, EXPIRED), 5),
        # Nobody recorded the end: it may have lived to its greatest age.
        (registration(STAGED), 33),
        (Course("record:r1", frozenset({EventName.RECORD_DELETED}), LAST), 9),
    ],
)
def test_all_of_it_goes_at_once_when_its_time_is_over(course: Course, days: int) -> None:
    over = LAST + days * DAY
    assert kept_from(course, PERIODS, over - timedelta(seconds=1)) is None
    assert kept_from(course, PERIODS, over) == over


@pytest.mark.parametrize(("chain", "days"), [("record:r1", 20), ("account:a1", 20), ("records", 11)])
def test_what_goes_on_loses_each_value_by_its_age(chain: str, days: int) -> None:
    assert kept_from(Course(chain), PERIODS, LAST) == LAST - days * DAY
