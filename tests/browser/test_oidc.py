"""A member of the desk signs in on the page of the association's provider, and out again there."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.conftest import NewContext
from tests.browser.stage import Stage
from tests.support.oidc import Idp, offered, providing

SIGN_IN = "Sign in to the registration desk"


def at_provider(page: Page, button: str, account: str = "") -> None:
    """On the provider's own page."""
    driving.heading(page, "Association accounts")
    page.get_by_label("Account").fill(account)
    page.get_by_role("button", name=button).click()


def journey(page: Page, idp: Idp) -> None:
    page.goto("/staff/sessions")
    page.get_by_role("link", name="Sign in with Keycloak").click()
    at_provider(page, "Cancel")
    driving.heading(page, SIGN_IN)
    expect(page.get_by_role("alert")).to_contain_text("went back without signing in")
    page.get_by_role("link", name="Sign in with Keycloak").click()
    at_provider(page, "Sign in", "nora")
    driving.heading(page, SIGN_IN)
    expect(page.get_by_role("alert")).to_contain_text("not one of the registration desk")
    page.get_by_role("link", name="Sign in with another account").click()
    at_provider(page, "Sign in", "maya")
    # Where they were going at first.
    page.wait_for_url("**/staff/sessions")
    page.get_by_role("link", name="My sign-in").click()
    expect(page.locator("dl.state")).to_contain_text("Keycloak (maya@association.example)")
    page.get_by_role("button", name="Sign out Maya Main").click()
    driving.heading(page, "You are signed out here")
    page.get_by_role("link", name="Sign out of Keycloak too").click()
    driving.heading(page, SIGN_IN)
    assert idp.signed_out == ["a-0001"]
    page.goto("/staff/sessions")
    driving.heading(page, SIGN_IN)


@pytest.mark.parametrize("with_script", [True, False])
def test_through_the_providers_page(at_stage: NewContext, stage: Stage, *, with_script: bool) -> None:
    with providing() as idp, offered(stage.app, idp, stage.url):
        idp.clock = stage.clock
        journey(at_stage(java_script_enabled=with_script).new_page(), idp)


def test_two_tabs_at_once(at_stage: NewContext, stage: Stage) -> None:
    with providing() as idp, offered(stage.app, idp, stage.url):
        idp.clock = stage.clock
        context = at_stage()
        tabs = [context.new_page(), context.new_page()]
        for tab in tabs:
            tab.goto("/staff/sessions")
            tab.get_by_role("link", name="Sign in with Keycloak").click()
        for tab in reversed(tabs):
            at_provider(tab, "Sign in", "maya")
            tab.wait_for_url("**/staff/sessions")


def test_the_provider_is_down(at_stage: NewContext, stage: Stage) -> None:
    with providing() as idp, offered(stage.app, idp, stage.url):
        idp.fails = {"openid-configuration": 503}
        page = at_stage().new_page()
        page.goto("/staff/sign-in")
        page.get_by_role("link", name="Sign in with Keycloak").click()
        expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
        expect(page.get_by_label("Password")).to_be_visible()
