"""The receipt, come back to."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser import driving
from tests.browser.conftest import NewContext
from tests.support.serving import Served


def test_back_shows_it_from_the_top_under_its_own_address(new_context: NewContext, served: Served) -> None:
    page = new_context(viewport={"width": 320, "height": 600}).new_page()
    driving.to_confirm(page, served.member(), served)
    number = driving.submit(page)
    page.go_back()
    expect(page).to_have_url(re.compile(r"/complete$"))
    expect(page.locator("#receipt-number")).to_have_text(number)
    expect(page.locator("h1")).to_be_in_viewport()
