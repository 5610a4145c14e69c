"""Recording behind the answers: what many requests brought about goes into the audit trail together."""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

import structlog

from wizard.core.errors import ExternalServiceError
from wizard.core.registration import Registration
from wizard.services.audit import AuditDrain
from wizard.services.ports.patience import LONG, limited
from wizard.services.ports.registrations import RegistrationStore

# More than these wait for a worker, as they do where this process dies: the events are in the documents.
_MOST = 1_000
# In one transaction.
_TOGETHER = 50

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Recorder:
    """A thread of the process, which takes up what has gathered for a moment.

    A transaction for each step submitted was half of its time (docs/benchmarks.md). Only ids are kept here: what is to
    be recorded is what stands in the document by then, without what was erased from it meanwhile.
    """

    drain: AuditDrain
    registrations: RegistrationStore
    gathers: float
    _ids: dict[str, None] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)
    _called: Event = field(default_factory=Event, init=False)
    _stopping: Event = field(default_factory=Event, init=False)
    _thread: Thread | None = field(default=None, init=False)

    def start(self) -> None:
        """Take what comes from now on, until the process ends; a second start, or one after the end, is none.

        A thread that has died, or stayed behind in the process that this one is a fork of, has a successor.
        """
        if self._is_at_work():
            return
        with self._lock:
            if not self._is_at_work() and not self._stopping.is_set():
                self._thread = Thread(target=self._work, name="recorder", daemon=True)
                self._thread.start()
                atexit.register(self.stop)

    def stop(self) -> None:
        """Record what has come so far, and take no more."""
        atexit.unregister(self.stop)
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            self._called.set()
            thread.join()
        # What came while the thread was ending.
        self._record_all()

    def later(self, session_id: str) -> bool:
        """Record the events of a registration soon; False where nobody is there to do it."""
        if not self._is_at_work() or len(self._ids) >= _MOST:
            return False
        with self._lock:
            self._ids[session_id] = None
        self._called.set()
        return True

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._called.wait()
            self._stopping.wait(self.gathers)
            self._called.clear()
            self._record_all()

    def _is_at_work(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _record_all(self) -> None:
        while ids := self._taken():
            # A database that hangs keeps a process no longer than that from ending.
            with limited(LONG):
                self._record(ids)

    def _taken(self) -> list[str]:
        with self._lock:
            ids = list(self._ids)[:_TOGETHER]
            for each in ids:
                del self._ids[each]
        return ids

    def _record(self, ids: Sequence[str]) -> None:
        """What cannot be recorded now is left to a worker; one that never can be is in no other's way."""
        try:
            self._record_together(ids)
        except ExternalServiceError as error:
            _log.warning("recorder.postponed", reason=error.message)
        except Exception:  # noqa: BLE001
            # The thread is there for the next ones.
            _log.exception("recorder.failed", registrations=len(ids))
            for each in ids if len(ids) > 1 else ():
                self._record([each])

    def _record_together(self, ids: Sequence[str]) -> None:
        found = [each for each in self.registrations.load_all(ids).values() if each is not None and each.events]
        # Who begins a chain holds the count of all chains: nobody waits for that who only goes on with theirs.
        for begins in (False, True):
            some = [each for each in found if _begins(each) is begins]
            if some and self.drain.drain_all(some):
                # Else a worker would go through them all once more, before what does wait.
                self.registrations.events_recorded(*map(self.drain.emptied, some))


def _begins(registration: Registration) -> bool:
    return registration.events[0].sequence == 1
