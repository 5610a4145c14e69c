from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.examples import DAYS, EDUCATION, complete
from wizard.core.education import EducationData
from wizard.core.regulations import REGIONAL, REGULATIONS, Region, Regulation, region_of, regional_rules
from wizard.core.rules import RULES_BY_ID

COTO = {
    "coto_registration.required",
    "coto_registration.not_allowed",
    "coto_status.student_after_graduation",
    "coto_status.registered_before_graduation",
}
TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("university", "country", "region"),
    [
        *((university, "CA", "ontario") for university in ("mcmaster", "queens", "ottawa", "toronto", "western")),
        ("other", "CA", "rest_of_canada"),
        ("not_applicable", "CA", "rest_of_canada"),
        ("other", "FR", "abroad"),
        ("not_applicable", "US", "abroad"),
        ("mcmaster", "US", "abroad"),
        (None, "CA", None),
        ("mcmaster", None, None),
        (None, None, None),
    ],
)
def test_region_is_decided_by_university_and_country(
    university: str | None, country: str | None, region: str | None
) -> None:
    assert region_of(EducationData(university=university, country=country)) == region


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        (Region.ONTARIO, COTO),
        (
            Region.REST_OF_CANADA,
            COTO
            | {
                "other_details.required",
                "verification.unlisted_university",
                "verification.university_not_given",
            },
        ),
        (
            Region.ABROAD,
            COTO
            | {
                "other_details.required",
                "university_country.alignment",
                "verification.international_education",
                "verification.unlisted_university",
            },
        ),
    ],
)
def test_rules_that_hold_in_a_region(region: Region, expected: set[str]) -> None:
    assert regional_rules(region, TODAY) == expected


def test_each_regional_rule_is_a_rule() -> None:
    assert set(RULES_BY_ID) >= REGIONAL


def test_unknown_region_has_the_rules_of_all() -> None:
    assert regional_rules(None, TODAY) == REGIONAL


class TestNewRow:
    """A regulator's change: a new row, with the day from which it holds."""

    day = date(2027, 4, 1)
    table = (*REGULATIONS, Regulation(Region.ABROAD, day, frozenset({"verification.unlisted_university"})))

    def test_takes_effect_on_its_day(self) -> None:
        assert regional_rules(Region.ABROAD, self.day, self.table) == {"verification.unlisted_university"}

    def test_changes_nothing_the_day_before(self) -> None:
        eve = self.day - timedelta(days=1)
        assert regional_rules(Region.ABROAD, eve, self.table) == regional_rules(Region.ABROAD, eve)

    @pytest.mark.parametrize("region", [Region.ONTARIO, Region.REST_OF_CANADA])
    def test_changes_nothing_elsewhere(self, region: Region) -> None:
        assert regional_rules(region, self.day, self.table) == regional_rules(region, self.day)

    def test_stands_wherever_in_the_table_it_was_written(self) -> None:
        shuffled = tuple(reversed(self.table))
        assert regional_rules(Region.ABROAD, self.day, shuffled) == {"verification.unlisted_university"}

    def test_is_not_the_last_word(self) -> None:
        later = date(2028, 1, 1)
        table = (*self.table, Regulation(Region.ABROAD, later, frozenset()))
        assert regional_rules(Region.ABROAD, later - timedelta(days=1), table) == {"verification.unlisted_university"}
        assert regional_rules(Region.ABROAD, later, table) == frozenset()


def test_region_without_a_row_in_force_has_no_regional_rules() -> None:
    table = (Regulation(Region.ONTARIO, date(2027, 1, 1), frozenset({"coto_registration.required"})),)
    assert regional_rules(Region.ONTARIO, date(2026, 12, 31), table) == frozenset()
    assert regional_rules(Region.ABROAD, date(2027, 1, 1), table) == frozenset()
    assert regional_rules(None, date(2026, 12, 31), table) == frozenset()


@given(EDUCATION, DAYS)
def test_what_holds_in_a_region_holds_where_the_region_is_unknown(data: EducationData, day: date) -> None:
    assert regional_rules(region_of(data), day) <= regional_rules(None, day)


@given(st.sampled_from(Region), DAYS, DAYS)
def test_rules_of_a_region_only_change_with_the_table(region: Region, one: date, other: date) -> None:
    assert regional_rules(region, one) == regional_rules(region, other)


def test_ontario_school_abroad_is_under_the_rules_of_abroad() -> None:
    data = complete(country="US")
    assert "university_country.alignment" in regional_rules(region_of(data), TODAY)
