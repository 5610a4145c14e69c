"""The forms of the steps that ask for answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

from flask_babel import lazy_gettext as _
from wtforms import HiddenField

from wizard.core import education
from wizard.core.choices import DEFAULT_ACCESS_MODIFIER, DEFAULT_COUNTRY, DEFAULT_DEGREE_TYPE, ONTARIO_UNIVERSITIES
from wizard.core.education import EducationData
from wizard.core.errors import Problem
from wizard.core.registration import Registration
from wizard.core.rules import Outcome, evaluate, rules_for
from wizard.core.steps import FIELDS_OF, Step
from wizard.web import wording
from wizard.web.facts import facts_of
from wizard.web.forms.base import Form
from wizard.web.forms.fields import Answer, Area, Radios, Select
from wizard.web.mail_addresses import is_address, student_notice

LABELS = wording.FIELD_LABELS


class StepForm(Form):
    """A step's questions; `version` is that of the answers it was drawn from, 0 before there are any."""

    step: ClassVar[Step]
    version = HiddenField()

    @classmethod
    def of(cls, registration: Registration | None) -> Self:
        """The form with what is stored, or with the defaults."""
        if registration is None:
            return cls(data={"version": "0"})
        data = registration.data
        stored = {name: value for name in FIELDS_OF[cls.step] if (value := getattr(data, name)) is not None}
        return cls(data={**stored, "email": registration.contact_email, "version": str(registration.version)})

    @property
    def seen_version(self) -> int:
        """The version of the answers that the form was drawn from; what is no number has seen none."""
        text = self.version.data or ""
        return int(text) if text.isascii() and text.isdigit() else 0

    @property
    def questions(self) -> tuple[Answer, ...]:
        """Every field that is a question, in order."""
        return tuple(field for field in self if isinstance(field, Answer))

    @property
    def answers(self) -> dict[str, str | None]:
        """What was typed, by the field's name; only fields of the education data."""
        return {name: self[name].data for name in FIELDS_OF[self.step]}

    def asks(self, name: str) -> bool:
        """Whether a question applies, by what is typed in the others."""
        data = EducationData().with_changes(self.answers)
        if name == "other_details":
            return education.school_name_applies(data.university)
        return name != "coto_registration" or education.coto_number_applies(data.coto_status)

    def question(self, name: str) -> Answer:
        """One question by its name."""
        return next(field for field in self.questions if field.name == name)

    def is_valid(self) -> bool:
        """Check every rule that concerns these questions; the answers of other steps are not looked at."""
        valid = self.validate()
        self.check(*(question.name for question in self.questions), notices=False)
        return bool(valid) and not any(question.errors for question in self.questions)

    def check(self, *names: str, notices: bool = True) -> None:
        """Put what the rules say of some questions beside them."""
        given = EducationData().with_changes(self.answers).without_inapplicable()
        outcomes = evaluate(facts_of(given), rules_for(names, warnings=notices))
        for found in outcomes:
            if found.outcome is Outcome.FAILED:
                self.question(found.field).refuse(wording.outcome(found))
        for found in outcomes:
            question = self.question(found.field)
            # What follows from an answer that has to be mended is not worth a word.
            if found.outcome is Outcome.WARNING and not question.errors:
                question.notices.append(wording.outcome(found))

    def remark(self) -> None:
        """Add gentle remarks, which refuse nothing."""

    def refuse(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Put problems beside their questions; answers those that belong to none here."""
        others = []
        names = {question.name for question in self.questions}
        for problem in problems:
            if problem.field in names:
                self.question(problem.field).refuse(wording.problem(problem))
            else:
                others.append(problem)
        return tuple(others)


class IdentityForm(StepForm):
    step = Step.IDENTITY
    user_business_id = Answer(
        LABELS["user_business_id"],
        hint=_("You find it on your membership card and in e-mails from us, for example osot-0000001."),
        attributes={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "maxlength": "40"},
    )
    email = Answer(
        LABELS["email"],
        hint=_(
            "We send a link to continue there, should you not finish today. It is kept with this registration only."
        ),
        optional=True,
        attributes={"type": "email", "autocomplete": "email", "inputmode": "email", "spellcheck": "false"},
    )

    @property
    def contact_email(self) -> str:
        """The address as it is kept; empty where none is given."""
        return (self.email.data or "").strip()

    def check(self, *names: str, notices: bool = True) -> None:
        """Check the address too, which is no answer of the education data."""
        super().check(*names, notices=notices)
        if "email" in names and self.contact_email and not is_address(self.contact_email):
            self.email.refuse(wording.sentence("email.format"))

    def remark(self) -> None:
        """Warn of an address that ends with the studies."""
        self.email.notices.extend(student_notice(self.contact_email))


class EducationForm(StepForm):
    step = Step.EDUCATION
    degree_type = Select(
        LABELS["degree_type"],
        hint=_("The one that lets you practise as an occupational therapist."),
        default=DEFAULT_DEGREE_TYPE.value,
    )
    university = Select(LABELS["university"], hint=_("If yours is not listed, choose “Another school”."))
    other_details = Answer(
        LABELS["other_details"],
        hint=_("In full, as on your diploma, for example Dalhousie University."),
        refreshed_by="university",
        attributes={"autocomplete": "organization", "maxlength": "200"},
    )
    country = Select(
        LABELS["country"], hint=_("Where the school is."), refreshed_by="university", default=DEFAULT_COUNTRY
    )
    graduation_year = Select(
        LABELS["graduation_year"], hint=_("If you are still studying, the year in which you expect to graduate.")
    )

    def remark(self) -> None:
        """Suggest Canada for a school in Ontario."""
        if self.university.data in ONTARIO_UNIVERSITIES and self.country.data != DEFAULT_COUNTRY:
            school = wording.answer_of("university", self.university.data)
            if not self.country.errors:
                self.country.notices.append(str(_("%(school)s is in Canada.")) % {"school": school})
            self.country.suggestion = DEFAULT_COUNTRY


class CotoForm(StepForm):
    step = Step.COTO
    coto_status = Radios(
        LABELS["coto_status"],
        hint=_("The College of Occupational Therapists of Ontario regulates the profession. How do you stand with it?"),
    )
    coto_registration = Answer(
        LABELS["coto_registration"],
        hint=_("Up to 8 letters and digits, as on your certificate, for example G2601234."),
        refreshed_by="coto_status",
        attributes={
            "autocomplete": "off",
            "autocapitalize": "characters",
            "spellcheck": "false",
            "maxlength": "20",
            "class": "short",
        },
    )


class PrivacyForm(StepForm):
    step = Step.PRIVACY
    access_modifier = Radios(
        LABELS["access_modifier"],
        hint=_("You and the registration desk can always read it."),
        default=DEFAULT_ACCESS_MODIFIER.value,
    )
    notes = Area(
        LABELS["notes"],
        hint=_("Anything that the desk should know about your education. Up to 1,000 characters."),
        optional=True,
        attributes={"rows": "5", "maxlength": "2000"},
    )


STEP_FORMS: dict[Step, type[StepForm]] = {
    form.step: form for form in (IdentityForm, EducationForm, CotoForm, PrivacyForm)
}
