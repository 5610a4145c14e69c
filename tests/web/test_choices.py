"""Lists as people read and search them: headings, other names, the order of each language."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask_babel import force_locale

from tests.support.applicant import one
from wizard.core.choices import country_choices, graduation_year_choices
from wizard.web import choices

TODAY = date(2026, 11, 23)


@pytest.fixture
def in_french(app: Flask) -> Iterator[None]:
    with app.test_request_context("/"), force_locale("fr"):
        yield


@pytest.fixture
def in_english(app: Flask) -> Iterator[None]:
    with app.test_request_context("/"), force_locale("en"):
        yield


def drawn(choice: str, chosen: str | None = None, today: date = TODAY) -> BeautifulSoup:
    return BeautifulSoup(choices.options(choice, chosen, today), "html.parser")


def also(soup: BeautifulSoup, value: str) -> list[str]:
    return str(one(soup, f"option[value='{value}']").get("data-also", "")).split("|")


@pytest.mark.usefixtures("in_french")
def test_guinea_sorts_word_by_word_in_french() -> None:
    names = list(choices.country_names("fr").values())
    first = names.index("Guinée")
    assert names[first : first + 3] == ["Guinée", "Guinée-Bissau", "Guinée équatoriale"]


def test_countries_are_called_as_in_canada() -> None:
    names = choices.country_names("fr")
    assert [names[code] for code in ("BY", "TL", "CK", "KN")] == [
        "Bélarus",
        "Timor-Leste",
        "Îles Cook",
        "Saint-Kitts-et-Nevis",
    ]
    assert choices.country_names("en")["LC"] == "Saint Lucia"


@pytest.mark.usefixtures("in_french")
def test_country_is_found_by_its_english_name_its_code_and_what_people_say() -> None:
    found = also(drawn("country"), "US")
    assert {"US", "United States", "USA", "É.-U."} <= set(found)


@pytest.mark.usefixtures("in_english")
def test_other_names_do_not_repeat_the_name_itself() -> None:
    soup = drawn("country")
    assert "France" not in also(soup, "FR")
    for option in soup.select("option"):
        assert option.text not in str(option["data-also"]).split("|")
    assert {option["value"] for option in soup.select("option")} == set(country_choices())


@pytest.mark.usefixtures("in_english")
@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1)])
def test_years_stand_under_the_headings_of_their_day(today: date) -> None:
    soup = drawn("graduation_year", today=today)
    ahead, recent, earlier = (
        [str(option["value"]) for option in group.select("option")] for group in soup.select("optgroup")
    )
    assert min(map(int, ahead)) == today.year + 1
    assert recent[0] == str(today.year)
    assert len(recent) == 10
    assert [*ahead, *recent, *earlier] == list(reversed(graduation_year_choices(today)))


@pytest.mark.usefixtures("in_english")
@pytest.mark.parametrize(
    ("choice", "chosen"), [("country", "FR"), ("university", "queens"), ("graduation_year", "2026")]
)
def test_one_choice_is_marked(choice: str, chosen: str) -> None:
    assert one(drawn(choice, chosen), "option[selected]")["value"] == chosen


@pytest.mark.usefixtures("in_english")
def test_what_is_no_choice_is_shown_as_it_was_sent() -> None:
    typed = one(drawn("country", '<b>"Atlantis"'), "option[data-typed]")
    assert typed["value"] == typed.text == '<b>"Atlantis"'
    assert typed.has_attr("selected")


@pytest.mark.usefixtures("in_french")
def test_schools_are_suggested_in_french_order() -> None:
    options = BeautifulSoup(choices.school_options(), "html.parser").select("option")
    names = [str(option["value"]) for option in options]
    assert names[:3] == [
        "Université Dalhousie",
        "Université de la Colombie-Britannique",
        "Université de la Saskatchewan",
    ]
    assert "University of British Columbia" in str(options[1]["data-also"])
