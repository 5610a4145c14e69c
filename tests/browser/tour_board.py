"""The board, the statistics and the lists that they lead to, empty and full; a registration's history and notes."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from uuid import uuid4

from tests.browser.tour import HEADING, SUMMARY, Tour
from wizard.core.clock import FixedClock
from wizard.services.ports.messages import Attempt, Medium, Message, Place
from wizard.storage.unit_of_work import SqlUnitsOfWork

BOARD, STATISTICS = "/staff/", "/staff/statistics"
# Of no trail, so that they are nobody else's.
_EVENTS = count(1_000_000)
_FAILURES = ((Medium.MAIL, "mail.unavailable"), *[(Medium.WEBHOOK, "webhook.answer")] * 2)


def board(tour: Tour) -> None:
    """What the desk begins with, and what it counts."""
    tour.visit(BOARD, "board")
    tour.visit("/staff/mails", "mails-none")
    tour.visit("/staff/webhooks?all=1", "webhooks-none")
    tour.stage.apart(lambda: undelivered(tour.stage.units, tour.stage.clock))
    tour.visit("/staff/mails", "mails-not-delivered")
    tour.press("main form button", "mails-sent-again")
    tour.visit("/staff/webhooks", "webhooks-not-delivered")
    tour.press("main tbody a", "webhook")
    tour.press("main form button", "webhook-sent-again")
    tour.visit("/staff/webhooks")
    tour.press("main form button", "webhooks-sent-again")
    tour.visit("/staff/sessions?stuck=any&age=1h&step=education", "list-narrowed-down")
    tour.visit(STATISTICS, "statistics")
    tour.visit(f"{STATISTICS}?first=2026-11-20&last=2026-11-01", "statistics-errors")


def undelivered(units: SqlUnitsOfWork, clock: FixedClock) -> None:
    """An e-mail and two events that were given up."""
    places = [Place("session", None, next(_EVENTS)) for _ in range(2)]
    events = [Message("session.extended", "", "", str(uuid4()), medium=Medium.WEBHOOK, place=each) for each in places]
    with units.write() as unit:
        for message in (Message("confirmation", "robin@example.org", "fr", str(uuid4())), *events):
            unit.outbox.add(message, at=clock.now())
        for medium, reason in _FAILURES:
            for claimed in unit.outbox.claim(clock.now(), medium=medium):
                status = 503 if medium is Medium.WEBHOOK else None
                unit.outbox.attempted(claimed.id, Attempt(clock.now(), 1234, status, reason))
                unit.outbox.given_up(claimed, reason=reason, keep_until=clock.now() + timedelta(days=30))
        unit.commit()


def notes(tour: Tour) -> None:
    """A note that is left empty, and one that is not."""
    session_id = tour.stage.staged()
    tour.visit(f"/staff/sessions/{session_id}")
    tour.press("#note-form button", "note-errors", focus=SUMMARY)
    tour.put({"note": "2026-11-23, 10:00"})
    tour.press("#note-form button", "noted", focus=HEADING)
