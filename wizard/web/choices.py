"""The choices as people read them: labels, and option lists drawn once per language and year."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache

from babel import Locale
from flask_babel import force_locale
from flask_babel.speaklater import LazyString
from markupsafe import Markup, escape

from wizard.core import schools
from wizard.core.choices import (
    DEFAULT_COUNTRY,
    ONTARIO_UNIVERSITIES,
    country_choices,
    graduation_year_choices,
    year_as_number,
)
from wizard.core.country_names import SYNONYMS
from wizard.core.spelling import folded
from wizard.web.texts import language_code
from wizard.web.texts import lazy_gettext as _

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
    "privilege": {
        "owner": _("Owner of an account"),
        "admin": _("Desk (admin)"),
        "main": _("Desk (main)"),
    },
    "account_status": {
        "active": _("Active"),
        "inactive": _("Inactive"),
        "pending": _("Waits for the desk"),
    },
}
HINTS: dict[str, dict[str, LazyString]] = {
    "coto_status": {
        "student": _("You study occupational therapy and have not applied to the College yet."),
        "pending": _("You have applied to the College and are waiting for its decision."),
        "provisional_temporary": _(
            "You hold a certificate for a limited time, for example until you have passed the national exam."
        ),
        "general": _("You hold the full certificate to practise in Ontario, which you renew every year."),
        "resigned": _("You held a certificate and gave it up, for example when you retired or moved away."),
        "other": _("For example, you practise outside Ontario, or have never applied to the College."),
    },
    "access_modifier": {
        "private": _("Only you and the registration desk. Choose this if you are not sure."),
        "protected": _("The association’s own systems too, for example the one for membership fees."),
        "public": _("Partners to whom the association gives access too, for example for research."),
    },
}
_YEAR_LABELS = {
    "pre-1960": _("Before 1960"),
    "1960-1969": _("1960 to 1969"),
    "1970-1979": _("1970 to 1979"),
}
_YEAR_HEADINGS = {
    "ahead": _("Still studying"),
    "recent": _("The last ten years"),
    "earlier": _("Earlier"),
}
_RECENT_YEARS = 10


def language() -> str:
    """The language of the page being drawn."""
    return language_code() or "en"


def label(choice: str, slug: str) -> str:
    """A choice's slug as people read it; a slug that is none, as it is."""
    if choice == "country":
        return country_names(language()).get(slug, slug)
    if choice == "graduation_year":
        return str(_YEAR_LABELS.get(slug, slug))
    return str(LABELS[choice].get(slug, slug))


@cache
def country_names(tongue: str) -> dict[str, str]:
    """Names of the 249 countries as they are called in Canada: Canada first, then by the alphabet of the language."""
    territories = Locale(tongue, DEFAULT_COUNTRY).territories
    names = {code: _begun(territories.get(code, code)) for code in country_choices()}
    in_order = sorted(names.items(), key=lambda item: (item[0] != DEFAULT_COUNTRY, folded(item[1]), item[1]))
    return dict(in_order)


def _begun(name: str) -> str:
    """As it stands at the beginning of a line: Îles Cook, where a sentence has îles Cook."""
    return name[:1].upper() + name[1:].replace("\u2011", "-")


# What a list shows under which heading; what is under none has the empty one.
Groups = dict[str, dict[str, str]]


def _countries(_year: int, tongue: str) -> Groups:
    return {"": country_names(tongue)}


def _years(year: int, _tongue: str) -> Groups:
    """Newest first; the grouped years last."""
    slugs = reversed(graduation_year_choices(date(year, 1, 1)))
    groups: Groups = {}
    for slug in slugs:
        heading = _YEAR_HEADINGS[_age(slug, year)]
        groups.setdefault(str(heading), {})[slug] = str(_YEAR_LABELS.get(slug, slug))
    return groups


def _age(slug: str, year: int) -> str:
    counted = year_as_number(slug)
    if counted > year:
        return "ahead"
    return "recent" if counted > year - _RECENT_YEARS else "earlier"


def _universities(_year: int, _tongue: str) -> Groups:
    labels = {slug: str(text) for slug, text in LABELS["university"].items()}
    ontario = {slug: text for slug, text in labels.items() if slug in ONTARIO_UNIVERSITIES}
    others = {slug: text for slug, text in labels.items() if slug not in ONTARIO_UNIVERSITIES}
    return {str(_("In Ontario")): ontario, str(_("Elsewhere")): others}


_DRAWN_FROM: dict[str, Callable[[int, str], Groups]] = {
    "country": _countries,
    "graduation_year": _years,
    "university": _universities,
}


@cache
def _also_called(choice: str, tongue: str) -> dict[str, tuple[str, ...]]:
    """What else each choice is found by while typing."""
    if choice == "university":
        return dict(schools.UNIVERSITY_SYNONYMS)
    if choice != "country":
        return {}
    here, there = country_names(tongue), country_names("en" if tongue == "fr" else "fr")
    return {code: _different(here[code], (code, there[code], *SYNONYMS.get(code, ()))) for code in here}


def _different(name: str, others: tuple[str, ...]) -> tuple[str, ...]:
    by_spelling = {folded(other): other for other in reversed(others)}
    return tuple(other for spelling, other in reversed(by_spelling.items()) if spelling != folded(name))


@cache
def _drawn(choice: str, year: int, tongue: str) -> str:
    with force_locale(tongue):
        if choice in _DRAWN_FROM:
            groups = _DRAWN_FROM[choice](year, tongue)
        else:
            groups = {"": {slug: str(text) for slug, text in LABELS[choice].items()}}
        also = _also_called(choice, tongue)
    return "\n".join(_group(heading, entries, also) for heading, entries in groups.items())


def _group(heading: str, entries: dict[str, str], also: dict[str, tuple[str, ...]]) -> str:
    options = "\n".join(
        f'<option{_also(also.get(slug, ()))} value="{escape(slug)}">{escape(text)}</option>'
        for slug, text in entries.items()
    )
    return f'<optgroup label="{escape(heading)}">\n{options}\n</optgroup>' if heading else options


def _also(names: tuple[str, ...]) -> str:
    return f' data-also="{escape("|".join(names))}"' if names else ""


def options(choice: str, chosen: str | None, today: date) -> Markup:
    """The options of a select, the chosen one marked.

    Drawn once per language and year; marking is a single replacement. What was sent and is no choice is
    shown as it was sent.
    """
    drawn = _drawn(choice, today.year, language())
    if not chosen:
        return Markup(drawn)  # nosec B704 # noqa: S704 - drawn above from escaped parts
    value = f'value="{escape(chosen)}"'
    marked = drawn.replace(f"{value}>", f"{value} selected>", 1)
    if marked == drawn:
        marked = f"<option data-typed {value} selected>{escape(chosen)}</option>\n{drawn}"
    return Markup(marked)  # nosec B704 # noqa: S704 - as above


def school_options() -> Markup:
    """Schools outside Ontario with a programme, by name, as suggestions for a text."""
    drawn = _schools(language())
    return Markup(drawn)  # nosec B704 # noqa: S704 - drawn from escaped parts


@cache
def _schools(tongue: str) -> str:
    in_order = sorted(schools.ELSEWHERE_IN_CANADA, key=lambda school: folded(school.name(tongue)))
    return "\n".join(
        f"<option{_also(_different(school.name(tongue), (school.en, school.fr, *school.also)))}"
        f' value="{escape(school.name(tongue))}"></option>'
        for school in in_order
    )
