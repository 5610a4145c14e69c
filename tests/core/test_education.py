import dataclasses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.examples import COMPLETE, EDUCATION, TYPED, complete
from wizard.core.education import (
    CHOICE_FIELDS,
    FIELDS,
    REQUIRED_FIELDS,
    EducationData,
    coto_number_applies,
    member_number_key,
    normalise,
    school_name_applies,
)


def test_fields_are_the_tables() -> None:
    assert FIELDS == (
        "user_business_id",
        "degree_type",
        "university",
        "other_details",
        "country",
        "graduation_year",
        "coto_status",
        "coto_registration",
        "access_modifier",
        "notes",
    )
    assert set(FIELDS) - set(REQUIRED_FIELDS) == {"other_details", "coto_registration", "notes"}
    assert set(REQUIRED_FIELDS) - set(CHOICE_FIELDS) == {"user_business_id"}


@pytest.mark.parametrize(
    ("status", "applies"),
    [
        ("general", True),
        ("provisional_temporary", True),
        ("other", False),
        ("student", False),
        ("pending", False),
        ("resigned", False),
        ("retired", False),
        (None, False),
    ],
)
def test_coto_number_is_asked_by_status(*, status: str | None, applies: bool) -> None:
    assert coto_number_applies(status) is applies
    data = EducationData(coto_status=status, coto_registration="AB12").without_inapplicable()
    assert data.coto_registration == ("AB12" if applies else None)


@pytest.mark.parametrize(
    ("university", "applies"), [("other", True), ("not_applicable", False), ("mcmaster", False), (None, False)]
)
def test_name_of_the_school_is_asked_where_the_list_has_it_not(*, university: str | None, applies: bool) -> None:
    assert school_name_applies(university) is applies
    data = EducationData(university=university, other_details="Dalhousie").without_inapplicable()
    assert data.other_details == ("Dalhousie" if applies else None)


@pytest.mark.parametrize(
    ("field", "typed", "stored"),
    [
        ("user_business_id", "  osot-0000001\t", "osot-0000001"),
        ("user_business_id", "OSOT-1", "OSOT-1"),
        ("coto_registration", " ab12 ", "AB12"),
        ("coto_registration", "", None),
        ("other_details", "\u00a0 \n", None),
        ("other_details", "Universite\u0301", "Université"),
        ("notes", "one\r\ntwo\rthree\n", "one\ntwo\nthree"),
        ("notes", "  ", None),
        ("country", None, None),
    ],
)
def test_answers_are_normalised(field: str, typed: str | None, stored: str | None) -> None:
    assert normalise({field: typed}) == {field: stored}
    assert getattr(EducationData().with_changes({field: typed}), field) == stored


def test_line_ends_of_a_form_count_once() -> None:
    assert len(normalise({"notes": "a\r\nb"})["notes"] or "") == 3


@pytest.mark.parametrize("name", ["privilege", "userBusinessId", "", "__class__"])
def test_unknown_field_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        normalise({name: "main"})
    with pytest.raises(KeyError):
        EducationData().with_changes({name: "main"})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("osot-0000001", "OSOT-0000001", True), ("a_B", "A_b", True), ("osot-1", "osot-01", False)],
)
def test_member_numbers_are_compared_without_regard_to_case(*, one: str, other: str, same: bool) -> None:
    assert (member_number_key(one) == member_number_key(other)) is same


@pytest.mark.parametrize(
    "trick",
    [
        "o\u017fot-1",
        "\u212a-1",
        "\uff4fsot-1",
        "\u043esot-1",
        "osot\u20111",
        "osot-\u0661",
        "osot-1\u200b",
        "osot-1\x00",
    ],
)
def test_member_numbers_are_compared_as_ascii(trick: str) -> None:
    """Letters that look or fold like those of a number make none."""
    assert member_number_key(trick) not in {"osot-1", "k-1"}


def test_changes_leave_the_rest() -> None:
    changed = COMPLETE.with_changes({"country": "FR", "notes": None})
    assert changed == dataclasses.replace(COMPLETE, country="FR")
    assert COMPLETE.country == "CA"


@given(TYPED)
@example({"coto_registration": "\u0390"})
@example({"coto_registration": " \u01f0\u00df "})
def test_normalising_again_changes_nothing(typed: dict[str, str | None]) -> None:
    once = normalise(typed)
    assert normalise(once) == once


@given(TYPED)
def test_normalised_answer_is_never_empty_or_padded(typed: dict[str, str | None]) -> None:
    for value in normalise(typed).values():
        assert value is None or (value and value == value.strip())


@given(st.text(alphabet="abcXYZ019_-", min_size=1, max_size=20))
def test_member_number_is_kept_as_typed(number: str) -> None:
    assert normalise({"user_business_id": number}) == {"user_business_id": number}


@given(EDUCATION)
def test_answers_survive_being_written_by_name(data: EducationData) -> None:
    assert EducationData(**data.as_dict()) == data
    assert tuple(data.as_dict()) == FIELDS


@given(EDUCATION)
def test_dropping_what_does_not_apply_is_done_once(data: EducationData) -> None:
    dropped = data.without_inapplicable()
    assert dropped.without_inapplicable() == dropped
    kept = {name for name in FIELDS if getattr(dropped, name) == getattr(data, name)}
    assert set(FIELDS) - kept <= {"other_details", "coto_registration"}


def test_dropping_keeps_what_applies() -> None:
    data = complete(university="other", other_details="Dalhousie", coto_status="general", coto_registration="AB12")
    assert data.without_inapplicable() == data
