"""What other systems are told: sentences of the API's own where a page's would speak to the person before it."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel.speaklater import LazyString

from wizard.core.errors import ErrorCode, Problem
from wizard.core.rules import Outcome, RuleOutcome
from wizard.web import reported, row_wording, wording
from wizard.web.texts import lazy_gettext as _

TITLES: Mapping[ErrorCode, LazyString] = {
    ErrorCode.VALIDATION_ERROR: _("A field is malformed or missing"),
    ErrorCode.BUSINESS_RULE_VIOLATION: _("A business rule fails"),
    ErrorCode.WORKFLOW_STATE_INVALID: _("The operation does not fit the state of the session"),
    ErrorCode.CONFLICT: _("Something else stands in the way"),
    ErrorCode.UNAUTHENTICATED: _("A token is needed"),
    ErrorCode.PERMISSION_DENIED: _("The privilege does not suffice"),
    ErrorCode.NOT_FOUND: _("There is no such thing"),
    ErrorCode.RATE_LIMITED: _("Too many calls"),
    ErrorCode.EXTERNAL_SERVICE_ERROR: _("The service cannot be reached at the moment"),
    ErrorCode.INTERNAL_ERROR: _("Something went wrong"),
}
_SENTENCES: Mapping[str, LazyString] = {
    **reported.SENTENCES,
    "university.choice": _(
        "This school is not on the list. One that is not is “other”, with its name as otherDetails."
    ),
    # How a call has to be sent
    "api.json": _("The body is not JSON."),
    "api.object": _("The body has to be a JSON object."),
    "api.media_type": _("Send the body as application/json."),
    "api.required": _("This field is missing."),
    "api.unknown": _("There is no such field."),
    "api.twice": _("This parameter is given more than once."),
    "api.kind": _("This value is of another kind than the one meant, which the document at /openapi.json says."),
    "api.value": _("This value is not one of those that the document at /openapi.json allows."),
    "version.unmatched": _("The version in If-Match is not the one that is stored."),
    "api.address": _("There is nothing at this address."),
    "api.method": _("This address does not take this method."),
    "api.too_large": _("The body is too large."),
    "api.bad_request": _("The request is malformed."),
    # Tokens
    "token.required": _("Call with a token that works, as “Authorization: Bearer …”."),
    "idempotency.key": _("An Idempotency-Key has 1 to 255 printable ASCII characters."),
    "idempotency.reused": _("Something else was sent under this Idempotency-Key before."),
    "idempotency.in_flight": _("A call with this Idempotency-Key is under way. Send it again in a moment."),
    # Where a page would say something else
    "session.unknown": _("There is no such session, or it is not yours to know about."),
    "session.expired": _("The time of this session is over, and its data have been erased."),
    "session.busy": _("This session was being changed by somebody else at the same moment. Send it again."),
    "version.stale": _("The data were changed since you read them. Read them again."),
    "workflow.state": _("The session is %(status)s; possible now: %(possible)s."),
    "category.changed": _("The category has changed since it was decided. Decide it again, and show the new one."),
    "account.unknown": _("There is no account with this member number."),
    "account.privilege": _("The token is not for this account."),
    "privilege.read": _("The token may not read this record, and so not change it."),
    "account.required": _("Say which account is to be linked, as accountId."),
    "extend.maximum_age": _("The session has reached its greatest age and lives until %(expires_at)s."),
    "privilege.create": _("The privilege does not suffice to create this record."),
    "privilege.desk": _("This takes the privilege admin or main."),
    "privilege.main": _("This takes the privilege main."),
    "rate_limited": _("Too many calls. Wait for as many seconds as Retry-After says."),
    "bulk.unknown": _("There is no such bulk registration."),
    "redis.unavailable": _("Sessions cannot be reached at the moment. Call again in a few seconds."),
}

# What a session would be told, and is said of a row here.
_OF_ROWS = frozenset(
    {
        "account.accessible",
        "account.erased",
        "account.one_record",
        "category.changed",
        "session.expired",
        "workflow.state",
    }
)
_OVER = _("The session is %(status)s; nothing more is possible.")


def problem(found: Problem) -> str:
    """The sentence for something that is wrong."""
    if found.message == "workflow.state" and not found.params.get("possible"):
        return str(_OVER) % found.params
    if found.message in _SENTENCES:
        return str(_SENTENCES[found.message]) % wording.readable(found.params)
    return wording.problem(found)


def row(found: Problem) -> str:
    """The sentence for something that is wrong with a row of a bulk registration."""
    return row_wording.problem(found) if found.message in _OF_ROWS else problem(found)


def rule(outcome: RuleOutcome) -> str | None:
    """What a rule says where it failed or warns; None where it does not."""
    if outcome.outcome not in {Outcome.FAILED, Outcome.WARNING}:
        return None
    return str(_SENTENCES[outcome.rule]) % wording.readable(outcome.params)
