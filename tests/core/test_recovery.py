"""Recovery codes: written, typed, and known again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core import recovery

CODE = "7x2k93mfqw4tp8z1"
codes = st.text(recovery.ALPHABET, min_size=recovery.LENGTH, max_size=recovery.LENGTH)


@given(codes)
def test_what_is_shown_can_be_typed(code: str) -> None:
    shown = recovery.written(code)
    assert len(shown.split("-")) == 4
    for typed in (shown, shown.upper(), f" {shown.replace('-', ' ')} ", code):
        assert recovery.as_typed(typed) == code


def test_letters_that_look_like_digits_are_those() -> None:
    assert recovery.as_typed("OoIi-LlOo-0000-0000") == "0011110000000000"


@pytest.mark.parametrize(
    "typed", ["", "123456", CODE[:-1], CODE + "0", CODE[:-1] + "u", CODE[:-1] + "é", "\ud800" * 16]
)
def test_all_else_is_none(typed: str) -> None:
    assert recovery.as_typed(typed) is None


@given(codes)
def test_a_digest_is_of_one_code_of_one_person(code: str) -> None:
    assert recovery.digest("ann", code) == recovery.digest("ann", code)
    assert recovery.digest("ann", code) != recovery.digest("mia", code)
    assert code not in recovery.digest("ann", code)
