"""Counts over everything that is kept in the database: what waits for the desk, and what the statistics show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from wizard.core.steps import Step


@dataclass(frozen=True, slots=True)
class Period:
    """From one instant to another, which is no longer part of it."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many records and accounts wait for the desk, and how many mails and events have not gone out."""

    records: int
    accounts: int
    mails: int
    webhooks: int


@dataclass(frozen=True, slots=True)
class Furthest:
    """How many registrations got as far as a step, and whether that is all that will become of them."""

    step: Step
    over: bool
    count: int


@dataclass(frozen=True, slots=True)
class Records:
    """How many records there are of a kind; private ones are left out."""

    category: str
    graduation_year: str
    university: str
    coto_status: str
    count: int


class Statistics(Protocol):
    """One statement each."""

    def waiting(self, *, now: datetime, kept: timedelta) -> Waiting:
        """What waits for the desk; what was given up longer ago than it is `kept` does not count any more."""
        ...

    def completed(self, period: Period) -> Mapping[datetime, int]:
        """How many registrations were completed, by the hour in which they were."""
        ...

    def furthest(self, period: Period) -> Sequence[Furthest]:
        """How far the registrations have got that people began in a period."""
        ...

    def durations(self, period: Period, *, minutes: Sequence[int]) -> Sequence[int]:
        """How many of those completed in a period took less than each number of minutes; the last: how many longer.

        Each is counted once, under the smallest number.
        """
        ...

    def records(self, period: Period) -> Sequence[Records]:
        """The records made in a period, by kind."""
        ...
