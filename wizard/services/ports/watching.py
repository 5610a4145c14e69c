"""Whoever watches the work: how long each part takes and what comes of it, never what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import TracebackType
from typing import Protocol

from wizard.core.errors import WizardError
from wizard.core.steps import Step

OK, FAILED = "ok", "failed"
# Of Redis and the database: it did not answer, or it answered that it will not do this.
UNREACHABLE, REFUSED = "unreachable", "refused"


class Work(StrEnum):
    """The kinds of work that are watched; each part of it has a name, one of a few."""

    OPERATION = "operation"
    REDIS = "redis"
    DATABASE = "database"
    DELIVERY = "delivery"


@dataclass(slots=True)
class Doing:
    """A part of the work that is under way. `text` says more than its name, but no value; `outcome` is one word."""

    work: Work
    name: str
    text: str = ""
    outcome: str = OK


class Watcher(Protocol):
    """Sees work begin and end, one part within another."""

    def during(self, doing: Doing) -> AbstractContextManager[object]:
        """Around a part of the work; at its end the outcome is known."""
        ...

    def stepped(self, step: Step, took: timedelta) -> None:
        """An applicant was done with a step, so long after the change before."""
        ...


@dataclass(slots=True)
class _Seen:
    """Around a part of the work, for all who watch. A class: round trips are many (docs/benchmarks.md)."""

    doing: Doing
    watching: Sequence[AbstractContextManager[object]]

    def __enter__(self) -> Doing:
        for each in self.watching:
            each.__enter__()
        return self.doing

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self.doing.outcome == OK:
            self.doing.outcome = _outcome(error)
        for each in reversed(self.watching):
            each.__exit__(kind, error, trace)


@dataclass(frozen=True, slots=True)
class Watch:
    """All who watch, as one; nobody unless somebody is named."""

    watchers: tuple[Watcher, ...] = ()

    def during(self, work: Work, name: str, text: str = "") -> AbstractContextManager[Doing]:
        """Let it be seen how something is done. What is raised says the outcome, unless it is known already."""
        doing = Doing(work, name, text)
        return _Seen(doing, [watcher.during(doing) for watcher in self.watchers])

    def stepped(self, step: Step, took: timedelta) -> None:
        """Tell of a step that is done."""
        for watcher in self.watchers:
            watcher.stepped(step, took)


UNWATCHED = Watch()


def _outcome(error: BaseException) -> str:
    return error.code.lower() if isinstance(error, WizardError) else FAILED
