"""What other systems send behind an address: filters, and where a page begins."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from wizard.core.choices import EducationCategory
from wizard.core.registration import Channel, Status
from wizard.core.steps import Step
from wizard.services.ports.bulk import RowState
from wizard.web.api.texts import marked as _
from wizard.web.api.values import (
    LARGEST,
    MOST_ON_A_PAGE,
    Flag,
    Instant,
    Model,
    Number,
    PageSize,
    Slug,
    choice,
    stopping,
)


class SessionsQuery(Model):
    """Which sessions to list; those to which all of it applies."""

    status: Annotated[Status | None, Field(description=_("Only those with this status."))] = None
    step: Annotated[Step | None, Field(description=_("Only those at this step of the wizard."))] = None
    channel: Annotated[Channel | None, Field(description=_("Only those that came in this way."))] = None
    rule: Annotated[
        str | None, AfterValidator(stopping), choice("rule"), Field(description=_("Only those that this rule stops."))
    ] = None
    stuck: Annotated[Flag, Field(description=_("Only those that are stuck."))] = False
    expiring: Annotated[Flag, Field(description=_("Only those that will soon be over."))] = False
    unchanged_since: Annotated[Instant | None, Field(description=_("Only those not changed since."))] = None
    member_number: Annotated[
        str | None, Field(max_length=20, description=_("All with this member number; nothing else is looked at."))
    ] = None
    cursor: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]{32}$", description=_("From `nextCursor`."))] = None
    limit: PageSize = 25


class RecordsQuery(Model):
    """Which records to list, the newest first; those to which all of it applies."""

    search: Annotated[
        str | None,
        Field(
            max_length=100,
            description=_(
                "A number of the record, the member or the College, or a name in part (where the database encrypts "
                "names: whole words of one)."
            ),
        ),
    ] = None
    university: Annotated[Slug, choice("university"), Field(description=_("Only those of this university."))] = None
    graduation_year: Annotated[
        Slug, choice("graduation_year"), Field(description=_("Only those of this graduation year."))
    ] = None
    education_category: Annotated[EducationCategory | None, Field(description=_("Only those in this category."))] = None
    cursor: Annotated[str | None, Field(pattern=r"^osot-oted-[0-9]{7,18}$", description=_("From `nextCursor`."))] = None
    limit: PageSize = 25


class BulkQuery(Model):
    """Which rows to show."""

    state: Annotated[RowState | None, Field(description=_("Only rows in this state."))] = None
    after: Annotated[int, Field(ge=0, le=LARGEST, description=_("From `nextAfter`.")), Number] = 0
    limit: PageSize = MOST_ON_A_PAGE


class AccountsQuery(Model):
    """Whose account."""

    member_number: Annotated[
        str, Field(min_length=1, max_length=20, description=_("The member number; case does not matter."))
    ]
