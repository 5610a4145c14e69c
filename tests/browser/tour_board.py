"""The board, the statistics and the lists that they lead to, empty and full; a registration's history and notes."""

from __future__ import annotations

from tests.browser.tour import HEADING, SUMMARY, Tour

BOARD, STATISTICS = "/staff/", "/staff/statistics"


def board(tour: Tour) -> None:
    """What the desk begins with, and what it counts."""
    tour.visit(BOARD, "board")
    tour.visit("/staff/mails", "mails-none")
    tour.visit("/staff/sessions?stuck=any&age=1h&step=education", "list-narrowed-down")
    tour.visit(STATISTICS, "statistics")
    tour.visit(f"{STATISTICS}?first=2026-11-20&last=2026-11-01", "statistics-errors")


def notes(tour: Tour) -> None:
    """A note that is left empty, and one that is not."""
    session_id = tour.stage.staged()
    tour.visit(f"/staff/sessions/{session_id}")
    tour.press("#note-form button", "note-errors", focus=SUMMARY)
    tour.put({"note": "2026-11-23, 10:00"})
    tour.press("#note-form button", "noted", focus=HEADING)
