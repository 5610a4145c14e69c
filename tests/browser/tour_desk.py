"""Every page and state of the registration desk, and of the pages on which it helps."""

from __future__ import annotations

from tests.browser.stage import SYSTEM
from tests.browser.tour import HEADING, SUMMARY, Tour
from tests.browser.tour_accounts import all_accounts, categories
from tests.browser.tour_board import board, notes
from tests.support.seed import PASSWORD

ADMIN, MAIN = "ann", "mia"
LINKS_FORM = "form[action$='/links']"
PAGE_OF_LIST = 30


def signing_in(tour: Tour) -> None:
    """Asked, left empty, wrong, right; the list without anything."""
    tour.visit("/staff/", "sign-in")
    tour.press(name="sign-in-errors", focus=SUMMARY)
    tour.put({"username": ADMIN, "password": "wrong"})
    tour.press(name="sign-in-wrong", focus=SUMMARY)
    tour.put({"username": ADMIN, "password": PASSWORD})
    tour.press()
    tour.visit("/staff/sessions?status=creation_failed", "list-empty")
    tour.put({"member_number": "osot-9999999"})
    tour.press("form.search button", "list-search-without-result", focus=HEADING)


def lists(tour: Tour) -> None:
    """The list with more than a page of registrations, each kind of them."""
    stage = tour.stage
    for number in range(PAGE_OF_LIST):
        stage.staged(user_business_id=f"osot-8{number:06}", graduation_year="2026" if number % 2 else None)
    tour.visit("/staff/sessions", "list")
    tour.visit("/staff/sessions?status=staged", "list-of-one-status")
    tour.put({"member_number": "osot-8000001"})
    tour.press("form.search button", "list-search", focus=HEADING)
    session_id = stage.staged()
    stage.apart(lambda: stage.services.orchestrator.cancel(SYSTEM, session_id))
    tour.visit(f"/staff/sessions/{session_id}", "session-cancelled")


def one_registration(tour: Tour) -> None:
    """A registration at each stage, and what can be done with it."""
    stage = tour.stage
    half = stage.staged(graduation_year=None)
    tour.visit(f"/staff/sessions/{half}", "session-unfinished")
    whole = stage.staged(user_business_id=stage.account(), country="SE", university="other", other_details="Lund")
    stage.apart(lambda: stage.services.orchestrator.review(SYSTEM, whole))
    place = f"/staff/sessions/{whole}"
    tour.visit(place, "session-checked")
    tour.put({"kind": "applicant", "send": "1"})
    tour.press(f"{LINKS_FORM} .actions button", "session-new-link", focus=HEADING)
    tour.put({"kind": "staff"})
    tour.press(f"{LINKS_FORM} .actions button")
    tour.visit(tour.page.locator("#new-link").input_value(), "resume-for-staff")
    tour.visit(place)
    tour.press("table.links form button", "session-link-revoked", focus=HEADING)
    tour.press("form[action$='/extend'] button", "session-extended", focus=HEADING)
    tour.visit(f"{place}/cancel", "session-cancel")
    tour.visit(place)
    tour.press("form[action$='/open'] button", "helping-category", focus=HEADING)
    tour.press(name="helping-account", focus=HEADING)
    tour.press(name="helping-may-not-submit", focus=HEADING)
    tour.visit(place, "session-helping")
    tour.press("form[action$='/leave'] button", "session-left", focus=HEADING)
    tour.visit(f"{place}/cancel")
    tour.press("form[action$='/cancel'] button", "session-cancelled-by-desk", focus=HEADING)


def with_every_privilege(tour: Tour) -> None:
    """Who may create sees other pages; a registration whose record is made, and one that needs the desk."""
    stage = tour.stage
    tour.send("/staff/sign-out")
    tour.visit("/staff/sign-in")
    tour.put({"username": MAIN, "password": PASSWORD})
    tour.press()
    number = stage.account()
    whole = stage.staged(user_business_id=number)
    stage.apart(lambda: stage.services.orchestrator.review(SYSTEM, whole))
    tour.visit(f"/staff/sessions/{whole}")
    tour.press("form[action$='/open'] button")
    tour.press()
    tour.press()
    tour.press(name="helping-confirm-errors", focus=SUMMARY)
    tour.put({"declaration": "y"})
    tour.press(name="helping-receipt", focus=HEADING)
    tour.visit(f"/staff/sessions/{whole}", "session-completed")
    flagged = tour.flagged(number)
    tour.visit(f"/staff/sessions/{flagged}", "session-needs-the-desk")


def accounts(tour: Tour) -> None:
    """Accounts that applicants made: none, some, refused, approved."""
    tour.visit("/staff/accounts/waiting", "accounts-none-waiting")
    for name in ("Sasha Singh", "Toni Tran"):
        tour.with_new_account(name)
    tour.visit("/staff/accounts/waiting", "accounts-waiting")
    tour.press("form[action$='/approve'] button", "account-approved", focus=HEADING)
    tour.page.locator("a[href$='/refuse']").first.click()
    tour.page.wait_for_selector("#reason")
    tour.look("account-refuse", focus=HEADING)
    tour.press(name="account-refuse-errors", focus=SUMMARY)
    tour.put({"reason": "Nobody of that name studied there."})
    tour.press(name="account-was-refused", focus=HEADING)


def components(tour: Tour) -> None:
    """The page of all components in every state."""
    tour.visit("/design", "design", wrong=False)


PARTS = (
    *(signing_in, board, lists, notes, one_registration, with_every_privilege),
    *(accounts, all_accounts, categories, components),
)
