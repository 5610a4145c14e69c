"""The forms for a record: its correction, and its deletion."""

from __future__ import annotations

from typing import Self

from wtforms import HiddenField

from wizard.core.choices import University
from wizard.core.education import FIELDS, EducationData
from wizard.core.records import Record
from wizard.web import wording
from wizard.web.forms.base import Form, version_of
from wizard.web.forms.fields import Answer, Area, SchoolName, Select
from wizard.web.forms.steps import StepForm
from wizard.web.forms.words import TO_THE_DESK
from wizard.web.staff.wording import FIELD_LABELS as LABELS
from wizard.web.texts import lazy_gettext as _

_NUMBER = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "maxlength": "40"}


class CorrectionForm(StepForm):
    """All education data of a record at once; `version` is that of the record that it was drawn from."""

    words = TO_THE_DESK
    user_business_id = Answer(
        LABELS["user_business_id"],
        hint=_("It stays the account’s: only its spelling, such as capital letters, can be corrected here."),
        attributes=_NUMBER,
    )
    degree_type = Select(LABELS["degree_type"])
    university = Select(LABELS["university"], searched=True, unlisted=(University.OTHER, "other_details"))
    other_details = SchoolName(
        LABELS["other_details"],
        hint=_("Kept only with “Another school”."),
        optional=True,
        attributes={"autocomplete": "off", "spellcheck": "false", "maxlength": "200"},
    )
    country = Select(LABELS["country"], searched=True)
    graduation_year = Select(LABELS["graduation_year"])
    coto_status = Select(LABELS["coto_status"])
    coto_registration = Answer(
        LABELS["coto_registration"],
        hint=_("Kept only with a general, provisional or temporary certificate."),
        optional=True,
        attributes={**_NUMBER, "autocapitalize": "characters", "maxlength": "20", "class": "short"},
    )
    access_modifier = Select(LABELS["access_modifier"])
    notes = Area(LABELS["notes"], optional=True, attributes={"rows": "5", "maxlength": "2000"})

    @classmethod
    def of_record(cls, record: Record) -> Self:
        """The form with what the record holds."""
        given = {name: value for name, value in record.data.as_dict().items() if value is not None}
        return cls(data={**given, "version": str(record.version)})

    @property
    def answers(self) -> dict[str, str | None]:
        """What was typed, by the field's name."""
        return {name: self[name].data for name in FIELDS}

    @property
    def corrected(self) -> EducationData:
        """What the record is to hold: what does not apply is dropped, as it is on the applicant's pages."""
        return EducationData().with_changes(self.answers).without_inapplicable()


class DeletionForm(Form):
    """Why a record is deleted, and its number typed as a confirmation."""

    version = HiddenField()
    reason = Area(
        _("Reason"),
        hint=_("It stays in the audit trail, with your name."),
        attributes={"rows": "3", "maxlength": "600"},
    )
    number = Answer(_("Number of the record"), attributes={**_NUMBER, "class": "code"})

    @property
    def seen_version(self) -> int:
        """The version of the record that the form was drawn from."""
        return version_of(self.version.data)

    def confirms(self, record: Record) -> bool:
        """Whether it was sent for this very record, with a reason; whether that can be read is the service's to say."""
        valid = self.validate()
        if not (self.reason.data or "").strip():
            self.reason.refuse(wording.sentence("deletion.reason"))
        if (self.number.data or "").strip().casefold() != record.number:
            self.number.refuse(wording.sentence("deletion.number", {"number": record.number}))
        return bool(valid) and not self.reason.errors and not self.number.errors
