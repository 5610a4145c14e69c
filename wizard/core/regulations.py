"""Which rules hold for an education, by the region it was taken in and from which day (01-domain).

A regulator's change is a new row here, with the date from which it holds; no code changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

from wizard.core.choices import DEFAULT_COUNTRY, ONTARIO_UNIVERSITIES
from wizard.core.education import EducationData


class Region(StrEnum):
    """Where the education was taken, as far as the regulations distinguish."""

    ONTARIO = "ontario"
    REST_OF_CANADA = "rest_of_canada"
    ABROAD = "abroad"


@dataclass(frozen=True, slots=True)
class Regulation:
    """The regional rules that hold in a region from a day on."""

    region: Region
    holds_from: date
    rules: frozenset[str]


_COTO = frozenset(
    {
        "coto_registration.required",
        "coto_registration.not_allowed",
        "coto_status.student_after_graduation",
        "coto_status.registered_before_graduation",
    }
)
_SINCE_THE_BEGINNING = date(1900, 1, 1)

REGULATIONS: tuple[Regulation, ...] = (
    Regulation(
        Region.ONTARIO,
        _SINCE_THE_BEGINNING,
        _COTO,
    ),
    Regulation(
        Region.REST_OF_CANADA,
        _SINCE_THE_BEGINNING,
        _COTO
        | {
            "other_details.required",
            "verification.unlisted_university",
            "verification.university_not_given",
        },
    ),
    Regulation(
        Region.ABROAD,
        _SINCE_THE_BEGINNING,
        _COTO
        | {
            "other_details.required",
            "university_country.alignment",
            "verification.international_education",
            "verification.unlisted_university",
        },
    ),
)


def region_of(data: EducationData) -> Region | None:
    """The region of an education; None while country or university is not known."""
    if data.country is None or data.university is None:
        return None
    if data.country != DEFAULT_COUNTRY:
        return Region.ABROAD
    if data.university in ONTARIO_UNIVERSITIES:
        return Region.ONTARIO
    return Region.REST_OF_CANADA


@lru_cache(maxsize=64)
def regional_rules(region: Region | None, today: date, table: tuple[Regulation, ...] = REGULATIONS) -> frozenset[str]:
    """The rules that hold in a region on a day; of every region while it is not known."""
    in_force: dict[Region, Regulation] = {}
    for regulation in sorted(table, key=lambda row: row.holds_from):
        if regulation.holds_from <= today:
            in_force[regulation.region] = regulation
    if region is not None:
        return in_force[region].rules if region in in_force else frozenset()
    return frozenset().union(*(regulation.rules for regulation in in_force.values()))


REGIONAL = frozenset().union(*(regulation.rules for regulation in REGULATIONS))
