"""Running the rules with the facts they need: the data, the day, the records, the membership year."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from wizard.core.accounts import ACCESSIBLE, Account
from wizard.core.actors import Action, Actor, may
from wizard.core.category import CategoryDecision, determine_category
from wizard.core.choices import EducationCategory
from wizard.core.clock import Clock, toronto_date
from wizard.core.education import EducationData, member_number_key
from wizard.core.errors import ErrorCode, Problem, ValidationFailed, from_problems
from wizard.core.registration import Registration
from wizard.core.rules import (
    FORMAT_RULES,
    Facts,
    Holdings,
    Outcome,
    RuleOutcome,
    evaluate,
    failures,
    rules_for,
    verification_reasons,
)
from wizard.services.ports.units import UnitOfWork, UnitsOfWork

VERIFY_DISCOUNT = "verification.discount"
# What a category is decided from has to be a choice of today.
_CATEGORY_RULES = rules_for(("graduation_year", "coto_status"), warnings=False)
_DISCOUNTED = frozenset({EducationCategory.STUDENT, EducationCategory.NEW_GRADUATED})


@dataclass(frozen=True, slots=True)
class Checking:
    """Rules and category on real facts. `verify_discounts` puts every discounted record before the desk."""

    clock: Clock
    units: UnitsOfWork
    coto_pattern: re.Pattern[str]
    verify_discounts: bool

    @property
    def today(self) -> date:
        """The day that decides, in Toronto."""
        return toronto_date(self.clock.now())

    def facts(self, data: EducationData, holdings: Holdings | None = None) -> Facts:
        """What the rules look at today."""
        return Facts(data, self.today, self.coto_pattern, holdings)

    def require_format(self, data: EducationData) -> None:
        """Raise ValidationFailed with every malformed answer."""
        problems = failures(evaluate(self.facts(data), FORMAT_RULES))
        if problems:
            raise ValidationFailed(problems[0].message, problems=problems)

    def outcomes(self, registration: Registration, actor: Actor) -> tuple[RuleOutcome, ...]:
        """Every rule's outcome; the CONFLICT rules only for those whom their answer may reach."""
        linked_account = registration.account_id if registration.linked else None
        if not actor.may_learn_of_conflicts(linked_account):
            return evaluate(self.facts(registration.data))
        with self.units.read() as unit:
            return self.outcomes_within(unit, registration)

    def outcomes_within(self, unit: UnitOfWork, registration: Registration) -> tuple[RuleOutcome, ...]:
        """Every rule's outcome, the records looked up in a transaction that is open already."""
        holdings = unit.records.holdings(
            registration.data,
            account_id=registration.account_id,
            session_id=registration.session_id,
        )
        return evaluate(self.facts(registration.data, holdings))

    def category(self, data: EducationData, unit: UnitOfWork | None = None) -> CategoryDecision:
        """The category as of today.

        Raises ExternalServiceError where the membership year cannot be read: nothing is guessed.
        """
        if unit is None:
            with self.units.read() as reading:
                return self.category(data, reading)
        year = unit.membership_years.current()
        return determine_category(
            graduation_year=data.graduation_year or "",
            coto_status=data.coto_status or "",
            today=self.today,
            membership_ends=year.ends_on if year else None,
        )

    def category_of(self, *, graduation_year: str, coto_status: str) -> CategoryDecision:
        """The category that somebody would have, without a registration. Raises as `category`, and the failed rules."""
        data = EducationData(graduation_year=graduation_year, coto_status=coto_status)
        problems = failures(evaluate(self.facts(data), _CATEGORY_RULES))
        if problems:
            raise from_problems(problems)
        return self.category(data)

    def reasons_to_verify(self, outcomes: tuple[RuleOutcome, ...], category: EducationCategory) -> tuple[str, ...]:
        """Why the desk has to look at a record, as rule ids."""
        reasons = verification_reasons(outcomes)
        if self.verify_discounts and category in _DISCOUNTED:
            return (*reasons, VERIFY_DISCOUNT)
        return reasons


_LINKING_CHECKS = (
    "account.accessible",
    "account.privilege",
    "account.member_number",
    "account.one_record",
    "user_business_id.unique",
    "coto_registration.unique",
)


def linking_checks(
    actor: Actor, account: Account | None, registration: Registration, holdings: Holdings | None
) -> tuple[RuleOutcome, ...]:
    """The linking checks, each on its own (01-domain, Accounts, privileges and linking).

    Where the privilege fails, it alone is answered: the others would tell of an account that is somebody else's.
    """
    kept: dict[str, bool | None] = {"account.privilege": False}
    if actor.is_desk or (account is not None and may(actor, Action.CREATE, account.id)):
        kept = {
            "account.privilege": True,
            "account.accessible": account is not None and account.status in ACCESSIBLE,
            "account.member_number": _same_number(account, registration),
            **_kept_by_others(registration, holdings),
        }
    return tuple(RuleOutcome(rule, _field_of(rule), _OUTCOMES[kept.get(rule)]) for rule in _LINKING_CHECKS)


def _kept_by_others(registration: Registration, holdings: Holdings | None) -> dict[str, bool]:
    if holdings is None:
        return {}
    kept = {
        "account.one_record": not holdings.account_has_record,
        "user_business_id.unique": not holdings.member_number_taken,
    }
    if registration.data.coto_registration is not None:
        kept["coto_registration.unique"] = not holdings.coto_registration_taken
    return kept


_OUTCOMES = {None: Outcome.NOT_CHECKED, True: Outcome.PASSED, False: Outcome.FAILED}


def _field_of(rule: str) -> str:
    return "coto_registration" if rule == "coto_registration.unique" else "user_business_id"


def _same_number(account: Account | None, registration: Registration) -> bool | None:
    number = registration.data.user_business_id
    if account is None or number is None:
        return None
    return member_number_key(number) == member_number_key(account.number)


_LINKING_CODES = {
    "account.accessible": ErrorCode.BUSINESS_RULE_VIOLATION,
    "account.privilege": ErrorCode.PERMISSION_DENIED,
}


def linking_problems(checks: tuple[RuleOutcome, ...]) -> tuple[Problem, ...]:
    """The failed checks."""
    return tuple(
        Problem(_LINKING_CODES.get(check.rule, ErrorCode.CONFLICT), check.rule, check.field)
        for check in checks
        if check.outcome is Outcome.FAILED
    )
