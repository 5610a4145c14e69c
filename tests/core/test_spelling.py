from __future__ import annotations

import pytest

from wizard.core.choices import country_choices
from wizard.core.country_names import SYNONYMS
from wizard.core.spelling import folded


@pytest.mark.parametrize(
    ("name", "as_folded"),
    [
        ("Côte d’Ivoire", "cote divoire"),
        ("COTE D'IVOIRE", "cote divoire"),
        ("É.-U.", "e u"),
        ("U.S.A.", "usa"),
        ("Guinée-Bissau", "guinee bissau"),
        ("  São   Tomé ", "sao tome"),
        ("Œuvre", "oeuvre"),
        ("…", ""),
    ],
)
def test_names_are_folded(name: str, as_folded: str) -> None:
    assert folded(name) == as_folded


def test_words_sort_one_by_one_as_in_french_dictionaries() -> None:
    names = ["Guinée équatoriale", "Guyana", "Guinée-Bissau", "Guinée", "Côte d’Ivoire", "Cote", "Coter"]
    assert sorted(names, key=folded) == [
        "Cote",
        "Côte d’Ivoire",
        "Coter",
        "Guinée",
        "Guinée-Bissau",
        "Guinée équatoriale",
        "Guyana",
    ]


def test_other_names_are_those_of_countries() -> None:
    assert set(SYNONYMS) <= set(country_choices())
    assert all(folded(name) for names in SYNONYMS.values() for name in names)


def test_no_two_other_names_of_a_country_are_the_same() -> None:
    for code, names in SYNONYMS.items():
        assert len({folded(name) for name in names}) == len(names), code
