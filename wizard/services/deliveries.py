"""Deliveries as the desk sees to them: what has not gone out, what came of each try, and sending it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from wizard.core.actors import require_desk
from wizard.core.clock import Clock
from wizard.core.errors import Conflict, NotFound
from wizard.core.events import Event, EventName
from wizard.services.authority import require_desk_or_system
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call
from wizard.services.ports.deliveries import Posted, Undone
from wizard.services.ports.messages import Attempt, Medium
from wizard.services.ports.units import UnitsOfWork

_PAGE = 25
# What one round of erasing takes on at most.
_SLICE = 500


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """A page of messages, newest first; `following` is what the next page comes after, None at the end."""

    messages: Sequence[Posted]
    following: str | None


@dataclass(frozen=True, slots=True)
class Followed:
    """A message with every try to deliver it."""

    message: Posted
    attempts: Sequence[Attempt]


@dataclass(frozen=True, slots=True)
class Deliveries:
    """For all of the desk; `admin` suffices. Every method raises PermissionDenied to others.

    `kept` is for how long what was given up can be sent again, and the tries are known.
    """

    clock: Clock
    units: UnitsOfWork
    events: EventBus
    kept: timedelta

    def undelivered(self, call: Call, medium: Medium, *, after: str | None = None) -> DeliveryPage:
        """Messages that have not gone out, from behind the one with the id `after`."""
        require_desk_or_system(call.actor)
        with self.units.read() as unit:
            undone = Undone(medium, self.clock.now(), self.kept)
            return _page(unit.deliveries.undelivered(undone, after=after, limit=_PAGE + 1))

    def every(self, call: Call, medium: Medium, *, after: str | None = None) -> DeliveryPage:
        """All messages of a medium that are still known, from behind the one with the id `after`."""
        require_desk_or_system(call.actor)
        with self.units.read() as unit:
            return _page(unit.deliveries.every(medium, after=after, limit=_PAGE + 1))

    def follow(self, call: Call, message_id: str) -> Followed:
        """One message with its tries. Raises NotFound."""
        require_desk_or_system(call.actor)
        with self.units.read() as unit:
            message = unit.deliveries.get(message_id)
            if message is None:
                raise NotFound("delivery.unknown")
            return Followed(message, unit.deliveries.attempts(message_id))

    def retry(self, call: Call, message_id: str) -> None:
        """Have a message sent again at once, whether it was given up or waits for its next try.

        Raises NotFound, and Conflict("delivery.over") where it is out, or no longer kept.
        """
        require_desk(call.actor)
        with self.units.write() as unit:
            message = unit.deliveries.get(message_id)
            if message is None:
                raise NotFound("delivery.unknown")
            if not unit.deliveries.retry(message_id, at=self.clock.now()):
                raise Conflict("delivery.over")
            event = self._event(call, message.medium, message=message_id, kind=message.kind)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)

    def retry_all(self, call: Call, medium: Medium) -> int:
        """The same for all of a medium that were given up and are kept; answers how many there were."""
        require_desk(call.actor)
        with self.units.write() as unit:
            count = unit.deliveries.retry_given_up(medium, at=self.clock.now())
            if not count:
                return 0
            event = self._event(call, medium, count=str(count))
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        return count

    def erase_old(self) -> int:
        """For workers: erase some of what is kept no longer; answers how many rows that were."""
        now = self.clock.now()
        with self.units.write() as unit:
            erased = unit.deliveries.erase(now=now, before=now - self.kept, limit=_SLICE)
            unit.commit()
        return erased

    def _event(self, call: Call, medium: Medium, **details: str) -> Event:
        return make_event(
            EventName.DELIVERY_RETRIED,
            call=call,
            at=self.clock.now(),
            chain=f"outbox:{medium}",
            details={"medium": medium.value, **details},
        )


def _page(found: Sequence[Posted]) -> DeliveryPage:
    return DeliveryPage(found[:_PAGE], found[_PAGE - 1].id if len(found) > _PAGE else None)
