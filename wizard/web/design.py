"""The design system on one page: every component in every state. For development only; production has no such page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from flask import Blueprint, abort, current_app, make_response, render_template
from flask_babel import lazy_gettext as _
from werkzeug import Response

from wizard.core.category import CategoryDecision, determine_category
from wizard.services.ports.messages import Message
from wizard.web import access, facts, language, wording
from wizard.web.applicant.page import SHOWN_STEPS, STEP_TITLES, Milestone, page, shared
from wizard.web.applicant.review import Row
from wizard.web.forms.others import CodeForm, DeclarationForm
from wizard.web.forms.steps import CotoForm, EducationForm, IdentityForm, PrivacyForm, StepForm
from wizard.web.mails import JinjaMailWriter
from wizard.web.typed import typed

blueprint = Blueprint("design", __name__, url_prefix="/design")
blueprint.app_context_processor(shared)

_MOMENT = "2026-11-23T15:00:00+00:00"
_MAILS = {
    "code": {"name": "Amara Okafor", "code": "012345"},
    "link": {"reader": "applicant", "token": "t0ken"},
    "reminder": {"reader": "applicant", "token": "t0ken"},
    "invitation": {"reader": "applicant", "token": "t0ken"},
    "confirmation": {
        "name": "Amara Okafor",
        "number": "osot-oted-0000001",
        "category": "new_graduated",
        "created_at": _MOMENT,
        "verification": "waiting",
    },
    "account_code": {"code": "012345", "number": ""},
    "account_decision": {"name": "Amara Okafor", "number": "osot-0000042", "decision": "active", "reason": ""},
    "verification_question": {
        "name": "Amara Okafor",
        "number": "osot-oted-0000001",
        "note": "In which city is the school that you name?",
    },
    "verification_outcome": {
        "name": "Amara Okafor",
        "number": "osot-oted-0000001",
        "outcome": "verified",
        "note": "",
    },
    "conflict_outcome": {
        "name": "Amara Okafor",
        "number": "osot-oted-0000001",
        "outcome": "replaced",
        "reason": "You entered your COTO status anew.",
    },
    "member_number": {"numbers": "osot-0000042", "occasion": "made"},
}
_ERRORS = (
    "bad_request",
    "crash",
    "expired",
    "forbidden",
    "form_expired",
    "method",
    "not_found",
    "refused",
    "signed_out",
    "stale",
    "too_large",
    "too_many",
    "unavailable",
)
_TOKENS = ("paper", "surface", "sunken", "ink", "muted", "brand", "link", "accent", "tint", "bad", "warn", "good")
_ART = ("pine", "mint", "marigold", "lilac")
_REMARK = _("A gentle remark, which refuses nothing.")


@dataclass(frozen=True, slots=True)
class Sample:
    """A category with why, for the page that shows it."""

    category: str
    why: str


@blueprint.get("")
def components() -> Response:
    """Every component in every state."""
    return page(
        "design/page.html",
        tokens=_TOKENS,
        art=_ART,
        form=_forms(),
        milestones=_milestones(),
        rows=_rows(),
        samples=_samples(),
        now=datetime.fromisoformat(_MOMENT),
        mails=tuple(_MAILS),
        errors=_ERRORS,
    )


@blueprint.get("/mails/<kind>")
def mail(kind: str) -> Response:
    """A mail as it is sent, as a file: our own policy would not let its styles count on a page."""
    if kind not in _MAILS:
        abort(404)
    message = Message(
        kind=kind,
        recipient="amara@example.org",
        language=language.current(),
        key=kind,
        values={"expires_at": _MOMENT, **_MAILS[kind]},
    )
    written = JinjaMailWriter(current_app, access.settings()).write(message)
    response = make_response(written.html)
    response.headers["Content-Disposition"] = f'attachment; filename="{kind}.html"'
    return response


@blueprint.get("/errors/<name>")
def error(name: str) -> str:
    """A page that says what went wrong, without anything going wrong."""
    if name not in _ERRORS:
        abort(404)
    sentence = wording.sentence("rate_limited")
    return render_template(f"errors/{name}.html", typed=typed(), sentences=(sentence,), error_id="4f1c9a7b20", page="/")


def _forms() -> dict[str, StepForm | CodeForm | DeclarationForm]:
    identity = IdentityForm(data={"user_business_id": "no number!", "email": "ada@mail.utoronto.ca"})
    identity.check("user_business_id")
    identity.remark()
    education = EducationForm(data={"degree_type": "masters", "university": "queens", "country": "FR"})
    education.remark()
    coto = CotoForm(data={"coto_status": "general"})
    coto.check("coto_registration")
    privacy = PrivacyForm(data={"access_modifier": "private"})
    declaration = DeclarationForm()
    declaration.declaration.refuse(wording.sentence("declaration.required"))
    return {
        "identity": identity,
        "education": education,
        "coto": coto,
        "privacy": privacy,
        "code": CodeForm(),
        "declaration": declaration,
    }


def _milestones() -> tuple[Milestone, ...]:
    here = 4
    return tuple(
        Milestone(number, STEP_TITLES[step], "#steps" if number < here else None, number == here, number < here)
        for number, step in enumerate(SHOWN_STEPS, 1)
    )


def _rows() -> tuple[Row, ...]:
    label = wording.FIELD_LABELS
    return (
        Row("other_details", label["other_details"], "Dalhousie University", "#summary"),
        Row(
            "graduation_year",
            label["graduation_year"],
            "1850",
            "#summary",
            failed=(wording.sentence("graduation_year.choice"),),
        ),
        Row("access_modifier", label["access_modifier"], "", "#summary", notices=(str(_REMARK),)),
    )


def _samples() -> tuple[Sample, ...]:
    today = facts.today()
    ends = date(today.year + 1, 9, 30)
    decided = [
        determine_category(graduation_year=str(year), coto_status="pending", today=today, membership_ends=ends)
        for year in (today.year + 1, today.year, today.year - 9)
    ]
    return tuple(_sample(each) for each in decided)


def _sample(decision: CategoryDecision) -> Sample:
    return Sample(decision.category.value, wording.rationale(decision.category, decision.rationale))
