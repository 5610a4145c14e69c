import pytest
from hypothesis import given

from tests.core.examples import COMPLETE, EDUCATION, complete
from wizard.core.education import EducationData
from wizard.core.records import Verification, VerificationState, difference


def test_difference_is_before_and_after_of_what_changed() -> None:
    after = complete(country="FR", notes="Moved.", university=None)
    assert difference(COMPLETE, after) == {
        "university": ("mcmaster", None),
        "country": ("CA", "FR"),
        "notes": (None, "Moved."),
    }


@given(EDUCATION)
def test_nothing_differs_from_itself(data: EducationData) -> None:
    assert difference(data, data) == {}


@given(EDUCATION, EDUCATION)
def test_difference_leads_from_one_to_the_other_and_back(before: EducationData, after: EducationData) -> None:
    changes = difference(before, after)
    forward = {**before.as_dict(), **{name: new for name, (_, new) in changes.items()}}
    assert EducationData(**forward) == after
    assert difference(after, before) == {name: (new, old) for name, (old, new) in changes.items()}
    assert all(old != new for old, new in changes.values())


@pytest.mark.parametrize(
    ("reasons", "state", "required"),
    [
        ((), "not_required", False),
        (("verification.international_education",), "waiting", True),
    ],
)
def test_new_record_waits_for_the_desk_where_there_is_a_reason(
    *, reasons: tuple[str, ...], state: str, required: bool
) -> None:
    verification = Verification.because_of(reasons)
    assert (verification.state, verification.required, verification.reasons) == (state, required, reasons)


@pytest.mark.parametrize("state", [VerificationState.VERIFIED, VerificationState.REJECTED])
def test_desk_has_cleared_what_it_decided(state: VerificationState) -> None:
    assert not Verification(state, ("verification.unlisted_university",)).required
