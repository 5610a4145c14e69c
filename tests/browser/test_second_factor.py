"""A member of the desk sets up an authenticator app, and signs in with it, and with a recovery code."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from pyotp import TOTP

from tests.browser import driving
from tests.browser.conftest import NewContext
from tests.browser.stage import SYSTEM, Stage
from tests.support.seed import PASSWORD
from wizard.core.actors import Privilege

STEP = timedelta(seconds=30)


def sign_in(page: Page, username: str) -> None:
    page.goto("/staff/sign-in")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out Kim Kaur").click()
    driving.heading(page, "Sign in to the registration desk")


def next_code(stage: Stage, key: str) -> str:
    stage.clock.instant += STEP
    return TOTP(key).at(stage.clock.now())


@pytest.mark.parametrize("with_script", [True, False])
def test_enrolling_and_signing_in(at_stage: NewContext, stage: Stage, *, with_script: bool) -> None:
    desk, username = stage.services.desk, stage.address().partition("@")[0]
    stage.apart(
        lambda: desk.add(SYSTEM, username=username, name="Kim Kaur", password=PASSWORD, privilege=Privilege.ADMIN)
    )
    page = at_stage(java_script_enabled=with_script).new_page()
    sign_in(page, username)
    page.get_by_role("link", name="My sign-in").click()
    driving.heading(page, "My sign-in")
    page.get_by_role("button", name="Set up an authenticator app").click()
    driving.heading(page, "Set up an authenticator app")
    # The picture is drawn, so the policy lets it through.
    picture = page.get_by_alt_text("QR code of the key")
    expect(picture).to_be_visible()
    assert not with_script or picture.evaluate("async image => { await image.decode(); return image.naturalWidth > 0 }")
    key = "".join(page.locator(".app-key .key").inner_text().split())
    page.get_by_label("Code", exact=True).fill(next_code(stage, key))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    driving.heading(page, "Your recovery codes")
    recovery = page.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    expect(recovery).to_have_count(10)
    on_paper = recovery.first.inner_text()
    page.get_by_role("link", name="I have kept them").click()
    sign_out(page)

    sign_in(page, username)
    driving.heading(page, "Enter the code of your authenticator app")
    page.get_by_label("Code", exact=True).fill(next_code(stage, key))
    page.get_by_role("button", name="Sign in", exact=True).click()
    sign_out(page)

    sign_in(page, username)
    page.get_by_role("link", name="Use a recovery code instead").click()
    page.get_by_label("Recovery code").fill(on_paper)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="My sign-in").click()
    expect(page.locator("dl.state")).to_contain_text("9")
