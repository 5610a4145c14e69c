"""Small groups kept out of statistics, and such that nothing else that is shown gives them away.

The groups of a chart add up to a number that another chart may give away. So where one group is too small to be
shown, others are kept back with it, the smallest first, until each small group could be anything from one to four to
whoever knows the sum and everything that is shown. Where that cannot be, nothing of the chart is shown.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

LEAST = 5
_MOST_SMALL = LEAST - 1

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Shown(Generic[Key]):
    """The groups as they may be shown; those in `few` have fewer than five, those in `kept_back` are hidden with them.

    `withheld` where there is no way to show any of them.
    """

    keys: tuple[Key, ...]
    counts: Mapping[Key, int]
    few: frozenset[Key] = frozenset()
    kept_back: frozenset[Key] = frozenset()
    withheld: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show: nobody to count, or nothing of it fit to be shown."""
        return not any(self.counts.values())


def suppressed(counts: Mapping[Key, int]) -> Shown[Key]:
    """The groups without those that are too small, and without what would tell how small they are.

    An empty group is nobody, and is shown.
    """
    small = [key for key, count in counts.items() if 0 < count < LEAST]
    if not small:
        return Shown(tuple(counts), counts)
    large = sorted((key for key, count in counts.items() if count >= LEAST), key=lambda key: counts[key])
    for number in range(len(large) + 1):
        hidden = {*small, *large[:number]}
        if _is_safe(len(small), number, sum(counts[key] for key in hidden)):
            shown = {key: count for key, count in counts.items() if key not in hidden}
            return Shown(tuple(counts), shown, frozenset(small), frozenset(large[:number]))
    return Shown(tuple(counts), {}, frozenset(small), frozenset(large), withheld=True)


def _is_safe(small: int, large: int, total: int) -> bool:
    """Whether each of the small groups may have one or four, or anything in between, for all that the total tells."""
    one_may_have_four = total >= _MOST_SMALL + (small - 1) + large * LEAST
    one_may_have_one = large > 0 or total <= 1 + (small - 1) * _MOST_SMALL
    return one_may_have_four and one_may_have_one
