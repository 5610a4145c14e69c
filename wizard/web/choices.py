"""The choices as people read them: labels, and option lists drawn once per language and year."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date
from functools import cache

from babel import Locale
from flask_babel import force_locale, get_locale
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from markupsafe import Markup, escape

from wizard.core.choices import DEFAULT_COUNTRY, country_choices, graduation_year_choices

LABELS: dict[str, dict[str, LazyString]] = {
    "degree_type": {
        "masters": _("Master’s degree"),
        "doctorate": _("Doctorate"),
        "bachelors": _("Bachelor’s degree"),
        "diploma_credential": _("Diploma or other credential"),
        "other": _("Another kind of degree"),
    },
    "university": {
        "mcmaster": _("McMaster University"),
        "queens": _("Queen’s University"),
        "ottawa": _("University of Ottawa"),
        "toronto": _("University of Toronto"),
        "western": _("Western University"),
        "other": _("Another school"),
        "not_applicable": _("Not a university"),
    },
    "coto_status": {
        "student": _("Student"),
        "pending": _("Application pending"),
        "provisional_temporary": _("Provisional or temporary certificate"),
        "general": _("General certificate"),
        "resigned": _("Resigned"),
        "other": _("None of these"),
    },
    "access_modifier": {
        "private": _("Private"),
        "protected": _("Protected"),
        "public": _("Public"),
    },
    "education_category": {
        "student": _("Student"),
        "new_graduated": _("New Graduate"),
        "graduated": _("Graduate"),
    },
}
HINTS: dict[str, dict[str, LazyString]] = {
    "coto_status": {
        "student": _("You are studying and have not applied to the College."),
        "pending": _("You have applied and wait for the decision."),
        "provisional_temporary": _("You practise under a certificate for a limited time."),
        "general": _("You hold a full certificate to practise in Ontario."),
        "resigned": _("You held a certificate and gave it up."),
        "other": _("For example, you practise outside Ontario."),
    },
    "access_modifier": {
        "private": _("Only you and the registration desk."),
        "protected": _("The association’s own systems too."),
        "public": _("Any partner that the association gives access."),
    },
}
_YEAR_LABELS = {
    "pre-1960": _("Before 1960"),
    "1960-1969": _("1960 to 1969"),
    "1970-1979": _("1970 to 1979"),
}


def language() -> str:
    """The language of the page being drawn."""
    return str(get_locale() or "en")


def label(choice: str, slug: str) -> str:
    """A choice's slug as people read it; a slug that is none, as it is."""
    if choice == "country":
        return country_names(language()).get(slug, slug)
    if choice == "graduation_year":
        return str(_YEAR_LABELS.get(slug, slug))
    return str(LABELS[choice].get(slug, slug))


@cache
def country_names(tongue: str) -> dict[str, str]:
    """Names of the 249 countries: Canada first, then by the alphabet of the language."""
    territories = Locale.parse(tongue).territories
    names = {code: territories.get(code, code) for code in country_choices()}
    in_order = sorted(names.items(), key=lambda item: (item[0] != DEFAULT_COUNTRY, _sort_key(item[1])))
    return dict(in_order)


def _sort_key(name: str) -> tuple[str, str]:
    """English and French order alike: letters first, accents only between equals."""
    bare = "".join(char for char in unicodedata.normalize("NFD", name) if char.isalnum() or char == " ")
    return bare.casefold(), name


def _countries(_year: int, tongue: str) -> dict[str, str]:
    return country_names(tongue)


def _years(year: int, _tongue: str) -> dict[str, str]:
    """Newest first; the grouped years last."""
    slugs = graduation_year_choices(date(year, 1, 1))
    return {slug: str(_YEAR_LABELS.get(slug, slug)) for slug in reversed(slugs)}


_DRAWN_FROM: dict[str, Callable[[int, str], dict[str, str]]] = {
    "country": _countries,
    "graduation_year": _years,
}


@cache
def _drawn(choice: str, year: int, tongue: str) -> str:
    with force_locale(tongue):
        if choice in _DRAWN_FROM:
            entries = _DRAWN_FROM[choice](year, tongue)
        else:
            entries = {slug: str(text) for slug, text in LABELS[choice].items()}
    return "\n".join(f'<option value="{escape(slug)}">{escape(text)}</option>' for slug, text in entries.items())


def options(choice: str, chosen: str | None, today: date) -> Markup:
    """The options of a select, the chosen one marked.

    Drawn once per language and year; marking is a single replacement. What was sent and is no choice is
    shown as it was sent.
    """
    drawn = _drawn(choice, today.year, language())
    if not chosen:
        return Markup(drawn)  # noqa: S704 - drawn above from escaped parts
    value = f'value="{escape(chosen)}"'
    marked = drawn.replace(f"{value}>", f"{value} selected>", 1)
    if marked == drawn:
        marked = f"<option {value} selected>{escape(chosen)}</option>\n{drawn}"
    return Markup(marked)  # noqa: S704 - as above
