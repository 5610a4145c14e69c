"""Delivering what waits in the outbox: at least once, with backoff, each message on its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter

import structlog

from wizard.core.clock import Clock
from wizard.core.errors import ExternalServiceError
from wizard.services.events import logged_for
from wizard.services.ports.messages import (
    Attempt,
    Carrier,
    ClaimedMessage,
    MailRefused,
    MailSender,
    MailWriter,
    Medium,
    Message,
    Undelivered,
)
from wizard.services.ports.units import UnitsOfWork
from wizard.services.ports.watching import OK, UNWATCHED, Watch, Work

FIRST_DELAY = timedelta(seconds=2)
LONGEST_DELAY = timedelta(hours=1)
# With the delays above about three days of a server that does not answer.
MOST_ATTEMPTS = 80
# For how long the desk can have sent again what was given up.
KEPT = timedelta(days=30)

_MOST_DOUBLINGS = 16
# What whoever watches is told of one that is not out, by whether it is given up.
_WATCHED = {False: "postponed", True: "given_up"}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MailCarrier:
    """`ports.Carrier` of mails."""

    writer: MailWriter
    sender: MailSender

    def carry(self, claimed: ClaimedMessage) -> None:
        """Write a mail and send it. Raises Undelivered."""
        try:
            self.sender.send(self.writer.write(claimed.message), message_id=claimed.id)
        except ExternalServiceError as error:
            raise Undelivered(error.message, stops=True) from error
        except MailRefused as error:
            raise Undelivered("refused", final=True) from error


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivers the messages of one medium of the outbox, outside of any transaction.

    A message is marked after it was sent: a crash in between sends it twice, under the same id, never not at all.
    `kept` is for how long what was given up can be sent again; `jitter` answers from 0 to 1, `timer` in seconds.
    """

    clock: Clock
    units: UnitsOfWork
    medium: Medium
    carrier: Carrier
    kept: timedelta = KEPT
    jitter: Callable[[], float] = secrets.SystemRandom().random
    timer: Callable[[], float] = perf_counter
    watch: Watch = UNWATCHED

    def deliver_due(self, limit: int = 20) -> int:
        """Deliver some of what is due; answers how many were.

        Messages are taken one at a time, so that none waits behind another's time-out. Where the other side
        does not answer, the others are left as they are, for the next call. Raises ExternalServiceError("database")
        where the outbox cannot be read or marked.
        """
        delivered = 0
        for _ in range(limit):
            claimed = self._claim()
            if claimed is None:
                break
            with logged_for(claimed.message.request_id):
                failure = self._try(claimed)
            delivered += failure is None
            if failure is not None and failure.stops:
                break
        return delivered

    def _claim(self) -> ClaimedMessage | None:
        with self.units.write() as unit:
            claimed = unit.outbox.claim(self.clock.now(), medium=self.medium, limit=1)
            unit.commit()
        return claimed[0] if claimed else None

    def _try(self, claimed: ClaimedMessage) -> Undelivered | None:
        """Deliver one, and mark what came of it; None where it is out."""
        began, started = self.clock.now(), self.timer()
        with self.watch.during(Work.DELIVERY, claimed.message.kind) as doing:
            status, failure = self._carried(claimed)
            doing.outcome = OK if failure is None else _WATCHED[_is_over(claimed, failure)]
        took = round((self.timer() - started) * 1000)
        self._mark(claimed, failure, Attempt(began, took, status, failure.reason if failure else None))
        return failure

    def _carried(self, claimed: ClaimedMessage) -> tuple[int | None, Undelivered | None]:
        if self._comes_too_late(claimed.message):
            return None, Undelivered("outdated", final=True)
        try:
            return self.carrier.carry(claimed), None
        except Undelivered as failure:
            return failure.status, failure
        except Exception as error:  # noqa: BLE001 - whatever is wrong with this one, the others are to be delivered
            _log.exception("outbox.broken", message_id=claimed.id, kind=claimed.message.kind)
            return None, Undelivered(type(error).__name__)

    def _mark(self, claimed: ClaimedMessage, failure: Undelivered | None, attempt: Attempt) -> None:
        now = self.clock.now()
        with self.units.write() as unit:
            unit.outbox.attempted(claimed.id, attempt)
            if failure is None:
                unit.outbox.delivered(claimed.id, at=now)
            elif _is_over(claimed, failure):
                unit.outbox.given_up(claimed, reason=failure.reason, keep_until=self._kept_until(claimed.message, now))
            else:
                retry_at = now + self._delay(claimed.attempts, failure)
                unit.outbox.failed(claimed, reason=failure.reason, retry_at=retry_at)
            unit.commit()
        if failure is None:
            _log.info("outbox.delivered", message_id=claimed.id, medium=self.medium, kind=claimed.message.kind)
        else:
            _log.warning("outbox.failed", message_id=claimed.id, medium=self.medium, reason=failure.reason)

    def _comes_too_late(self, message: Message) -> bool:
        """Whether what the message brings no longer holds: a code that is over would only confuse."""
        expires_at = _expires_at(message)
        return expires_at is not None and self.clock.now() >= expires_at

    def _kept_until(self, message: Message, now: datetime) -> datetime | None:
        """Until when it may be sent again: never longer than a code or a link in it is good for anything."""
        until = min(now + self.kept, _expires_at(message) or now + self.kept)
        return until if until > now else None

    def _delay(self, attempts: int, failure: Undelivered) -> timedelta:
        """Twice as long each time, and never for all workers and messages the same; longer where that was asked for."""
        doublings = min(attempts - 1, _MOST_DOUBLINGS)
        delay: timedelta = min(FIRST_DELAY * 2**doublings, LONGEST_DELAY)
        asked = min(timedelta(seconds=failure.retry_after or 0), LONGEST_DELAY)
        return max(delay * (0.5 + self.jitter() / 2), asked)


def _expires_at(message: Message) -> datetime | None:
    given = message.values.get("expires_at")
    return None if given is None else datetime.fromisoformat(given)


def _is_over(claimed: ClaimedMessage, failure: Undelivered) -> bool:
    """Whether it is not to be tried again by itself."""
    return failure.final or claimed.attempts >= MOST_ATTEMPTS
