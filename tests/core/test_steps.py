import pytest
from hypothesis import given

from tests.core.examples import BEFORE_CREATION, COMPLETE, registration, registrations
from wizard.core.education import FIELDS, EducationData
from wizard.core.registration import Registration, Status
from wizard.core.steps import DATA_STEPS, FIELDS_OF, ORDER, STEP_OF_FIELD, Step, can_show, next_step

# 03-web, Applicant: the steps, their fields.
STEPS = "identity education coto privacy review category account confirm complete".split()  # noqa: SIM905 - as in 03-web
FIELDS_BY_STEP = {
    "identity": ("user_business_id",),
    "education": ("degree_type", "university", "other_details", "country", "graduation_year"),
    "coto": ("coto_status", "coto_registration"),
    "privacy": ("access_modifier", "notes"),
}


def test_steps_are_those_of_the_addresses_in_order() -> None:
    assert list(ORDER) == STEPS
    assert FIELDS_OF == FIELDS_BY_STEP


def test_each_field_is_asked_in_one_step() -> None:
    assert set(STEP_OF_FIELD) == set(FIELDS)
    assert sum(len(step.fields) for step in DATA_STEPS) == len(FIELDS)
    assert all(name in FIELDS_OF[step] for name, step in STEP_OF_FIELD.items())


@pytest.mark.parametrize(
    ("given_fields", "step"),
    [
        ({}, "identity"),
        ({"user_business_id": "osot-1"}, "education"),
        ({"country": "CA", "coto_status": "pending"}, "identity"),
        (
            {"user_business_id": "osot-1", "degree_type": "masters", "university": "queens", "country": "CA"},
            "education",
        ),
        (
            {
                "user_business_id": "osot-1",
                "degree_type": "masters",
                "university": "queens",
                "country": "CA",
                "graduation_year": "2026",
            },
            "coto",
        ),
        ({**COMPLETE.as_dict(), "access_modifier": None}, "privacy"),
        (COMPLETE.as_dict(), "review"),
    ],
)
def test_journey_goes_on_with_the_first_step_that_is_not_done(given_fields: dict[str, str], step: str) -> None:
    data = EducationData(**given_fields)
    status = Status.STAGED if data == COMPLETE else Status.PENDING
    assert next_step(registration(status, data)) == step


# For each status with complete answers: where the journey goes on, and the furthest step that opens.
@pytest.mark.parametrize(
    ("status", "following", "furthest"),
    [
        ("staged", "review", "review"),
        ("validated", "review", "review"),
        ("category_determined", "category", "account"),
        ("account_linked", "confirm", "confirm"),
        ("creation_failed", "confirm", "confirm"),
    ],
)
def test_each_step_up_to_the_first_undone_one_opens(status: str, following: str, furthest: str) -> None:
    stands = registration(Status(status))
    assert next_step(stands) == following
    assert [step for step in STEPS if can_show(Step(step), stands)] == STEPS[: STEPS.index(furthest) + 1]


@pytest.mark.parametrize("status", ["education_created", "workflow_completed"])
def test_what_is_created_shows_its_receipt_only(status: str) -> None:
    stands = registration(Status(status))
    assert next_step(stands) == "complete"
    assert [step for step in STEPS if can_show(Step(step), stands)] == ["complete"]


def test_nothing_begun_opens_the_first_step_only() -> None:
    assert next_step(None) == "identity"
    assert [step for step in STEPS if can_show(Step(step), None)] == ["identity"]


@given(registrations())
def test_step_to_go_on_with_can_be_shown(stands: Registration) -> None:
    assert can_show(next_step(stands), stands)


@given(registrations())
def test_step_that_can_be_shown_is_never_beyond_the_first_undone_one(stands: Registration) -> None:
    shown = [step for step in ORDER if can_show(step, stands)]
    assert shown == list(ORDER[: len(shown)])
    undone = _first_undone(stands)
    assert ORDER.index(shown[-1]) <= ORDER.index(undone)
    assert ORDER.index(next_step(stands)) <= ORDER.index(undone)


def _first_undone(stands: Registration) -> Step:
    """As a person would say: a step of questions is undone by what is missing, a later one by the status."""
    if stands.missing():
        return min((STEP_OF_FIELD[name] for name in stands.missing()), key=ORDER.index)
    if stands.status in {Status.STAGED, Status.VALIDATED}:
        return Step.REVIEW
    return Step.ACCOUNT if stands.status is Status.CATEGORY_DETERMINED else Step.CONFIRM


@given(registrations())
def test_receipt_opens_only_once_the_record_exists(stands: Registration) -> None:
    assert stands.status in BEFORE_CREATION
    assert not can_show(Step.COMPLETE, stands)
