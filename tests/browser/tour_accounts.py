"""The desk's pages for accounts, the membership year and the category refresh, full and empty, right and wrong."""

from __future__ import annotations

from playwright.sync_api import FilePayload

from tests.browser.tour import HEADING, SUMMARY, Tour

LIST, YEAR, RUNS = "/staff/accounts", "/staff/membership-year", "/staff/category-refresh"
FILE = b"number,name,email,status\n,Yan,yan@example.org,\n,,half@,\n,A,a@b.ca,sleeping\n"


def all_accounts(tour: Tour) -> None:
    """Found and not found; one of them closed and opened; one added and erased; some imported."""
    tour.visit(LIST, "accounts")
    tour.put({"sought": "nobody at all"})
    tour.press("form.search button", "accounts-not-found", focus=HEADING)
    tour.visit(LIST)
    tour.press("tbody tr:first-child th a", "one-account", focus=HEADING)
    tour.press("a[href$='/deactivate']", "account-close", focus=HEADING)
    tour.press(name="account-close-errors", focus=SUMMARY)
    tour.put({"reason": "2026-11-23"})
    tour.press(name="account-closed", focus=HEADING)
    tour.press("form[action$='/activate'] button", "account-opened", focus=HEADING)
    tour.visit(f"{LIST}/new", "account-new")
    tour.press(name="account-new-errors", focus=SUMMARY)
    tour.put({"name": "Yan", "email": "yan@example.org"})
    tour.press(name="account-added", focus=HEADING)
    number = tour.page.locator("main h1").inner_text().split()[-1]
    place = tour.page.url.partition("?")[0]
    tour.press("a[href$='/export']", "account-export", focus=HEADING)
    tour.visit(place.removeprefix(tour.page.url.partition("/staff")[0]))
    tour.press("a[href$='/erase']", "account-erase", focus=HEADING)
    tour.press(name="account-erase-errors", focus=SUMMARY)
    tour.put({"reason": "2026-11-23", "number": number})
    tour.press(name="account-erased", focus=HEADING)
    tour.visit(f"{LIST}/import", "accounts-import")
    tour.page.set_input_files("#file", files=FilePayload(name="a.csv", mimeType="text/csv", buffer=FILE))
    tour.press(name="accounts-imported")


def categories(tour: Tour) -> None:
    """The year set, wrong and closed; the runs, what would change, and the change."""
    tour.visit(RUNS, "category-refresh")
    tour.visit(YEAR, "membership-year")
    tour.put({"ends_on": "2099-01-01"})
    tour.press(name="membership-year-errors", focus=SUMMARY)
    tour.press("form[action$='/close'] button", "membership-year-closed", focus=HEADING)
    tour.visit(f"{RUNS}/preview", "category-preview")
    tour.press("form[action$='/run'] button", "category-refresh-run", focus=HEADING)
    tour.visit(f"{RUNS}/preview", "category-preview-none")
    tour.visit(YEAR, "membership-year-none")
    tour.put({"ends_on": "2027-09-30"})
    tour.press(name="membership-year-set", focus=HEADING)
