"""Every page that says what went wrong, each where it really happens if that can be brought about."""

from __future__ import annotations

from tests.browser.stage import LINKS_PER_HOUR
from tests.browser.tour import HEADING, Tour
from tests.support import walk
from wizard.core import errors

STRANGERS = "/registrations/0b6f8a52-6d0a-4a5e-9f0e-0d5a8f2f7c11/education"
TYPED = {"university": "other", "other_details": "Lund <University>", "country": "SE"}


def wrong_addresses(tour: Tour) -> None:
    """Nothing there, somebody else's, not for opening, not ours to see."""
    tour.visit("/nothing/at/all", "not-found")
    tour.visit(STRANGERS, "not-your-registration")
    tour.visit("/language/en", "not-for-opening")
    tour.visit("/staff/sessions", "signed-out")
    tour.post("/staff/sessions", {"member_number": "osot-0000042"})
    tour.look("signed-out-with-what-was-typed")


def wrong_forms(tour: Tour) -> None:
    """Too much, too old, too often."""
    tour.visit("/")
    tour.post("/registrations", {"notes": "x" * 70_000})
    tour.look("too-much")
    tour.visit("/")
    tour.post("/registrations", TYPED, token="of another day")
    tour.look("form-too-old")
    place = tour.begun("identity", "education")
    for _ in range(LINKS_PER_HOUR):
        tour.send(f"{place}/link", {"email": "robin@example.org"})
    tour.visit(f"{place}/link")
    tour.put({"email": "robin@example.org"})
    tour.press(name="too-often", focus=HEADING)


def inside_a_fragment(tour: Tour) -> None:
    """An error in the middle of a page takes its place as a whole."""
    place = tour.begun()
    tour.visit(f"{place}/identity")
    tour.page.context.clear_cookies()
    tour.page.evaluate("document.querySelector('main').dataset.before = ''")
    tour.put({"user_business_id": "osot-0000001"})
    tour.page.wait_for_selector("main:not([data-before])")
    tour.look("fragment-not-your-registration", focus=HEADING)


def nothing_answers(tour: Tour) -> None:
    """Redis away, then the database: what was typed is on the page, and goes on from there."""
    place = tour.begun("identity")
    tour.visit(f"{place}/education")
    tour.leave("university", "other")
    tour.put({**TYPED, "graduation_year": "2026"}, unchecked=True)
    with tour.stage.redis_down():
        tour.press(name="unavailable-with-what-was-typed", focus=HEADING)
        tour.visit(f"{place}/education", "unavailable")
    tour.visit(f"{place}/education")
    proved = tour.proved(tour.stage.account())
    tour.visit(f"{proved}/confirm")
    tour.put({"declaration": "y"})
    with tour.stage.database_down():
        tour.press(name="unavailable-at-the-end", focus=HEADING)
    tour.visit(f"{proved}/confirm", "confirm-after-a-failure")
    tour.put({"declaration": "y"})
    tour.press()
    tour.page.wait_for_selector("#receipt-number")


def what_seldom_happens(tour: Tour) -> None:
    """Failures of ours, and refusals that no page of ours leads to: raised by an address of the tests'."""
    named = {
        "refused": errors.RuleViolated,
        "changed-elsewhere": errors.StaleVersion,
        "forbidden": errors.PermissionDenied,
        "key-missing": errors.KeyMissing,
        "crash": ValueError,
    }
    for name, kind in named.items():
        number = next(number for number, error in enumerate(walk.RAISED) if isinstance(error, kind))
        tour.visit("/")
        tour.post(f"/raises/{number}", TYPED)
        tour.look(name)


PARTS = (wrong_addresses, wrong_forms, inside_a_fragment, nothing_answers, what_seldom_happens)
