"""Every call of the API, in one table: routes are made from it, and so is the document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wizard.core.errors import ErrorCode
from wizard.web.api import answers, bulk, everybody, models, queries, records, sessions
from wizard.web.api.answers import Answer
from wizard.web.api.calling import Answered, Emptied
from wizard.web.api.models import Nothing
from wizard.web.api.texts import marked as _
from wizard.web.api.values import Model

ORCHESTRATOR = "/ot-education/orchestrator"
SESSION = f"{ORCHESTRATOR}/session/<session_id>"
RECORD = "/ot-education/records/<record_id>"

View = Callable[..., Answered | Emptied]

_INVALID, _RULE, _STATE = (
    ErrorCode.VALIDATION_ERROR,
    ErrorCode.BUSINESS_RULE_VIOLATION,
    ErrorCode.WORKFLOW_STATE_INVALID,
)
_CONFLICT, _DENIED, _UNKNOWN = ErrorCode.CONFLICT, ErrorCode.PERMISSION_DENIED, ErrorCode.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A call: its address and view, what it takes and answers, and the errors that are its own.

    `may_answer` is another status with the same answer; an answer of None has no body. `is_open` needs no token.
    """

    name: str
    method: str
    rule: str
    view: View
    tag: str
    summary: str
    description: str
    answer: type[Answer] | None
    status: int = 200
    may_answer: int | None = None
    body: type[Model] = Nothing
    query: type[Model] = Nothing
    errors: tuple[ErrorCode, ...] = ()
    is_open: bool = False
    has_etag: bool = False

    @property
    def takes_version(self) -> bool:
        """Whether it may be meant for one version alone (`If-Match`)."""
        return self.method != "GET" and ("<session_id>" in self.rule or "<record_id>" in self.rule)

    @property
    def takes_query(self) -> bool:
        """Whether its address has parameters; no call takes these and a body."""
        return self.query is not Nothing

    @property
    def takes_body(self) -> bool:
        """Whether it takes more than an empty object."""
        return self.body is not Nothing


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        name="stage",
        method="POST",
        rule=f"{ORCHESTRATOR}/stage",
        view=sessions.stage,
        tag=_("Sessions"),
        summary=_("Start a session"),
        description=_("With or without data; the format rules are run on what is given."),
        body=models.StageBody,
        answer=answers.SessionAnswer,
        status=201,
        has_etag=True,
    ),
    Endpoint(
        name="get_session",
        method="GET",
        rule=SESSION,
        view=sessions.get,
        tag=_("Sessions"),
        summary=_("Read a session"),
        description=_("Its state with progress, time left and the actions now possible."),
        answer=answers.SessionAnswer,
        errors=(_UNKNOWN,),
        has_etag=True,
    ),
    Endpoint(
        name="update",
        method="PATCH",
        rule=SESSION,
        view=sessions.update,
        tag=_("Sessions"),
        summary=_("Change some of the data"),
        description=_("The version is the one that you have seen; data changed meanwhile are never overwritten."),
        body=models.UpdateBody,
        answer=answers.SessionAnswer,
        errors=(_STATE, _CONFLICT, _UNKNOWN),
        has_etag=True,
    ),
    Endpoint(
        name="cancel",
        method="DELETE",
        rule=SESSION,
        view=sessions.cancel,
        tag=_("Sessions"),
        summary=_("Cancel a session"),
        description=_("Its data are erased; that it was cancelled can be read for as long as it would have lived."),
        answer=answers.SessionAnswer,
        errors=(_STATE, _CONFLICT, _UNKNOWN),
        has_etag=True,
    ),
    Endpoint(
        name="validate",
        method="POST",
        rule=f"{ORCHESTRATOR}/validate/<session_id>",
        view=sessions.validate,
        tag=_("Workflow"),
        summary=_("Run every rule"),
        description=_("Answers 200 with `success: false` where rules fail: finding them is its job."),
        answer=answers.SessionAnswer,
        errors=(_STATE, _CONFLICT, _UNKNOWN),
        has_etag=True,
    ),
    Endpoint(
        name="determine_category",
        method="POST",
        rule=f"{ORCHESTRATOR}/determine-category/<session_id>",
        view=sessions.determine_category,
        tag=_("Workflow"),
        summary=_("Decide the category"),
        description=_("From graduation year, membership year and COTO status, with the reason."),
        answer=answers.DecisionAnswer,
        errors=(_STATE, _CONFLICT, _UNKNOWN),
        has_etag=True,
    ),
    Endpoint(
        name="link_account",
        method="POST",
        rule=f"{ORCHESTRATOR}/link-account/<session_id>",
        view=sessions.link_account,
        tag=_("Workflow"),
        summary=_("Link an account"),
        description=_("Each check of the account is answered on its own."),
        body=models.LinkBody,
        answer=answers.LinkingAnswer,
        errors=(_RULE, _STATE, _CONFLICT, _DENIED, _UNKNOWN),
        has_etag=True,
    ),
    Endpoint(
        name="create",
        method="POST",
        rule=f"{ORCHESTRATOR}/create/<session_id>",
        view=sessions.create,
        tag=_("Workflow"),
        summary=_("Make the record"),
        description=_("Once, however often it is sent: 201 where it was made, 200 where it was there."),
        answer=answers.CreationAnswer,
        status=201,
        may_answer=200,
        errors=(_RULE, _STATE, _CONFLICT, _DENIED, _UNKNOWN),
        has_etag=True,
    ),
    Endpoint(
        name="execute_workflow",
        method="POST",
        rule=f"{ORCHESTRATOR}/execute-workflow/<session_id>",
        view=sessions.execute_workflow,
        tag=_("Workflow"),
        summary=_("Do all that is left"),
        description=_("In order, to the record or to the first failure, which is told with the steps in `result`."),
        body=models.WorkflowBody,
        answer=answers.WorkflowAnswer,
        errors=(_RULE, _STATE, _CONFLICT, _DENIED, _UNKNOWN),
        has_etag=True,
    ),
    Endpoint(
        name="extend",
        method="POST",
        rule=f"{ORCHESTRATOR}/extend/<session_id>",
        view=sessions.extend,
        tag=_("Sessions"),
        summary=_("Let a session live longer"),
        description=_("From now on, up to its greatest age."),
        body=models.ExtendBody,
        answer=answers.SessionAnswer,
        errors=(_RULE, _STATE, _CONFLICT, _UNKNOWN),
        has_etag=True,
    ),
    Endpoint(
        name="sessions",
        method="GET",
        rule=f"{ORCHESTRATOR}/sessions",
        view=sessions.sessions,
        tag=_("Sessions"),
        summary=_("List sessions"),
        description=_("For `admin` and `main`. A page may be short, or empty, and still lead on."),
        query=queries.SessionsQuery,
        answer=answers.SessionsAnswer,
        errors=(_DENIED,),
    ),
    Endpoint(
        name="load_bulk",
        method="POST",
        rule=f"{ORCHESTRATOR}/bulk",
        view=bulk.load,
        tag=_("Bulk registration"),
        summary=_("Register up to 10,000 people"),
        description=_("For `main`. The rows are taken in, and worked on in the background."),
        body=models.BulkBody,
        answer=answers.BulkAnswer,
        status=202,
        errors=(_DENIED,),
    ),
    Endpoint(
        name="get_bulk",
        method="GET",
        rule=f"{ORCHESTRATOR}/bulk/<bulk_id>",
        view=bulk.get,
        tag=_("Bulk registration"),
        summary=_("See how far a bulk registration is"),
        description=_("For `main`. With what came of each row, page by page."),
        query=queries.BulkQuery,
        answer=answers.BulkAnswer,
        errors=(_DENIED, _UNKNOWN),
    ),
    Endpoint(
        name="choices",
        method="GET",
        rule="/ot-education/choices",
        view=everybody.all_choices,
        tag=_("For everybody"),
        summary=_("Every list of choices"),
        description=_("As it stands today, labelled in the language of `Accept-Language`, with the Dataverse codes."),
        answer=answers.ChoicesAnswer,
        is_open=True,
        has_etag=True,
    ),
    Endpoint(
        name="category",
        method="POST",
        rule="/ot-education/category",
        view=everybody.category,
        tag=_("For everybody"),
        summary=_("Which category somebody would have"),
        description=_("Without a session."),
        body=models.CategoryBody,
        answer=answers.CategoryAnswer,
        errors=(_RULE,),
        is_open=True,
    ),
    Endpoint(
        name="records",
        method="GET",
        rule="/ot-education/records",
        view=records.records,
        tag=_("Records"),
        summary=_("List records"),
        description=_(
            "Those that the token reads: `main` all, `admin` public and protected ones, "
            "`owner` public ones and the one of its account."
        ),
        query=queries.RecordsQuery,
        answer=answers.RecordsAnswer,
        errors=(_DENIED,),
    ),
    Endpoint(
        name="get_record",
        method="GET",
        rule=RECORD,
        view=records.get,
        tag=_("Records"),
        summary=_("Read a record"),
        description=_("For `admin` and `main` with its history."),
        answer=answers.RecordWithHistoryAnswer,
        errors=(_DENIED, _UNKNOWN),
        has_etag=True,
    ),
    Endpoint(
        name="correct_record",
        method="PATCH",
        rule=RECORD,
        view=records.correct,
        tag=_("Records"),
        summary=_("Correct a record"),
        description=_("By the rules of a registration; the category is decided again."),
        body=models.CorrectionBody,
        answer=answers.RecordAnswer,
        errors=(_RULE, _CONFLICT, _DENIED, _UNKNOWN),
        has_etag=True,
    ),
    Endpoint(
        name="delete_record",
        method="DELETE",
        rule=RECORD,
        view=records.delete,
        tag=_("Records"),
        summary=_("Delete a record"),
        description=_("For `main`. Its number is never given out again; its history stays."),
        body=models.DeletionBody,
        answer=None,
        status=204,
        errors=(_CONFLICT, _DENIED, _UNKNOWN),
    ),
    Endpoint(
        name="accounts",
        method="GET",
        rule="/ot-education/accounts",
        view=records.account,
        tag=_("Accounts"),
        summary=_("Find an account"),
        description=_("For `admin` and `main`: the id of the account with a member number."),
        query=queries.AccountsQuery,
        answer=answers.AccountAnswer,
        errors=(_DENIED, _UNKNOWN),
    ),
)
