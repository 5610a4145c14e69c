"""What the pages know of the day and of the settings; the rules get it as facts."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import cast

from flask import current_app

from wizard.config import Settings
from wizard.core.clock import toronto_date
from wizard.core.education import EducationData
from wizard.core.rules import Facts
from wizard.web.access import services


def settings() -> Settings:
    """The settings of the app."""
    return cast("Settings", current_app.extensions["wizard_settings"])


def today() -> date:
    """The day in Toronto, by the app's clock."""
    return toronto_date(services().clock.now())


def facts_of(data: EducationData) -> Facts:
    """What the rules look at; no other records, whose answer may not reach everybody."""
    return Facts(data, today(), _compiled(settings().coto_pattern))


@lru_cache(maxsize=8)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
