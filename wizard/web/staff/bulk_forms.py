"""The desk's form for a file of registrations."""

from __future__ import annotations

from wizard.web.forms.base import Form
from wizard.web.forms.fields import Answer
from wizard.web.texts import lazy_gettext as _


class BulkForm(Form):
    """A file of registrations."""

    file = Answer(
        _("CSV or Excel file"),
        hint=_("Its first row names the columns, in any order."),
        attributes={
            "type": "file",
            "accept": ".csv,.xlsx,text/csv,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        },
    )
    missing = _("Choose a file that is not empty.")
