"""What other systems are answered: the models, from which the document is generated too."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from wizard.core.accounts import AccountStatus
from wizard.core.actors import Privilege
from wizard.core.choices import EducationCategory
from wizard.core.errors import ErrorCode
from wizard.core.records import VerificationState
from wizard.core.registration import Channel, Status
from wizard.core.rules import Outcome
from wizard.core.workflow import Operation
from wizard.services.ports.bulk import JobState, RowState


class Answer(BaseModel):
    """Names in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Issue(Answer):
    """One thing that is wrong, or that a warning is about; the context has the rule's id and what its sentence says."""

    code: ErrorCode
    field: str | None
    message: str
    context: dict[str, str]


class RuleResult(Answer):
    """What came of a rule; the message is there where it failed or warns."""

    rule: str
    field: str
    outcome: Outcome
    message: str | None


class Reasons(Answer):
    """Why a category was decided: codes, and a sentence with the year and the dates in it."""

    codes: list[str]
    text: str


class CategoryAnswer(Answer):
    """A category and why."""

    category: EducationCategory
    rationale: Reasons


class EducationDataAnswer(Answer):
    """The education data as far as entered."""

    user_business_id: str | None
    degree_type: str | None
    university: str | None
    country: str | None
    graduation_year: str | None
    other_details: str | None
    coto_status: str | None
    coto_registration: str | None
    access_modifier: str | None
    notes: str | None


class ProgressAnswer(Answer):
    """The milestones, and how much of the way they are."""

    staged: bool
    validated: bool
    category_determined: bool
    account_linked: bool
    persisted: bool
    percent: Annotated[int, Field(ge=0, le=100)]


class ValidationAnswer(Answer):
    """What the rules say of the data as it is; null before they were run."""

    user_business_id_valid: bool | None
    coto_registration_valid: bool | None
    university_country_valid: bool | None
    graduation_year_valid: bool | None
    determined_category: EducationCategory | None
    category_rationale: Reasons | None
    membership_expires_date: date | None
    rules: list[RuleResult]


class ResultMetadata(Answer):
    """Of the operation: its id, who called, how long it took. Of the session: its way in, and when by whom."""

    operation_id: str
    actor: str
    duration_ms: int
    channel: Channel
    language: str
    created_at: AwareDatetime
    created_by: str
    updated_at: AwareDatetime
    updated_by: str
    step_durations_ms: dict[str, int]


class SessionAnswer(Answer):
    """A session as the operation left it."""

    success: bool
    session_id: str
    user_id: str | None
    status: Status
    version: int
    timestamp: AwareDatetime
    expires_at: AwareDatetime
    seconds_left: int
    data: EducationDataAnswer
    progress: ProgressAnswer
    validation: ValidationAnswer
    contact: str | None
    account_id: str | None
    errors: list[Issue]
    warnings: list[Issue]
    next_step: Operation | None
    actions: list[Operation]
    metadata: ResultMetadata


class DecisionAnswer(SessionAnswer):
    """A session with its category and why."""

    category: EducationCategory | None
    rationale: Reasons | None


class LinkingAnswer(SessionAnswer):
    """A session with what came of each check of the account."""

    checks: list[RuleResult]


class RecordAnswer(EducationDataAnswer):
    """An education record."""

    id: str
    number: str
    account_id: str
    session_id: str
    education_category: EducationCategory
    category_rationale: Reasons
    verification_required: bool
    verification_reasons: list[str]
    verification_state: VerificationState
    declaration_version: str
    declared_at: AwareDatetime
    privilege: Privilege
    created_by: str
    created_at: AwareDatetime
    updated_at: AwareDatetime
    version: int


class CreationAnswer(SessionAnswer):
    """A session with its record, the rules that were applied, and the events that were emitted."""

    record: RecordAnswer | None
    rules_applied: list[str]
    events_emitted: list[str]


class StepAnswer(Answer):
    """What came of one step of the workflow."""

    step: Operation
    success: bool
    duration_ms: int
    errors: list[Issue]


class WorkflowAnswer(CreationAnswer):
    """A session after all that was left of the workflow, or as far as it got."""

    steps: list[StepAnswer]


class SessionSummary(Answer):
    """A session in a list."""

    session_id: str
    user_id: str | None
    status: Status
    version: int
    channel: Channel
    created_at: AwareDatetime
    updated_at: AwareDatetime
    expires_at: AwareDatetime
    percent: int


class SessionsAnswer(Answer):
    """A page of sessions, the newest change first; where there is no cursor, it is the last."""

    sessions: list[SessionSummary]
    next_cursor: str | None


class ChangeAnswer(Answer):
    """A value before and after; null is none, and what has been erased."""

    before: str | None
    after: str | None


class HistoryItem(Answer):
    """Something that happened to a record or to its registration."""

    at: AwareDatetime
    event: str
    actor: str
    details: dict[str, str]
    changes: dict[str, ChangeAnswer]


class RecordWithHistoryAnswer(RecordAnswer):
    """An education record; with its history for `admin` and `main`."""

    history: list[HistoryItem] | None


class RecordsAnswer(Answer):
    """A page of records, the newest first; where there is no cursor, it is the last."""

    records: list[RecordAnswer]
    next_cursor: str | None


class AccountAnswer(Answer):
    """Whose account it is, and whether it may be linked."""

    account_id: str
    member_number: str
    status: AccountStatus


class BulkRowAnswer(Answer):
    """What came of a row, counted from 1."""

    row: int
    state: RowState
    education_category: EducationCategory | None
    record_number: str | None
    session_id: str | None
    errors: list[Issue]


class BulkAnswer(Answer):
    """How far a bulk registration is, and what came of some of its rows; where there is no `nextAfter`, of the last.

    `done` and `toDo` add up to `total`: with a row that is `toDo` something is still to be done.
    """

    bulk_id: str
    state: JobState
    total: int
    done: int
    to_do: int
    counts: dict[RowState, int]
    rows_per_second: float | None
    created_at: AwareDatetime
    finished_at: AwareDatetime | None
    rows: list[BulkRowAnswer]
    next_after: int | None


class ChoiceAnswer(Answer):
    """A choice: its slug, what people read, and its number in the Dataverse tables."""

    value: str
    label: str
    code: int


class ChoicesAnswer(Answer):
    """Every list of choices, as it stands today."""

    coto_status: list[ChoiceAnswer]
    degree_type: list[ChoiceAnswer]
    university: list[ChoiceAnswer]
    graduation_year: list[ChoiceAnswer]
    country: list[ChoiceAnswer]
    education_category: list[ChoiceAnswer]
    access_modifier: list[ChoiceAnswer]
    privilege: list[ChoiceAnswer]
    account_status: list[ChoiceAnswer]


class ProblemAnswer(Answer):
    """Why a call was refused (RFC 9457); where a session was concerned, `result` is that session as it stands."""

    type: str
    title: str
    status: int
    detail: str
    code: ErrorCode
    errors: list[Issue]
    request_id: str | None
    error_id: str | None = None
    result: WorkflowAnswer | LinkingAnswer | SessionAnswer | None = None
