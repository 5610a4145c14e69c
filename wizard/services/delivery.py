"""Delivering what waits in the outbox: at least once, with backoff, each message on its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from wizard.core.clock import Clock
from wizard.core.errors import ExternalServiceError
from wizard.services.ports.messages import ClaimedMessage, MailRefused, MailSender, MailWriter, Message
from wizard.services.ports.units import UnitsOfWork
from wizard.services.ports.watching import OK, UNWATCHED, Watch, Work

FIRST_DELAY = timedelta(seconds=2)
LONGEST_DELAY = timedelta(hours=1)
# With the delays above about three days of a mail server that does not answer.
MOST_ATTEMPTS = 80

_MOST_DOUBLINGS = 16

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Why a message was not delivered; `final` ones are given up, `stops` leaves the others for later."""

    reason: str
    final: bool = False
    stops: bool = False

    @property
    def word(self) -> str:
        """For whoever watches."""
        if not self.reason:
            return OK
        return "given_up" if self.final else "postponed"


_DELIVERED = _Outcome("")
_OUTDATED = _Outcome("outdated", final=True)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sends the mails of the outbox, outside of any transaction.

    A message is marked after it was sent: a crash in between sends it twice, under the same message id, never not
    at all. `jitter` answers from 0 to 1.
    """

    clock: Clock
    units: UnitsOfWork
    writer: MailWriter
    sender: MailSender
    jitter: Callable[[], float] = secrets.SystemRandom().random
    watch: Watch = UNWATCHED

    def deliver_due(self, limit: int = 20) -> int:
        """Deliver some of what is due; answers how many were.

        Messages are taken one at a time, so that none waits behind another's time-out. Where the mail server
        does not answer, the others are left as they are, for the next call. Raises ExternalServiceError("database")
        where the outbox cannot be read or marked.
        """
        delivered = 0
        for _ in range(limit):
            claimed = self._claim()
            if claimed is None:
                break
            with self.watch.during(Work.DELIVERY, claimed.message.kind) as doing:
                outcome = self._try(claimed)
                doing.outcome = outcome.word
            self._mark(claimed, outcome)
            delivered += outcome is _DELIVERED
            if outcome.stops:
                break
        return delivered

    def _claim(self) -> ClaimedMessage | None:
        with self.units.write() as unit:
            claimed = unit.outbox.claim(self.clock.now(), limit=1)
            unit.commit()
        return claimed[0] if claimed else None

    def _try(self, claimed: ClaimedMessage) -> _Outcome:
        if self._comes_too_late(claimed.message):
            return _OUTDATED
        try:
            self.sender.send(self.writer.write(claimed.message), message_id=claimed.id)
        except ExternalServiceError as error:
            return _Outcome(error.message, stops=True)
        except MailRefused:
            return _Outcome("refused", final=True)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with this one, the others are to be delivered
            _log.exception("outbox.broken", message_id=claimed.id, kind=claimed.message.kind)
            return _Outcome(type(error).__name__)
        return _DELIVERED

    def _mark(self, claimed: ClaimedMessage, outcome: _Outcome) -> None:
        now = self.clock.now()
        with self.units.write() as unit:
            if outcome is _DELIVERED:
                unit.outbox.delivered(claimed.id, at=now)
            else:
                final = outcome.final or claimed.attempts >= MOST_ATTEMPTS
                retry_at = None if final else now + self._delay(claimed.attempts)
                unit.outbox.failed(claimed.id, reason=outcome.reason, retry_at=retry_at)
                _log.warning("outbox.failed", message_id=claimed.id, reason=outcome.reason, given_up=final)
            unit.commit()

    def _comes_too_late(self, message: Message) -> bool:
        """Whether what the message brings no longer holds: a code that is over would only confuse."""
        expires_at = message.values.get("expires_at")
        return expires_at is not None and self.clock.now() >= datetime.fromisoformat(expires_at)

    def _delay(self, attempts: int) -> timedelta:
        """Twice as long each time, and never for all workers and messages the same."""
        doublings = min(attempts - 1, _MOST_DOUBLINGS)
        delay: timedelta = min(FIRST_DELAY * 2**doublings, LONGEST_DELAY)
        return delay * (0.5 + self.jitter() / 2)
