"""Puts together what erases what is kept no longer."""

from __future__ import annotations

from wizard.config import Settings
from wizard.core.clock import Clock
from wizard.core.retention import Periods
from wizard.services.erasure import Erasure
from wizard.services.events import EventBus
from wizard.services.ports.units import UnitsOfWork
from wizard.services.retention import Kept, Retention


def retention(settings: Settings, clock: Clock, units: UnitsOfWork, events: EventBus, erasure: Erasure) -> Retention:
    """What workers erase."""
    return Retention(clock, units, events, erasure, _kept(settings))


def _kept(settings: Settings) -> Kept:
    """For how long each kind of data is kept."""
    typed = Periods(
        completed=settings.retention_completed,
        cancelled=settings.retention_cancelled,
        expired=settings.retention_expired,
        failed=settings.retention_failed,
        history=settings.retention_history,
        deleted=settings.retention_deleted,
        desk=settings.retention_desk,
        lives_at_most=settings.session_max_age,
    )
    return Kept(
        typed=typed,
        codes=settings.retention_codes,
        links=settings.retention_links,
        mails=settings.retention_mails,
        reports=settings.retention_reports,
        staff=settings.retention_staff,
        inactive=settings.retention_inactive,
    )
