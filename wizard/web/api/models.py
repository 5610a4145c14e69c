"""What other systems send: the models that validate it, and from which the document is generated.

They say which fields there are and of which kind; what is right is the rules' to say, so that none is written twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from wizard.core.choices import EducationCategory
from wizard.core.registration import Channel, Status
from wizard.core.steps import Step
from wizard.core.trouble import STOPPING
from wizard.services.bulk_files import MOST_ROWS
from wizard.services.ports.bulk import RowState
from wizard.web.mail_addresses import is_address

MOST_ON_A_PAGE = 100
LEAST_TTL, MOST_TTL = 60, 30 * 24 * 60 * 60
_LARGEST = 2**31 - 1
# Stand in a schema for the choices or the pattern of a field, as they are on the day of the document.
CHOICE, TEXT = "x-choice", "x-text"
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"


class Model(BaseModel):
    """Names in camelCase, no field that is not known, no value of another kind than the one meant."""

    model_config = ConfigDict(  # type: ignore[pydantic-alias]  # made from what is sent, and by nobody else
        alias_generator=to_camel, extra="forbid", frozen=True, strict=True, hide_input_in_errors=True
    )


def _slug(value: str | None) -> str | None:
    """Sent as it is written in the list: other letters are trimmed, a choice is not."""
    if value is not None and (not value or value != value.strip()):
        raise PydanticCustomError("choice", "not a choice")
    return value


def _address(value: str) -> str:
    if not is_address(value):
        raise PydanticCustomError("email", "not an address")
    return value


def _stopping(value: str | None) -> str | None:
    if value is not None and value not in STOPPING:
        raise PydanticCustomError("value", "not a rule that stops a session")
    return value


def _number(value: object) -> object:
    """A whole number in an address, written in digits alone."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _flag(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _instant(value: object) -> object:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _choice(field: str) -> WithJsonSchema:
    return WithJsonSchema({CHOICE: field})


def _text(field: str) -> WithJsonSchema:
    return WithJsonSchema({TEXT: field})


Slug = Annotated[str | None, AfterValidator(_slug)]
Email = Annotated[str, AfterValidator(_address), WithJsonSchema({"type": "string", "format": "email"})]
Id = Annotated[str, Field(pattern=UUID)]
Version = Annotated[int, Field(ge=1, le=_LARGEST, description="The version of the data that you have seen.")]
Ttl = Annotated[
    int,
    Field(
        ge=LEAST_TTL,
        le=MOST_TTL,
        description="For how many seconds it lives after each change; the greatest age of a session comes first.",
    ),
]
Number = Annotated[int, BeforeValidator(_number)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
PageSize = Annotated[Number, Field(ge=1, le=MOST_ON_A_PAGE, description="How many on a page.")]


class EducationDataGiven(Model):
    """Some of the education data. What is left out stays as it is; null, or an empty text, takes an answer away."""

    user_business_id: Annotated[str | None, _text("user_business_id")] = None
    degree_type: Annotated[Slug, _choice("degree_type")] = None
    university: Annotated[Slug, _choice("university")] = None
    other_details: Annotated[str | None, _text("other_details")] = None
    country: Annotated[Slug, _choice("country")] = None
    graduation_year: Annotated[Slug, _choice("graduation_year")] = None
    coto_status: Annotated[Slug, _choice("coto_status")] = None
    coto_registration: Annotated[str | None, _text("coto_registration")] = None
    access_modifier: Annotated[Slug, _choice("access_modifier")] = None
    notes: Annotated[str | None, _text("notes")] = None

    def changes(self) -> dict[str, Any]:
        """What was sent."""
        return self.model_dump(include=set(self.model_fields_set))


class Nothing(Model):
    """For calls that take no body."""


class StageBody(Model):
    """What a session is started with."""

    education_data: EducationDataGiven = EducationDataGiven()
    account_id: Annotated[Id | None, Field(description="The account that is to be linked.")] = None
    contact: Annotated[Email | None, Field(description="Where links and reminders are sent.")] = None
    language: Annotated[
        Literal["en", "fr"] | None, Field(description="What the applicant reads; by default the language of the call.")
    ] = None
    ttl_seconds: Ttl | None = None


class UpdateBody(Model):
    """A change of the data of a session."""

    education_data: EducationDataGiven
    version: Version


class LinkBody(Model):
    """The account to link; left out, it is the one with the session's member number."""

    account_id: Id | None = None


class WorkflowBody(Model):
    """The account to link; left out, it is the one given when the session was staged."""

    account_id: Id | None = None


class ExtendBody(Model):
    """For how long; left out, as long as before."""

    ttl_seconds: Ttl | None = None


class CategoryBody(Model):
    """What a category is decided from."""

    graduation_year: Annotated[str, AfterValidator(_slug), _choice("graduation_year")]
    coto_status: Annotated[str, AfterValidator(_slug), _choice("coto_status")]


class BulkRowGiven(EducationDataGiven):
    """A row: the education data of one person, and their address, where a link may be sent."""

    email: Annotated[str | None, _text("email")] = None


class BulkBody(Model):
    """Rows to register, each on its own: one that is wrong costs that row only."""

    rows: Annotated[list[BulkRowGiven], Field(min_length=1, max_length=MOST_ROWS)]
    validate_only: Annotated[bool, Field(description="Say what would come of each row, and register none.")] = False
    invite: Annotated[
        bool, Field(description="Let incomplete rows become sessions whose people are sent a link to continue.")
    ] = False


class CorrectionBody(Model):
    """A correction of a record, checked by the rules of a registration."""

    education_data: EducationDataGiven
    version: Version


class DeletionBody(Model):
    """Why a record is deleted; the reason stays in the audit trail."""

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
    version: Version | None = None


class SessionsQuery(Model):
    """Which sessions to list; those to which all of it applies."""

    status: Status | None = None
    step: Step | None = None
    channel: Channel | None = None
    rule: Annotated[str | None, AfterValidator(_stopping), _choice("rule")] = None
    stuck: Annotated[Flag, Field(description="Only those that are stuck.")] = False
    expiring: Annotated[Flag, Field(description="Only those that will soon be over.")] = False
    unchanged_since: Annotated[Instant | None, Field(description="Only those not changed since.")] = None
    member_number: Annotated[
        str | None, Field(max_length=20, description="All with this member number; nothing else is looked at.")
    ] = None
    cursor: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]{32}$", description="From `nextCursor`.")] = None
    limit: PageSize = 25


class RecordsQuery(Model):
    """Which records to list, the newest first; those to which all of it applies."""

    search: Annotated[
        str | None,
        Field(max_length=100, description="A number of the record, the member or the College, or a name in part."),
    ] = None
    university: Annotated[Slug, _choice("university")] = None
    graduation_year: Annotated[Slug, _choice("graduation_year")] = None
    education_category: EducationCategory | None = None
    cursor: Annotated[str | None, Field(pattern=r"^osot-oted-[0-9]{7,18}$", description="From `nextCursor`.")] = None
    limit: PageSize = 25


class BulkQuery(Model):
    """Which rows to show."""

    state: Annotated[RowState | None, Field(description="Only rows in this state.")] = None
    after: Annotated[Number, Field(ge=0, le=_LARGEST, description="From `nextAfter`.")] = 0
    limit: PageSize = MOST_ON_A_PAGE


class AccountsQuery(Model):
    """Whose account."""

    member_number: Annotated[str, Field(min_length=1, max_length=20)]
