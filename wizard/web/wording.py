"""From message ids to sentences a person understands, in the language of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from flask_babel.speaklater import LazyString

from wizard.core.category import Rationale
from wizard.core.choices import EducationCategory
from wizard.core.education import CHOICE_FIELDS, EducationData
from wizard.core.errors import Problem
from wizard.core.rules import Outcome, RuleOutcome
from wizard.web import choices, dates
from wizard.web.rule_wording import FAILED, REASONS, SUBJECTS, WARNINGS
from wizard.web.sign_in_wording import SIGN_IN
from wizard.web.texts import lazy_gettext as _

FIELD_LABELS: dict[str, LazyString] = {
    "user_business_id": _("Member number"),
    "email": _("E-mail address"),
    "degree_type": _("Degree or credential"),
    "university": _("University"),
    "other_details": _("Name of your school"),
    "country": _("Country"),
    "graduation_year": _("Graduation year"),
    "coto_status": _("Standing with the College (COTO)"),
    "coto_registration": _("COTO registration number"),
    "access_modifier": _("Who may read your record"),
    "notes": _("Notes for the desk"),
}
ERRORS: dict[str, LazyString] = {
    "email.format": _("Enter an e-mail address in full, for example name@example.com."),
    "email.required": _("Enter the e-mail address that the link should go to, for example name@example.com."),
    "code.required": _("Enter the six digits from the e-mail, for example 123456."),
    "code.format": _("A code is six digits, for example 123456. Enter it as it stands in the e-mail."),
    "declaration.required": _(
        "Check the box to declare that your answers are true. Nothing is submitted before you do."
    ),
    "resume.member_number": _("Enter the member number that this registration was started with."),
    # Codes
    "code.wrong": _("This is not the code we sent. Check the newest e-mail and try again, or ask for a new code."),
    "code.expired": _("This code is no longer valid; codes last ten minutes. Ask for a new code."),
    "code.used_up": _("A wrong code was entered too many times. Ask for a new code."),
    # Links
    "link.unknown": _("Perhaps part of it was lost. Copy it again from the e-mail, or start a new registration."),
    "link.revoked": _(
        "This link no longer works: a newer one has replaced it, or the desk withdrew it. "
        "Open the link in the latest e-mail."
    ),
    "link.cancelled": _("This registration was cancelled. Start a new one, or write to the registration desk."),
    "link.expired": _("This link is too old. Start a new registration, or write to the registration desk."),
    "link.completed": _("The registration behind this link is complete, and its record is no longer here."),
    "link.member_number": _(
        "This is not the member number that the registration was started with. Check it and try again."
    ),
    # Accounts
    "account.required": _("Say which account the record is for."),
    "account.accessible": _("This account cannot be used. Write to the registration desk, who can put it right."),
    "account.privilege": _(
        "The code you entered was for another account. Ask for a code for the member number of this registration."
    ),
    "account.member_number": _(
        "This account has another member number than the one you entered. "
        "Go back and correct the number, or prove the account that has it."
    ),
    "account.number": _("Another account has this member number. Check the number."),
    "account.unknown": _("There is no such account."),
    "account.number_taken": _("Another account has this member number."),
    "account.erased": _("The person of this account was erased on request. Nothing can be done with it any more."),
    "account.waits": _("This account waits for the desk. Approve or refuse it instead."),
    "closing.reason": _("Say why. The reason stays in the history of the account."),
    "csv.columns": _("The file has no column named %(missing)s. Its first row has to name the columns."),
    "csv.rows": _(
        "The file has %(rows)s rows, and a page takes %(most)s at a time. Load it in parts, "
        "or with the command “wizard accounts import”."
    ),
    "membership_year.range": _("This day is too far off. Enter one up to the end of %(last)s."),
    "account.decided": _("The desk has decided on this account already."),
    "name.format": _("Enter your first and last name, at most 200 characters."),
    "note.required": _("Write what you want to note."),
    "note.format": _("Shorten the note to %(most)s characters at most."),
    "period.format": _("Enter a day, such as 2026-09-30."),
    "period.order": _("The first day has to be before the last one, and not in the future."),
    "reason.required": _("Say why. The person reads it in the e-mail."),
    "reason.format": _("Shorten the reason to %(most)s characters at most."),
    # What the desk decides
    "note.required.asked": _("Write the question. The member reads it in the e-mail."),
    "note.required.rejected": _("Write why. The member reads it in the e-mail."),
    "verification.state": _("This record does not wait for such a decision."),
    "conflict.over": _("Nothing is in the way of this registration any more."),
    "conflict.stands": _("A record is in the way of this registration still. Compare the two first."),
    "conflict.others_record": _("The record in the way is somebody else’s. It can be corrected, but not replaced."),
    # Bulk registration
    "bulk.file": _("This is neither a CSV nor an Excel (XLSX) file. Save it as one of them, and load it again."),
    "bulk.size": _("The file has more than %(most)s MB. Load it in parts."),
    "bulk.empty": _("The file has no rows below the names of the columns."),
    "bulk.rows": _("The file has more than %(most)s rows. Load it in parts."),
    "bulk.columns": _("The file has no column %(column)s. Its first row has to name the columns."),
    "bulk.column_twice": _("The file has two columns that mean %(column)s. Take one of them out."),
    "bulk.repeated": _("Row %(row)s has the same number."),
    "bulk.failed": _("Something unforeseen went wrong with this row. Load it again; if it is in, it is passed over."),
    "bulk.unreadable": _("This row can no longer be read. Load the file again."),
    "bulk.state": _("This file cannot be started: it is still being checked, or it was discarded."),
    "bulk.unknown": _("There is no such file."),
    "csv.row": _("The row cannot be read: a quotation mark is not closed, or there are more cells than columns."),
    # Records
    "record.gone": _("This record has been deleted in the meantime."),
    "record.unknown": _("There is no such record."),
    "deletion.reason": _("Say why the record is deleted. The reason stays in the audit trail."),
    "deletion.number": _("This is not the number of the record. To delete it, type %(number)s."),
    "deletion.stale": _("The record was changed since you opened this page. Look at it again before you delete it."),
    "field.unknown": _("There is no such field in a record."),
    # Workflow and sessions
    "category.changed": _(
        "Your category has changed since it was shown to you. Read the new one, then continue; nothing was lost."
    ),
    "workflow.state": _("This step does not fit how far the registration is. Continue from where you were."),
    "version.stale": _("Your answers were changed somewhere else since you opened this page."),
    "delivery.unknown": _("There is no such message, or it is no longer known."),
    "delivery.over": _("It cannot be sent again: it is delivered, or was erased."),
    "session.unknown": _("There is no such registration in this browser."),
    "session.expired": _("The time for this registration is over, and its answers have been erased."),
    "session.busy": _("This registration was being changed somewhere else at the same moment. Try again."),
    "session.one_record": _(
        "This registration has led to the record of another account already. Start a new registration for this one."
    ),
    "extend.maximum_age": _(
        "This registration has reached its maximum age, so its time cannot be extended. Submit it by %(expires_at)s."
    ),
    "privilege.create": _(
        "You may not create this record: an applicant proves the account with a code first, "
        "and at the desk it takes the privilege “main”."
    ),
    "privilege.read": _("You may not read this record."),
    "privilege.change": _("You may not change this record."),
    "privilege.delete": _("You may not delete this record."),
    "privilege.desk": _("Only the registration desk can do this."),
    "privilege.main": _("Only staff with the privilege “main” can do this."),
    **SIGN_IN,
    # Limits and services
    "rate_limited": _("There were too many tries. Wait a moment, then try again."),
    "rate_limited.codes": _(
        "If you have a code from us, the newest one still works: for ten minutes after it was sent, and for five tries."
    ),
    "redis.unavailable": _("The service cannot save answers at the moment. Try again in a few seconds."),
    "database.unavailable": _("Records cannot be reached at the moment. Try again in a few seconds."),
    "keys.unavailable": _("This is kept encrypted, and its key is missing at the moment. Try again later."),
    "mail.unavailable": _("E-mail cannot be sent at the moment. It will be sent as soon as it can."),
    "internal": _("Something went wrong on our side. If it happens again, tell the desk this number: %(error_id)s."),
}
SENTENCES: dict[str, LazyString] = {**FAILED, **WARNINGS, **ERRORS}

_YOUR_REASONS: dict[str, LazyString] = {
    "future_graduation": _("You will graduate in %(graduation_year)s, after this year"),
    "recent_graduation_in_membership_year": _(
        "You graduated in %(graduation_year)s and the membership year runs to %(membership_ends)s"
    ),
    "no_active_membership_year": _("You graduated in %(graduation_year)s and no membership year has been set"),
    "membership_year_ended": _(
        "You graduated in %(graduation_year)s and the membership year ended on %(membership_ends)s"
    ),
    "graduated": _("You graduated in %(graduation_year)s"),
    "graduated.pre-1960": _("You graduated before 1960"),
    "graduated.decade": _("You graduated in the years %(graduation_year)s"),
}
_YOUR_MODIFIERS: dict[str, LazyString] = {
    "resigned": _("%(reason)s, but you have resigned from the College: %(category)s."),
    "registered_before_graduation": _("%(reason)s, but you hold a certificate of the College already: %(category)s."),
}
_PLAIN = _("%(reason)s: %(category)s.")


@dataclass(frozen=True, slots=True)
class Rationales:
    """How a category is explained to somebody: the reasons, and what changed what came of them."""

    reasons: Mapping[str, LazyString]
    modifiers: Mapping[str, LazyString]


YOURS = Rationales(_YOUR_REASONS, _YOUR_MODIFIERS)
_DATES = frozenset({"membership_ends"})
_INSTANTS = frozenset({"expires_at"})


def problem(found: Problem) -> str:
    """The sentence for something that is wrong: what, and how to put it right."""
    return sentence(found.message, found.params)


def outcome(checked: RuleOutcome) -> str:
    """The sentence for a rule's outcome; for one that passed or waits, what it is about."""
    if checked.outcome in {Outcome.FAILED, Outcome.WARNING}:
        return sentence(checked.rule, checked.params)
    return str(SUBJECTS[checked.rule])


def sentence(message: str, params: Mapping[str, str] | None = None) -> str:
    """The sentence for a message id with its parameters. Raises `KeyError` for an id without wording."""
    return str(SENTENCES[message]) % readable(params or {})


def rationale(category: EducationCategory, why: Rationale, words: Rationales = YOURS) -> str:
    """Why a category was decided, in one sentence with the actual year and dates; to whom it was decided for."""
    base, *modifiers = why.codes
    params = readable(why.params)
    reason = str(words.reasons[_by_year_group(base, why.params["graduation_year"])]) % params
    whole = words.modifiers[modifiers[0]] if modifiers else _PLAIN
    return str(whole) % {"reason": reason, "category": choices.label("education_category", category)}


def _by_year_group(base: str, year: str) -> str:
    if base != "graduated" or year.isdigit():
        return base
    return "graduated.pre-1960" if year == "pre-1960" else "graduated.decade"


def reason(rule: str) -> str:
    """Why the desk verifies a record, by the rule that asked for it, which may be one of another version."""
    return str(REASONS.get(rule, rule))


def answer(field: str, data: EducationData) -> str:
    """An answer as people read it; empty where there is none."""
    return answer_of(field, getattr(data, field))


def answer_of(field: str, value: str | None) -> str:
    """A value of a field as people read it; empty where there is none."""
    if not value:
        return ""
    return choices.label(field, value) if field in CHOICE_FIELDS else value


def readable(params: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a sentence as people read them."""
    return {name: _readable_value(name, value) for name, value in params.items()}


def _readable_value(name: str, value: str) -> str:
    if name in CHOICE_FIELDS:
        return choices.label(name, value)
    if name in _DATES:
        return dates.long_date(date.fromisoformat(value))
    if name in _INSTANTS:
        return dates.moment(datetime.fromisoformat(value))
    return value
