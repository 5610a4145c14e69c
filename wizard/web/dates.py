"""Dates and times as people read them, in the language of the page and the time of Toronto."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache

from babel.dates import format_date, format_datetime

from wizard.core.clock import TORONTO
from wizard.web.texts import language_code

# What belongs together stays on one line in French: the number and its unit.
_DATES: Mapping[str, str] = {"en": "d MMMM y", "fr": "d\u00a0MMMM y"}
_FIRST_OF_MONTH: Mapping[str, str] = {**_DATES, "fr": "d'er' MMMM y"}
_TIMES: Mapping[str, str] = {"en": "', 'HH:mm", "fr": "' à 'H\u00a0'h'\u00a0mm"}
_ON_THE_HOUR: Mapping[str, str] = {**_TIMES, "fr": "' à 'H\u00a0'h'"}


def long_date(day: date) -> str:
    """Such as 30 September 2027, 30 septembre 2027 or 1er octobre 2027."""
    return format_date(day, _of_date(day), locale=_locale())


def moment(instant: datetime) -> str:
    """Such as 23 November 2026, 10:00 or 23 novembre 2026 à 10 h: the time in Toronto."""
    return _minute(instant.replace(second=0, microsecond=0), _locale())


@lru_cache(maxsize=2048)
def _minute(instant: datetime, locale: str) -> str:
    there = instant.astimezone(TORONTO)
    times = _TIMES if there.minute else _ON_THE_HOUR
    return format_datetime(there, _of_date(there) + _ours(times), tzinfo=TORONTO, locale=locale)


def _of_date(day: date) -> str:
    return _ours(_FIRST_OF_MONTH if day.day == 1 else _DATES)


def _ours(formats: Mapping[str, str]) -> str:
    return formats.get(_locale(), formats["en"])


def _locale() -> str:
    return language_code() or "en"
