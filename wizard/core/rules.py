"""Every business rule, written once (01-domain, Business rules); forms, orchestrator and API call these."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from wizard.core import education
from wizard.core.choices import (
    DEFAULT_COUNTRY,
    ONTARIO_UNIVERSITIES,
    CotoStatus,
    University,
    choice_set,
    is_well_formed_year,
    year_as_number,
)
from wizard.core.education import CHOICE_FIELDS, REQUIRED_FIELDS, EducationData
from wizard.core.errors import ErrorCode, Problem
from wizard.core.regulations import REGIONAL, region_of, regional_rules


class Outcome(StrEnum):
    """What came of a rule."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the records say of this registration's numbers and account: facts for the CONFLICT rules."""

    member_number_taken: bool = False
    coto_registration_taken: bool = False
    account_has_record: bool = False


DEFAULT_COTO_PATTERN = re.compile(r"[A-Z0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a rule may look at; `holdings` is None where the CONFLICT rules are not to be checked."""

    data: EducationData
    today: date
    coto_pattern: re.Pattern[str] = DEFAULT_COTO_PATTERN
    holdings: Holdings | None = None


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """A rule's outcome, kept as an id with parameters and worded at the edge."""

    rule: str
    field: str
    outcome: Outcome
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)


# True: the rule is broken; False: it is kept; None: there is nothing to check it on.
Check = Callable[[Facts], bool | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its id, the field it concerns, what breaking it leads to, and the check itself."""

    id: str
    field: str
    breach: Outcome
    code: ErrorCode | None
    check: Check

    def evaluate(self, facts: Facts) -> RuleOutcome:
        """Check the rule on the facts."""
        broken = self.check(facts)
        if broken is None:
            return RuleOutcome(self.id, self.field, Outcome.NOT_CHECKED)
        if not broken:
            return RuleOutcome(self.id, self.field, Outcome.PASSED)
        return RuleOutcome(self.id, self.field, self.breach, _params(self.id, facts))


_MEMBER_NUMBER = re.compile(r"[A-Za-z0-9_-]{1,20}")
OTHER_DETAILS_LENGTH = 100
NOTES_LENGTH = 1000
# Lone surrogates cannot be stored anywhere; control characters have no place in an answer.
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_NOT_ONE_LINE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# Spaces and format characters (zero-width ones among them): a name of these alone shows nothing.
INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
_REGISTERED = frozenset({CotoStatus.GENERAL, CotoStatus.PROVISIONAL_TEMPORARY, CotoStatus.RESIGNED})


def _required(name: str) -> Check:
    return lambda facts: getattr(facts.data, name) is None


def _choice(name: str) -> Check:
    if name == "graduation_year":
        return _graduation_year_choice

    def check(facts: Facts) -> bool | None:
        value = getattr(facts.data, name)
        return None if value is None else value not in choice_set(name, facts.today)

    return check


def _graduation_year_choice(facts: Facts) -> bool | None:
    year = facts.data.graduation_year
    return None if year is None else not is_well_formed_year(year)


def _user_business_id_format(facts: Facts) -> bool | None:
    number = facts.data.user_business_id
    return None if number is None else _MEMBER_NUMBER.fullmatch(number) is None


def _coto_registration_format(facts: Facts) -> bool | None:
    number = facts.data.coto_registration
    return None if number is None else facts.coto_pattern.fullmatch(number) is None


def _is_blank(text: str) -> bool:
    return all(unicodedata.category(character) in INVISIBLE for character in text)


def _other_details_format(facts: Facts) -> bool | None:
    text = facts.data.other_details
    if text is None:
        return None
    return len(text) > OTHER_DETAILS_LENGTH or _NOT_ONE_LINE.search(text) is not None or _is_blank(text)


def _notes_format(facts: Facts) -> bool | None:
    text = facts.data.notes
    if text is None:
        return None
    return len(text) > NOTES_LENGTH or _NOT_TEXT.search(text) is not None


def _coto_registration_required(facts: Facts) -> bool | None:
    """`coto_registration.required`: the status needs a number, and none is given."""
    if facts.data.coto_status not in choice_set("coto_status", facts.today):
        return None
    applies = education.coto_number_applies(facts.data.coto_status)
    return applies and facts.data.coto_registration is None


def _coto_registration_not_allowed(facts: Facts) -> bool | None:
    """`coto_registration.not_allowed`: the status has no number, and one is given."""
    if facts.data.coto_status not in choice_set("coto_status", facts.today):
        return None
    applies = education.coto_number_applies(facts.data.coto_status)
    return not applies and facts.data.coto_registration is not None


def _other_details_required(facts: Facts) -> bool | None:
    """`other_details.required`: the school is not on the list and is not named."""
    if facts.data.university is None:
        return None
    applies = education.school_name_applies(facts.data.university)
    return applies and facts.data.other_details is None


def _alignment(facts: Facts) -> bool | None:
    """`university_country.alignment`: an Ontario university with a country other than Canada."""
    data = facts.data
    if data.university is None or data.country is None:
        return None
    return data.university in ONTARIO_UNIVERSITIES and data.country != DEFAULT_COUNTRY


def _graduation_year_range(facts: Facts) -> bool | None:
    """`graduation_year.range`: a well-formed year, but not one of the choices as they stand today."""
    year = facts.data.graduation_year
    if year is None or not is_well_formed_year(year):
        return None
    return year not in choice_set("graduation_year", facts.today)


def _user_business_id_unique(facts: Facts) -> bool | None:
    return None if facts.holdings is None else facts.holdings.member_number_taken


def _coto_registration_unique(facts: Facts) -> bool | None:
    if facts.holdings is None or facts.data.coto_registration is None:
        return None
    return facts.holdings.coto_registration_taken


def _account_one_record(facts: Facts) -> bool | None:
    return None if facts.holdings is None else facts.holdings.account_has_record


def _year(facts: Facts) -> int | None:
    slug = facts.data.graduation_year
    return year_as_number(slug) if slug is not None and is_well_formed_year(slug) else None


def _graduation_year_future(facts: Facts) -> bool | None:
    year = _year(facts)
    return None if year is None else year > facts.today.year


def _international_education(facts: Facts) -> bool | None:
    return None if facts.data.country is None else facts.data.country != DEFAULT_COUNTRY


def _unlisted_university(facts: Facts) -> bool | None:
    return None if facts.data.university is None else facts.data.university == University.OTHER


def _university_not_given(facts: Facts) -> bool | None:
    data = facts.data
    if data.university is None or data.country is None:
        return None
    return data.university == University.NOT_APPLICABLE and data.country == DEFAULT_COUNTRY


def _student_after_graduation(facts: Facts) -> bool | None:
    year = _year(facts)
    if year is None or facts.data.coto_status is None:
        return None
    return facts.data.coto_status == CotoStatus.STUDENT and year < facts.today.year


def _registered_before_graduation(facts: Facts) -> bool | None:
    year = _year(facts)
    if year is None or facts.data.coto_status is None:
        return None
    return facts.data.coto_status in _REGISTERED and year > facts.today.year


def _regional(rule_id: str, check: Check) -> Check:
    def regional_check(facts: Facts) -> bool | None:
        if rule_id not in regional_rules(region_of(facts.data), facts.today):
            return False
        return check(facts)

    return regional_check


def _rule(rule_id: str, field_name: str, breach: Outcome, code: ErrorCode | None, check: Check) -> Rule:
    checked = _regional(rule_id, check) if rule_id in REGIONAL else check
    return Rule(rule_id, field_name, breach, code, checked)


def _fails(rule_id: str, field_name: str, code: ErrorCode, check: Check) -> Rule:
    return _rule(rule_id, field_name, Outcome.FAILED, code, check)


def _warns(rule_id: str, field_name: str, check: Check) -> Rule:
    return _rule(rule_id, field_name, Outcome.WARNING, None, check)


_INVALID = ErrorCode.VALIDATION_ERROR
_VIOLATION = ErrorCode.BUSINESS_RULE_VIOLATION
_CONFLICT = ErrorCode.CONFLICT

RULES: tuple[Rule, ...] = (
    *(_fails(f"{name}.required", name, _INVALID, _required(name)) for name in REQUIRED_FIELDS),
    *(_fails(f"{name}.choice", name, _INVALID, _choice(name)) for name in CHOICE_FIELDS),
    _fails("user_business_id.format", "user_business_id", _INVALID, _user_business_id_format),
    _fails("coto_registration.format", "coto_registration", _INVALID, _coto_registration_format),
    _fails("other_details.format", "other_details", _INVALID, _other_details_format),
    _fails("notes.format", "notes", _INVALID, _notes_format),
    _fails("coto_registration.required", "coto_registration", _VIOLATION, _coto_registration_required),
    _fails(
        "coto_registration.not_allowed",
        "coto_registration",
        _VIOLATION,
        _coto_registration_not_allowed,
    ),
    _fails("other_details.required", "other_details", _VIOLATION, _other_details_required),
    _fails("university_country.alignment", "country", _VIOLATION, _alignment),
    _fails("graduation_year.range", "graduation_year", _VIOLATION, _graduation_year_range),
    _fails("user_business_id.unique", "user_business_id", _CONFLICT, _user_business_id_unique),
    _fails("coto_registration.unique", "coto_registration", _CONFLICT, _coto_registration_unique),
    _fails("account.one_record", "user_business_id", _CONFLICT, _account_one_record),
    _warns("graduation_year.future", "graduation_year", _graduation_year_future),
    _warns("verification.international_education", "country", _international_education),
    _warns("verification.unlisted_university", "university", _unlisted_university),
    _warns("verification.university_not_given", "university", _university_not_given),
    _warns("coto_status.student_after_graduation", "coto_status", _student_after_graduation),
    _warns("coto_status.registered_before_graduation", "coto_status", _registered_before_graduation),
)
RULES_BY_ID: Mapping[str, Rule] = {rule.id: rule for rule in RULES}
CONFLICT_RULES: frozenset[str] = frozenset(rule.id for rule in RULES if rule.code is _CONFLICT)
# What `stage` and `update` check on what is given: form, not completeness and not business.
FORMAT_RULES: tuple[Rule, ...] = tuple(rule for rule in RULES if rule.id.endswith((".format", ".choice")))


def evaluate(facts: Facts, rules: Iterable[Rule] = RULES) -> tuple[RuleOutcome, ...]:
    """The outcome of each rule, in the table's order."""
    return tuple(rule.evaluate(facts) for rule in rules)


def rules_for(fields: Iterable[str], *, warnings: bool = True) -> tuple[Rule, ...]:
    """The rules that concern some fields and need no look-up of other records."""
    wanted = frozenset(fields)
    return tuple(
        rule
        for rule in RULES
        if rule.field in wanted and rule.id not in CONFLICT_RULES and (warnings or rule.breach is Outcome.FAILED)
    )


def failures(outcomes: Iterable[RuleOutcome]) -> tuple[Problem, ...]:
    """The failed rules as problems; these stop the workflow."""
    return tuple(_problem(outcome) for outcome in outcomes if outcome.outcome is Outcome.FAILED)


def warnings(outcomes: Iterable[RuleOutcome]) -> tuple[Problem, ...]:
    """The warnings as problems without consequence: shown, and carried to the record."""
    return tuple(_problem(outcome) for outcome in outcomes if outcome.outcome is Outcome.WARNING)


def verification_reasons(outcomes: Iterable[RuleOutcome]) -> tuple[str, ...]:
    """The ids of the warnings that put a record into the desk's verification queue."""
    return tuple(
        outcome.rule
        for outcome in outcomes
        if outcome.outcome is Outcome.WARNING and outcome.rule.startswith(("verification.", "coto_status."))
    )


def _problem(outcome: RuleOutcome) -> Problem:
    code = RULES_BY_ID[outcome.rule].code or ErrorCode.BUSINESS_RULE_VIOLATION
    return Problem(code, outcome.rule, outcome.field, outcome.params)


_PARAMS: Mapping[str, tuple[str, ...]] = {
    "coto_registration.required": ("coto_status",),
    "coto_registration.not_allowed": ("coto_status",),
    "university_country.alignment": ("university", "country"),
    "graduation_year.range": ("graduation_year",),
    "graduation_year.future": ("graduation_year",),
    "verification.international_education": ("country",),
    "coto_status.student_after_graduation": ("graduation_year",),
    "coto_status.registered_before_graduation": ("graduation_year", "coto_status"),
}


def _params(rule_id: str, facts: Facts) -> dict[str, str]:
    """What the sentence needs; choices only, never what a person typed freely."""
    params = {name: str(getattr(facts.data, name)) for name in _PARAMS.get(rule_id, ())}
    if rule_id == "graduation_year.range":
        params["latest"] = max(filter(str.isdigit, choice_set("graduation_year", facts.today)))
    return params
