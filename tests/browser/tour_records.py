"""Every page and state of the desk's records."""

from __future__ import annotations

from tests.browser.tour import HEADING, SUMMARY, Tour
from tests.support.desk import recorded
from tests.support.seed import PASSWORD
from wizard.core.records import Record

LIST = "/staff/records"
SEARCH = "form.search button"
# Names are of no language.
NOTES = "Okafor-Lindqvist\nOkafor"


def _record(tour: Tour, **answers: str) -> Record:
    number = tour.stage.account()
    return tour.stage.apart(lambda: recorded(tour.stage.services, user_business_id=number, **answers))


def records(tour: Tour) -> None:
    """The list: nothing found, a search, a filter, more than a page; its export."""
    tour.send("/staff/sign-out")
    tour.visit("/staff/sign-in")
    tour.put({"username": "mia", "password": PASSWORD})
    tour.press()
    tour.visit(f"{LIST}?graduation_year=1980", "records-empty")
    for _ in range(26):
        _record(
            tour, university="other", other_details="Lunds universitet, Hälsovetenskapliga institutionen", country="SE"
        )
    tour.visit(LIST, "records")
    tour.put({"text": "lund"})
    tour.press(SEARCH, "records-search", focus=HEADING)
    tour.press("form button[rel=next]", "records-search-next", focus=HEADING)
    with tour.page.expect_download():
        tour.page.locator("form[action$='/export'] button").click()


def one_record(tour: Tour) -> None:
    """A record with its history; corrected wrongly, too late, and well; deleted."""
    record = _record(tour, notes=NOTES)
    place = f"{LIST}/{record.id}"
    tour.visit(f"{place}/correct", "record-correct")
    tour.put({"country": "SE"})
    tour.press(name="record-correct-errors", focus=SUMMARY)
    tour.visit(f"{place}/correct")
    tour.send(f"{place}/correct", {**_answers(record), "degree_type": "doctorate", "version": "1"})
    tour.put({"notes": "Lindqvist"})
    tour.press(name="record-stale", focus=HEADING)
    tour.press("main form .actions button", "record-corrected", focus=HEADING)
    tour.visit(f"{place}/delete", "record-delete")
    tour.press(name="record-delete-errors", focus=SUMMARY)
    tour.put({"reason": "2 ×", "number": record.number})
    tour.press(name="record-deleted", focus=HEADING)
    tour.visit(place, "record-gone")


def _answers(record: Record) -> dict[str, str]:
    return {name: value for name, value in record.data.as_dict().items() if value is not None}


PARTS = (records, one_record)
