"""What is wrong with a row of a bulk registration, to the desk: the pages of applicants speak to the person."""

from __future__ import annotations

from flask_babel.speaklater import LazyString

from wizard.core.errors import Problem
from wizard.web import reported, wording
from wizard.web.texts import lazy_gettext as _

PROBLEMS: dict[str, LazyString] = {
    **reported.FAILED,
    "email.format": _("An e-mail address is needed in full, for example name@example.com."),
    "user_business_id.required": _("The row has no member number, for example osot-0000001."),
    "degree_type.required": _("The row has no degree or credential."),
    "university.required": _("The row does not say where the person studied; “other” is a school not listed."),
    "university.choice": _("This school is not on the list. Write “other”, and the school’s name in other_details."),
    "country.required": _("The row has no country, for example CA."),
    "graduation_year.required": _("The row has no graduation year."),
    "coto_status.required": _("The row has no standing with the College (COTO)."),
    "access_modifier.required": _("The row does not say who may read the record; “private” if nobody is sure."),
    "account.required": _("No account has this member number. Add the account first, or correct the number."),
    "account.accessible": _(
        "No account that can be used has this member number: there is none, or it is inactive. Add or activate it, or "
        "correct the number."
    ),
    "account.erased": _("The person of this row was erased on request."),
    "account.member_number": _("The account has another member number than the row."),
    "account.one_record": _(
        "The account has an education record already. Compare it with the row, and correct the record if need be."
    ),
    "category.changed": _("The category changed in the very moment. Load the row again."),
    "session.expired": _("The time for the row’s registration is over. Load the row again."),
    "workflow.state": _("The row’s registration has gone on elsewhere meanwhile. Look at it, then load the row again."),
}


def problem(found: Problem) -> str:
    """What is wrong with a row, and how to put it right."""
    if found.message in PROBLEMS:
        return str(PROBLEMS[found.message]) % wording.readable(found.params)
    return wording.problem(found)
