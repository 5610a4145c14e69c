"""What the desk's pages call things."""

from __future__ import annotations

from datetime import timedelta

from babel.dates import format_timedelta
from flask_babel.speaklater import LazyString

from wizard.core.accounts import LinkKind, LinkState
from wizard.core.actors import ActorKind
from wizard.core.registration import Channel, Registration, Status
from wizard.web import language, wording
from wizard.web.texts import lazy_gettext as _

# As the applicant reads them, but for what is the applicant's and not the reader's.
FIELD_LABELS: dict[str, LazyString] = {
    **wording.FIELD_LABELS,
    "other_details": _("Name of the school"),
    "access_modifier": _("Who may read the record"),
}
STATUSES: dict[Status, LazyString] = {
    Status.PENDING: _("Incomplete"),
    Status.STAGED: _("All answers given"),
    Status.VALIDATED: _("Checked"),
    Status.CATEGORY_DETERMINED: _("Category decided"),
    Status.ACCOUNT_LINKED: _("Account linked"),
    Status.EDUCATION_CREATED: _("Record made"),
    Status.WORKFLOW_COMPLETED: _("Completed"),
    Status.CREATION_FAILED: _("Submitting failed"),
    Status.CANCELLED: _("Cancelled"),
}
CHANNELS: dict[Channel, LazyString] = {
    Channel.WEB: _("Web"),
    Channel.API: _("API"),
    Channel.BULK: _("Bulk import"),
}
ACTORS: dict[str, LazyString] = {
    ActorKind.APPLICANT: _("the applicant"),
    ActorKind.SYSTEM: _("the service itself"),
}
LINK_KINDS: dict[LinkKind, LazyString] = {
    LinkKind.APPLICANT: _("For the applicant"),
    LinkKind.STAFF: _("For staff"),
}
LINK_STATES: dict[LinkState, LazyString] = {
    LinkState.ISSUED: _("Issued"),
    LinkState.USED: _("Used"),
    LinkState.EXPIRED: _("Expired"),
    LinkState.REVOKED: _("Revoked"),
}
DONE: dict[str, LazyString] = {
    "approved": _("The account is active. Its owner gets an e-mail."),
    "refused": _("The account is refused. The person gets an e-mail with the reason."),
    "corrected": _("The record is corrected. What was there before is in its history."),
    "deleted": _("The record is deleted. Its history stays in the audit trail."),
    "unchanged": _("Nothing was changed: the record says the same already."),
    "activated": _("The account is active again."),
    "erased": _("All that was kept of this person is erased."),
    "deactivated": _("The account is inactive. No education can be registered for it."),
    "added": _("The account is there."),
    "year_set": _("The last day is set."),
    "year_closed": _("The membership year is closed."),
    "refreshed": _("Every record has the category that holds today."),
    "refreshing": _(
        "Many records move. The rest follows in the background: load this page again to see how far it is."
    ),
    "app_removed": _("The authenticator app is removed. From now on you sign in with your password alone."),
    "password_changed": _("The password is changed. You are signed out everywhere else."),
    "cancelled": _("The registration is cancelled and its answers are erased."),
    "extended": _("The registration has more time."),
    "noted": _("The note is in the history."),
    "left": _("You are no longer helping with this registration."),
    "revoked": _("The link is revoked. It opens nothing any more."),
}


def name_of(registration: Registration) -> LazyString | str:
    """What a registration is called in the list; of one that is over only its record is known."""
    if registration.is_open or registration.user_id:
        return registration.user_id or _("Not given yet")
    return registration.record_number or _("Erased")


def actor(name: str) -> str:
    """Who did something, by the name that it was recorded under; those who have a name of their own, by that."""
    parts = name.partition(":")
    return str(ACTORS.get(parts[0], parts[2] or name))


def span(left: timedelta) -> str:
    """A length of time, such as 5 hours."""
    return format_timedelta(max(left, timedelta(0)), locale=language.current(), threshold=1.5)
