from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.core.examples import (
    BEFORE_CREATION,
    COMPLETE,
    LIFETIMES,
    MEMBERSHIP_ENDS,
    NOW,
    TODAY,
    complete,
    decision_for,
    registration,
)
from wizard.core.category import CategoryDecision
from wizard.core.education import EducationData
from wizard.core.errors import ErrorCode, Problem
from wizard.core.events import Event, EventName
from wizard.core.registration import Channel, Status, Validation
from wizard.core.rules import Facts, RuleOutcome, evaluate

PASSES = evaluate(Facts(COMPLETE, TODAY))
PROBLEM = Problem(ErrorCode.CONFLICT, "account.one_record", "user_business_id")


def _failing(data: EducationData) -> tuple[RuleOutcome, ...]:
    return evaluate(Facts(data, TODAY))


def _changed_decision() -> CategoryDecision:
    return decision_for(COMPLETE, membership_ends=None)


def test_statuses_and_channels_are_the_specifications() -> None:
    assert [status.value for status in Status] == [
        "pending",
        "staged",
        "validated",
        "category_determined",
        "account_linked",
        "education_created",
        "workflow_completed",
        "creation_failed",
        "cancelled",
    ]
    assert [channel.value for channel in Channel] == ["web", "api", "bulk"]


@pytest.mark.parametrize(
    ("status", "reached", "percent"),
    [
        ("pending", 0, 0),
        ("staged", 1, 20),
        ("validated", 2, 40),
        ("category_determined", 3, 60),
        ("account_linked", 4, 80),
        ("creation_failed", 4, 80),
        ("education_created", 5, 100),
        ("workflow_completed", 5, 100),
        ("cancelled", 0, 0),
    ],
)
def test_progress_counts_the_milestones(status: str, reached: int, percent: int) -> None:
    progress = registration(Status(status)).progress
    milestones = (
        progress.staged,
        progress.validated,
        progress.category_determined,
        progress.account_linked,
        progress.persisted,
    )
    assert milestones == (True,) * reached + (False,) * (5 - reached)
    assert progress.percent == percent


@pytest.mark.parametrize("status", Status)
def test_open_until_created_or_cancelled(status: Status) -> None:
    stands = registration(status)
    assert stands.is_open is (status in BEFORE_CREATION)
    assert stands.is_created is (status in {Status.EDUCATION_CREATED, Status.WORKFLOW_COMPLETED})


@pytest.mark.parametrize("status", Status)
def test_cancelled_has_reached_nothing(status: Status) -> None:
    if status is not Status.CANCELLED:
        assert not registration(Status.CANCELLED).has_reached(status)
        assert registration(status).has_reached(status)


def test_new_registration_stands_at_its_first_version_and_nothing_has_happened_to_it() -> None:
    new = registration(Status.PENDING)
    assert (new.version, new.revision, new.event_sequence, new.events) == (1, 0, 0, ())
    assert (new.linked, new.lives_long, new.reminded, new.flag, new.record_id) == (False, False, False, None, None)


def test_missing_names_the_required_fields_only() -> None:
    assert registration().missing() == ()
    assert registration(data=complete(country=None, user_business_id=None)).missing() == ("user_business_id", "country")
    assert registration(data=complete(notes=None, university="other")).missing() == ()


def test_user_id_is_the_member_number_once_known() -> None:
    assert registration().user_id == "osot-0000042"
    assert registration(data=EducationData()).user_id is None


# --- Answers change ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", BEFORE_CREATION)
def test_changed_answers_take_it_back_to_staged(status: Status) -> None:
    before = replace(registration(status), errors=(PROBLEM,), warnings=(PROBLEM,), flag="account.one_record")
    after = before.with_data(complete(notes="Hello."))
    assert after.status is Status.STAGED
    assert after.validation == Validation()
    assert (after.errors, after.warnings, after.flag) == ((), (), None)
    assert after.version == before.version + 1
    assert after.data.notes == "Hello."


@pytest.mark.parametrize("status", BEFORE_CREATION)
def test_missing_answer_takes_it_back_to_pending(status: Status) -> None:
    assert registration(status).with_data(complete(country=None)).status is Status.PENDING


@pytest.mark.parametrize("status", BEFORE_CREATION)
def test_same_answers_change_nothing(status: Status) -> None:
    before = registration(status)
    assert before.with_data(complete()) is before


@pytest.mark.parametrize(
    ("changes", "survives"),
    [
        ({"notes": "Hello."}, True),
        ({"graduation_year": "2025"}, True),
        # Written otherwise, the number is the same.
        ({"user_business_id": "OSOT-0000042"}, True),
        ({"user_business_id": "osot-0000043"}, False),
        ({"user_business_id": None}, False),
    ],
)
@pytest.mark.parametrize("status", [Status.ACCOUNT_LINKED, Status.CREATION_FAILED])
def test_link_survives_unless_the_member_number_changed(
    *, changes: dict[str, str | None], survives: bool, status: Status
) -> None:
    after = registration(status).with_data(complete(**changes))
    assert after.linked is survives
    assert after.account_id == ("account-42" if survives else None)


def test_account_asked_for_at_staging_survives_the_member_number_that_comes_later() -> None:
    asked = replace(registration(data=complete(user_business_id=None)), account_id="account-42")
    after = asked.with_data(COMPLETE)
    assert (after.account_id, after.linked) == ("account-42", False)


def test_linked_registration_passes_to_account_linked_without_asking_again() -> None:
    changed = registration(Status.ACCOUNT_LINKED).with_data(complete(graduation_year="2025"))
    validated = changed.with_outcomes(_failing(changed.data))
    assert validated.status is Status.VALIDATED
    assert validated.with_category(decision_for(changed.data)).status is Status.ACCOUNT_LINKED


def test_relinking_is_needed_after_another_member_number() -> None:
    changed = registration(Status.ACCOUNT_LINKED).with_data(complete(user_business_id="osot-0000043"))
    decided = changed.with_outcomes(PASSES).with_category(decision_for(COMPLETE))
    assert decided.status is Status.CATEGORY_DETERMINED


# --- Rules and category -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "staged"])
def test_passing_makes_it_validated(status: str) -> None:
    after = registration(Status(status)).with_outcomes(PASSES)
    assert (after.status, after.validation) == (Status.VALIDATED, Validation(PASSES))


@pytest.mark.parametrize("status", ["validated", "category_determined", "account_linked", "creation_failed"])
def test_passing_again_lowers_nothing(status: str) -> None:
    before = registration(Status(status))
    later = evaluate(Facts(COMPLETE, date(2027, 1, 2)))
    after = before.with_outcomes(later)
    assert after.status == before.status
    assert after.validation == replace(before.validation, outcomes=later)


@pytest.mark.parametrize("status", BEFORE_CREATION)
def test_failing_takes_it_back_and_undecides_the_category(status: Status) -> None:
    outcomes = _failing(complete(country="US"))
    before = registration(status)
    after = before.with_failed_outcomes(outcomes)
    assert after.status is Status.STAGED
    assert after.validation == Validation(outcomes)
    assert (after.account_id, after.linked, after.version) == (before.account_id, before.linked, before.version)


def test_failing_for_want_of_an_answer_leaves_it_pending() -> None:
    data = complete(country=None)
    assert registration(Status.PENDING, data).with_failed_outcomes(_failing(data)).status is Status.PENDING


def test_category_is_kept_with_its_membership_year() -> None:
    decided = registration(Status.VALIDATED).with_category(decision_for(COMPLETE))
    assert decided.status is Status.CATEGORY_DETERMINED
    assert decided.validation.decision == decision_for(COMPLETE)
    assert decided.validation.membership_ends == MEMBERSHIP_ENDS
    assert decided.validation.outcomes == PASSES


@pytest.mark.parametrize(
    ("status", "after"),
    [
        ("validated", "category_determined"),
        ("category_determined", "category_determined"),
        ("account_linked", "account_linked"),
    ],
)
def test_deciding_again_lowers_nothing(status: str, after: str) -> None:
    assert registration(Status(status)).with_category(_changed_decision()).status == after


@pytest.mark.parametrize("status", [Status.ACCOUNT_LINKED, Status.CREATION_FAILED])
def test_other_category_than_the_one_shown_takes_it_back_to_be_shown(status: Status) -> None:
    before = registration(status)
    after = before.with_changed_category(_changed_decision())
    assert after.status is Status.CATEGORY_DETERMINED
    assert after.validation == replace(before.validation, decision=_changed_decision())
    assert after.linked


def test_nothing_is_valid_or_invalid_before_validation() -> None:
    validation = Validation()
    assert validation.field_valid("country") is None
    assert validation.rule_valid("university_country.alignment") is None
    assert validation.membership_ends is None


@pytest.mark.parametrize(
    ("data", "fields", "valid"),
    [
        (COMPLETE, ("user_business_id",), True),
        (complete(user_business_id="osot 1"), ("user_business_id",), False),
        (complete(country="US"), ("user_business_id",), True),
        (complete(country="US"), ("university", "country"), False),
        # A warning is no failure.
        (complete(graduation_year="2027"), ("graduation_year",), True),
        (complete(graduation_year="2031"), ("graduation_year",), False),
        (complete(coto_status="general"), ("coto_registration",), False),
    ],
)
def test_field_is_valid_unless_a_rule_of_it_fails(*, data: EducationData, fields: tuple[str, ...], valid: bool) -> None:
    assert Validation(_failing(data)).field_valid(*fields) is valid


@pytest.mark.parametrize(("country", "valid"), [("CA", True), ("US", False), (None, True)])
def test_rule_is_valid_unless_it_fails(*, country: str | None, valid: bool) -> None:
    assert Validation(_failing(complete(country=country))).rule_valid("university_country.alignment") is valid


# --- Account, record, end ---------------------------------------------------------------------------------


def test_account_is_linked() -> None:
    before = replace(registration(Status.CATEGORY_DETERMINED), flag="account.one_record")
    after = before.with_account("account-42")
    assert (after.status, after.account_id, after.linked, after.flag) == ("account_linked", "account-42", True, None)
    assert after.version == before.version


def test_record_is_noted_with_its_number() -> None:
    before = replace(registration(Status.CREATION_FAILED), flag="coto_registration.unique", errors=(PROBLEM,))
    after = before.with_record("record-7", "osot-oted-0000007")
    assert (after.status, after.record_id, after.record_number) == (
        "education_created",
        "record-7",
        "osot-oted-0000007",
    )
    assert (after.errors, after.flag) == ((), None)


# --- Time -------------------------------------------------------------------------------------------------

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("chosen", "lives_long", "age", "expires"),
    [
        # 24 hours after the last change.
        (None, False, timedelta(0), DAY),
        (None, False, timedelta(hours=20), timedelta(hours=44)),
        # 14 days once a link was made or the desk has to act.
        (None, True, timedelta(hours=20), timedelta(hours=20) + 14 * DAY),
        # A lifetime that was asked for.
        (3600, False, DAY, DAY + timedelta(hours=1)),
        (3600, True, DAY, 15 * DAY),
        (20 * 86400, True, timedelta(0), 20 * DAY),
        # At most 30 days after it began.
        (None, True, 20 * DAY, 30 * DAY),
        (365 * 86400, False, timedelta(0), 30 * DAY),
        (None, False, timedelta(days=29, hours=12), 30 * DAY),
    ],
)
def test_lifetime_begins_again_with_a_change(
    *, chosen: int | None, lives_long: bool, age: timedelta, expires: timedelta
) -> None:
    before = replace(registration(), chosen_ttl=chosen, lives_long=lives_long)
    after = before.touched(NOW + age, "staff:ada", LIFETIMES)
    assert after.expires_at == NOW + expires
    assert (after.updated_at, after.updated_by) == (NOW + age, "staff:ada")
    assert (after.created_at, after.created_by) == (NOW, "applicant")


def test_change_never_shortens_a_life() -> None:
    prolonged = replace(registration(), expires_at=NOW + 10 * DAY)
    assert prolonged.touched(NOW, "applicant", LIFETIMES).expires_at == NOW + 10 * DAY


def test_greatest_age_holds_for_what_was_promised_more_before_it_was_lowered() -> None:
    promised = replace(registration(), expires_at=NOW + 40 * DAY)
    assert promised.touched(NOW, "applicant", LIFETIMES).expires_at == NOW + 30 * DAY


@pytest.mark.parametrize(("seconds", "expired"), [(-1, False), (0, True), (1, True)])
def test_expiry_is_decided_by_the_clock_given(*, seconds: int, expired: bool) -> None:
    stands = registration()
    assert stands.is_expired(stands.expires_at + timedelta(seconds=seconds)) is expired


# --- Events -----------------------------------------------------------------------------------------------


def _event(name: EventName) -> Event:
    return Event(name, at=NOW, actor="applicant", chain="session")


def test_events_wait_in_order_until_they_are_recorded() -> None:
    stands = registration().with_event(_event(EventName.EDUCATION_STAGED))
    stands = stands.with_event(_event(EventName.EDUCATION_UPDATED)).with_event(_event(EventName.EDUCATION_VALIDATED))
    assert [event.sequence for event in stands.events] == [1, 2, 3]
    assert {event.session_id for event in stands.events} == {stands.session_id}
    recorded = replace(stands, events=())
    assert recorded.with_event(_event(EventName.SESSION_CANCELLED)).events[-1].sequence == 4
