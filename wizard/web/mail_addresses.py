"""E-mail addresses: whether one is one, and whether it will outlast graduation (promise 18)."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _

# Universities with a programme in occupational therapy in Canada, by the domains of their addresses.
UNIVERSITY_DOMAINS = frozenset(
    {
        "dal.ca",
        "mcgill.ca",
        "mcmaster.ca",
        "queensu.ca",
        "ualberta.ca",
        "ubc.ca",
        "ulaval.ca",
        "umanitoba.ca",
        "umontreal.ca",
        "uottawa.ca",
        "uqtr.ca",
        "usask.ca",
        "usherbrooke.ca",
        "utoronto.ca",
        "uwo.ca",
    }
)
# Any university elsewhere that keeps to its country's habit.
ACADEMIC_ENDINGS = (".edu", ".edu.au", ".ac.uk", ".ac.nz", ".ac.in", ".ac.za")


def is_address(text: str) -> bool:
    """Whether a text has the form of an address; nobody is asked over the network."""
    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def is_student_address(address: str) -> bool:
    """Whether an address is at a university, be it at a subdomain."""
    domain = address.rpartition("@")[2].strip().casefold()
    parts = domain.split(".")
    parents = {".".join(parts[start:]) for start in range(len(parts))}
    return not parents.isdisjoint(UNIVERSITY_DOMAINS) or domain.endswith(ACADEMIC_ENDINGS)


def student_notice(address: str | None) -> list[str]:
    """A gentle warning about an address that may soon stop working; nothing about any other."""
    if not address or not is_student_address(address):
        return []
    return [
        _(
            "This looks like a university address, which may stop working after you graduate. "
            "A personal address is safer; you can also keep this one."
        )
    ]
