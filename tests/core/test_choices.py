import csv
from datetime import date
from importlib.resources import files

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from tests.core.examples import DAYS
from wizard.core import choices
from wizard.core.accounts import AccountStatus
from wizard.core.actors import Privilege
from wizard.core.choices import (
    AccessModifier,
    CotoStatus,
    DegreeType,
    EducationCategory,
    University,
    choice_set,
    country_choices,
    dataverse_code,
    graduation_year_choices,
    is_well_formed_year,
    year_as_number,
)

TODAY = date(2026, 11, 23)
# 01-domain, Choices: each row of the table.
TABLE: dict[str, dict[str, int]] = {
    "coto_status": {"other": 0, "student": 1, "pending": 2, "provisional_temporary": 3, "general": 4, "resigned": 5},
    "degree_type": {"other": 0, "diploma_credential": 1, "bachelors": 2, "masters": 3, "doctorate": 4},
    "university": {
        "other": 0,
        "not_applicable": 1,
        "mcmaster": 2,
        "queens": 3,
        "ottawa": 4,
        "toronto": 5,
        "western": 6,
    },
    "education_category": {"graduated": 0, "student": 1, "new_graduated": 2},
    "access_modifier": {"public": 1, "protected": 2, "private": 3},
    "privilege": {"owner": 1, "admin": 2, "main": 3},
    "account_status": {"active": 1, "inactive": 2, "pending": 3},
}
SLUGS = {
    "coto_status": CotoStatus,
    "degree_type": DegreeType,
    "university": University,
    "education_category": EducationCategory,
    "access_modifier": AccessModifier,
    "privilege": Privilege,
    "account_status": AccountStatus,
}


def _dataverse_rows() -> list[dict[str, str]]:
    text = files("wizard.core").joinpath("dataverse-countries.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize("choice", TABLE)
def test_slugs_are_the_tables_and_no_others(choice: str) -> None:
    assert {slug.value for slug in SLUGS[choice]} == set(TABLE[choice])


@pytest.mark.parametrize(
    ("choice", "slug", "code"), [(choice, slug, code) for choice, row in TABLE.items() for slug, code in row.items()]
)
def test_dataverse_code_is_the_tables(choice: str, slug: str, code: int) -> None:
    assert dataverse_code(choice, slug) == code


@pytest.mark.parametrize(
    ("slug", "code", "counts_as"),
    [
        ("pre-1960", 1, 1959),
        ("1960-1969", 2, 1965),
        ("1970-1979", 3, 1975),
        ("1980", 4, 1980),
        ("2026", 50, 2026),
        ("2029", 53, 2029),
    ],
)
def test_graduation_year_has_its_code_and_counts_as_its_year(slug: str, code: int, counts_as: int) -> None:
    assert dataverse_code("graduation_year", slug) == code
    assert year_as_number(slug) == counts_as
    assert slug in choice_set("graduation_year", TODAY)


@pytest.mark.parametrize("today", [date(2026, 1, 1), TODAY, date(2026, 12, 31)])
def test_graduation_years_run_to_three_years_ahead(today: date) -> None:
    years = graduation_year_choices(today)
    assert years[:4] == ("pre-1960", "1960-1969", "1970-1979", "1980")
    assert years[-1] == "2029"
    assert years[3:] == tuple(str(year) for year in range(1980, 2030))


def test_graduation_years_grow_with_the_year() -> None:
    assert "2030" not in choice_set("graduation_year", date(2026, 12, 31))
    assert "2030" in choice_set("graduation_year", date(2027, 1, 1))


@pytest.mark.parametrize("slug", ["pre-1960", "1960-1969", "0000", "1979", "2026", "9999"])
def test_year_is_well_formed(slug: str) -> None:
    assert is_well_formed_year(slug)


@pytest.mark.parametrize(
    "slug", ["", "26", "20266", "2026 ", "2026\n", "-202", "1950-1959", "٢٠٢٦", "next", "PRE-1960"]
)
def test_year_is_not_well_formed(slug: str) -> None:
    assert not is_well_formed_year(slug)
    with pytest.raises(ValueError, match="graduation year"):
        year_as_number(slug)


@given(DAYS)
def test_each_offered_year_is_well_formed_and_has_a_code_of_its_own(today: date) -> None:
    years = graduation_year_choices(today)
    codes = [dataverse_code("graduation_year", year) for year in years]
    assert codes == list(range(1, len(years) + 1))
    assert all(is_well_formed_year(year) for year in years)
    assert max(map(year_as_number, years)) == today.year + 3


def test_ontario_has_the_universities_with_codes_two_to_six() -> None:
    assert {slug for slug, code in TABLE["university"].items() if 2 <= code <= 6} == choices.ONTARIO_UNIVERSITIES


def test_defaults_are_the_tables() -> None:
    assert choices.DEFAULT_DEGREE_TYPE == "masters"
    assert choices.DEFAULT_COUNTRY == "CA"
    assert choices.DEFAULT_ACCESS_MODIFIER == "private"


def test_countries_are_the_249_that_have_a_name() -> None:
    countries = country_choices()
    assert len(countries) == len(set(countries)) == 249
    assert set(countries) <= set(Locale("en").territories)
    assert set(countries) <= set(Locale("fr").territories)
    # Reserved or user-assigned in ISO 3166-1, not among its 249.
    assert not {"AC", "CP", "DG", "EA", "EU", "IC", "TA", "UN", "XK", "UK"} & set(countries)


@pytest.mark.parametrize("row", _dataverse_rows(), ids=lambda row: row["iso3166"])
def test_country_has_the_code_of_the_csv(row: dict[str, str]) -> None:
    assert row["iso3166"] in choice_set("country", TODAY)
    assert dataverse_code("country", row["iso3166"]) == int(row["dataverse_code"])


def test_country_without_a_dataverse_code_is_zero() -> None:
    known = {row["iso3166"] for row in _dataverse_rows()}
    without = set(country_choices()) - known
    assert len(known) == 161
    assert len(without) == 88
    assert {dataverse_code("country", country) for country in without} == {0}


@pytest.mark.parametrize(
    ("field", "count"),
    [
        ("degree_type", 5),
        ("university", 7),
        ("country", 249),
        ("graduation_year", 53),
        ("coto_status", 6),
        ("access_modifier", 3),
    ],
)
def test_choice_set_of_a_field_holds_all_its_choices(field: str, count: int) -> None:
    assert len(choice_set(field, TODAY)) == count


@given(st.sampled_from(sorted(TABLE)), st.text())
def test_unknown_slug_has_no_code(choice: str, slug: str) -> None:
    if slug not in TABLE[choice]:
        with pytest.raises(KeyError):
            dataverse_code(choice, slug)
