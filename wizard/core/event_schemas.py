"""What each event tells, by version: the one table that webhooks, `wizard events` and docs/events.md are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wizard.core.events import EventName


@dataclass(frozen=True, slots=True)
class Detail:
    """One value beside an event: an id, a code or a slug, never of a person."""

    meaning: str
    always: bool = True


@dataclass(frozen=True, slots=True)
class EventSchema:
    """What an event says. The version is raised when a detail goes, or comes to mean something else.

    `webhook` events are of use to other systems and are sent to them; the others stay in the audit trail and the
    logs. `session` and `record` say whether it always names one.
    """

    summary: str
    details: Mapping[str, Detail] = field(default_factory=dict)
    webhook: bool = False
    session: bool = False
    record: bool = False
    version: int = 1


def _sometimes(meaning: str) -> Detail:
    return Detail(meaning, always=False)


_STEP = Detail("the step that comes next")
_CATEGORY = Detail("slug of the education category")
_BEFORE, _AFTER = _sometimes("slug of the category before"), _sometimes("slug of the category after")
_NUMBER = Detail("number of the record")
_TOKEN = {"token": Detail("name of the token")}
_ACCOUNT = {"account": Detail("id of the account"), "status": Detail("its status")}
_LINK = {"link": Detail("id of the link"), "kind": Detail("whom it is for: applicant or staff")}
_STAFF = {"staff": Detail("id of the member of staff")}
_JOB = {
    "job": Detail("id of the bulk registration"),
    "rows": Detail("how many rows the file has"),
    "waiting": _sometimes("rows not looked at yet"),
    "ready": _sometimes("rows that can go in"),
    "incomplete": _sometimes("rows with something missing"),
    "rejected": _sometimes("rows that cannot go in"),
    "present": _sometimes("rows whose record was there already"),
    "created": _sometimes("rows that became a record"),
    "invited": _sometimes("rows that became a registration, its person invited"),
}


def _told(
    summary: str, details: Mapping[str, Detail] | None = None, *, session: bool = False, record: bool = False
) -> EventSchema:
    return EventSchema(summary, details or {}, webhook=True, session=session, record=record)


def _kept(summary: str, details: Mapping[str, Detail] | None = None, *, session: bool = False) -> EventSchema:
    return EventSchema(summary, details or {}, session=session)


SCHEMAS: Mapping[EventName, EventSchema] = {
    EventName.EDUCATION_STAGED: _told(
        "A registration was begun",
        {"step": _STEP, "channel": Detail("the way it came in: web, api or bulk")},
        session=True,
    ),
    EventName.EDUCATION_UPDATED: _told("Answers were changed", {"step": _STEP}, session=True),
    EventName.EDUCATION_VALIDATED: _told("Every business rule was run, and none failed", session=True),
    EventName.CATEGORY_DETERMINED: _told(
        "The category was decided",
        {"category": _CATEGORY, "rationale": _sometimes("codes of the rationale, apart by spaces")},
        session=True,
    ),
    EventName.ACCOUNT_LINKED: _told(
        "The registration was linked to an account", {"account": Detail("id of the account")}, session=True
    ),
    EventName.EDUCATION_CREATED: _told(
        "The record was made", {"number": _NUMBER, "category": _CATEGORY}, session=True, record=True
    ),
    EventName.CREATION_FAILED: _told(
        "The record could not be made; it can be tried again",
        {"reason": Detail("message id of the failure")},
        session=True,
    ),
    EventName.WORKFLOW_COMPLETED: _told("The registration is completed and closed", session=True, record=True),
    EventName.SESSION_RESUMED: _told(
        "The registration was opened again, by a link or by the desk",
        {name: _sometimes(detail.meaning) for name, detail in _LINK.items()},
        session=True,
    ),
    EventName.SESSION_EXTENDED: _told("The registration was given more time", session=True),
    EventName.SESSION_CANCELLED: _told("The registration was abandoned", session=True),
    EventName.SESSION_EXPIRED: _told("The registration's time is over", session=True),
    EventName.SESSION_NOTED: _kept("The desk noted something about a registration", session=True),
    EventName.RECORD_UPDATED: _told(
        "The record was corrected; where its category changed, both are named",
        {"category_before": _BEFORE, "category_after": _AFTER},
        record=True,
    ),
    EventName.RECORD_VERIFIED: _told(
        "The desk decided on the record's verification",
        {
            "outcome": Detail("what it is now: verified, asked or rejected"),
            "before": Detail("what it was before"),
            "number": _NUMBER,
        },
        record=True,
    ),
    EventName.RECORD_CATEGORY_CHANGED: _told(
        "The record moved to another category with the calendar",
        {
            "category_before": Detail(_BEFORE.meaning),
            "category_after": Detail(_AFTER.meaning),
            "rationale": Detail("codes of the rationale, apart by spaces"),
            "run": Detail("number of the category refresh"),
        },
        record=True,
    ),
    EventName.RECORD_DELETED: _told("The record was deleted", {"number": _NUMBER}, record=True),
    EventName.PERSON_ERASED: _told(
        "All that was kept of a person is erased; one for each chain that held anything of them",
        {"account": Detail("id of the account, of which nothing but id and member number is left")},
    ),
    EventName.PERSON_EXPORTED: _kept(
        "All that is held about a person was handed over", {"account": Detail("id of the account")}
    ),
    EventName.VALUES_ERASED: _kept(
        "What people typed is kept no longer, in the chain of this event and before it",
        {
            "kind": Detail("completed, cancelled, expired or failed for a registration; history, deleted or desk"),
            "values": Detail("how many values that were"),
        },
    ),
    EventName.RECORD_EXPORTED: _kept(
        "Records were exported to a file",
        {
            "kind": Detail("csv or xlsx"),
            "codes": Detail("whether with Dataverse codes: yes or no"),
            "records": Detail("how many"),
            "university": _sometimes("the school that was chosen"),
            "graduation_year": _sometimes("the year that was chosen"),
            "category": _sometimes("the category that was chosen"),
        },
    ),
    EventName.CONFLICT_RESOLVED: _told(
        "The desk resolved a conflict",
        {
            "outcome": Detail("kept, replaced or released"),
            "rule": Detail("the rule that was in conflict"),
            "record": _sometimes("id of the record that it is about"),
            "number": _sometimes("number of that record"),
        },
        session=True,
    ),
    EventName.LINK_CREATED: _kept("A link to continue was made", _LINK, session=True),
    EventName.LINK_USED: _kept("A link to continue was used", _LINK, session=True),
    EventName.LINK_REVOKED: _kept("A link to continue was revoked", _LINK, session=True),
    EventName.CODE_SENT: _kept(
        "What lets somebody in was sent by e-mail",
        {"what": _sometimes("member_number or new_account; else a code for an account")},
        session=True,
    ),
    EventName.CODE_FAILED: _kept(
        "A wrong code was entered", {"reason": Detail("message id of the refusal")}, session=True
    ),
    EventName.STAFF_ADDED: _kept("Somebody was added to the desk", {**_STAFF, "privilege": Detail("admin or main")}),
    EventName.STAFF_DISABLED: _kept("Somebody was removed from the desk", _STAFF),
    EventName.STAFF_CONNECTED: _kept(
        "The account with an OpenID provider that another member had is a member’s from now on",
        {**_STAFF, "from": Detail("id of the other member, who is removed from the desk")},
    ),
    EventName.STAFF_SIGNED_IN: _kept(
        "A member of staff signed in",
        {
            **_STAFF,
            "with": Detail("password, second_factor (after it), or oidc (an OpenID provider)"),
            "privilege_before": _sometimes("privilege until now, where the provider gives another"),
            "privilege": _sometimes("the privilege that it gives then"),
        },
    ),
    EventName.STAFF_SIGN_IN_FAILED: _kept(
        "Signing in as staff failed",
        {
            "staff": Detail("id of the member of staff, or unknown"),
            "with": Detail("password, second_factor, or oidc (an OpenID provider)"),
            "reason": _sometimes("code of what was wrong, with an OpenID provider"),
        },
    ),
    EventName.STAFF_SIGNED_OUT: _kept("A member of staff ended every sign-in of theirs", _STAFF),
    EventName.STAFF_TOTP_ENABLED: _kept("An authenticator app was set up", _STAFF),
    EventName.STAFF_TOTP_DISABLED: _kept("An authenticator app was removed", _STAFF),
    EventName.STAFF_RECOVERY_RENEWED: _kept("New recovery codes were made", _STAFF),
    EventName.STAFF_RECOVERY_USED: _kept("A recovery code was used", _STAFF),
    EventName.STAFF_PASSWORD_CHANGED: _kept("A member of staff changed their password", _STAFF),
    EventName.TOKEN_CREATED: _kept(
        "A token of another system was made", {**_TOKEN, "privilege": Detail("its privilege")}
    ),
    EventName.TOKEN_REVOKED: _kept("A token of another system was revoked", _TOKEN),
    EventName.ACCOUNT_CREATED: _told("An account was made", _ACCOUNT),
    EventName.ACCOUNT_UPDATED: _told("An account was changed", _ACCOUNT),
    EventName.MEMBERSHIP_YEAR_CHANGED: _told(
        "The last day of the membership year was set or taken away",
        {"before": Detail("the day before, or none"), "after": Detail("the day now, or none")},
    ),
    EventName.KEYS_ROTATED: _kept(
        "Personal columns of the database were rewritten, as the setting asks and with the newest secret key",
        {
            "encrypted": Detail("whether they are encrypted now: yes or no"),
            "accounts": Detail("how many accounts were rewritten"),
            "records": Detail("how many records"),
            "values": Detail("how many values of the audit trail"),
            "left": Detail("how many rows had to be left as they were"),
        },
    ),
    EventName.REMINDER_SENT: _kept("A reminder with a link was sent", session=True),
    EventName.BULK_LOADED: _kept("A file for bulk registration was loaded", _JOB),
    EventName.BULK_STARTED: _kept("A bulk registration was started", _JOB),
    EventName.BULK_COMPLETED: _told("A bulk registration was completed", _JOB),
    EventName.BULK_DISCARDED: _kept("A file for bulk registration was discarded", _JOB),
    EventName.BULK_EXPORTED: _kept("Rows of a bulk registration were downloaded", _JOB),
    EventName.DELIVERY_RETRIED: _kept(
        "The desk had sent again what was not delivered",
        {
            "medium": Detail("mail or webhook"),
            "message": _sometimes("id of the message"),
            "kind": _sometimes("what it is about"),
            "count": _sometimes("how many, where it was all of them"),
        },
    ),
    EventName.ACCESS_DENIED: _kept(
        "Somebody was refused what they may not do",
        {
            "operation": _sometimes("the operation on a registration"),
            "reason": _sometimes("message id of the refusal"),
            "rules": _sometimes("ids of the linking checks that failed, apart by spaces"),
            **{name: _sometimes(detail.meaning) for name, detail in _LINK.items()},
        },
    ),
    EventName.OPERATION_FAILED: _kept(
        "An operation was stopped by rules, refused, or could not be done",
        {
            "operation": Detail("the operation"),
            "rules": _sometimes("ids of the rules, apart by spaces"),
            "reason": _sometimes("message id of what else stopped it"),
        },
        session=True,
    ),
}
