"""Every page and state of bulk registration; `main` is signed in."""

from __future__ import annotations

from tests.browser.stage import SYSTEM
from tests.browser.tour import HEADING, SUMMARY, Tour
from tests.support.walk_bulk import BULK, FILE


def _work(tour: Tour) -> None:
    def work() -> None:
        while tour.stage.services.bulk.workers.run_once():
            pass

    tour.stage.apart(work)


def bulk(tour: Tour) -> None:
    """No file yet, none chosen; one loaded, checked, started, gone in, discarded; its rows to mend."""
    tour.visit(BULK, "bulk")
    tour.press(name="bulk-errors", focus=SUMMARY)
    with tour.page.expect_download():
        tour.page.locator("a[href*='template']").first.click()
    load = tour.stage.services.bulk.load
    job = tour.stage.apart(lambda: load(SYSTEM, "2026.csv", FILE))
    place = f"{BULK}/{job.id}"
    tour.visit(place, "bulk-checking")
    tour.visit(f"{place}/progress")
    _work(tour)
    tour.visit(place, "bulk-checked")
    tour.press("form[action$='/start'] button", "bulk-started", focus=HEADING)
    _work(tour)
    tour.visit(place, "bulk-done")
    with tour.page.expect_download():
        tour.page.locator("form[action$='/rejected'] button").first.click()
    tour.press("form[action$='/discard'] button", "bulk-discarded", focus=HEADING)
    tour.visit(BULK, "bulk-list")


PARTS = (bulk,)
