import re
from dataclasses import replace
from datetime import date

import pytest

from tests.core.examples import COMPLETE, TODAY, complete
from wizard.core.education import EducationData
from wizard.core.errors import ErrorCode, Problem
from wizard.core.rules import (
    CONFLICT_RULES,
    FORMAT_RULES,
    RULES,
    RULES_BY_ID,
    Facts,
    Holdings,
    Outcome,
    evaluate,
    failures,
    rules_for,
    verification_reasons,
    warnings,
)

PASSED, WARNING, FAILED, NOT_CHECKED = Outcome.PASSED, Outcome.WARNING, Outcome.FAILED, Outcome.NOT_CHECKED
NOTHING_HELD = Holdings()

# 01-domain, Business rules: id, field, and the code of a failure (None: it warns).
TABLE = [
    ("user_business_id.required", "user_business_id", "VALIDATION_ERROR"),
    ("degree_type.required", "degree_type", "VALIDATION_ERROR"),
    ("university.required", "university", "VALIDATION_ERROR"),
    ("country.required", "country", "VALIDATION_ERROR"),
    ("graduation_year.required", "graduation_year", "VALIDATION_ERROR"),
    ("coto_status.required", "coto_status", "VALIDATION_ERROR"),
    ("access_modifier.required", "access_modifier", "VALIDATION_ERROR"),
    ("degree_type.choice", "degree_type", "VALIDATION_ERROR"),
    ("university.choice", "university", "VALIDATION_ERROR"),
    ("country.choice", "country", "VALIDATION_ERROR"),
    ("graduation_year.choice", "graduation_year", "VALIDATION_ERROR"),
    ("coto_status.choice", "coto_status", "VALIDATION_ERROR"),
    ("access_modifier.choice", "access_modifier", "VALIDATION_ERROR"),
    ("user_business_id.format", "user_business_id", "VALIDATION_ERROR"),
    ("coto_registration.format", "coto_registration", "VALIDATION_ERROR"),
    ("other_details.format", "other_details", "VALIDATION_ERROR"),
    ("notes.format", "notes", "VALIDATION_ERROR"),
    ("coto_registration.required", "coto_registration", "BUSINESS_RULE_VIOLATION"),
    ("coto_registration.not_allowed", "coto_registration", "BUSINESS_RULE_VIOLATION"),
    ("other_details.required", "other_details", "BUSINESS_RULE_VIOLATION"),
    ("university_country.alignment", "country", "BUSINESS_RULE_VIOLATION"),
    ("graduation_year.range", "graduation_year", "BUSINESS_RULE_VIOLATION"),
    ("user_business_id.unique", "user_business_id", "CONFLICT"),
    ("coto_registration.unique", "coto_registration", "CONFLICT"),
    ("account.one_record", "user_business_id", "CONFLICT"),
    ("graduation_year.future", "graduation_year", None),
    ("verification.international_education", "country", None),
    ("verification.unlisted_university", "university", None),
    ("verification.university_not_given", "university", None),
    ("coto_status.student_after_graduation", "coto_status", None),
    ("coto_status.registered_before_graduation", "coto_status", None),
]


def outcome_of(rule: str, data: EducationData, *, today: date = TODAY, holdings: Holdings | None = None) -> Outcome:
    return RULES_BY_ID[rule].evaluate(Facts(data, today, holdings=holdings)).outcome


def test_rules_are_the_tables_in_its_order() -> None:
    assert [(rule.id, rule.field, rule.code) for rule in RULES] == TABLE
    assert len(RULES_BY_ID) == len(RULES)


@pytest.mark.parametrize(("rule", "field", "code"), TABLE)
def test_a_failure_stops_and_a_warning_does_not(rule: str, field: str, code: str | None) -> None:
    assert RULES_BY_ID[rule].breach is (WARNING if code is None else FAILED)
    assert RULES_BY_ID[rule].field == field


def test_ordinary_answers_pass_every_rule() -> None:
    outcomes = {each.rule: each.outcome for each in evaluate(Facts(COMPLETE, TODAY, holdings=NOTHING_HELD))}
    not_given = {"coto_registration.format", "coto_registration.unique", "other_details.format", "notes.format"}
    assert {rule for rule, outcome in outcomes.items() if outcome is NOT_CHECKED} == not_given
    assert {outcome for rule, outcome in outcomes.items() if rule not in not_given} == {PASSED}


# --- Required, choice, format -----------------------------------------------------------------------------

REQUIRED = [
    "user_business_id",
    "degree_type",
    "university",
    "country",
    "graduation_year",
    "coto_status",
    "access_modifier",
]


@pytest.mark.parametrize("field", REQUIRED)
def test_required_field_has_to_be_there(field: str) -> None:
    missing = complete(**{field: None})
    assert outcome_of(f"{field}.required", missing) is FAILED
    assert outcome_of(f"{field}.required", COMPLETE) is PASSED
    own = {each.rule for each in evaluate(Facts(missing, TODAY)) if each.field == field and each.outcome is FAILED}
    assert own == {f"{field}.required"}


def test_other_fields_may_be_missing() -> None:
    for field in ("other_details", "coto_registration", "notes"):
        assert getattr(COMPLETE, field) is None
    assert failures(evaluate(Facts(COMPLETE, TODAY))) == ()


@pytest.mark.parametrize(
    ("field", "valid", "invalid"),
    [
        ("degree_type", "doctorate", "phd"),
        ("university", "western", "Western"),
        ("country", "ZW", "XX"),
        ("country", "CA", "ca"),
        ("country", "GB", "UK"),
        ("graduation_year", "pre-1960", "soon"),
        ("graduation_year", "2026", "26"),
        ("coto_status", "resigned", "retired"),
        ("access_modifier", "public", "secret"),
    ],
)
def test_choice_has_to_be_one_of_the_list(field: str, valid: str, invalid: str) -> None:
    assert outcome_of(f"{field}.choice", complete(**{field: valid})) is PASSED
    assert outcome_of(f"{field}.choice", complete(**{field: invalid})) is FAILED
    assert outcome_of(f"{field}.choice", complete(**{field: None})) is NOT_CHECKED


@pytest.mark.parametrize(
    ("field", "value", "outcome"),
    [
        ("user_business_id", "osot-0000001", PASSED),
        ("user_business_id", "A", PASSED),
        ("user_business_id", "z9_-" * 5, PASSED),
        ("user_business_id", "z9_-" * 5 + "z", FAILED),
        ("user_business_id", "", FAILED),
        ("user_business_id", "osot 1", FAILED),
        ("user_business_id", "osöt-1", FAILED),
        ("user_business_id", "osot-\u0661", FAILED),
        ("user_business_id", "osot-1\n", FAILED),
        ("user_business_id", None, NOT_CHECKED),
        ("coto_registration", "A", PASSED),
        ("coto_registration", "AB123456", PASSED),
        ("coto_registration", "AB1234567", FAILED),
        ("coto_registration", "ab12", FAILED),
        ("coto_registration", "AB-12", FAILED),
        ("coto_registration", "AB12\n", FAILED),
        ("coto_registration", "É1", FAILED),
        ("coto_registration", None, NOT_CHECKED),
        ("other_details", "Université de Montréal", PASSED),
        ("other_details", "é" * 100, PASSED),
        ("other_details", "é" * 101, FAILED),
        ("other_details", " ", FAILED),
        ("other_details", "\u200b\u00a0", FAILED),
        ("other_details", "東京大学", PASSED),
        ("other_details", None, NOT_CHECKED),
        ("notes", "n" * 1000, PASSED),
        ("notes", "n" * 1001, FAILED),
        ("notes", "first line\n\tsecond line", PASSED),
        ("notes", None, NOT_CHECKED),
    ],
)
def test_format_is_the_tables(field: str, value: str | None, outcome: Outcome) -> None:
    assert outcome_of(f"{field}.format", complete(**{field: value})) is outcome


# Beyond the table: what no database column, mail or log line can hold.
@pytest.mark.parametrize("unwritable", ["\x00", "\x07", "\x1b", "\x7f", "\ud800"])
@pytest.mark.parametrize("field", ["user_business_id", "coto_registration", "other_details", "notes"])
def test_text_that_cannot_be_written_down_is_malformed(field: str, unwritable: str) -> None:
    assert outcome_of(f"{field}.format", complete(**{field: f"A{unwritable}B"})) is FAILED


@pytest.mark.parametrize("break_", ["\n", "\r", "\t"])
def test_name_of_a_school_is_one_line(break_: str) -> None:
    assert outcome_of("other_details.format", complete(other_details=f"School{break_}of")) is FAILED


def test_pattern_of_coto_numbers_is_a_setting() -> None:
    rule = RULES_BY_ID["coto_registration.format"]
    pattern = re.compile(r"G[0-9]{4}")
    for number, outcome in (("G1234", PASSED), ("G12345", FAILED), ("AB12", FAILED)):
        facts = Facts(complete(coto_registration=number), TODAY, coto_pattern=pattern)
        assert rule.evaluate(facts).outcome is outcome


# --- Business ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "number", "required", "not_allowed"),
    [
        ("general", None, FAILED, PASSED),
        ("general", "AB12", PASSED, PASSED),
        ("provisional_temporary", None, FAILED, PASSED),
        ("provisional_temporary", "AB12", PASSED, PASSED),
        ("other", None, PASSED, PASSED),
        ("other", "AB12", PASSED, FAILED),
        ("student", None, PASSED, PASSED),
        ("student", "AB12", PASSED, FAILED),
        ("pending", None, PASSED, PASSED),
        ("pending", "AB12", PASSED, FAILED),
        ("resigned", None, PASSED, PASSED),
        ("resigned", "AB12", PASSED, FAILED),
        (None, "AB12", NOT_CHECKED, NOT_CHECKED),
        ("retired", "AB12", NOT_CHECKED, NOT_CHECKED),
    ],
)
@pytest.mark.parametrize(("university", "country"), [("mcmaster", "CA"), ("not_applicable", "CA"), ("other", "US")])
def test_coto_number_goes_with_the_status_in_every_region(
    status: str | None, number: str | None, required: Outcome, not_allowed: Outcome, university: str, country: str
) -> None:
    data = complete(coto_status=status, coto_registration=number, university=university, country=country)
    assert outcome_of("coto_registration.required", data) is required
    assert outcome_of("coto_registration.not_allowed", data) is not_allowed


@pytest.mark.parametrize(
    ("university", "country", "details", "outcome"),
    [
        ("other", "CA", None, FAILED),
        ("other", "FR", None, FAILED),
        ("other", None, None, FAILED),
        ("other", "CA", "Dalhousie", PASSED),
        ("mcmaster", "CA", None, PASSED),
        ("mcmaster", "CA", "Dalhousie", PASSED),
        ("not_applicable", "CA", None, PASSED),
        ("not_applicable", "FR", None, PASSED),
        (None, "CA", None, NOT_CHECKED),
    ],
)
def test_school_that_is_not_on_the_list_has_to_be_named(
    university: str | None, country: str | None, details: str | None, outcome: Outcome
) -> None:
    data = complete(university=university, country=country, other_details=details)
    assert outcome_of("other_details.required", data) is outcome


@pytest.mark.parametrize(
    ("university", "country", "outcome"),
    [
        *((university, "US", FAILED) for university in ("mcmaster", "queens", "ottawa", "toronto", "western")),
        *((university, "CA", PASSED) for university in ("mcmaster", "queens", "ottawa", "toronto", "western")),
        ("other", "US", PASSED),
        ("other", "CA", PASSED),
        ("not_applicable", "US", PASSED),
        ("not_applicable", "CA", PASSED),
        (None, "US", NOT_CHECKED),
        ("mcmaster", None, NOT_CHECKED),
    ],
)
def test_ontario_university_lies_in_canada(university: str | None, country: str | None, outcome: Outcome) -> None:
    assert outcome_of("university_country.alignment", complete(university=university, country=country)) is outcome


@pytest.mark.parametrize(
    ("year", "outcome", "choice"),
    [
        ("pre-1960", PASSED, PASSED),
        ("1960-1969", PASSED, PASSED),
        ("1970-1979", PASSED, PASSED),
        ("1979", FAILED, PASSED),
        ("1980", PASSED, PASSED),
        ("2026", PASSED, PASSED),
        ("2029", PASSED, PASSED),
        ("2030", FAILED, PASSED),
        ("0000", FAILED, PASSED),
        ("soon", NOT_CHECKED, FAILED),
        (None, NOT_CHECKED, NOT_CHECKED),
    ],
)
def test_graduation_year_is_in_range_or_malformed(year: str | None, outcome: Outcome, choice: Outcome) -> None:
    assert outcome_of("graduation_year.range", complete(graduation_year=year)) is outcome
    assert outcome_of("graduation_year.choice", complete(graduation_year=year)) is choice


def test_range_of_years_moves_with_the_year() -> None:
    data = complete(graduation_year="2030")
    assert outcome_of("graduation_year.range", data, today=date(2026, 12, 31)) is FAILED
    assert outcome_of("graduation_year.range", data, today=date(2027, 1, 1)) is PASSED


# --- Conflicts --------------------------------------------------------------------------------------------

NUMBERED = complete(coto_status="general", coto_registration="AB12")
CONFLICTS = [
    ("user_business_id.unique", Holdings(member_number_taken=True)),
    ("coto_registration.unique", Holdings(coto_registration_taken=True)),
    ("account.one_record", Holdings(account_has_record=True)),
]


@pytest.mark.parametrize(("rule", "taken"), CONFLICTS)
def test_conflict_fails_only_for_what_another_record_holds(rule: str, taken: Holdings) -> None:
    assert outcome_of(rule, NUMBERED, holdings=NOTHING_HELD) is PASSED
    failed = [each.rule for each in evaluate(Facts(NUMBERED, TODAY, holdings=taken)) if each.outcome is FAILED]
    assert failed == [rule]


@pytest.mark.parametrize(("rule", "taken"), CONFLICTS)
def test_conflict_is_not_checked_without_the_facts(rule: str, taken: Holdings) -> None:
    assert outcome_of(rule, NUMBERED, holdings=taken) is FAILED
    assert outcome_of(rule, NUMBERED, holdings=None) is NOT_CHECKED


def test_no_coto_number_conflicts_with_none() -> None:
    held = Holdings(coto_registration_taken=True)
    assert outcome_of("coto_registration.unique", COMPLETE, holdings=held) is NOT_CHECKED


def test_conflict_rules_are_the_three() -> None:
    assert {rule for rule, _ in CONFLICTS} == CONFLICT_RULES


# --- Warnings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "changes", "outcome"),
    [
        ("graduation_year.future", {"graduation_year": "2027"}, WARNING),
        ("graduation_year.future", {"graduation_year": "2026"}, PASSED),
        ("graduation_year.future", {"graduation_year": "1970-1979"}, PASSED),
        ("graduation_year.future", {"graduation_year": "soon"}, NOT_CHECKED),
        ("graduation_year.future", {"graduation_year": None}, NOT_CHECKED),
        ("verification.international_education", {"university": "not_applicable", "country": "US"}, WARNING),
        ("verification.international_education", {"university": "other", "country": "FR"}, WARNING),
        ("verification.international_education", {"university": "mcmaster", "country": "FR"}, WARNING),
        ("verification.international_education", {"university": None, "country": "FR"}, WARNING),
        ("verification.international_education", {"country": "CA"}, PASSED),
        ("verification.international_education", {"university": None, "country": None}, NOT_CHECKED),
        ("verification.unlisted_university", {"university": "other"}, WARNING),
        ("verification.unlisted_university", {"university": "other", "country": "US"}, WARNING),
        ("verification.unlisted_university", {"university": "not_applicable"}, PASSED),
        ("verification.unlisted_university", {"university": "queens"}, PASSED),
        ("verification.unlisted_university", {"university": None}, NOT_CHECKED),
        ("verification.university_not_given", {"university": "not_applicable"}, WARNING),
        ("verification.university_not_given", {"university": "not_applicable", "country": "US"}, PASSED),
        ("verification.university_not_given", {"university": "other"}, PASSED),
        ("verification.university_not_given", {"university": "queens"}, PASSED),
        ("verification.university_not_given", {"university": "not_applicable", "country": None}, NOT_CHECKED),
        ("coto_status.student_after_graduation", {"coto_status": "student", "graduation_year": "2025"}, WARNING),
        ("coto_status.student_after_graduation", {"coto_status": "student", "graduation_year": "pre-1960"}, WARNING),
        ("coto_status.student_after_graduation", {"coto_status": "student", "graduation_year": "2026"}, PASSED),
        ("coto_status.student_after_graduation", {"coto_status": "student", "graduation_year": "2027"}, PASSED),
        ("coto_status.student_after_graduation", {"coto_status": "pending", "graduation_year": "2025"}, PASSED),
        ("coto_status.student_after_graduation", {"coto_status": None}, NOT_CHECKED),
        ("coto_status.student_after_graduation", {"coto_status": "student", "graduation_year": None}, NOT_CHECKED),
        *(
            ("coto_status.registered_before_graduation", {"coto_status": status, "graduation_year": "2027"}, outcome)
            for status, outcome in {
                "general": WARNING,
                "provisional_temporary": WARNING,
                "resigned": WARNING,
                "other": PASSED,
                "student": PASSED,
                "pending": PASSED,
            }.items()
        ),
        (
            "coto_status.registered_before_graduation",
            {"coto_status": "general", "graduation_year": "2026"},
            PASSED,
        ),
        ("coto_status.registered_before_graduation", {"coto_status": None}, NOT_CHECKED),
        (
            "coto_status.registered_before_graduation",
            {"coto_status": "general", "graduation_year": "soon"},
            NOT_CHECKED,
        ),
    ],
)
def test_warning_is_the_tables(rule: str, changes: dict[str, str | None], outcome: Outcome) -> None:
    assert outcome_of(rule, complete(**changes)) is outcome


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, ()),
        ({"graduation_year": "2027"}, ()),
        ({"university": "other", "other_details": "Dalhousie"}, ("verification.unlisted_university",)),
        ({"university": "not_applicable"}, ("verification.university_not_given",)),
        (
            {"university": "other", "other_details": "Sorbonne", "country": "FR"},
            ("verification.international_education", "verification.unlisted_university"),
        ),
        ({"coto_status": "student", "graduation_year": "2025"}, ("coto_status.student_after_graduation",)),
        ({"coto_status": "resigned", "graduation_year": "2028"}, ("coto_status.registered_before_graduation",)),
        # A failure of the status is no reason to verify: there is no record then.
        ({"coto_status": "retired"}, ()),
    ],
)
def test_reasons_to_verify_are_the_warnings_of_education_and_status(
    changes: dict[str, str | None], reasons: tuple[str, ...]
) -> None:
    assert verification_reasons(evaluate(Facts(complete(**changes), TODAY))) == reasons


# --- Outcomes as problems ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"notes": "n" * 1001}, Problem(ErrorCode.VALIDATION_ERROR, "notes.format", "notes")),
        (
            {"coto_status": "general"},
            Problem(
                ErrorCode.BUSINESS_RULE_VIOLATION,
                "coto_registration.required",
                "coto_registration",
                {"coto_status": "general"},
            ),
        ),
        (
            {"country": "US"},
            Problem(
                ErrorCode.BUSINESS_RULE_VIOLATION,
                "university_country.alignment",
                "country",
                {"university": "mcmaster", "country": "US"},
            ),
        ),
        (
            {"graduation_year": "2031"},
            Problem(
                ErrorCode.BUSINESS_RULE_VIOLATION,
                "graduation_year.range",
                "graduation_year",
                {"graduation_year": "2031", "latest": "2029"},
            ),
        ),
    ],
)
def test_failure_carries_its_code_and_what_its_sentence_needs(
    changes: dict[str, str | None], expected: Problem
) -> None:
    assert failures(evaluate(Facts(complete(**changes), TODAY))) == (expected,)


def test_warnings_are_apart_from_failures() -> None:
    outcomes = evaluate(Facts(complete(graduation_year="2027", coto_status="general"), TODAY))
    assert [problem.message for problem in failures(outcomes)] == ["coto_registration.required"]
    assert [(problem.message, problem.field) for problem in warnings(outcomes)] == [
        ("graduation_year.future", "graduation_year"),
        ("coto_status.registered_before_graduation", "coto_status"),
    ]


def test_problems_repeat_nothing_typed_freely() -> None:
    typed = "osöt 1", "Šchool\x07", "ab-12", "ñ" * 1001
    names = ("user_business_id", "other_details", "coto_registration", "notes")
    outcomes = evaluate(Facts(replace(COMPLETE, **dict(zip(names, typed, strict=True))), TODAY))
    said = {text for problem in (*failures(outcomes), *warnings(outcomes)) for text in problem.params.values()}
    assert len(failures(outcomes)) == 5
    assert not said & set(typed)


# --- Some of the rules ------------------------------------------------------------------------------------


def test_format_rules_are_those_that_staging_runs() -> None:
    assert {rule.id for rule in FORMAT_RULES} == {rule for rule, _, _ in TABLE if rule.endswith((".format", ".choice"))}


def test_partial_answers_break_no_format_rule() -> None:
    assert failures(evaluate(Facts(EducationData(country="CA"), TODAY), FORMAT_RULES)) == ()


@pytest.mark.parametrize(
    ("fields", "with_warnings", "expected"),
    [
        (
            ["user_business_id"],
            True,
            ["user_business_id.required", "user_business_id.format"],
        ),
        (["notes"], True, ["notes.format"]),
        (
            ["coto_status", "coto_registration"],
            True,
            [
                "coto_status.required",
                "coto_status.choice",
                "coto_registration.format",
                "coto_registration.required",
                "coto_registration.not_allowed",
                "coto_status.student_after_graduation",
                "coto_status.registered_before_graduation",
            ],
        ),
        (
            ["graduation_year"],
            False,
            ["graduation_year.required", "graduation_year.choice", "graduation_year.range"],
        ),
        ([], True, []),
    ],
)
def test_rules_for_some_fields_look_nothing_up(*, fields: list[str], with_warnings: bool, expected: list[str]) -> None:
    assert [rule.id for rule in rules_for(fields, warnings=with_warnings)] == expected
