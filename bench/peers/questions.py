"""The wizard's questions for its peers: the same fields, and as many choices."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from babel import Locale

from wizard.core.choices import country_choices, graduation_year_choices

Choices = list[tuple[str, str]]

DEGREES: Choices = [("masters", "Master’s degree"), ("doctorate", "Doctorate"), ("bachelors", "Bachelor’s degree")]
DEGREES += [("diploma_credential", "Diploma or other credential"), ("other", "Another kind of degree")]
UNIVERSITIES: Choices = [("mcmaster", "McMaster University"), ("queens", "Queen’s University")]
UNIVERSITIES += [("ottawa", "University of Ottawa"), ("toronto", "University of Toronto")]
UNIVERSITIES += [("western", "Western University"), ("other", "Another school"), ("not_applicable", "Not a university")]
STANDINGS: Choices = [("student", "Student"), ("pending", "Application pending"), ("general", "General certificate")]
STANDINGS += [
    ("provisional_temporary", "Provisional certificate"),
    ("resigned", "Resigned"),
    ("other", "None of these"),
]
READERS: Choices = [("private", "Private"), ("protected", "Protected"), ("public", "Public")]


@cache
def countries() -> Choices:
    names = Locale("en", "CA").territories
    return sorted(((code, names.get(code, code)) for code in country_choices()), key=lambda each: each[1])


@cache
def years() -> Choices:
    return [(slug, slug) for slug in reversed(graduation_year_choices(datetime.now(UTC).date()))]
