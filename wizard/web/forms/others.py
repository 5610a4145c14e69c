"""The forms that ask for no education data: codes, addresses, the declaration, and plain buttons."""

from __future__ import annotations

from collections.abc import Iterable

from wizard.core.errors import Problem
from wizard.web import wording
from wizard.web.forms.base import Entry, Form
from wizard.web.forms.fields import MAIL, Answer, Tick
from wizard.web.mail_addresses import is_address, student_notice
from wizard.web.texts import lazy_gettext as _

# Where the button stands that has a new code sent.
NEW_CODE = "new-code"
_SPENT = frozenset({"code.expired", "code.used_up"})


class CodeForm(Form):
    """Takes the code from the e-mail, with blanks wherever they were put; once `spent`, only a new one is right."""

    spent = False
    code = Answer(
        _("Six-digit code"),
        hint=_("From our e-mail, for example 123456. You can paste it; spaces do not matter."),
        attributes={
            "inputmode": "numeric",
            "autocomplete": "one-time-code",
            "autocapitalize": "none",
            "spellcheck": "false",
            "maxlength": "40",
            "class": "code",
        },
    )

    def is_valid(self) -> bool:
        """Refuse an empty code; whether it is the right one is the service's to say."""
        valid = self.validate()
        if not (self.code.data or "").strip():
            self.code.refuse(wording.sentence("code.required"))
        return bool(valid) and not self.code.errors

    def refuse(self, problem: Problem) -> None:
        """Say what is wrong with the code; one that can no longer be right is not left to be tried again."""
        self.code.refuse(wording.problem(problem))
        if problem.message in _SPENT:
            self.spent, self.code.data = True, ""

    def entries(self, others: Iterable[Entry] = ()) -> tuple[Entry, ...]:
        """What is wrong; where only a new code helps, with the way to it."""
        entries = super().entries(others)
        return tuple((NEW_CODE if self.spent and name == "code" else name, text) for name, text in entries)


class DeclarationForm(Form):
    """The declaration before the record is made."""

    declaration = Tick(_("I declare that what I have entered is true and complete to the best of my knowledge."))

    def is_valid(self) -> bool:
        """Refuse without the tick."""
        valid = self.validate()
        if not self.declaration.data:
            self.declaration.refuse(wording.sentence("declaration.required"))
        return bool(valid) and not self.declaration.errors


class MailForm(Form):
    """Asks for an address."""

    email: Answer

    @property
    def address(self) -> str:
        """What was typed, without blanks around it."""
        return (self.email.data or "").strip()

    def check(self) -> None:
        """Refuse half an address, as the field is left; one that is still empty is not blamed for it."""
        if self.address and not is_address(self.address):
            self.email.refuse(wording.sentence("email.format"))

    def remark(self) -> None:
        """Warn of an address that ends with the studies."""
        self.email.notices = student_notice(self.address)


class AddressForm(MailForm):
    """An address that a link goes to."""

    email = Answer(
        _("E-mail address"),
        hint=_("We send one link there, which opens this registration and nothing else."),
        attributes=MAIL,
    )

    def is_valid(self) -> bool:
        """Refuse what is no address."""
        valid = self.validate()
        if not self.address:
            self.email.refuse(wording.sentence("email.required"))
        elif not is_address(self.address):
            self.email.refuse(wording.sentence("email.format"))
        return bool(valid) and not self.email.errors


class MemberNumberForm(Form):
    """What an applicant's link asks for before it opens."""

    user_business_id = Answer(
        _("Member number"),
        hint=_("The one that you started this registration with, for example osot-0000001."),
        attributes={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "maxlength": "40"},
    )
