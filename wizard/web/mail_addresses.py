"""E-mail addresses: whether one is one, and a word where it may not outlast graduation (promise 18)."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _

from wizard.core.mail_domains import ends_with_studies


def is_address(text: str) -> bool:
    """Whether a text has the form of an address; nobody is asked over the network."""
    try:
        # Mail servers that take other letters before the @ are few: without one there, such a mail would be lost.
        validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return False
    return True


def student_notice(address: str | None) -> list[str]:
    """A gentle warning about an address that may soon stop working; nothing about any other."""
    if not address or not ends_with_studies(address):
        return []
    return [
        _(
            "This looks like a university address, which may stop working after you graduate. "
            "A personal address is safer; you can also keep this one."
        )
    ]
