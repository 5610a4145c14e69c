"""The choice lists of the domain: slugs, and the Dataverse codes they are exchanged as (01-domain, Choices)."""

from __future__ import annotations

import csv
import re
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files

from wizard.core.accounts import AccountStatus
from wizard.core.actors import Privilege


class CotoStatus(StrEnum):
    """Standing with the College of Occupational Therapists of Ontario."""

    OTHER = "other"
    STUDENT = "student"
    PENDING = "pending"
    PROVISIONAL_TEMPORARY = "provisional_temporary"
    GENERAL = "general"
    RESIGNED = "resigned"


class DegreeType(StrEnum):
    """The degree or credential that the education led to."""

    OTHER = "other"
    DIPLOMA_CREDENTIAL = "diploma_credential"
    BACHELORS = "bachelors"
    MASTERS = "masters"
    DOCTORATE = "doctorate"


class University(StrEnum):
    """Where the education was taken."""

    OTHER = "other"
    NOT_APPLICABLE = "not_applicable"
    MCMASTER = "mcmaster"
    QUEENS = "queens"
    OTTAWA = "ottawa"
    TORONTO = "toronto"
    WESTERN = "western"


class AccessModifier(StrEnum):
    """Who, beside the member and the desk, reads the record through the API."""

    PUBLIC = "public"
    PROTECTED = "protected"
    PRIVATE = "private"


class EducationCategory(StrEnum):
    """What the association's fees are decided by."""

    GRADUATED = "graduated"
    STUDENT = "student"
    NEW_GRADUATED = "new_graduated"


ONTARIO_UNIVERSITIES = frozenset(
    {
        University.MCMASTER,
        University.QUEENS,
        University.OTTAWA,
        University.TORONTO,
        University.WESTERN,
    }
)
DEFAULT_DEGREE_TYPE = DegreeType.MASTERS
DEFAULT_COUNTRY = "CA"
DEFAULT_ACCESS_MODIFIER = AccessModifier.PRIVATE

# Grouped years count as the middle of their decade, "before 1960" as the year before it.
_YEAR_GROUPS = {"pre-1960": 1959, "1960-1969": 1965, "1970-1979": 1975}
_FIRST_SINGLE_YEAR = 1980
_YEARS_AHEAD = 3
_DATAVERSE_YEAR_OFFSET = 1976
_WELL_FORMED_YEAR = re.compile(r"[0-9]{4}")

_DATAVERSE_CODES: dict[str, dict[str, int]] = {
    "coto_status": {slug: code for code, slug in enumerate(CotoStatus)},
    "degree_type": {slug: code for code, slug in enumerate(DegreeType)},
    "university": {slug: code for code, slug in enumerate(University)},
    "education_category": {slug: code for code, slug in enumerate(EducationCategory)},
    "access_modifier": {slug: code for code, slug in enumerate(AccessModifier, start=1)},
    "privilege": {slug: code for code, slug in enumerate(Privilege, start=1)},
    "account_status": {slug: code for code, slug in enumerate(AccountStatus, start=1)},
}


# ISO 3166-1 alpha-2, all 249.
_COUNTRIES = tuple(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ
    BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM
    DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS
    GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
    KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ
    MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
    VN VU WF WS YE YT ZA ZM ZW
    """.split()  # noqa: SIM905 - a list of 249 short strings is no easier to read
)


@cache
def _country_codes() -> dict[str, int]:
    text = files(__package__).joinpath("dataverse-countries.csv").read_text(encoding="utf-8")
    return {row["iso3166"]: int(row["dataverse_code"]) for row in csv.DictReader(text.splitlines())}


def country_choices() -> tuple[str, ...]:
    """The 249 ISO 3166-1 alpha-2 codes."""
    return _COUNTRIES


@cache
def _graduation_years(this_year: int) -> tuple[str, ...]:
    single = range(_FIRST_SINGLE_YEAR, this_year + _YEARS_AHEAD + 1)
    return (*_YEAR_GROUPS, *map(str, single))


def graduation_year_choices(today: date) -> tuple[str, ...]:
    """The graduation years one may choose as the list stands on a day: up to three years ahead."""
    return _graduation_years(today.year)


@cache
def _choice_sets(this_year: int) -> dict[str, frozenset[str]]:
    return {
        "degree_type": frozenset(DegreeType),
        "university": frozenset(University),
        "country": frozenset(country_choices()),
        "graduation_year": frozenset(_graduation_years(this_year)),
        "coto_status": frozenset(CotoStatus),
        "access_modifier": frozenset(AccessModifier),
    }


def choice_set(field: str, today: date) -> frozenset[str]:
    """The valid slugs of a choice field on a day, for a set look-up."""
    return _choice_sets(today.year)[field]


def is_well_formed_year(slug: str) -> bool:
    """Whether a graduation year has the form of one, be it a choice today or not."""
    return slug in _YEAR_GROUPS or _WELL_FORMED_YEAR.fullmatch(slug) is not None


def year_as_number(slug: str) -> int:
    """The year that a graduation-year choice counts as.

    Raises `ValueError` where the slug is not a well-formed year.
    """
    if not is_well_formed_year(slug):
        raise ValueError("not a graduation year")
    return _YEAR_GROUPS[slug] if slug in _YEAR_GROUPS else int(slug)


def dataverse_code(choice: str, slug: str) -> int:
    """The number the association's Dataverse tables use for a choice's slug (0 for a country without one)."""
    if choice == "country":
        return _country_codes().get(slug, 0)
    if choice == "graduation_year":
        groups = tuple(_YEAR_GROUPS)
        return groups.index(slug) + 1 if slug in groups else int(slug) - _DATAVERSE_YEAR_OFFSET
    return _DATAVERSE_CODES[choice][slug]
