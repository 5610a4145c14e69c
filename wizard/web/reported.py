"""What rules say of somebody, to whoever is not that person: the desk, and other systems."""

from __future__ import annotations

from flask_babel.speaklater import LazyString

from wizard.core.errors import Problem
from wizard.core.rules import Outcome, RuleOutcome
from wizard.web import wording
from wizard.web.rule_wording import REASONS, SUBJECTS
from wizard.web.texts import lazy_gettext as _

FAILED: dict[str, LazyString] = {
    "user_business_id.required": _("The member number is missing."),
    "user_business_id.format": _("A member number has 1 to 20 letters, digits, hyphens or underscores."),
    "user_business_id.unique": _(
        "An education record has this member number already. Correct the number, or that record instead."
    ),
    "degree_type.required": _("The degree or credential is missing."),
    "degree_type.choice": _(
        "The degree or credential is one of diploma_credential, bachelors, masters, doctorate and other."
    ),
    "university.required": _("The university is missing."),
    "university.choice": _("This school is not on the list. One that is not is “other”, with its name beside it."),
    "other_details.required": _("The name of the school is missing, for example Dalhousie University."),
    "other_details.format": _("The name of the school can have up to 100 characters, on one line."),
    "country.required": _("The country is missing."),
    "country.choice": _("This country is not on the list. It takes a code of two letters, for example CA."),
    "university_country.alignment": _(
        "%(university)s is in Ontario, so the country cannot be %(country)s. Correct one of the two."
    ),
    "graduation_year.required": _("The graduation year is missing."),
    "graduation_year.choice": _("This is not a graduation year from the list, such as 2026 or 1970-1979."),
    "graduation_year.range": _(
        "%(graduation_year)s is not a year that can be registered today: those are up to %(latest)s, and years before "
        "1980 by their decade."
    ),
    "coto_status.required": _("The standing with the College (COTO) is missing."),
    "coto_status.choice": _(
        "The standing with the College (COTO) is one of student, pending, provisional_temporary, general, resigned and "
        "other."
    ),
    "coto_registration.required": _("With the standing “%(coto_status)s” a COTO registration number is needed."),
    "coto_registration.format": wording.SENTENCES["coto_registration.format"],
    "coto_registration.not_allowed": _(
        "There is no COTO registration number with “%(coto_status)s”. Take it out, or correct the standing."
    ),
    "coto_registration.unique": _(
        "Another education record has this COTO registration number already. Find out which of the two is mistyped."
    ),
    "access_modifier.required": _("It is not said who may read the record."),
    "access_modifier.choice": _("Who may read the record is public, protected or private."),
    "notes.format": wording.SENTENCES["notes.format"],
    "account.accessible": _("The account cannot be used: there is none, or it is inactive."),
    "account.member_number": _("The account has another member number."),
    "account.one_record": _("The member has an education record already."),
}
SENTENCES: dict[str, LazyString] = {**FAILED, **REASONS}


def problem(found: Problem) -> str:
    """What is wrong, or what a warning is about."""
    if found.message in SENTENCES:
        return str(SENTENCES[found.message]) % wording.readable(found.params)
    return wording.problem(found)


def outcome(checked: RuleOutcome) -> str:
    """What came of a rule; where it passed or waits, what it is about."""
    if checked.outcome in {Outcome.FAILED, Outcome.WARNING}:
        return str(SENTENCES[checked.rule]) % wording.readable(checked.params)
    return str(SUBJECTS[checked.rule])
