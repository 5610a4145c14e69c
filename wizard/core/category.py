"""The education category and why (01-domain, Education category)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from wizard.core.choices import CotoStatus, EducationCategory, year_as_number


@dataclass(frozen=True, slots=True)
class Rationale:
    """Why: one base code, then at most one modifier, with what the sentence needs."""

    codes: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CategoryDecision:
    """A category with its rationale and the membership year's last day it was decided by."""

    category: EducationCategory
    rationale: Rationale
    membership_ends: date | None


@dataclass(frozen=True, slots=True)
class _Modifier:
    code: str
    statuses: frozenset[str]
    lowers: frozenset[EducationCategory]


# COTO status only ever moves a category toward `graduated`, never up.
_MODIFIERS = (
    _Modifier(
        "resigned",
        frozenset({CotoStatus.RESIGNED}),
        frozenset({EducationCategory.STUDENT, EducationCategory.NEW_GRADUATED}),
    ),
    _Modifier(
        "registered_before_graduation",
        frozenset({CotoStatus.GENERAL, CotoStatus.PROVISIONAL_TEMPORARY}),
        frozenset({EducationCategory.STUDENT}),
    ),
)


def determine_category(
    *, graduation_year: str, coto_status: str, today: date, membership_ends: date | None
) -> CategoryDecision:
    """Decide the category from graduation year, Toronto's date, membership year and COTO status.

    `membership_ends` is the last day of the active membership year, that day included; None when unset.
    """
    year = year_as_number(graduation_year)
    category, base = _by_year(year, today, membership_ends)
    codes: tuple[str, ...] = (base,)
    for modifier in _MODIFIERS:
        if coto_status in modifier.statuses and category in modifier.lowers:
            category, codes = EducationCategory.GRADUATED, (base, modifier.code)
            break
    params = {"graduation_year": graduation_year}
    if membership_ends is not None:
        params["membership_ends"] = membership_ends.isoformat()
    return CategoryDecision(category, Rationale(codes, params), membership_ends)


def _by_year(year: int, today: date, ends: date | None) -> tuple[EducationCategory, str]:
    if year > today.year:
        return EducationCategory.STUDENT, "future_graduation"
    if year < today.year - 1:
        return EducationCategory.GRADUATED, "graduated"
    if ends is None:
        return EducationCategory.GRADUATED, "no_active_membership_year"
    if today > ends:
        return EducationCategory.GRADUATED, "membership_year_ended"
    return EducationCategory.NEW_GRADUATED, "recent_graduation_in_membership_year"
