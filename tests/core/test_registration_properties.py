"""What holds of every registration, however it came to be as it is."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.core.examples import EDUCATION, LIFETIMES, NOW, TODAY, registrations
from wizard.core.education import FIELDS, REQUIRED_FIELDS, EducationData
from wizard.core.events import Event, EventName
from wizard.core.registration import Registration, Status, Validation
from wizard.core.rules import Facts, evaluate

AGES = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=40))


@given(registrations(), EDUCATION)
def test_changed_answers_are_staged_or_pending_and_undecided(stands: Registration, data: EducationData) -> None:
    after = stands.with_data(data)
    if data == stands.data:
        assert after == stands
        return
    complete = all(getattr(data, name) is not None for name in REQUIRED_FIELDS)
    assert after.status is (Status.STAGED if complete else Status.PENDING)
    assert after.validation == Validation()
    assert (after.errors, after.warnings, after.flag) == ((), (), None)


@given(registrations(), st.lists(EDUCATION, max_size=5))
def test_version_counts_changes_of_the_answers(stands: Registration, answers: list[EducationData]) -> None:
    changes, last, after = 0, stands.data, stands
    for data in answers:
        changes += data != last
        last, after = data, after.with_data(data)
    assert after.version == stands.version + changes


@given(registrations(), EDUCATION)
def test_version_counts_nothing_else(stands: Registration, data: EducationData) -> None:
    outcomes = evaluate(Facts(data, TODAY))
    for after in (
        stands.with_outcomes(outcomes),
        stands.with_failed_outcomes(outcomes),
        stands.with_account("account-42"),
        stands.with_record("record-7", "osot-oted-0000007"),
        stands.as_tombstone(Status.CANCELLED),
        stands.touched(NOW, "applicant", LIFETIMES),
        stands.with_event(Event(EventName.LINK_USED, at=NOW, actor="applicant", chain="x")),
    ):
        assert after.version == stands.version


@given(registrations(), EDUCATION)
def test_link_survives_exactly_while_the_member_number_stays(stands: Registration, data: EducationData) -> None:
    after = stands.with_data(data)
    one, other = stands.data.user_business_id, data.user_business_id
    same = one == other or (one is not None and other is not None and one.casefold() == other.casefold())
    assert after.linked is (stands.linked and same)
    if after.linked:
        assert after.account_id == stands.account_id
    elif stands.linked:
        assert after.account_id is None
    else:
        assert after.account_id == stands.account_id


@given(registrations(), st.lists(AGES, min_size=1, max_size=6), st.integers(0, 10**7), st.booleans())
def test_it_never_outlives_its_greatest_age(
    stands: Registration, ages: list[timedelta], chosen: int, prolonged: bool
) -> None:
    living = replace(stands, chosen_ttl=chosen or None)
    for age in sorted(ages):
        before = living.expires_at
        living = replace(living, lives_long=living.lives_long or prolonged).touched(NOW + age, "x", LIFETIMES)
        assert living.expires_at <= living.created_at + LIFETIMES.at_most
        assert living.expires_at >= before


@given(registrations(), st.sampled_from([Status.WORKFLOW_COMPLETED, Status.CANCELLED]))
def test_tombstone_holds_nothing_personal(stands: Registration, status: Status) -> None:
    tombstone = stands.with_record("record-7", "osot-oted-0000007").as_tombstone(status)
    assert (tombstone.status, tombstone.record_id) == (status, "record-7")
    assert tombstone.data == EducationData()
    assert (tombstone.user_id, tombstone.contact_email, tombstone.account_id, tombstone.linked) == (
        None,
        None,
        None,
        False,
    )
    assert tombstone.validation == Validation()
    assert (tombstone.errors, tombstone.warnings, tombstone.flag) == ((), (), None)
    # Nothing typed freely is anywhere in it (short answers could be part of some word).
    typed = {value for name in FIELDS if (value := getattr(stands.data, name)) and len(value) >= 9}
    assert not [value for value in typed if value in str(tombstone)]


@given(registrations(), st.lists(st.booleans(), max_size=8))
def test_no_number_of_an_event_comes_twice(stands: Registration, recorded: list[bool]) -> None:
    numbers: list[int | None] = []
    for are_recorded in recorded:
        stands = stands.with_event(Event(EventName.EDUCATION_UPDATED, at=NOW, actor="applicant", chain="x"))
        numbers.append(stands.events[-1].sequence)
        stands = replace(stands, events=()) if are_recorded else stands
    assert numbers == list(range(1, len(recorded) + 1))
