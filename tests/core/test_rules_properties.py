"""Every rule fails, warns and passes exactly where an oracle says that was written from the spec's tables."""

from datetime import date

from hypothesis import example, given
from hypothesis import strategies as st

from tests.core import oracle
from tests.core.examples import DAYS, EDUCATION, TODAY, TYPED, complete
from wizard.core.education import FIELDS, EducationData
from wizard.core.rules import (
    CONFLICT_RULES,
    RULES,
    Facts,
    Holdings,
    Outcome,
    evaluate,
    failures,
    rules_for,
    verification_reasons,
    warnings,
)

HELD = st.none() | st.tuples(st.booleans(), st.booleans(), st.booleans())


@given(EDUCATION, DAYS, HELD)
@example(complete(country="FR", other_details=" "), TODAY, None)
@example(complete(coto_status="general", coto_registration="A1"), TODAY, (True, True, True))
def test_outcomes_agree_with_the_oracle(data: EducationData, today: date, held: tuple[bool, bool, bool] | None) -> None:
    outcomes = evaluate(Facts(data, today, holdings=Holdings(*held) if held else None))
    others = oracle.Others(*held) if held else None
    failed = {each.rule for each in outcomes if each.outcome is Outcome.FAILED}
    warned = {each.rule for each in outcomes if each.outcome is Outcome.WARNING}
    assert failed == oracle.failing(data.as_dict(), today, others)
    assert warned == oracle.warning(data.as_dict(), today)


@given(EDUCATION, DAYS)
def test_evaluation_answers_every_rule_once_in_order(data: EducationData, today: date) -> None:
    assert [each.rule for each in evaluate(Facts(data, today))] == [rule.id for rule in RULES]


@given(EDUCATION, DAYS, HELD)
def test_same_facts_give_the_same_outcomes(
    data: EducationData, today: date, held: tuple[bool, bool, bool] | None
) -> None:
    holdings = Holdings(*held) if held else None
    assert evaluate(Facts(data, today, holdings=holdings)) == evaluate(Facts(data, today, holdings=holdings))


@given(EDUCATION, DAYS)
def test_stranger_learns_nothing_of_other_records(data: EducationData, today: date) -> None:
    outcomes = {each.rule: each.outcome for each in evaluate(Facts(data, today))}
    assert {outcomes[rule] for rule in CONFLICT_RULES} == {Outcome.NOT_CHECKED}


@given(EDUCATION, DAYS)
def test_missing_field_fails_as_required_and_as_nothing_else_of_its_own_form(data: EducationData, today: date) -> None:
    failed = {each.rule for each in evaluate(Facts(data, today)) if each.outcome is Outcome.FAILED}
    for field in FIELDS:
        if getattr(data, field) is None:
            assert not failed & {f"{field}.choice", f"{field}.format", f"{field}.range"}


@given(EDUCATION, DAYS)
def test_problems_and_reasons_are_those_of_the_outcomes(data: EducationData, today: date) -> None:
    outcomes = evaluate(Facts(data, today))
    by_outcome = {kind: [each.rule for each in outcomes if each.outcome is kind] for kind in Outcome}
    assert [problem.message for problem in failures(outcomes)] == by_outcome[Outcome.FAILED]
    assert [problem.message for problem in warnings(outcomes)] == by_outcome[Outcome.WARNING]
    assert set(verification_reasons(outcomes)) == set(by_outcome[Outcome.WARNING]) - {"graduation_year.future"}


@given(TYPED, DAYS)
def test_whatever_is_typed_is_judged(typed: dict[str, str | None], today: date) -> None:
    outcomes = evaluate(Facts(EducationData().with_changes(typed), today, holdings=Holdings()))
    assert len(outcomes) == len(RULES)


@given(st.sets(st.sampled_from(FIELDS)), EDUCATION, DAYS)
def test_rules_of_some_fields_say_what_all_rules_say(fields: set[str], data: EducationData, today: date) -> None:
    facts = Facts(data, today)
    whole = evaluate(facts)
    assert all(outcome in whole for outcome in evaluate(facts, rules_for(fields)))
