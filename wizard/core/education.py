"""The education data that a registration collects (01-domain, Education data)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from wizard.core.choices import University

# Others that become these as capitals (a long s, a dotless i) are none of a number.
_LETTERS = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class EducationData:
    """The answers as far as given; a missing answer is None, never an empty string."""

    user_business_id: str | None = None
    degree_type: str | None = None
    university: str | None = None
    other_details: str | None = None
    country: str | None = None
    graduation_year: str | None = None
    coto_status: str | None = None
    coto_registration: str | None = None
    access_modifier: str | None = None
    notes: str | None = None

    def with_changes(self, changes: Mapping[str, str | None]) -> EducationData:
        """A copy with some answers replaced; values are normalised first."""
        return replace(self, **normalise(changes))

    def without_inapplicable(self) -> EducationData:
        """A copy without a value left in a field that no longer applies (03-web: dropped, not an error)."""
        dropped: dict[str, None] = {}
        if self.university != University.OTHER:
            dropped["other_details"] = None
        if not coto_number_applies(self.coto_status):
            dropped["coto_registration"] = None
        return replace(self, **dropped)

    def as_dict(self) -> dict[str, str | None]:
        """The answers by field name, in the order of the form."""
        return {name: getattr(self, name) for name in FIELDS}


FIELDS: tuple[str, ...] = tuple(field.name for field in fields(EducationData))
REQUIRED_FIELDS: tuple[str, ...] = (
    "user_business_id",
    "degree_type",
    "university",
    "country",
    "graduation_year",
    "coto_status",
    "access_modifier",
)
CHOICE_FIELDS: tuple[str, ...] = (
    "degree_type",
    "university",
    "country",
    "graduation_year",
    "coto_status",
    "access_modifier",
)
COTO_NUMBER_REQUIRED = frozenset({"general", "provisional_temporary"})


def coto_number_applies(coto_status: str | None) -> bool:
    """Whether a COTO registration number is asked for at this status."""
    return coto_status in COTO_NUMBER_REQUIRED


def school_name_applies(university: str | None) -> bool:
    """Whether the school has to be named, the list not having it."""
    return university == University.OTHER


def member_number_key(number: str) -> str:
    """The form in which member numbers are compared: without regard to case.

    Letters that merely fold to those of a number (a long s, the Kelvin sign) are none of one.
    """
    return number.lower() if number.isascii() else number


def normalise(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Answers as they are stored: trimmed, line ends unified, blank as None, COTO numbers upper-cased.

    Raises `KeyError` for a name that is no field of the education data.
    """
    return {_known(name): _normalised(name, value) for name, value in values.items()}


def _known(name: str) -> str:
    if name not in FIELDS:
        raise KeyError(name)
    return name


def _normalised(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    text = _LETTERS.sub(lambda letters: letters[0].upper(), value) if name == "coto_registration" else value
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip()
    return text or None
