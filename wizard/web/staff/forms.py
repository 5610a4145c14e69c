"""The desk's forms."""

from __future__ import annotations

from datetime import date

from wizard.web.forms.base import Form
from wizard.web.forms.fields import Answer, Area
from wizard.web.texts import lazy_gettext as _


class RefusalForm(Form):
    """Why an account is refused."""

    reason = Area(_("Reason"), hint=_("The person reads it in the e-mail."), attributes={"rows": "4"})


class MembershipYearForm(Form):
    """The last day of the membership year."""

    ends_on = Answer(
        _("Last day"),
        hint=_("Such as 2027-09-30. That day still belongs to the year."),
        attributes={"type": "date", "class": "short"},
    )

    def day(self) -> date | None:
        """The day that was sent; None, with a message, where it is none."""
        try:
            return date.fromisoformat((self.ends_on.data or "").strip())
        except ValueError:
            self.ends_on.refuse(str(_("Enter a day as year, month and day, for example 2027-09-30.")))
            return None


class NoteForm(Form):
    """Something to remember about a registration."""

    note = Area(
        _("Note"),
        hint=_("Colleagues read it here. It stays in the audit trail under your name, and cannot be changed later."),
        attributes={"rows": "3"},
    )
