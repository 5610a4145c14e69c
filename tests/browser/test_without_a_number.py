"""Without a member number in a real browser: leaving the first step loses nothing, with scripts and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.conftest import NewContext
from tests.support.serving import Served
from tests.support.waiting import wait_for

TYPED = {"#user_business_id": "osot-00", "#email": "half@"}


def type_and_leave(page: Page, button: str) -> None:
    driving.start(page)
    for field, typed in TYPED.items():
        page.locator(field).fill(typed)
    page.get_by_role("button", name=button).click()


@pytest.mark.parametrize("script", [True, False])
def test_a_forgotten_number_comes_by_mail_and_what_was_typed_comes_back(
    new_context: NewContext, served: Served, script: bool
) -> None:
    page = new_context(java_script_enabled=script, viewport={"width": 320, "height": 700}).new_page()
    type_and_leave(page, "I don’t know my member number")
    driving.heading(page, "Your member number by e-mail")
    expect(page.locator("#email")).to_have_value("half@")
    page.locator("#email").fill("priya.raman@example.org")
    page.get_by_role("button", name="Send me the number").click()
    driving.heading(page, "An e-mail is on its way")
    wait_for(lambda: any("osot-0000003" in text for text in served.mails()), what="the mail with the number")
    page.get_by_role("link", name="Enter the member number").click()
    driving.heading(page, "About you")
    for field, typed in TYPED.items():
        expect(page.locator(field)).to_have_value(typed)


@pytest.mark.parametrize("script", [True, False])
def test_an_account_is_made_on_the_way(new_context: NewContext, served: Served, script: bool) -> None:
    page = new_context(java_script_enabled=script).new_page()
    type_and_leave(page, "I have no account yet")
    driving.heading(page, "Create an account")
    page.get_by_label("Your name").fill("Zoé Newcomer")
    page.get_by_label("E-mail address").fill(f"zoe-{script}@example.org")
    before = served.codes_sent()
    page.get_by_role("button", name="Send me a code").click()
    driving.heading(page, "Confirm your e-mail address")
    page.get_by_label("Six-digit code").fill(served.newest_code(after=before))
    page.get_by_role("button", name="Check the code").click()
    expect(page.locator("h1")).to_contain_text("Your member number is osot-")
    number = page.locator("h1").inner_text().split()[-1]
    page.get_by_role("link", name="Continue", exact=True).click()
    driving.heading(page, "Your education")
    page.go_back()
    expect(page.locator("h1")).to_contain_text(number)


@pytest.mark.parametrize("script", [True, False])
def test_enter_goes_on_and_leaves_for_nothing_else(new_context: NewContext, script: bool) -> None:
    page = new_context(java_script_enabled=script).new_page()
    driving.start(page)
    page.get_by_label("E-mail address").fill("zoe@example.org")
    page.get_by_label("Member number").fill("osot-0000001")
    page.get_by_label("Member number").press("Enter")
    driving.heading(page, "Your education")


@pytest.mark.parametrize("script", [True, False])
def test_a_wrong_code_is_reloaded_and_a_closed_tab_found_again(
    new_context: NewContext, served: Served, script: bool
) -> None:
    context = new_context(java_script_enabled=script)
    page = context.new_page()
    type_and_leave(page, "I have no account yet")
    page.get_by_label("Your name").fill("Yan Newcomer")
    page.get_by_label("E-mail address").fill(f"yan-{script}@mail.utoronto.ca")
    page.get_by_role("button", name="I have an account, but don’t know").click()
    driving.heading(page, "Your member number by e-mail")
    page.get_by_role("button", name="I have no account yet").click()
    expect(page.get_by_label("Your name")).to_have_value("Yan Newcomer")
    before = served.codes_sent()
    page.get_by_role("button", name="Send me a code").click()
    driving.heading(page, "Confirm your e-mail address")
    expect(page.locator("main")).to_contain_text("may stop working")
    right = served.newest_code(after=before)
    page.get_by_label("Six-digit code").fill(f"{(int(right) + 1) % 10**6:06}")
    page.get_by_role("button", name="Check the code").click()
    expect(page.locator("#error-summary")).to_be_visible()
    page.goto(page.url)
    expect(page.get_by_label("Six-digit code")).to_be_visible()
    page.close()
    page = context.new_page()
    page.goto("/")
    page.get_by_role("link", name="Enter the code that we sent you").click()
    page.get_by_label("Six-digit code").fill(right)
    page.get_by_role("button", name="Check the code").click()
    expect(page.locator("h1")).to_contain_text("Your member number is osot-")


def test_an_address_is_warned_of_as_it_is_left(new_context: NewContext) -> None:
    page = new_context().new_page()
    type_and_leave(page, "I have no account yet")
    driving.heading(page, "Create an account")
    page.get_by_label("E-mail address").fill("yan@mail.utoronto.ca")
    page.get_by_label("Your name").fill("Yan Newcomer")
    expect(page.locator("#email-notice")).to_contain_text("may stop working")
    expect(page.get_by_label("Your name")).to_have_value("Yan Newcomer")
