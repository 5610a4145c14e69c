"""What is wrong with a row of a bulk registration, to the desk: the pages of applicants speak to the person."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from wizard.core.errors import Problem
from wizard.web import wording

PROBLEMS: dict[str, LazyString] = {
    "email.format": _("An e-mail address is needed in full, for example name@example.com."),
    "user_business_id.required": _("The row has no member number, for example osot-0000001."),
    "user_business_id.format": _("A member number has 1 to 20 letters, digits, hyphens or underscores."),
    "user_business_id.unique": _(
        "An education record has this member number already. Correct the number, or that record instead."
    ),
    "degree_type.required": _("The row has no degree or credential."),
    "degree_type.choice": _(
        "The degree or credential is one of diploma_credential, bachelors, masters, doctorate and other."
    ),
    "university.required": _("The row does not say where the person studied; “other” is a school not listed."),
    "university.choice": _("This school is not on the list. Write “other”, and the school’s name in other_details."),
    "other_details.required": _("The name of the school is missing, for example Dalhousie University."),
    "other_details.format": _("The name of the school can have up to 100 characters, on one line."),
    "country.required": _("The row has no country, for example CA."),
    "country.choice": _("This country is not on the list. It takes a code of two letters, for example CA."),
    "university_country.alignment": _(
        "%(university)s is in Ontario, so the country cannot be %(country)s. Correct one of the two."
    ),
    "graduation_year.required": _("The row has no graduation year."),
    "graduation_year.choice": _("This is not a graduation year from the list, such as 2026 or 1970-1979."),
    "coto_status.required": _("The row has no standing with the College (COTO)."),
    "coto_status.choice": _(
        "The standing with the College (COTO) is one of student, pending, provisional_temporary, general, resigned and "
        "other."
    ),
    "coto_registration.required": _("With the standing “%(coto_status)s” a COTO registration number is needed."),
    "coto_registration.not_allowed": _(
        "There is no COTO registration number with “%(coto_status)s”. Take it out, or correct the standing."
    ),
    "coto_registration.unique": _(
        "Another education record has this COTO registration number already. Find out which of the two is mistyped."
    ),
    "access_modifier.required": _("The row does not say who may read the record; “private” if nobody is sure."),
    "access_modifier.choice": _("Who may read the record is public, protected or private."),
    "account.required": _("No account has this member number. Add the account first, or correct the number."),
    "account.accessible": _("The account with this member number is inactive. Activate it, or correct the number."),
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
