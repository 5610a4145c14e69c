"""What the rules look at, as the pages know it."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from wizard.core.clock import toronto_date
from wizard.core.education import EducationData
from wizard.core.rules import Facts
from wizard.web.access import services, settings


def today() -> date:
    """The day in Toronto, by the app's clock."""
    return toronto_date(services().clock.now())


def facts_of(data: EducationData) -> Facts:
    """What the rules look at; no other records, whose answer may not reach everybody."""
    return Facts(data, today(), _compiled(settings().coto_pattern))


@lru_cache(maxsize=8)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
