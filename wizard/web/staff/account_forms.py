"""The desk's forms for accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wizard.core.accounts import Account
from wizard.core.errors import ErrorCode, Problem
from wizard.services.accounts import NewAccount
from wizard.web.forms.base import Entry, Form
from wizard.web.forms.fields import MAIL, Answer, Area, Radios
from wizard.web.forms.fields import Entry as Button
from wizard.web.staff import account_wording
from wizard.web.texts import lazy_gettext as _

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class Languages(Radios):
    """The language that a member reads."""

    def entries(self) -> Iterator[Button]:
        """One button for each."""
        for number, (slug, label) in enumerate(account_wording.LANGUAGES.items()):
            yield Button(f"{self.name}-{slug}" if number else self.name, slug, label, "", slug == self.data)


class NewAccountForm(Form):
    """An account that the desk adds."""

    name = Answer(_("Name"), attributes={**_PLAIN, "maxlength": "200"})
    email = Answer(
        _("E-mail address"),
        hint=_("Codes and receipts go there."),
        attributes={**MAIL, "autocomplete": "off", "maxlength": "254"},
    )
    number = Answer(
        _("Member number"),
        hint=_("Left empty, the next one is given."),
        optional=True,
        attributes={**_PLAIN, "autocapitalize": "none", "maxlength": "40"},
    )
    language = Languages(_("Language of e-mails"), default="en")

    def new(self) -> NewAccount:
        """The account as it is asked for."""
        return NewAccount(
            name=(self.name.data or "").strip(),
            email=(self.email.data or "").strip(),
            number=(self.number.data or "").strip() or None,
            language=self.language.data or "",
        )

    def refuse(self, problems: Sequence[Problem]) -> list[Entry]:
        """Put each problem beside its field; answers those that belong to none."""
        others: list[Entry] = []
        for each in problems:
            text = account_wording.problem(each)
            field = self._fields.get(each.field or "")
            if isinstance(field, Answer):
                field.refuse(text)
            else:
                others.append((None, text))
        return others


class ImportForm(Form):
    """A file of accounts."""

    file = Answer(
        _("CSV file"),
        hint=_("Its first row names the columns: name and email; number, status and language where there are any."),
        attributes={"type": "file", "accept": ".csv,text/csv"},
    )
    missing = _("Choose a file that is not empty.")


class ClosingForm(Form):
    """Why an account is made inactive."""

    reason = Area(_("Reason"), hint=_("It stays with the desk; nobody is told."), attributes={"rows": "4"})


class ErasureForm(Form):
    """Why a person is erased, and their member number typed as a confirmation."""

    reason = Area(
        _("Reason"),
        hint=_("It stays in the audit trail, with your name. Name nobody in it."),
        attributes={"rows": "3", "maxlength": "600"},
    )
    number = Answer(_("Member number"), attributes={**_PLAIN, "autocapitalize": "none", "maxlength": "40"})

    def confirms(self, account: Account) -> bool:
        """Whether it was sent for this very account, with a reason; how long that may be is the service's to say."""
        valid = self.validate()
        if not (self.reason.data or "").strip():
            self.reason.refuse(_refusal("erasure.reason"))
        if (self.number.data or "").strip().casefold() != account.number.casefold():
            self.number.refuse(_refusal("erasure.number", number=account.number))
        return bool(valid) and not self.reason.errors and not self.number.errors


def _refusal(message: str, **params: str) -> str:
    return account_wording.problem(Problem(ErrorCode.VALIDATION_ERROR, message, params=params))
