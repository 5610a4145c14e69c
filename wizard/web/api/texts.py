"""Texts of the document, which is in English; the page on which people read it shows them in their language."""

from __future__ import annotations

from collections.abc import Mapping


def marked(text: str) -> str:
    """The text, which the catalogue is to have; imported as `_`, so that `make translations` finds it."""
    return text


_ = marked

# Of the fields that a person has answers to.
FIELDS: Mapping[str, str] = {
    "user_business_id": _("The member number, issued as osot-0000001 and up."),
    "degree_type": _("The degree or credential in occupational therapy."),
    "university": _("Where it was earned; `other` for a school that is not on the list."),
    "other_details": _("The name of the school, where `university` is `other`."),
    "country": _("The country of the school, as two letters (ISO 3166-1)."),
    "graduation_year": _("The year of graduation, or one of the spans before 1980."),
    "coto_status": _("The standing with the College (COTO)."),
    "coto_registration": _("The COTO registration number, where the standing has one."),
    "access_modifier": _("Who may read the record through the API."),
    "notes": _("Notes for the registration desk."),
    "email": _("Where a link to continue may be sent."),
}
