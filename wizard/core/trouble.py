"""Which registrations the desk should look at: those that fail, are stuck, or will soon be over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum

from wizard.core.errors import Problem
from wizard.core.registration import Registration, Status
from wizard.core.rules import RULES, Outcome

# An open registration with less time than this is about to expire.
SOON = timedelta(hours=6)
_REPEATED = 2

LINKING_CHECKS = ("account.required", "account.accessible", "account.privilege", "account.member_number")
# Everything that can stop a registration, by the id that its problem has.
STOPPING: tuple[str, ...] = (*(rule.id for rule in RULES if rule.breach is Outcome.FAILED), *LINKING_CHECKS)
_STOPPING = frozenset(STOPPING)


class Trouble(StrEnum):
    """Why a registration is stuck."""

    REPEATED = "repeated"
    CONFLICT = "conflict"
    CREATION = "creation"


def counted(failed: Mapping[str, int], problems: Iterable[Problem]) -> Mapping[str, int]:
    """How often each rule has failed, once more for those that fail now."""
    now = {problem.message for problem in problems} & _STOPPING
    return dict(Counter(failed) + Counter(now))


def failing(registration: Registration) -> frozenset[str]:
    """The rules that stopped the last operation."""
    if not registration.is_open:
        return frozenset()
    return _STOPPING & {problem.message for problem in registration.errors}


def troubles(registration: Registration) -> frozenset[Trouble]:
    """Why it is stuck; empty where it is not, or is over."""
    if not registration.is_open:
        return frozenset()
    signs = {
        Trouble.REPEATED: any(times >= _REPEATED for times in registration.failed.values()),
        Trouble.CONFLICT: registration.flag is not None,
        Trouble.CREATION: registration.status is Status.CREATION_FAILED,
    }
    return frozenset(trouble for trouble, shown in signs.items() if shown)
