from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core import oracle
from tests.core.examples import COTO_STATUSES, DAYS, YEARS
from wizard.core.category import CategoryDecision, determine_category
from wizard.core.choices import year_as_number
from wizard.core.clock import toronto_date

TODAY = date(2026, 11, 23)
ENDS = date(2027, 9, 30)
FUTURE, RECENT, EARLIER = "2027", "2026", "2024"

FROM_FUTURE = "future_graduation"
FROM_RECENT = "recent_graduation_in_membership_year"
REGISTERED = "registered_before_graduation"


def decide(year: str, status: str, *, today: date = TODAY, ends: date | None = ENDS) -> CategoryDecision:
    return determine_category(graduation_year=year, coto_status=status, today=today, membership_ends=ends)


@pytest.mark.parametrize(
    ("year", "status", "ends", "category", "codes"),
    [
        # Step 1: Y lies after this year, whatever E.
        ("2027", "student", ENDS, "student", (FROM_FUTURE,)),
        ("2029", "pending", ENDS, "student", (FROM_FUTURE,)),
        ("2027", "other", None, "student", (FROM_FUTURE,)),
        ("2027", "student", date(2026, 9, 30), "student", (FROM_FUTURE,)),
        # Step 2: this year or last year, and today is not after E.
        ("2026", "pending", ENDS, "new_graduated", (FROM_RECENT,)),
        ("2025", "student", ENDS, "new_graduated", (FROM_RECENT,)),
        ("2025", "other", ENDS, "new_graduated", (FROM_RECENT,)),
        ("2026", "general", ENDS, "new_graduated", (FROM_RECENT,)),
        ("2026", "provisional_temporary", ENDS, "new_graduated", (FROM_RECENT,)),
        # Step 3: otherwise.
        ("2026", "pending", None, "graduated", ("no_active_membership_year",)),
        ("2025", "general", None, "graduated", ("no_active_membership_year",)),
        ("2026", "pending", date(2026, 11, 22), "graduated", ("membership_year_ended",)),
        ("2025", "student", date(2025, 9, 30), "graduated", ("membership_year_ended",)),
        ("2024", "pending", ENDS, "graduated", ("graduated",)),
        ("2024", "pending", None, "graduated", ("graduated",)),
        ("2024", "pending", date(2025, 9, 30), "graduated", ("graduated",)),
        ("1980", "general", ENDS, "graduated", ("graduated",)),
        ("pre-1960", "resigned", ENDS, "graduated", ("graduated",)),
        ("1960-1969", "other", ENDS, "graduated", ("graduated",)),
        ("1970-1979", "other", ENDS, "graduated", ("graduated",)),
        # Then: a student who is registered, or was.
        ("2027", "general", ENDS, "graduated", (FROM_FUTURE, REGISTERED)),
        ("2027", "provisional_temporary", None, "graduated", (FROM_FUTURE, REGISTERED)),
        ("2027", "resigned", ENDS, "graduated", (FROM_FUTURE, "resigned")),
        # Then: a new graduate who resigned.
        ("2026", "resigned", ENDS, "graduated", (FROM_RECENT, "resigned")),
        ("2025", "resigned", ENDS, "graduated", (FROM_RECENT, "resigned")),
        # A modifier only where it changed the result.
        ("2026", "resigned", None, "graduated", ("no_active_membership_year",)),
        ("2026", "resigned", date(2026, 9, 30), "graduated", ("membership_year_ended",)),
        ("2024", "resigned", ENDS, "graduated", ("graduated",)),
        ("2024", "general", ENDS, "graduated", ("graduated",)),
    ],
)
def test_category_is_the_tables(
    year: str, status: str, ends: date | None, category: str, codes: tuple[str, ...]
) -> None:
    decision = decide(year, status, ends=ends)
    assert decision.category == category
    assert decision.rationale.codes == codes
    assert decision.membership_ends == ends


@pytest.mark.parametrize("status", ["other", "student", "pending", "provisional_temporary", "general", "resigned"])
@pytest.mark.parametrize(("year", "base"), [(FUTURE, FROM_FUTURE), (RECENT, FROM_RECENT), (EARLIER, "graduated")])
def test_every_status_keeps_the_base_code(year: str, base: str, status: str) -> None:
    assert decide(year, status).rationale.codes[0] == base


@pytest.mark.parametrize(
    ("days", "category", "code"),
    [(-1, "new_graduated", FROM_RECENT), (0, "new_graduated", FROM_RECENT), (1, "graduated", "membership_year_ended")],
)
def test_membership_year_includes_its_last_day(days: int, category: str, code: str) -> None:
    decision = decide("2027", "pending", today=ENDS + timedelta(days=days))
    assert (decision.category, decision.rationale.codes) == (category, (code,))


@pytest.mark.parametrize(
    ("instant", "category", "code"),
    [
        # In UTC it is October already; in Toronto it is still the last day.
        (datetime(2027, 10, 1, 3, 59, 59, tzinfo=UTC), "new_graduated", FROM_RECENT),
        (datetime(2027, 10, 1, 4, 0, tzinfo=UTC), "graduated", "membership_year_ended"),
    ],
)
def test_membership_year_ends_at_midnight_in_toronto(instant: datetime, category: str, code: str) -> None:
    decision = decide("2027", "pending", today=toronto_date(instant))
    assert (decision.category, decision.rationale.codes) == (category, (code,))


@pytest.mark.parametrize(
    ("instant", "year", "category", "code"),
    [
        # 31 December 2026, 23:59 in Toronto, when UTC is in 2027.
        (datetime(2027, 1, 1, 4, 59, tzinfo=UTC), "2027", "student", FROM_FUTURE),
        (datetime(2027, 1, 1, 4, 59, tzinfo=UTC), "2025", "new_graduated", FROM_RECENT),
        # A minute later it is 2027 in Toronto too.
        (datetime(2027, 1, 1, 5, 0, tzinfo=UTC), "2027", "new_graduated", FROM_RECENT),
        (datetime(2027, 1, 1, 5, 0, tzinfo=UTC), "2026", "new_graduated", FROM_RECENT),
        (datetime(2027, 1, 1, 5, 0, tzinfo=UTC), "2025", "graduated", "graduated"),
    ],
)
def test_year_turns_at_midnight_in_toronto(instant: datetime, year: str, category: str, code: str) -> None:
    decision = decide(year, "pending", today=toronto_date(instant))
    assert (decision.category, decision.rationale.codes) == (category, (code,))


def test_rationale_has_the_year_and_the_date_for_its_sentence() -> None:
    assert decide("2026", "pending").rationale.params == {"graduation_year": "2026", "membership_ends": "2027-09-30"}


def test_rationale_without_a_membership_year_names_no_date() -> None:
    assert decide("1970-1979", "pending", ends=None).rationale.params == {"graduation_year": "1970-1979"}


@pytest.mark.parametrize("year", ["", "soon", "26", " 2026"])
def test_category_of_a_malformed_year_is_refused(year: str) -> None:
    with pytest.raises(ValueError, match="graduation year"):
        decide(year, "pending")


# --- Properties -------------------------------------------------------------------------------------------

ENDINGS = st.none() | DAYS


@given(YEARS, COTO_STATUSES, DAYS, ENDINGS)
def test_category_agrees_with_the_oracle(year: str, status: str, today: date, ends: date | None) -> None:
    decision = decide(year, status, today=today, ends=ends)
    expected = oracle.category(year=year_as_number(year), today=today, ends=ends, status=status)
    assert (decision.category, decision.rationale.codes) == expected


@given(YEARS, COTO_STATUSES, DAYS, ENDINGS)
def test_coto_status_never_raises_a_category(year: str, status: str, today: date, ends: date | None) -> None:
    without = decide(year, "pending", today=today, ends=ends).category
    assert decide(year, status, today=today, ends=ends).category in {without, "graduated"}


@given(YEARS, DAYS, ENDINGS)
def test_some_statuses_leave_the_category_to_year_and_membership(year: str, today: date, ends: date | None) -> None:
    decisions = [decide(year, status, today=today, ends=ends) for status in ("other", "student", "pending")]
    assert decisions[0] == decisions[1] == decisions[2]


@given(YEARS, COTO_STATUSES, DAYS, ENDINGS)
def test_same_input_gives_the_same_decision(year: str, status: str, today: date, ends: date | None) -> None:
    assert decide(year, status, today=today, ends=ends) == decide(year, status, today=today, ends=ends)


@given(YEARS, COTO_STATUSES, DAYS, ENDINGS)
def test_discount_needs_a_membership_year_that_still_runs(
    year: str, status: str, today: date, ends: date | None
) -> None:
    if decide(year, status, today=today, ends=ends).category == "new_graduated":
        assert ends is not None
        assert today <= ends


@given(YEARS, COTO_STATUSES, DAYS, ENDINGS)
def test_rationale_is_a_base_code_and_at_most_one_modifier(
    year: str, status: str, today: date, ends: date | None
) -> None:
    base, *modifiers = decide(year, status, today=today, ends=ends).rationale.codes
    bases = {FROM_FUTURE, FROM_RECENT, "no_active_membership_year", "membership_year_ended", "graduated"}
    assert base in bases
    assert modifiers in ([], ["resigned"], [REGISTERED])
