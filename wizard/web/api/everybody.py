"""The calls that need no token: the choices, and the category that somebody would have."""

from __future__ import annotations

from hashlib import sha256

from wizard.core import choices
from wizard.core.accounts import AccountStatus
from wizard.core.actors import Privilege
from wizard.core.choices import AccessModifier, CotoStatus, DegreeType, EducationCategory, University
from wizard.core.clock import toronto_date
from wizard.services.ports.calls import Call
from wizard.web import access
from wizard.web import choices as labels
from wizard.web.api import parts
from wizard.web.api.answers import ChoiceAnswer, ChoicesAnswer
from wizard.web.api.calling import Answered
from wizard.web.api.models import CategoryBody, Nothing


def all_choices(_call: Call, _body: Nothing) -> Answered:
    """Every list of choices, labelled."""
    today = toronto_date(access.services().clock.now())
    lists = {
        "coto_status": tuple(CotoStatus),
        "degree_type": tuple(DegreeType),
        "university": tuple(University),
        "graduation_year": choices.graduation_year_choices(today),
        "country": tuple(labels.country_names(labels.language())),
        "education_category": tuple(EducationCategory),
        "access_modifier": tuple(AccessModifier),
        "privilege": tuple(Privilege),
        "account_status": tuple(AccountStatus),
    }
    shown = ChoicesAnswer(**{name: [_choice(name, slug) for slug in slugs] for name, slugs in lists.items()})
    return Answered(shown, etag=sha256(shown.model_dump_json().encode()).hexdigest()[:32])


def _choice(name: str, slug: str) -> ChoiceAnswer:
    return ChoiceAnswer(value=slug, label=labels.label(name, slug), code=choices.dataverse_code(name, slug))


def category(_call: Call, body: CategoryBody) -> Answered:
    """The category, without a session."""
    decided = access.services().checking.category_of(graduation_year=body.graduation_year, coto_status=body.coto_status)
    return Answered(parts.category(decided.category, decided.rationale))
