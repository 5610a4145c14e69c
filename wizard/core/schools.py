"""The programmes in occupational therapy in Canada, and what people call them.

Those in Ontario are choices of `university` (01-domain). The others are offered by name under *Other*: suggestions
only, no choices. Names are the universities' own, in both languages where they have two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from wizard.core.choices import DEFAULT_COUNTRY, ONTARIO_UNIVERSITIES, University
from wizard.core.spelling import folded


@dataclass(frozen=True, slots=True)
class School:
    """A university outside Ontario with a programme: its official names, and what else it goes by."""

    en: str
    fr: str
    also: tuple[str, ...] = ()

    def name(self, language: str) -> str:
        """The name in a language of the pages."""
        return self.fr if language == "fr" else self.en


# The accredited programmes, and Saskatchewan's, whose first students came in the autumn of 2026.
ELSEWHERE_IN_CANADA: tuple[School, ...] = (
    School("Dalhousie University", "Université Dalhousie", ("Dal", "Halifax")),
    School("McGill University", "Université McGill", ("Montréal",)),
    School("Université de Montréal", "Université de Montréal", ("UdeM", "University of Montreal")),
    School("Université de Sherbrooke", "Université de Sherbrooke", ("UdeS", "University of Sherbrooke")),
    School(
        "Université du Québec à Trois-Rivières",
        "Université du Québec à Trois-Rivières",
        ("UQTR", "Trois-Rivières", "University of Quebec"),
    ),
    School("Université Laval", "Université Laval", ("ULaval", "Laval University", "Québec")),
    School("University of Alberta", "Université de l’Alberta", ("UAlberta", "Edmonton", "Calgary")),
    School("University of British Columbia", "Université de la Colombie-Britannique", ("UBC", "Vancouver")),
    School("University of Manitoba", "Université du Manitoba", ("UManitoba", "Winnipeg")),
    School("University of Saskatchewan", "Université de la Saskatchewan", ("USask", "Saskatoon")),
)
# What people call the schools on the list, beside their names: short forms and towns.
UNIVERSITY_SYNONYMS: dict[str, tuple[str, ...]] = {
    University.MCMASTER: ("Mac", "Hamilton"),
    University.QUEENS: ("Queens", "Kingston"),
    University.OTTAWA: ("uOttawa",),
    University.TORONTO: ("U of T", "UofT", "UToronto"),
    University.WESTERN: ("UWO", "University of Western Ontario", "London"),
}


@cache
def _names() -> frozenset[str]:
    return frozenset(folded(name) for school in ELSEWHERE_IN_CANADA for name in (school.en, school.fr))


def is_in_canada(university: str | None, other_details: str | None) -> bool:
    """Whether the school that was chosen or named is known to be in Canada."""
    if university == University.OTHER:
        return folded(other_details or "") in _names()
    return university in ONTARIO_UNIVERSITIES


def suggested_country(university: str | None, other_details: str | None, country: str | None) -> str | None:
    """The country to suggest: Canada for a school that is there, where something else was chosen."""
    return DEFAULT_COUNTRY if country != DEFAULT_COUNTRY and is_in_canada(university, other_details) else None
