"""Small groups are not shown, and cannot be worked out from what is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.suppression import LEAST, Shown, suppressed


def told(shown: Shown[str], total: int) -> Iterator[dict[str, int]]:
    """Every set of numbers that fits all that is shown, and the sum, which another chart gives away."""
    hidden = sorted(shown.few | shown.kept_back)
    ranges = [range(1, LEAST) if key in shown.few else range(LEAST, total + 1) for key in hidden]
    for numbers in product(*ranges):
        possible = {**shown.counts, **dict(zip(hidden, numbers, strict=True))}
        if sum(possible.values()) == total:
            yield possible


def test_groups_of_five_and_more_are_shown_and_empty_ones_too() -> None:
    counts = {"a": 5, "b": 0, "c": 120}
    shown = suppressed(counts)
    assert shown.counts == counts
    assert not shown.few | shown.kept_back


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_small_group_takes_another_with_it(count: int) -> None:
    shown = suppressed({"few": count, "some": 9, "many": 90, "none": 0})
    assert shown.few == {"few"}
    assert shown.kept_back == {"some"}
    assert shown.counts == {"many": 90, "none": 0}


def test_where_the_next_group_is_hardly_larger_one_more_is_kept_back() -> None:
    # One and five are six together, and no other two numbers would be that.
    shown = suppressed({"few": 1, "some": 5, "many": 90, "more": 91})
    assert shown.kept_back == {"some", "many"}


def test_small_groups_can_hide_each_other() -> None:
    shown = suppressed({"a": 2, "b": 3, "c": 90})
    assert shown.few == {"a", "b"}
    assert not shown.kept_back


@pytest.mark.parametrize("counts", [{"a": 1}, {"a": 4, "b": 0}, {"a": 1, "b": 1}, {"a": 4, "b": 4}, {"a": 1, "b": 5}])
def test_where_nothing_can_hide_them_nothing_is_shown(counts: dict[str, int]) -> None:
    shown = suppressed(counts)
    assert shown.withheld
    assert shown.counts == {}
    assert shown.is_empty


def test_nobody_is_nobody() -> None:
    assert suppressed({"a": 0}).is_empty
    assert not suppressed({"a": 0}).withheld


@given(st.dictionaries(st.sampled_from("abcde"), st.integers(0, 14), min_size=1))
def test_every_small_group_could_have_any_small_number(counts: dict[str, int]) -> None:
    shown = suppressed(counts)
    assert all(count == 0 or count >= LEAST for count in shown.counts.values())
    if shown.withheld:
        assert not shown.counts
        return
    assert set(shown.counts) | shown.few | shown.kept_back == set(shown.keys) == set(counts)
    possible = list(told(shown, sum(counts.values())))
    for key in shown.few:
        assert {each[key] for each in possible} == {1, 2, 3, 4}
