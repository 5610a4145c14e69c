"""The pages of signing in with the association's provider: every reason why not, in, and out again."""

from __future__ import annotations

from tests.browser.tour import HEADING, Tour
from tests.support.oidc import at_provider, offered, providing
from wizard.web.staff.oidc import TROUBLE

SIGN_IN, MINE = "/staff/sign-in", "/staff/my-sign-in"


def elsewhere(tour: Tour) -> None:
    """Both ways to sign in, what may go wrong, and a member who has no password here."""
    tour.send("/staff/sign-out")
    with providing() as idp, offered(tour.stage.app, idp, tour.stage.url):
        idp.clock = tour.stage.clock
        tour.visit(SIGN_IN, "sign-in-both-ways")
        for trouble in TROUBLE:
            tour.visit(f"{SIGN_IN}?trouble={trouble}", f"sign-in-{trouble.partition('.')[2]}", wrong=True)
        tour.press("main form .actions button", "sign-in-both-ways-errors", focus="#error-summary")
        _go_and_come_back(tour)
        tour.visit(MINE, "my-sign-in-elsewhere")
        if (menu := tour.page.locator("header .menu summary")).is_visible():
            menu.click()
        tour.press("header form[action$='/sign-out'] button", "signed-out-here", focus=HEADING)
        tour.page.locator("main .actions a.button").click()
        tour.page.wait_for_url(f"**{SIGN_IN}")


def alone(tour: Tour) -> None:
    """As the only way, of no name."""
    tour.send("/staff/sign-out")
    alone = {"oidc_label": "", "staff_passwords": False}
    with providing() as idp, offered(tour.stage.app, idp, tour.stage.url, **alone):
        idp.clock = tour.stage.clock
        tour.visit(SIGN_IN, "sign-in-one-way")
        _go_and_come_back(tour)
        tour.visit(MINE, "my-sign-in-one-way")
        tour.send("/staff/sign-out")


def _go_and_come_back(tour: Tour) -> None:
    """As by the link, but for the provider's page, which is not ours to look at."""
    began = tour.page.context.request.get(f"{SIGN_IN}/oidc", max_redirects=0)
    sent = at_provider(began.headers["location"])
    tour.page.goto(f"{SIGN_IN}/oidc/callback?code={sent['code']}&state={sent['state']}")


PARTS = (elsewhere, alone)
