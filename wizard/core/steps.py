"""The journey: its steps, the fields of each, and which can be shown (03-web, Applicant)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wizard.core.education import REQUIRED_FIELDS, EducationData
from wizard.core.registration import Registration, Status


class Step(StrEnum):
    """A step, by the name in its address."""

    IDENTITY = "identity"
    EDUCATION = "education"
    COTO = "coto"
    PRIVACY = "privacy"
    REVIEW = "review"
    CATEGORY = "category"
    ACCOUNT = "account"
    CONFIRM = "confirm"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class DataStep:
    """A step that asks for answers."""

    step: Step
    fields: tuple[str, ...]

    def is_completed(self, data: EducationData) -> bool:
        """Whether everything required of it is there."""
        return all(getattr(data, name) is not None for name in self.fields if name in REQUIRED_FIELDS)


DATA_STEPS: tuple[DataStep, ...] = (
    DataStep(Step.IDENTITY, ("user_business_id",)),
    DataStep(
        Step.EDUCATION,
        ("degree_type", "university", "other_details", "country", "graduation_year"),
    ),
    DataStep(Step.COTO, ("coto_status", "coto_registration")),
    DataStep(Step.PRIVACY, ("access_modifier", "notes")),
)
FIELDS_OF: dict[Step, tuple[str, ...]] = {step.step: step.fields for step in DATA_STEPS}
STEP_OF_FIELD: dict[str, Step] = {name: step.step for step in DATA_STEPS for name in step.fields}
ORDER: tuple[Step, ...] = tuple(Step)

_FURTHEST: dict[Status, Step] = {
    Status.CATEGORY_DETERMINED: Step.ACCOUNT,
    Status.ACCOUNT_LINKED: Step.CONFIRM,
    Status.CREATION_FAILED: Step.CONFIRM,
    Status.EDUCATION_CREATED: Step.COMPLETE,
    Status.WORKFLOW_COMPLETED: Step.COMPLETE,
}


def next_step(registration: Registration | None) -> Step:
    """The step to go on with: the first that is not done."""
    if registration is None:
        return Step.IDENTITY
    status = registration.status
    if status is Status.CATEGORY_DETERMINED:
        return Step.CATEGORY
    if status in _FURTHEST:
        return _FURTHEST[status]
    for step in DATA_STEPS:
        if not step.is_completed(registration.data):
            return step.step
    return Step.REVIEW


def step_done(before: Registration, after: Registration) -> Step | None:
    """The step that a change completed: the one that came next, where a later one does now."""
    step = next_step(before)
    return step if ORDER.index(next_step(after)) > ORDER.index(step) else None


def can_show(step: Step, registration: Registration | None) -> bool:
    """Whether a step can be shown yet, or still."""
    if registration is not None and registration.is_created:
        return step is Step.COMPLETE
    furthest = next_step(registration)
    if registration is not None:
        furthest = _FURTHEST.get(registration.status, furthest)
    return ORDER.index(step) <= ORDER.index(furthest)
