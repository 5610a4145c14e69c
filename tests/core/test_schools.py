from __future__ import annotations

import pytest

from wizard.core.choices import ONTARIO_UNIVERSITIES
from wizard.core.schools import (
    ELSEWHERE_IN_CANADA,
    UNIVERSITY_SYNONYMS,
    School,
    is_in_canada,
    suggested_country,
)
from wizard.core.spelling import folded


def test_every_school_has_a_name_of_its_own_that_can_be_entered() -> None:
    names = [folded(school.en) for school in ELSEWHERE_IN_CANADA]
    assert len(set(names)) == len(names)
    assert all(0 < len(name) <= 100 for school in ELSEWHERE_IN_CANADA for name in (school.en, school.fr))


def test_schools_are_named_in_the_language_of_the_page() -> None:
    school = School("University of Manitoba", "Université du Manitoba")
    assert (school.name("en"), school.name("fr")) == ("University of Manitoba", "Université du Manitoba")


def test_only_schools_on_the_list_have_other_names() -> None:
    assert set(UNIVERSITY_SYNONYMS) == ONTARIO_UNIVERSITIES


@pytest.mark.parametrize("school", ELSEWHERE_IN_CANADA, ids=lambda school: school.en)
def test_named_school_is_in_canada_in_either_language_and_any_spelling(school: School) -> None:
    for name in (school.en, school.fr, school.en.upper(), f" {school.fr} ", school.fr.replace("’", "'")):
        assert is_in_canada("other", name), name


@pytest.mark.parametrize(
    ("university", "named", "country", "suggested"),
    [
        ("queens", None, "FR", "CA"),
        ("queens", None, "", "CA"),
        ("queens", None, None, "CA"),
        ("queens", None, "CA", None),
        ("other", "McGill University", "US", "CA"),
        ("other", "McGill University", "CA", None),
        ("other", "University of Cape Town", "ZA", None),
        ("other", None, "US", None),
        ("not_applicable", "McGill University", "US", None),
        (None, None, "US", None),
        ("atlantis", None, "US", None),
    ],
)
def test_canada_is_suggested(
    university: str | None, named: str | None, country: str | None, suggested: str | None
) -> None:
    assert suggested_country(university, named, country) == suggested
