"""What the page of components shows them with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from flask_babel.speaklater import LazyString

from wizard.core.category import CategoryDecision, determine_category
from wizard.core.events import EventName
from wizard.core.rules import Outcome
from wizard.web import facts, wording
from wizard.web.applicant.page import SHOWN_STEPS, STEP_TITLES, Milestone
from wizard.web.applicant.review import Checked, Row
from wizard.web.forms.base import Form
from wizard.web.forms.others import CodeForm, DeclarationForm
from wizard.web.forms.steps import CotoForm, EducationForm, IdentityForm, PrivacyForm
from wizard.web.rule_wording import OUTCOMES, SUBJECTS
from wizard.web.staff.bulk_forms import BulkForm
from wizard.web.staff.forms import MembershipYearForm
from wizard.web.staff.history import EVENTS, Changed, Happened
from wizard.web.texts import lazy_gettext as _

MOMENT = datetime(2026, 11, 23, 15, tzinfo=UTC)
_RECORD = {"name": "Amara Okafor", "number": "osot-oted-0000001"}
MAILS: dict[str, dict[str, str]] = {
    "code": {"name": "Amara Okafor", "code": "012345"},
    "link": {"reader": "applicant", "token": "t0ken"},
    "reminder": {"reader": "applicant", "token": "t0ken"},
    "invitation": {"reader": "applicant", "token": "t0ken"},
    "confirmation": {
        **_RECORD,
        "category": "new_graduated",
        "created_at": MOMENT.isoformat(),
        "verification": "waiting",
    },
    "account_code": {"code": "012345", "number": ""},
    "account_decision": {"name": "Amara Okafor", "number": "osot-0000042", "decision": "active", "reason": ""},
    "verification_question": {**_RECORD, "note": "In which city is the school that you name?"},
    "verification_outcome": {**_RECORD, "outcome": "verified", "note": ""},
    "conflict_outcome": {**_RECORD, "outcome": "replaced", "reason": "You entered your COTO status anew."},
    "member_number": {"numbers": "osot-0000042", "occasion": "made"},
}
ERRORS = (
    "bad_request",
    "crash",
    "expired",
    "forbidden",
    "form_expired",
    "locked",
    "method",
    "not_found",
    "refused",
    "signed_out",
    "stale",
    "too_large",
    "too_many",
    "unavailable",
)
TOKENS = ("paper", "surface", "sunken", "ink", "muted", "brand", "link", "accent", "tint", "bad", "warn", "good")
ART = ("pine", "mint", "marigold", "lilac")
_REMARK = _("A gentle remark, which refuses nothing.")


@dataclass(frozen=True, slots=True)
class Sample:
    """A category with why, for the page that shows it."""

    category: str
    why: str


@dataclass(frozen=True, slots=True)
class Way:
    """The steps, as far as somebody has come."""

    name: LazyString
    steps: tuple[Milestone, ...]


def forms() -> dict[str, Form]:
    """Every kind of field: empty, answered, with a remark, with what is wrong."""
    identity = IdentityForm(data={"user_business_id": "no number!", "email": "ada@mail.utoronto.ca"})
    identity.check("user_business_id")
    identity.remark()
    education = EducationForm(data={"degree_type": "masters", "university": "queens", "country": "FR"})
    education.remark()
    education.check("graduation_year")
    coto = CotoForm(data={"coto_status": "general"})
    coto.check("coto_registration")
    privacy = PrivacyForm(data={"access_modifier": ""})
    privacy.check("access_modifier")
    declaration = DeclarationForm()
    declaration.declaration.refuse(wording.sentence("declaration.required"))
    return {
        "identity": identity,
        "education": education,
        "coto": coto,
        "privacy": privacy,
        "code": CodeForm(),
        "declaration": declaration,
        "year": MembershipYearForm(),
        "file": BulkForm(),
    }


def ways() -> tuple[Way, ...]:
    """The steps at the beginning, in the middle and at the end."""
    last = len(SHOWN_STEPS)
    return (
        Way(_("At the beginning"), _milestones(1)),
        Way(_("In the middle"), _milestones(4)),
        Way(_("At the end"), _milestones(last)),
    )


def _milestones(here: int) -> tuple[Milestone, ...]:
    return tuple(
        Milestone(number, STEP_TITLES[step], "#steps" if number < here else None, number == here, number < here)
        for number, step in enumerate(SHOWN_STEPS, 1)
    )


def rows() -> tuple[Row, ...]:
    """Answers: right, wrong, with a remark, not given."""
    label = wording.FIELD_LABELS
    return (
        Row("right", label["other_details"], "Dalhousie University", "#summary"),
        Row(
            "wrong",
            label["graduation_year"],
            "1850",
            "#summary",
            failed=(wording.sentence("graduation_year.choice"),),
        ),
        Row("remarked", label["email"], "ada@mail.utoronto.ca", "#summary", notices=(str(_REMARK),)),
        Row("empty", label["notes"], "", "#summary"),
    )


def checks() -> tuple[Checked, ...]:
    """A rule with each outcome."""
    return tuple(Checked(SUBJECTS["country.required"], outcome, OUTCOMES[outcome]) for outcome in Outcome)


def happened() -> tuple[Happened, ...]:
    """What happened: a change before and after, something removed, nothing changed."""
    label = wording.FIELD_LABELS
    return (
        Happened(
            MOMENT,
            "Mia",
            EVENTS[EventName.RECORD_UPDATED],
            (),
            (Changed(label["graduation_year"], "2025", "2026"), Changed(label["notes"], "…", "")),
        ),
        Happened(MOMENT, "Mia", EVENTS[EventName.RECORD_VERIFIED], (str(_REMARK),), ()),
    )


def samples() -> tuple[Sample, ...]:
    """Each category, with why."""
    today = facts.today()
    ends = date(today.year + 1, 9, 30)
    decided = [
        determine_category(graduation_year=str(year), coto_status="pending", today=today, membership_ends=ends)
        for year in (today.year + 1, today.year, today.year - 9)
    ]
    return tuple(_sample(each) for each in decided)


def _sample(decision: CategoryDecision) -> Sample:
    return Sample(decision.category.value, wording.rationale(decision.category, decision.rationale))
