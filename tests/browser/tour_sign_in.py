"""The pages of signing in with a second factor, and of changing how one signs in."""

from __future__ import annotations

from datetime import timedelta

from pyotp import TOTP

from tests.browser.stage import SYSTEM
from tests.browser.tour import HEADING, SUMMARY, Tour
from tests.support.desk import second_factor_required
from tests.support.seed import PASSWORD
from wizard.core.actors import Privilege

MINE = "/staff/my-sign-in"


def my_sign_in(tour: Tour) -> None:
    """An app set up, recovery codes shown and made anew, another password; then both ways of signing in."""
    username = _newcomer(tour)
    _give_password(tour, username)
    tour.visit(MINE, "my-sign-in")
    tour.press("form[action$='/begin'] button", "app", focus=HEADING)
    tour.press(name="app-errors", focus=SUMMARY)
    key = "".join(tour.page.locator(".app-key .key").inner_text().split())
    tour.put({"code": _shown(tour, key), "password": PASSWORD})
    tour.press(name="recovery-codes", focus=HEADING)
    code = tour.page.locator(".recovery-codes li").first.inner_text()
    tour.press("main a.button", "my-sign-in-with-app", focus=HEADING)
    for place in ("recovery-codes", "password", "app/remove"):
        tour.visit(f"{MINE}/{place}", f"my-{place.replace('/', '-')}")
        tour.press(name=f"my-{place.replace('/', '-')}-errors", focus=SUMMARY)
    tour.visit(MINE)
    tour.press("form[action$='/sign-out-everywhere'] button")
    _give_password(tour, username)
    tour.look("sign-in-code")
    tour.put({"code": "000000"})
    tour.press(name="sign-in-code-wrong", focus=SUMMARY)
    tour.press("main p a", "sign-in-recovery-code", focus=HEADING)
    tour.press(name="sign-in-recovery-code-errors", focus=SUMMARY)
    tour.put({"code": code})
    tour.press()
    tour.visit(f"{MINE}/app/remove")
    tour.put({"password": PASSWORD})
    tour.press(name="app-removed", focus=HEADING)


def required(tour: Tour) -> None:
    """Nothing before it is set up."""
    username = _newcomer(tour)
    with second_factor_required(tour.stage.app):
        _give_password(tour, username)
        tour.look("sign-in-set-up")
        tour.press(name="sign-in-set-up-errors", focus=SUMMARY)


def _newcomer(tour: Tour) -> str:
    """Somebody new to the desk, who has nothing set up; nobody is signed in."""
    tour.send("/staff/sign-out")
    username, desk = tour.stage.address().partition("@")[0], tour.stage.services.desk
    tour.stage.apart(
        lambda: desk.add(SYSTEM, username=username, name="Sam Sato", password=PASSWORD, privilege=Privilege.ADMIN)
    )
    return username


def _give_password(tour: Tour, username: str) -> None:
    tour.visit("/staff/sign-in")
    tour.put({"username": username, "password": PASSWORD})
    tour.press()


def _shown(tour: Tour, key: str) -> str:
    """What an app shows; the time stands still here."""
    tour.stage.clock.instant += timedelta(seconds=30)
    return TOTP(key).at(tour.stage.clock.now())


PARTS = (my_sign_in, required)
