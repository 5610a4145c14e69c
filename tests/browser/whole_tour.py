"""The tour as a whole: its parts, and in what it is taken."""

from __future__ import annotations

from tests.browser import (
    tour_api,
    tour_applicant,
    tour_bulk,
    tour_decisions,
    tour_desk,
    tour_oidc,
    tour_records,
    tour_sign_in,
    tour_trouble,
)
from tests.browser.tour import Part

LOCALES = {"en": "en-CA", "fr": "fr-CA"}
PARTS: tuple[Part, ...] = (
    *tour_applicant.PARTS,
    *tour_trouble.PARTS,
    *tour_api.PARTS,
    *tour_desk.PARTS,
    *tour_records.PARTS,
    *tour_bulk.PARTS,
    *tour_decisions.PARTS,
    *tour_sign_in.PARTS,
    *tour_oidc.PARTS,
)
