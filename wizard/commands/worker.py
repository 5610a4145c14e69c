"""The worker: delivers mails and webhooks, registers what was loaded, keeps house, until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

import structlog

from wizard.core.errors import ExternalServiceError
from wizard.services.bundle import Services
from wizard.services.delivery import Delivery

DELIVER_EVERY = 0.5
HOUSEKEEPING_EVERY = 15.0
# After failures that nobody foresaw, each pause is twice the one before: they may not pass by themselves.
LONGEST_PAUSE = 60.0
BATCH = 20

_Answer = TypeVar("_Answer")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Worker:
    """Any number of them may run at once, on any number of machines."""

    services: Services
    stop: Event

    def run(self) -> None:
        """Work until `stop` is set. What fails is logged and tried again: a worker does not die of it."""
        with ExitStack() as beside:
            if self.services.webhooks is not None:
                posting = Thread(target=self._post, args=(self.services.webhooks,))
                posting.start()
                beside.callback(posting.join)
            self._work()

    def _post(self, webhooks: Delivery) -> None:
        """Post webhooks, in a thread of its own: a receiver that hangs holds up no mail."""
        pause = DELIVER_EVERY
        while not self.stop.is_set():
            delivered = self._attempt(lambda: webhooks.deliver_due(BATCH), or_else=0)
            pause = _longer(pause) if delivered is None else DELIVER_EVERY
            if delivered != BATCH:
                self.stop.wait(pause)

    def _work(self) -> None:
        housekeeping_due = monotonic()
        pause = DELIVER_EVERY
        while not self.stop.is_set():
            delivered = self._attempt(lambda: self.services.mails.deliver_due(BATCH), or_else=0)
            registering = self._attempt(self.services.bulk.workers.run_once, or_else=False)
            if monotonic() >= housekeeping_due:
                kept = self._attempt(self.services.housekeeping.run_once, or_else=None)
                self._attempt(self.services.bulk.erase_old, or_else=0)
                self._attempt(self.services.deliveries.erase_old, or_else=0)
                is_more = self._attempt(self.services.retention.run_once, or_else=False)
                is_more = self._attempt(self.services.refresh.run_due, or_else=False) or is_more
                is_more = is_more or (kept is not None and kept.is_more)
                housekeeping_due = monotonic() + (0 if is_more else HOUSEKEEPING_EVERY)
            pause = _longer(pause) if delivered is None else DELIVER_EVERY
            if delivered != BATCH and not registering:
                self.stop.wait(pause)

    def _attempt(self, work: Callable[[], _Answer], *, or_else: _Answer | None) -> _Answer | None:
        """What came of it: `or_else` where a service does not answer, None where nobody foresaw what failed."""
        try:
            return work()
        except ExternalServiceError as error:
            _log.warning("worker.postponed", reason=error.message)
            return or_else
        except Exception:  # noqa: BLE001 - a worker survives whatever one round meets
            _log.exception("worker.failed")
            return None


def _longer(pause: float) -> float:
    return min(pause * 2, LONGEST_PAUSE)
