"""The desk's forms."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from wizard.web.forms.base import Form
from wizard.web.forms.fields import Answer, Area


class SignInForm(Form):
    """User name and password."""

    username = Answer(
        _("User name"),
        attributes={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "maxlength": "100"},
    )
    password = Answer(
        _("Password"), attributes={"type": "password", "autocomplete": "current-password", "maxlength": "1000"}
    )

    def is_valid(self) -> bool:
        """Refuse what is left empty; whether it is right is the service's to say."""
        valid = self.validate()
        if not (self.username.data or "").strip():
            self.username.refuse(str(_("Enter your user name.")))
        if not self.password.data:
            self.password.refuse(str(_("Enter your password.")))
        return bool(valid) and not self.username.errors and not self.password.errors


class RefusalForm(Form):
    """Why an account is refused."""

    reason = Area(_("Reason"), hint=_("The person reads it in the e-mail."), attributes={"rows": "4"})
