"""The one place events are made and told from; subscribers are the logs, and whoever else asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime

import structlog
from blinker import Namespace
from structlog.contextvars import bound_contextvars

from wizard.core.events import Event, EventName
from wizard.services.ports.calls import Call

Handler = Callable[[Event], None]

_log = structlog.get_logger(__name__)


def make_event(  # noqa: PLR0913 - an event has that many sides, all but the name by keyword
    name: EventName,
    *,
    call: Call,
    at: datetime,
    chain: str,
    session_id: str | None = None,
    record_id: str | None = None,
    operation_id: str | None = None,
    details: Mapping[str, str] | None = None,
    changes: Mapping[str, tuple[str | None, str | None]] | None = None,
) -> Event:
    """An event as the caller brought it about."""
    return Event(
        name,
        at,
        call.actor.name,
        chain,
        privilege=call.actor.privilege,
        session_id=session_id,
        record_id=record_id,
        operation_id=operation_id,
        request_id=call.request_id,
        details=details or {},
        changes=changes or {},
    )


class EventBus:
    """Signals in the process, one per event name; told after the change is durable."""

    def __init__(self) -> None:
        self._signals = Namespace()

    def subscribe(self, handler: Handler, *names: EventName) -> None:
        """Tell a handler of some events, or of all where none is named."""

        def receive(_sender: object, *, event: Event) -> None:
            try:
                handler(event)
            except Exception:  # noqa: BLE001
                # The change has happened: a subscriber that fails must not undo or hide it.
                _log.exception("subscriber.failed", event_name=event.name)

        for name in names or tuple(EventName):
            self._signals.signal(name).connect(receive, weak=False)

    def publish(self, *events: Event) -> None:
        """Tell of what happened, in order."""
        for event in events:
            self._signals.signal(event.name).send(self, event=event)


def log_event(event: Event) -> None:
    """The logs' subscriber: ids, names and slugs only."""
    # What a worker does for somebody is logged under the request that they asked for it with.
    asked = {"request_id": event.request_id} if event.request_id else {}
    _log.info(
        event.name,
        operation_id=event.operation_id,
        session_id=event.session_id,
        record_id=event.record_id,
        actor=event.actor,
        **asked,
        **{key: value for key, value in event.details.items() if key not in _TAKEN},
    )


def logged_for(request_id: str | None) -> AbstractContextManager[object]:
    """What is logged meanwhile is logged under the request that it is done for, if there was one."""
    return bound_contextvars(**({"request_id": request_id} if request_id else {}))


_TAKEN = frozenset({"event", "request_id", "operation_id", "session_id", "record_id", "actor"})
