"""What waits in the outbox, as a worker would find it."""

from __future__ import annotations

from datetime import UTC, datetime

from wizard.services.ports.messages import Message
from wizard.services.ports.units import UnitsOfWork

# After every claim and every delay.
_LATER = datetime(2100, 1, 1, tzinfo=UTC)


def waiting(units: UnitsOfWork) -> list[Message]:
    """The messages to be sent, oldest first; looking leaves them as they are."""
    with units.write() as unit:
        return [claimed.message for claimed in unit.outbox.claim(_LATER, limit=1000)]
