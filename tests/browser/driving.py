"""Driving a page as a person does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import AXE, RULES
from tests.support.serving import Served


def start(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Start").click()
    heading(page, "About you")


def heading(page: Page, text: str) -> None:
    """Arrived at the page with this heading."""
    expect(page.locator("h1")).to_have_text(text)


def go_on(page: Page) -> None:
    page.get_by_role("button", name="Continue", exact=True).click()


def identify(page: Page, number: str) -> None:
    page.get_by_label("Member number").fill(number)
    go_on(page)
    heading(page, "Your education")


def educate(page: Page, *, year: str = "2026") -> None:
    page.locator("#university").select_option("mcmaster")
    page.get_by_label("Graduation year").select_option(year)
    go_on(page)
    heading(page, "Your standing with the College")


def to_review(page: Page, number: str) -> None:
    start(page)
    identify(page, number)
    educate(page)
    page.get_by_label("Application pending").check()
    go_on(page)
    heading(page, "Privacy and notes")
    go_on(page)
    heading(page, "Check your answers")


def to_account(page: Page, number: str) -> None:
    to_review(page, number)
    page.get_by_role("button", name="My answers are right").click()
    heading(page, "Your category")
    go_on(page)
    heading(page, "Your account")


def to_confirm(page: Page, number: str, served: Served) -> None:
    to_account(page, number)
    before = served.codes_sent()
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Six-digit code").fill(served.newest_code(after=before))
    page.get_by_role("button", name="Check the code").click()
    heading(page, "Declare and submit")


def submit(page: Page) -> str:
    """Declare and submit; the record's number."""
    page.get_by_label("I declare").check()
    page.get_by_role("button", name="Submit", exact=True).click()
    heading(page, "Your education is registered")
    return page.locator("#receipt-number").inner_text()


def violations(page: Page, rules: Sequence[str] = RULES) -> list[str]:
    """What axe-core finds wrong with the page as it is."""
    expect(page.locator(".htmx-request, .htmx-swapping")).to_have_count(0)
    # The page's own policy forbids foreign scripts; the tests' tool comes by the debugger.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, {runOnly: rules})", list(rules))
    return [
        f"{each['id']}: {each['help']} {[node['html'][:160] for node in each['nodes']]}" for each in found["violations"]
    ]
