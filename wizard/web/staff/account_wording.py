"""What the desk's pages call accounts, and what is wrong with one that is to be added."""

from __future__ import annotations

from flask_babel.speaklater import LazyString

from wizard.core.accounts import Account, AccountStatus
from wizard.core.errors import Problem
from wizard.services.accounts import RejectedRow
from wizard.web import wording
from wizard.web.texts import lazy_gettext as _

STATUSES: dict[AccountStatus, LazyString] = {
    AccountStatus.ACTIVE: _("Active"),
    AccountStatus.INACTIVE: _("Inactive"),
    AccountStatus.PENDING: _("Waits for the desk"),
}
_ERASED = _("Person erased")
LANGUAGES: dict[str, LazyString] = {"en": _("English"), "fr": _("French")}
# To somebody who adds others; the pages of applicants speak to the person.
_PROBLEMS: dict[str, LazyString] = {
    "name.format": _("A name is needed, of up to 200 characters on one line."),
    "email.format": _("An e-mail address is needed in full, for example name@example.com."),
    "user_business_id.format": _("A member number has 1 to 20 letters, digits, hyphens or underscores."),
    "account.number_taken": _("Another account has this member number."),
    "erasure.reason": _("Say why the person is erased. The reason stays in the audit trail."),
    "erasure.number": _("This is not the member number. To erase the person, type %(number)s."),
    "language.choice": _("The language is en or fr."),
    "status.choice": _("The status is active, inactive or pending."),
    "csv.row": _("The row cannot be read: a quotation mark is not closed, or there are more cells than columns."),
}


def status(account: Account) -> LazyString:
    """Whether an account may be used, or its person is erased."""
    return _ERASED if account.is_erased else STATUSES[account.status]


def problem(found: Problem) -> str:
    """What is wrong with an account that is to be added, or whose person is to be erased."""
    return str(_PROBLEMS[found.message]) % found.params if found.message in _PROBLEMS else wording.problem(found)


def reason(rejected: RejectedRow) -> str:
    """Why a row did not go in."""
    return str(_PROBLEMS[rejected.reason]) if rejected.reason in _PROBLEMS else wording.sentence(rejected.reason)
