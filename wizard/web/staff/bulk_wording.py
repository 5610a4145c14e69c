"""What the desk's pages say of bulk registration."""

from __future__ import annotations

from flask_babel.speaklater import LazyString

from wizard.services.bulk_files import COLUMNS
from wizard.services.ports.bulk import JobState, RowState
from wizard.web import wording
from wizard.web.texts import lazy_gettext as _

JOB_STATES: dict[JobState, LazyString] = {
    JobState.CHECKING: _("Being checked"),
    JobState.CHECKED: _("Checked, not started"),
    JobState.RUNNING: _("Under way"),
    JobState.DONE: _("Done"),
    JobState.DISCARDED: _("Discarded"),
}
ROW_STATES: dict[RowState, LazyString] = {
    RowState.WAITING: _("Not checked yet"),
    RowState.READY: _("Can go in"),
    RowState.INCOMPLETE: _("Incomplete"),
    RowState.REJECTED: _("Rejected"),
    RowState.PRESENT: _("There already"),
    RowState.CREATED: _("Record made"),
    RowState.INVITED: _("Link sent"),
}
DONE: dict[str, LazyString] = {
    "loaded": _("The file is loaded. Nothing is registered before you start it."),
    "started": _("The rows go in now, in the background. You can leave this page."),
    "discarded": _("What the file holds of people is erased. What went in stays."),
}


def columns() -> list[tuple[str, str]]:
    """The columns of a file, with what stands in each."""
    return [(name, str(wording.FIELD_LABELS[name])) for name in COLUMNS]
