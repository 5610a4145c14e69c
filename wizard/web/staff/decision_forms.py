"""The forms by which the desk decides: on a record that waits, and on a registration in conflict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from flask_babel.speaklater import LazyString

from wizard.core.errors import StaleVersion, WizardError
from wizard.core.records import VerificationState
from wizard.services.comparison import Comparison
from wizard.services.conflicts import KEPT, REPLACED
from wizard.web import reported
from wizard.web.forms.base import Entry, Form
from wizard.web.forms.fields import Answer, Area, Radios
from wizard.web.forms.fields import Entry as Button
from wizard.web.staff import decision_wording
from wizard.web.texts import lazy_gettext as _

_NOTE_ROWS = {"rows": "4"}


class Choices(Radios):
    """One of a few decisions, each with what it leads to."""

    def __init__(
        self,
        label: LazyString,
        *,
        decisions: Mapping[str, tuple[LazyString, LazyString]],
        **others: object,
    ) -> None:
        super().__init__(label, **others)  # type: ignore[arg-type]
        self.decisions = decisions

    def entries(self) -> Iterator[Button]:
        """The buttons in order."""
        for number, (value, (label, hint)) in enumerate(self.decisions.items()):
            identifier = f"{self.name}-{value}" if number else self.name
            yield Button(identifier, value, label, hint, value == self.data)


class DecidingForm(Form):
    """A form whose service says what is wrong with it."""

    def refuse(self, error: WizardError) -> list[Entry]:
        """Put what is wrong beside the fields; answers what belongs to none of them."""
        if isinstance(error, StaleVersion):
            return [(None, decision_wording.why(error))]
        others: list[Entry] = []
        for problem in error.problems:
            if (name := problem.field or "") in self:
                cast("Answer", self[name]).refuse(reported.problem(problem))
            else:
                others.append((None, reported.problem(problem)))
        return others


class AcceptSeveralForm(DecidingForm):
    """A word on several records that are accepted at once."""

    note = Area(
        _("Note"),
        hint=_("It stays with the desk, in the history of each record."),
        optional=True,
        attributes={"rows": "2"},
    )


class VerificationForm(DecidingForm):
    """What the desk decides of a record."""

    outcome = Choices(
        _("Your decision"),
        decisions={
            VerificationState.VERIFIED: (
                _("Accept"),
                _("The member is told that the record is verified. The note stays with the desk."),
            ),
            VerificationState.ASKED: (
                _("Ask the member"),
                _("The note is your question. It goes out by e-mail, and the record stays in the queue."),
            ),
            VerificationState.REJECTED: (
                _("Reject"),
                _("The note is the reason. The member reads it in the e-mail; the record stays, unverified."),
            ),
        },
    )
    note = Area(
        _("Note"), hint=_("Needed for a question and a rejection. At most 1,000 characters."), attributes=_NOTE_ROWS
    )

    def state(self) -> VerificationState | None:
        """What was decided; None, with a message beside the field, where nothing was."""
        if (chosen := self.outcome.data or "") in self.outcome.decisions:
            return VerificationState(chosen)
        self.outcome.refuse(str(_("Choose what you decide.")))
        return None


class ConflictForm(DecidingForm):
    """What `main` decides of a registration in conflict."""

    outcome = Choices(
        _("Your decision"),
        decisions={
            KEPT: (
                _("Keep the existing record"),
                _("The registration is cancelled and its answers are erased. The record stays as it is."),
            ),
            REPLACED: (
                _("Replace its data with this registration’s"),
                _("The record gets the answers of the registration, by the same rules, and keeps its number."),
            ),
        },
    )
    reason = Area(
        _("Reason"), hint=_("The person reads it in the e-mail. At most 500 characters."), attributes=_NOTE_ROWS
    )

    @classmethod
    def for_comparison(cls, found: Comparison) -> ConflictForm:
        """The form with what can be decided: the record of somebody else is never replaced."""
        form = cls()
        if found.existing is None:
            form.outcome.decisions = {KEPT: form.outcome.decisions[KEPT]}
        return form

    def chosen(self) -> str | None:
        """What was decided; None, with a message beside the field, where nothing was."""
        if (chosen := self.outcome.data or "") in self.outcome.decisions:
            return chosen
        self.outcome.refuse(str(_("Choose what you decide.")))
        return None
