"""What 01-domain's tables say of some answers, written from the tables and not from the code.

Nothing of the domain is imported here: not its choices, not its rules, not its helpers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

Answers = Mapping[str, str | None]

CHOICES = {
    "degree_type": {"other", "diploma_credential", "bachelors", "masters", "doctorate"},
    "university": {"other", "not_applicable", "mcmaster", "queens", "ottawa", "toronto", "western"},
    "coto_status": {"other", "student", "pending", "provisional_temporary", "general", "resigned"},
    "access_modifier": {"public", "protected", "private"},
    # Those that the strategies draw; `XX` and what they make up is none.
    "country": {"CA", "US", "FR", "ZW"},
}
ONTARIO = {"mcmaster", "queens", "ottawa", "toronto", "western"}
GROUPS = {"pre-1960": 1959, "1960-1969": 1965, "1970-1979": 1975}


@dataclass(frozen=True)
class Others:
    """What other records hold."""

    member_number: bool
    coto_number: bool
    record: bool


def number_of(year: str | None) -> int | None:
    """The year as a number, where it is well-formed."""
    if year is None:
        return None
    if year in GROUPS:
        return GROUPS[year]
    return int(year) if re.fullmatch("[0-9][0-9][0-9][0-9]", year) else None


def _is_blank(text: str) -> bool:
    """Whether there is nothing to see: white space and characters without a mark of their own."""
    return all(unicodedata.category(each) in {"Zs", "Zl", "Zp", "Cc", "Cf"} for each in text)


def failing(answers: Answers, today: date, others: Others | None) -> set[str]:
    """The ids of the rules that fail."""
    return _malformed(answers) | _violated(answers, today) | (_conflicting(answers, others) if others else set())


def _malformed(answers: Answers) -> set[str]:
    failed = {f"{name}.required" for name in (*CHOICES, "graduation_year", "user_business_id") if answers[name] is None}
    failed |= {
        f"{name}.choice" for name, slugs in CHOICES.items() if answers[name] is not None and answers[name] not in slugs
    }
    if answers["graduation_year"] is not None and number_of(answers["graduation_year"]) is None:
        failed.add("graduation_year.choice")
    forms = {"user_business_id": "[A-Za-z0-9_-]{1,20}", "coto_registration": "[A-Z0-9]{1,8}"}
    for name, form in forms.items():
        value = answers[name]
        if value is not None and not re.fullmatch(form, value, re.ASCII):
            failed.add(f"{name}.format")
    school, notes = answers["other_details"], answers["notes"]
    if school is not None and (len(school) > 100 or _is_blank(school)):
        failed.add("other_details.format")
    if notes is not None and len(notes) > 1000:
        failed.add("notes.format")
    return failed


def _violated(answers: Answers, today: date) -> set[str]:
    failed = set()
    status, number = answers["coto_status"], answers["coto_registration"]
    if status in {"general", "provisional_temporary"} and number is None:
        failed.add("coto_registration.required")
    if status in {"other", "student", "pending", "resigned"} and number is not None:
        failed.add("coto_registration.not_allowed")
    if answers["university"] == "other" and answers["other_details"] is None:
        failed.add("other_details.required")
    if answers["university"] in ONTARIO and answers["country"] not in {None, "CA"}:
        failed.add("university_country.alignment")
    slug = answers["graduation_year"]
    if slug is not None and slug not in GROUPS:
        year = number_of(slug)
        if year is not None and not 1980 <= year <= today.year + 3:
            failed.add("graduation_year.range")
    return failed


def _conflicting(answers: Answers, others: Others) -> set[str]:
    held = {
        "user_business_id.unique": others.member_number,
        "coto_registration.unique": others.coto_number and answers["coto_registration"] is not None,
        "account.one_record": others.record,
    }
    return {rule for rule, taken in held.items() if taken}


def warning(answers: Answers, today: date) -> set[str]:
    """The ids of the rules that warn."""
    year, country, university = number_of(answers["graduation_year"]), answers["country"], answers["university"]
    status = answers["coto_status"]
    said = {
        "graduation_year.future": year is not None and year > today.year,
        "verification.international_education": country is not None and country != "CA",
        # Without a country too: it holds in every region where a school may be unlisted.
        "verification.unlisted_university": university == "other",
        "verification.university_not_given": university == "not_applicable" and country == "CA",
        "coto_status.student_after_graduation": status == "student" and year is not None and year < today.year,
        "coto_status.registered_before_graduation": status in {"general", "provisional_temporary", "resigned"}
        and year is not None
        and year > today.year,
    }
    return {rule for rule, holds in said.items() if holds}


def category(*, year: int, today: date, ends: date | None, status: str) -> tuple[str, tuple[str, ...]]:
    """The category and the rationale's codes, row by row of the table."""
    recent = year in {today.year, today.year - 1}
    if year > today.year:
        before, base = "student", "future_graduation"
    elif recent and ends is not None and today <= ends:
        before, base = "new_graduated", "recent_graduation_in_membership_year"
    elif recent and ends is None:
        before, base = "graduated", "no_active_membership_year"
    elif recent:
        before, base = "graduated", "membership_year_ended"
    else:
        before, base = "graduated", "graduated"
    after = before
    if before == "student" and status in {"general", "provisional_temporary", "resigned"}:
        after = "graduated"
    if before == "new_graduated" and status == "resigned":
        after = "graduated"
    if after == before:
        return after, (base,)
    return after, (base, "resigned" if status == "resigned" else "registered_before_graduation")
