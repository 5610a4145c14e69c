"""The one clock that decides dates and expiry; stored timestamps are UTC, deciding dates are Toronto's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

TORONTO = ZoneInfo("America/Toronto")


class Clock(Protocol):
    """What the time is."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(slots=True)
class FixedClock:
    """A clock that stands still until it is set; for tests and what-if runs."""

    instant: datetime

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.instant


def toronto_date(instant: datetime) -> date:
    """The calendar date in America/Toronto at an instant: the only date that decides anything."""
    return instant.astimezone(TORONTO).date()
