"""The points at which a process can be told to die, by name: nothing of it is in the product.

`install` wraps methods of the product in a process of the tests. Whoever writes a point's name into the file has the
next process that gets there kill itself, as `kill -9` would; the file goes with it, so that one dies and not all.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import local
from typing import Any

from wizard.services.audit import AuditDrain
from wizard.services.checking import Checking
from wizard.services.delivery import Delivery, MailCarrier
from wizard.services.orchestrator import RegistrationOrchestrator
from wizard.services.ports.cookies import GoingOn
from wizard.services.runner import Runner
from wizard.services.webhooks import WebhookCarrier
from wizard.storage.audit_trail import SqlAuditTrail
from wizard.storage.browser_sessions import BrowserSessions
from wizard.storage.outbox import SqlOutbox
from wizard.storage.registrations import RedisRegistrationStore
from wizard.storage.repositories.records import SqlRecords
from wizard.storage.unit_of_work import SqlUnitOfWork
from wizard.web.lazy_session import BrowserSession

Method = tuple[type, str]

ANSWERING: tuple[Method, ...] = ((RegistrationOrchestrator, "stage"), (RegistrationOrchestrator, "update"))
BROWSING: tuple[Method, ...] = ((BrowserSession, "save"),)
DRAINING: tuple[Method, ...] = ((AuditDrain, "drain_all"),)
SUBMITTING: tuple[Method, ...] = tuple(
    (RegistrationOrchestrator, name) for name in ("create", "submit", "execute_workflow")
)
DELIVERING: tuple[Method, ...] = ((Delivery, "deliver_due"),)


@dataclass(frozen=True, slots=True)
class Point:
    """Before or after a method is called within others; `behind` another one was called, where that is named."""

    within: tuple[Method, ...]
    method: Method
    is_after: bool = False
    behind: Method | None = None


_COMMIT = (SqlUnitOfWork, "commit")
_RECORD = (SqlRecords, "add")
_GO_ON = (GoingOn, "along")
_SAVE = (RedisRegistrationStore, "save")
_MARK = (SqlOutbox, "delivered")

# In the order in which they are passed.
POINTS: Mapping[str, Point] = {
    "answers: about to be saved": Point(ANSWERING, _SAVE),
    "answers: saved": Point(ANSWERING, _SAVE, is_after=True),
    "browser: about to have another cookie": Point(BROWSING, _GO_ON),
    "browser: has another cookie": Point(BROWSING, (BrowserSessions, "write"), is_after=True, behind=_GO_ON),
    "trail: about to have their events": Point(DRAINING, _COMMIT),
    "trail: has their events": Point(DRAINING, _COMMIT, is_after=True),
    "submit: registration read": Point(SUBMITTING, (Runner, "load"), is_after=True),
    "submit: transaction begun": Point(SUBMITTING, (SqlUnitOfWork, "__enter__"), is_after=True),
    "submit: category decided": Point(SUBMITTING, (Checking, "category"), is_after=True),
    "submit: record about to be written": Point(SUBMITTING, _RECORD),
    "submit: record written": Point(SUBMITTING, _RECORD, is_after=True),
    "submit: confirmation written": Point(SUBMITTING, (SqlOutbox, "add"), is_after=True),
    "submit: events announced": Point(SUBMITTING, (SqlOutbox, "announce"), is_after=True, behind=_RECORD),
    "submit: events written": Point(SUBMITTING, (SqlAuditTrail, "append"), is_after=True, behind=_RECORD),
    "submit: about to commit": Point(SUBMITTING, _COMMIT, behind=_RECORD),
    "submit: committed": Point(SUBMITTING, _COMMIT, is_after=True, behind=_RECORD),
    "submit: document about to be saved": Point(SUBMITTING, _SAVE),
    "submit: document saved": Point(SUBMITTING, _SAVE, is_after=True),
    "submit: about to answer": Point(SUBMITTING, (Runner, "change"), is_after=True),
    "delivery: about to claim": Point(DELIVERING, (SqlOutbox, "claim")),
    "delivery: claimed": Point(DELIVERING, _COMMIT, behind=(SqlOutbox, "_opened")),
    "mail: about to be sent": Point(DELIVERING, (MailCarrier, "carry")),
    "mail: sent": Point(DELIVERING, (MailCarrier, "carry"), is_after=True),
    "webhook: about to be posted": Point(DELIVERING, (WebhookCarrier, "carry")),
    "webhook: posted": Point(DELIVERING, (WebhookCarrier, "carry"), is_after=True),
    "delivery: try noted": Point(DELIVERING, (SqlOutbox, "attempted"), is_after=True),
    "delivery: about to mark": Point(DELIVERING, _MARK),
    "delivery: marked": Point(DELIVERING, _MARK, is_after=True),
    "delivery: mark about to be committed": Point(DELIVERING, _COMMIT, behind=_MARK),
    "delivery: mark committed": Point(DELIVERING, _COMMIT, is_after=True, behind=_MARK),
}


class _Passed(local):
    """Where the current thread is: the methods that it is within, and those that it has called there."""

    def __init__(self) -> None:
        self.within: list[Method] = []
        self.called: set[Method] = set()


_here = _Passed()


def install(armed: Path) -> None:
    """Wrap every method that a point names; `armed` is the file that a point's name is written into."""
    for method in {each for point in POINTS.values() for each in _methods(point)}:
        _wrap(method, armed)


def _methods(point: Point) -> list[Method]:
    return [*point.within, point.method, *([point.behind] if point.behind else [])]


def _wrap(method: Method, armed: Path) -> None:
    kind, name = method
    original: Callable[..., Any] = getattr(kind, name)
    is_scope = any(method in point.within for point in POINTS.values())

    @functools.wraps(original)
    def wrapped(*args: object, **named: object) -> object:
        _meet(method, armed, is_after=False)
        with _Scope(method) if is_scope else nullcontext():
            answer = original(*args, **named)
        if _here.within:
            _here.called.add(method)
        _meet(method, armed, is_after=True)
        return answer

    setattr(kind, name, wrapped)


class _Scope:
    """Within a method; what was called there before is forgotten with the outermost."""

    def __init__(self, method: Method) -> None:
        self._method = method

    def __enter__(self) -> None:
        _here.within.append(self._method)

    def __exit__(self, *_: object) -> None:
        _here.within.pop()
        if not _here.within:
            _here.called.clear()


def _meet(method: Method, armed: Path, *, is_after: bool) -> None:
    """Die, where this is the point that is armed."""
    if not _here.within:
        return
    with suppress(OSError):
        point = POINTS[armed.read_text()]
        is_there = (point.method, point.is_after) == (method, is_after)
        is_within = not set(point.within).isdisjoint(_here.within)
        if is_there and is_within and (point.behind is None or point.behind in _here.called):
            # Of several that are here at once, the one that takes the file away dies.
            armed.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
