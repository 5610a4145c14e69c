"""What happened, in words: the audit trail as the desk reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext
from flask_babel.speaklater import LazyString

from wizard.core.accounts import AccountStatus
from wizard.core.choices import EducationCategory
from wizard.core.education import FIELDS
from wizard.core.events import Event, EventName
from wizard.web import choices, reported
from wizard.web import wording as sentences
from wizard.web.rule_wording import SUBJECTS
from wizard.web.staff import account_wording, decision_wording, wording
from wizard.web.texts import lazy_gettext as _

EVENTS: dict[EventName, LazyString] = {
    EventName.EDUCATION_STAGED: _("Registration begun"),
    EventName.EDUCATION_UPDATED: _("Answers changed"),
    EventName.EDUCATION_VALIDATED: _("Answers checked"),
    EventName.CATEGORY_DETERMINED: _("Category decided"),
    EventName.ACCOUNT_LINKED: _("Account linked"),
    EventName.EDUCATION_CREATED: _("Record made"),
    EventName.CREATION_FAILED: _("Submitting failed"),
    EventName.WORKFLOW_COMPLETED: _("Registration completed"),
    EventName.SESSION_RESUMED: _("Registration opened again"),
    EventName.SESSION_EXTENDED: _("More time given"),
    EventName.SESSION_CANCELLED: _("Registration cancelled"),
    EventName.SESSION_EXPIRED: _("Time of the registration over"),
    EventName.SESSION_NOTED: _("Note"),
    EventName.RECORD_UPDATED: _("Record corrected"),
    EventName.RECORD_VERIFIED: _("Verification decided"),
    EventName.RECORD_CATEGORY_CHANGED: _("Category changed"),
    EventName.RECORD_DELETED: _("Record deleted"),
    EventName.RECORD_EXPORTED: _("Records exported"),
    EventName.PERSON_ERASED: _("Person erased"),
    EventName.PERSON_EXPORTED: _("All that is held about the person downloaded"),
    EventName.VALUES_ERASED: _("What was typed is kept no longer"),
    EventName.CONFLICT_RESOLVED: _("Conflict decided"),
    EventName.LINK_CREATED: _("Link to continue made"),
    EventName.LINK_USED: _("Link to continue used"),
    EventName.LINK_REVOKED: _("Link to continue revoked"),
    EventName.CODE_SENT: _("Code sent"),
    EventName.CODE_FAILED: _("Wrong code entered"),
    EventName.STAFF_ADDED: _("Somebody added to the desk"),
    EventName.STAFF_DISABLED: _("Somebody removed from the desk"),
    EventName.STAFF_CONNECTED: _("Association’s account of another member taken over"),
    EventName.STAFF_SIGNED_IN: _("Signed in"),
    EventName.STAFF_SIGN_IN_FAILED: _("Signing in failed"),
    EventName.STAFF_SIGNED_OUT: _("Signed out everywhere"),
    EventName.STAFF_TOTP_ENABLED: _("Authenticator app set up"),
    EventName.STAFF_TOTP_DISABLED: _("Authenticator app removed"),
    EventName.STAFF_RECOVERY_RENEWED: _("New recovery codes made"),
    EventName.STAFF_RECOVERY_USED: _("Recovery code used"),
    EventName.STAFF_PASSWORD_CHANGED: _("Password changed"),
    EventName.TOKEN_CREATED: _("Token made"),
    EventName.TOKEN_REVOKED: _("Token revoked"),
    EventName.ACCOUNT_CREATED: _("Account made"),
    EventName.ACCOUNT_UPDATED: _("Account changed"),
    EventName.MEMBERSHIP_YEAR_CHANGED: _("Membership year set"),
    EventName.KEYS_ROTATED: _("Personal columns rewritten"),
    EventName.REMINDER_SENT: _("Reminder sent"),
    EventName.BULK_LOADED: _("File for bulk registration loaded"),
    EventName.BULK_STARTED: _("Bulk registration started"),
    EventName.BULK_COMPLETED: _("Bulk registration completed"),
    EventName.BULK_DISCARDED: _("File for bulk registration discarded"),
    EventName.BULK_EXPORTED: _("Rows of a bulk registration downloaded"),
    EventName.DELIVERY_RETRIED: _("Sent again by the desk"),
    EventName.ACCESS_DENIED: _("Refused: not allowed"),
    EventName.OPERATION_FAILED: _("Could not be done"),
}
_SENTENCES: Mapping[str, LazyString] = {**sentences.SENTENCES, **reported.FAILED}
_LABELS: dict[str, LazyString] = {
    **wording.FIELD_LABELS,
    "contact_email": wording.FIELD_LABELS["email"],
    "category": _("Category"),
    "verification": _("Verification"),
    "status": _("Status"),
    "reason": _("Reason"),
    "note": _("Note"),
    "name": _("Name"),
    "search": _("Searched for"),
}


@dataclass(frozen=True, slots=True)
class Changed:
    """A value before and after, as people read it; empty where there was or is none."""

    label: LazyString | str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened."""

    at: datetime
    by: str
    what: LazyString | str
    about: tuple[str, ...]
    changes: tuple[Changed, ...]


def happened(event: Event) -> Happened:
    """An event of the audit trail in words."""
    told = EVENTS.get(event.name, event.name.value)
    return Happened(event.at, wording.actor(event.actor), told, tuple(_about(event)), tuple(_changes(event)))


def _changes(event: Event) -> Iterator[Changed]:
    details = event.details
    for label, before, after, worded in (
        (_LABELS["category"], "category_before", "category_after", _category),
        (_LABELS["verification"], "before", "outcome", _verification),
    ):
        if {before, after} <= set(details) and details[before] != details[after]:
            yield Changed(label, worded(details[before]), worded(details[after]))
    for name, (old, new) in sorted(event.changes.items(), key=lambda item: _position(item[0])):
        yield Changed(_LABELS.get(name, name), _value(name, old), _value(name, new))


def _about(event: Event) -> Iterator[str]:
    """What else there is to say, from the details that have words."""
    for name, worded in _ABOUT.items():
        if name in event.details:
            yield from worded(event.details[name])


def _rules(rules: str) -> Iterator[str]:
    for rule in rules.split():
        yield from _why(rule)


def _why(message: str) -> Iterator[str]:
    """The sentence for a message id; of one with parameters, which the event does not know, what it is about."""
    text = str(_SENTENCES.get(message, ""))
    if text and "%(" not in text:
        yield text
    elif message in SUBJECTS:
        yield gettext("Failed: %(check)s", check=SUBJECTS[message])


_ABOUT: Mapping[str, Callable[[str], Iterator[str]]] = {
    "category": lambda slug: iter((_category(slug),)),
    "rules": _rules,
    "reason": _why,
}


def _category(slug: str) -> str:
    return choices.label("education_category", slug) if slug in set(EducationCategory) else slug


def _verification(slug: str) -> str:
    return str(decision_wording.STATES.get(slug, slug))


def _position(name: str) -> int:
    return FIELDS.index(name) if name in FIELDS else len(FIELDS)


def _value(name: str, value: str | None) -> str:
    if name == "status" and value in set(AccountStatus):
        return str(account_wording.STATUSES[AccountStatus(value)])
    return sentences.answer_of(name, value) if name in FIELDS else value or ""
