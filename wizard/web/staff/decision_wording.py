"""What the desk's pages say of records that wait for it, and of registrations in conflict."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel.speaklater import LazyString

from wizard.core.category import Rationale
from wizard.core.choices import EducationCategory
from wizard.core.errors import StaleVersion, WizardError
from wizard.core.records import VerificationState
from wizard.services.conflicts import KEPT, RELEASED, REPLACED
from wizard.web import reported, wording
from wizard.web.texts import lazy_gettext as _

STATES: dict[str, LazyString] = {
    VerificationState.NOT_REQUIRED: _("Need not be verified"),
    VerificationState.WAITING: _("Waits for the desk"),
    VerificationState.ASKED: _("Member asked"),
    VerificationState.VERIFIED: _("Verified"),
    VerificationState.REJECTED: _("Rejected"),
}
DONE: dict[str, LazyString] = {
    VerificationState.VERIFIED: _("The record is verified. The member gets an e-mail."),
    VerificationState.ASKED: _("The question is on its way. The record stays in the queue until you decide."),
    VerificationState.REJECTED: _("The record is rejected. The member gets an e-mail with the reason."),
    KEPT: _("The record is kept. The registration is cancelled, and its applicant gets an e-mail."),
    REPLACED: _("The record has the answers of the registration, which is completed. The member gets an e-mail."),
    RELEASED: _("The registration is off the list. Its applicant can go on, and gets an e-mail."),
}
FLAGS: dict[str, LazyString] = {
    "account.one_record": _("The member has an education record already."),
    "user_business_id.unique": _("A record has this member number already."),
    "coto_registration.unique": _("Another member’s record has this COTO registration number."),
    "account.member_number": _("The account has another member number than the registration."),
    "session.one_record": _("The registration has led to the record of another account already."),
}
_REASONS: dict[str, LazyString] = {
    "future_graduation": _("Graduates in %(graduation_year)s, after this year"),
    "recent_graduation_in_membership_year": _(
        "Graduated in %(graduation_year)s, and the membership year runs to %(membership_ends)s"
    ),
    "no_active_membership_year": _("Graduated in %(graduation_year)s, and no membership year has been set"),
    "membership_year_ended": _(
        "Graduated in %(graduation_year)s, and the membership year ended on %(membership_ends)s"
    ),
    "graduated": _("Graduated in %(graduation_year)s"),
    "graduated.pre-1960": _("Graduated before 1960"),
    "graduated.decade": _("Graduated in the years %(graduation_year)s"),
}
_MODIFIERS: dict[str, LazyString] = {
    "resigned": _("%(reason)s, but has resigned from the College: %(category)s."),
    "registered_before_graduation": _("%(reason)s, but holds a certificate of the College already: %(category)s."),
}
_OF_THE_MEMBER = wording.Rationales(_REASONS, _MODIFIERS)
NOTHING_TICKED = _("Tick at least one record.")


def rationale(category: EducationCategory, why: Rationale) -> str:
    """Why a category was decided, to whoever is not the member."""
    return wording.rationale(category, why, _OF_THE_MEMBER)


def flag(message: str) -> str:
    """Why the desk has to look at a registration; the id itself where another version has set it."""
    return str(FLAGS.get(message, message))


def why(error: WizardError) -> str:
    """Why a decision could not be taken."""
    if isinstance(error, StaleVersion):
        return gettext("Somebody has changed it since you opened this page. Look at it as it is now, then decide.")
    return " ".join(reported.problem(each) for each in error.problems)


def not_accepted(number: str, error: WizardError) -> str:
    """Which record could not be accepted, and why."""
    return gettext("Record %(number)s is not accepted. %(why)s", number=number, why=why(error))
