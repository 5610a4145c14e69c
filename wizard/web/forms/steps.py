"""The forms of the steps that ask for answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

from wtforms import HiddenField

from wizard.core import education
from wizard.core.choices import DEFAULT_ACCESS_MODIFIER, DEFAULT_COUNTRY, DEFAULT_DEGREE_TYPE, University
from wizard.core.education import EducationData
from wizard.core.errors import Problem
from wizard.core.registration import Registration
from wizard.core.rules import Outcome, evaluate, rules_for
from wizard.core.schools import is_in_canada, suggested_country
from wizard.core.steps import FIELDS_OF, Step
from wizard.web import wording
from wizard.web.facts import facts_of
from wizard.web.forms.base import Form, as_meant, version_of
from wizard.web.forms.fields import MAIL, Answer, Area, Radios, SchoolName, Select
from wizard.web.forms.words import TO_APPLICANTS, Words
from wizard.web.mail_addresses import is_address, student_notice
from wizard.web.texts import lazy_gettext as _
from wizard.web.wording import FIELD_LABELS as LABELS


class StepForm(Form):
    """A step's questions; `version` is that of the answers it was drawn from, 0 before there are any."""

    step: ClassVar[Step]
    words: ClassVar[Words] = TO_APPLICANTS
    # The rules that made it invalid.
    stopped: tuple[str, ...] = ()
    version = HiddenField()

    @classmethod
    def of(cls, registration: Registration | None) -> Self:
        """The form with what is stored, or with the defaults."""
        if registration is None:
            return cls(data={"version": "0"})
        data = registration.data
        stored = {name: value for name in FIELDS_OF[cls.step] if (value := getattr(data, name)) is not None}
        email = registration.contact_email or ""
        return cls(data={**stored, "email": email, "email_seen": email, "version": str(registration.version)})

    @property
    def seen_version(self) -> int:
        """The version of the answers that the form was drawn from; what is no number has seen none."""
        return version_of(self.version.data)

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
        self.stopped = self.check(*(question.name for question in self.questions), notices=False)
        return bool(valid) and not any(question.errors for question in self.questions)

    def check(self, *names: str, notices: bool = True) -> tuple[str, ...]:
        """Put what the rules say of some questions beside them; answers the rules that fail."""
        given = EducationData().with_changes(self.answers).without_inapplicable()
        outcomes = evaluate(facts_of(given), rules_for(names, warnings=notices))
        for found in outcomes:
            # What is no choice at all need not fit the other answers, too.
            if found.outcome is Outcome.FAILED and not self.question(found.field).errors:
                self.question(found.field).refuse(self.words.outcome(found))
        for found in outcomes:
            question = self.question(found.field)
            # What follows from an answer that has to be mended is not worth a word.
            if found.outcome is Outcome.WARNING and not question.errors:
                question.notices.append(self.words.outcome(found))
        return tuple(found.rule for found in outcomes if found.outcome is Outcome.FAILED)

    def remark(self) -> None:
        """Add gentle remarks, which refuse nothing."""

    def refuse(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Put problems beside their questions; answers those that belong to none here."""
        others = []
        names = {question.name for question in self.questions}
        for problem in problems:
            if problem.field in names:
                self.question(problem.field).refuse(self.words.problem(problem))
            else:
                others.append(problem)
        return tuple(others)


class IdentityForm(StepForm):
    """Who registers; `email_seen` is the address that it was drawn with, which no version counts."""

    step = Step.IDENTITY
    email_seen = HiddenField()
    user_business_id = Answer(
        LABELS["user_business_id"],
        hint=_("It is on your membership card and in our e-mails to you, for example osot-0000001."),
        attributes={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "maxlength": "40"},
    )
    email = Answer(
        LABELS["email"],
        hint=_(
            "If you do not finish today, we send a link to continue there. A personal address that you keep "
            "after your studies is best, for example name@example.com."
        ),
        optional=True,
        attributes=MAIL,
    )

    @property
    def answers(self) -> dict[str, str | None]:
        """With the member number as it was meant."""
        return {"user_business_id": as_meant(self.user_business_id.data or "")}

    @property
    def contact_email(self) -> str:
        """The address as it is kept; empty where none is given."""
        return (self.email.data or "").strip()

    def check(self, *names: str, notices: bool = True) -> tuple[str, ...]:
        """Check the address too, which is no answer of the education data."""
        failed = super().check(*names, notices=notices)
        if "email" in names and self.contact_email and not is_address(self.contact_email):
            self.email.refuse(wording.sentence("email.format"))
        return failed

    def remark(self) -> None:
        """Warn of an address that ends with the studies."""
        self.email.notices.extend(student_notice(self.contact_email))


class EducationForm(StepForm):
    step = Step.EDUCATION
    degree_type = Select(
        LABELS["degree_type"],
        hint=_("The one that lets you practise as an occupational therapist, for example your MScOT or BHSc (OT)."),
        default=DEFAULT_DEGREE_TYPE.value,
    )
    university = Select(
        LABELS["university"],
        hint=_("Where you took that degree. If your school is not on the list, choose “Another school”."),
        searched=True,
        unlisted=(University.OTHER, "other_details"),
    )
    other_details = SchoolName(
        LABELS["other_details"],
        hint=_("In full, as on your diploma, for example Dalhousie University."),
        refreshed_by=("university",),
        attributes={"autocomplete": "off", "autocapitalize": "words", "spellcheck": "false", "maxlength": "200"},
    )
    country = Select(
        LABELS["country"],
        hint=_("Where the school is, not where you live."),
        refreshed_by=("university", "other_details"),
        searched=True,
        default=DEFAULT_COUNTRY,
    )
    graduation_year = Select(
        LABELS["graduation_year"],
        hint=_(
            "The year on your diploma. If you are still studying, the year in which you expect to graduate. "
            "It decides your membership category."
        ),
    )

    def remark(self) -> None:
        """Suggest Canada for a school that is there, and say so where the suggestion was taken."""
        school, country = self._school, self.country
        country.suggestion = suggested_country(self.university.data, school, country.data)
        if country.suggestion and not country.errors:
            said = _("%(school)s is in Canada, so the country is probably Canada.")
        elif country.replaced and is_in_canada(self.university.data, school):
            said = _("Canada is chosen now, because %(school)s is in Canada.")
        else:
            return
        country.notices.append(str(said) % {"school": school})

    @property
    def _school(self) -> str:
        if self.university.data == University.OTHER:
            return (self.other_details.data or "").strip()
        return wording.answer_of("university", self.university.data)


class CotoForm(StepForm):
    step = Step.COTO
    coto_status = Radios(
        LABELS["coto_status"],
        hint=_(
            "How you stand today with the College of Occupational Therapists of Ontario, which regulates "
            "the profession."
        ),
    )
    coto_registration = Answer(
        LABELS["coto_registration"],
        hint=_(
            "As on your certificate and in the College’s public register: "
            "up to 8 letters and digits, for example G2601234."
        ),
        refreshed_by=("coto_status",),
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
        hint=_("You and the registration desk always can. This says which other systems may read it, too."),
        default=DEFAULT_ACCESS_MODIFIER.value,
    )
    notes = Area(
        LABELS["notes"],
        hint=_(
            "Anything that the desk should know about your education, for example another name on your diploma. "
            "Up to 1,000 characters."
        ),
        optional=True,
        attributes={"rows": "5", "maxlength": "2000"},
    )


STEP_FORMS: dict[Step, type[StepForm]] = {
    form.step: form for form in (IdentityForm, EducationForm, CotoForm, PrivacyForm)
}
