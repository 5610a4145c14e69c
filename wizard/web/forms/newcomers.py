"""The forms for those without a member number at hand."""

from __future__ import annotations

from wizard.web import wording
from wizard.web.forms.fields import Answer
from wizard.web.forms.others import MailForm
from wizard.web.mail_addresses import is_address
from wizard.web.texts import lazy_gettext as _

_LONGEST_NAME = 200
_ADDRESS = {"type": "email", "autocomplete": "email", "inputmode": "email", "spellcheck": "false"}


class MailboxForm(MailForm):
    """The address of a member account."""

    email = Answer(
        _("E-mail address"),
        hint=_("The one in your member account; it may be an old one of yours, such as your student address."),
        attributes=_ADDRESS,
    )

    def is_valid(self) -> bool:
        """Refuse what is no address."""
        valid = self.validate()
        if not is_address(self.address):
            self.email.refuse(wording.sentence("email.format"))
        return bool(valid) and not self.email.errors


class NewcomerForm(MailboxForm):
    """Who an account is made for."""

    name = Answer(
        _("Your name"),
        hint=_("First and last name, as the association should write them."),
        attributes={"autocomplete": "name", "spellcheck": "false", "maxlength": "200"},
    )
    email = Answer(
        _("E-mail address"),
        hint=_("The address of your account. We send a code there to confirm it, and later your receipt."),
        attributes=_ADDRESS,
    )

    @property
    def full_name(self) -> str:
        """What was typed, without blanks around it."""
        return (self.name.data or "").strip()

    def is_valid(self) -> bool:
        """Refuse a name that is none, too."""
        valid = super().is_valid()
        if not self.full_name or len(self.full_name) > _LONGEST_NAME or not self.full_name.isprintable():
            self.name.refuse(wording.sentence("name.format"))
        return valid and not self.name.errors
