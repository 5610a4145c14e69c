"""What other systems send in bodies: the models that validate it, and from which the document is generated.

They say which fields there are and of which kind; what is right is the rules' to say, so that none is written twice.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from wizard.core.rules import NOTES_LENGTH, OTHER_DETAILS_LENGTH
from wizard.services.bulk_files import MOST_ROWS
from wizard.web.api.texts import marked as _
from wizard.web.api.values import (
    Email,
    Id,
    Model,
    Needed,
    NeededText,
    Slug,
    Ttl,
    Version,
    any_text,
    at_most,
    choice,
    needed_choice,
    needed_text,
    slug,
    text,
)


class EducationDataGiven(Model):
    """Some of the education data. What is left out stays as it is; null, or an empty text, takes an answer away."""

    user_business_id: Annotated[str | None, text("user_business_id")] = None
    degree_type: Annotated[Slug, choice("degree_type")] = None
    university: Annotated[Slug, choice("university")] = None
    other_details: Annotated[str | None, at_most(OTHER_DETAILS_LENGTH), text("other_details")] = None
    country: Annotated[Slug, choice("country")] = None
    graduation_year: Annotated[Slug, choice("graduation_year")] = None
    coto_status: Annotated[Slug, choice("coto_status")] = None
    coto_registration: Annotated[str | None, text("coto_registration")] = None
    access_modifier: Annotated[Slug, choice("access_modifier")] = None
    notes: Annotated[str | None, at_most(NOTES_LENGTH), text("notes")] = None

    def changes(self) -> dict[str, Any]:
        """What was sent."""
        return self.model_dump(include=set(self.model_fields_set))


Given = Annotated[
    EducationDataGiven,
    Field(description=_("Answers; null, or an empty text, takes one away, and what is left out stays.")),
]


class Nothing(Model):
    """For calls that take no body."""


class StageBody(Model):
    """What a session is started with."""

    education_data: Given = EducationDataGiven()
    account_id: Annotated[Id | None, Field(description=_("The account that is to be linked."))] = None
    contact: Annotated[Email | None, Field(description=_("Where links and reminders are sent."))] = None
    language: Annotated[
        Literal["en", "fr"] | None,
        Field(description=_("What the applicant reads; by default the language of the call.")),
    ] = None
    ttl_seconds: Ttl | None = None


class UpdateBody(Model):
    """A change of the data of a session."""

    education_data: Given
    version: Version


class LinkBody(Model):
    """The account to link; left out, it is the one with the session's member number."""

    account_id: Annotated[
        Id | None, Field(description=_("The account; left out, the one with the session’s member number."))
    ] = None


class WorkflowBody(Model):
    """The account to link; left out, it is the one given when the session was staged."""

    account_id: Annotated[
        Id | None, Field(description=_("The account; left out, the one given when the session was staged."))
    ] = None


class ExtendBody(Model):
    """For how long; left out, as long as before."""

    ttl_seconds: Ttl | None = None


class CategoryBody(Model):
    """What a category is decided from."""

    graduation_year: Annotated[str, AfterValidator(slug), choice("graduation_year")]
    coto_status: Annotated[str, AfterValidator(slug), choice("coto_status")]


class BulkRowGiven(Model):
    """A row: the education data of one person, and their address.

    Whatever text stands in a field is taken in: what is wrong with it is told of this row, and costs this row alone.
    """

    user_business_id: Annotated[str | None, any_text("user_business_id")] = None
    degree_type: Annotated[str | None, any_text("degree_type")] = None
    university: Annotated[str | None, any_text("university")] = None
    other_details: Annotated[str | None, any_text("other_details")] = None
    country: Annotated[str | None, any_text("country")] = None
    graduation_year: Annotated[str | None, any_text("graduation_year")] = None
    coto_status: Annotated[str | None, any_text("coto_status")] = None
    coto_registration: Annotated[str | None, any_text("coto_registration")] = None
    access_modifier: Annotated[str | None, any_text("access_modifier")] = None
    notes: Annotated[str | None, any_text("notes")] = None
    email: Annotated[str | None, any_text("email")] = None

    def changes(self) -> dict[str, Any]:
        """What was sent."""
        return self.model_dump(include=set(self.model_fields_set))


class BulkBody(Model):
    """Rows to register, each on its own: one that is wrong costs that row only."""

    rows: Annotated[
        list[BulkRowGiven], Field(min_length=1, max_length=MOST_ROWS, description=_("One for each person."))
    ]
    validate_only: Annotated[bool, Field(description=_("Say what would come of each row, and register none."))] = False
    invite: Annotated[
        bool, Field(description=_("Let incomplete rows become sessions whose people are sent a link to continue."))
    ] = False


class CorrectionGiven(EducationDataGiven):
    """Some of the data of a record. What is left out stays as it is, and what every record has cannot be taken away."""

    user_business_id: Annotated[NeededText, needed_text("user_business_id")] = None
    degree_type: Annotated[Needed, needed_choice("degree_type")] = None
    university: Annotated[Needed, needed_choice("university")] = None
    country: Annotated[Needed, needed_choice("country")] = None
    graduation_year: Annotated[Needed, needed_choice("graduation_year")] = None
    coto_status: Annotated[Needed, needed_choice("coto_status")] = None
    access_modifier: Annotated[Needed, needed_choice("access_modifier")] = None


class CorrectionBody(Model):
    """A correction of a record, checked by the rules of a registration."""

    education_data: Annotated[
        CorrectionGiven,
        Field(description=_("Answers; what every record has cannot be taken away, and what is left out stays.")),
    ]
    version: Version


# Spelt out: what a dialect of patterns calls a space, or a control character, is its own affair.
_TEXT = r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]"
_SEEN = r"[^\u0000-\u0020\u007f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"


class DeletionBody(Model):
    """Why a record is deleted; the reason stays in the audit trail."""

    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=500,
            pattern=f"^{_TEXT}*{_SEEN}{_TEXT}*$",
            description=_("Why; for the audit trail, and not about anybody."),
        ),
    ]
    version: Version | None = None
