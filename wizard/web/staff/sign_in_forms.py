"""The forms of signing in, and of changing how."""

from __future__ import annotations

from wizard.core.errors import WizardError
from wizard.web import wording
from wizard.web.forms.base import Entry, Form
from wizard.web.forms.fields import Answer
from wizard.web.texts import lazy_gettext as _
from wizard.web.unsent import SECRET

_PASSWORD = {"type": "password", "autocomplete": "current-password", "maxlength": "1000"}
_PLAIN = {"autocapitalize": "none", "spellcheck": "false"}
_MISSING = {
    "username": _("Enter your user name."),
    "password": _("Enter your password."),
    "new_password": _("Enter the new password."),
    "code": _("Enter the code."),
}


class Asking(Form):
    """A form whose fields are all asked for; no secret is put into a page again."""

    def is_valid(self) -> bool:
        """Refuse what is left empty; whether it is right is the service's to say."""
        valid = self.validate()
        for field in self._answers():
            if not (field.data or "").strip():
                field.refuse(str(_MISSING[str(field.name)]))
        return bool(valid) and not any(field.errors for field in self._answers())

    def refuse(self, error: WizardError) -> None:
        """Put each problem beside its field, else beside the first."""
        answers = self._answers()
        for problem in error.problems:
            field = next((each for each in answers if each.name == problem.field), answers[0])
            field.refuse(wording.problem(problem))

    def drawn_again(self) -> tuple[Entry, ...]:
        """What is wrong, for the summary; every secret is out of its field."""
        for field in self._answers():
            if field.name in SECRET:
                field.data = ""
        return self.entries()

    def _answers(self) -> list[Answer]:
        return [field for field in self if isinstance(field, Answer)]


class SignInForm(Asking):
    """User name and password."""

    username = Answer(_("User name"), attributes={**_PLAIN, "autocomplete": "username", "maxlength": "100"})
    password = Answer(_("Password"), attributes=_PASSWORD)


class CodeForm(Asking):
    """The code of an app."""

    wrong = "sign_in.code"

    code = Answer(
        _("Code"),
        hint=_("The six digits that your authenticator app shows now."),
        attributes={**_PLAIN, "autocomplete": "one-time-code", "inputmode": "numeric", "maxlength": "40"},
    )


class RecoveryForm(Asking):
    """A recovery code."""

    wrong = "sign_in.recovery_code"

    code = Answer(
        _("Recovery code"),
        hint=_("Such as 7x2k-93mf-qw4t-p8ze. Each works once."),
        attributes={**_PLAIN, "autocomplete": "off", "maxlength": "40"},
    )


class PasswordForm(Asking):
    """The password once more."""

    password = Answer(_("Password"), attributes=_PASSWORD)


class AppForm(CodeForm):
    """An app's first code, and the password once more."""

    password = Answer(_("Password"), attributes=_PASSWORD)


class NewPasswordForm(Asking):
    """The password once more, and another."""

    password = Answer(_("Present password"), attributes=_PASSWORD)
    new_password = Answer(
        _("New password"),
        hint=_("At least 12 characters. Several words that do not belong together are good."),
        attributes={**_PASSWORD, "autocomplete": "new-password"},
    )
