"""Columns of personal data, and whether they stand as the setting and the newest secret would write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Standing:
    """Rows of a table: how many are written otherwise, and how many with a secret that is not among ours."""

    table: str
    otherwise: int
    lost: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows that were looked at, and how many of them had to be left; `last` is where to go on from, None at the end."""

    looked_at: int
    left: int
    last: tuple[Any, ...] | None


class PersonalColumns(Protocol):
    """Rewrites what was written under another setting, or with an older secret."""

    def standing(self) -> Sequence[Standing]:
        """Of every table that has such columns."""
        ...

    def rewrite(self, table: str, *, after: tuple[Any, ...] | None, limit: int) -> Slice:
        """Rewrite some rows that are written otherwise, in the order of their keys, from behind one.

        Left are those whose secret is gone, and those with a number that only one record may hold and another has.
        """
        ...
