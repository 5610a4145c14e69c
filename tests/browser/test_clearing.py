"""What a browser still has after *Finish and clear*, and what it says where a page's policy is broken."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import ARGS, CHROMIUM
from tests.browser.driving import educate, heading, identify, start
from tests.browser.visitors import Stop, Warden
from tests.support.serving import Served

NUMBER, NOTE = "osot-7654321", "A note of mine alone"
_PAGES_BACK = 8


def left_behind(page: Page) -> str:
    """All that the page shows and holds."""
    return str(
        page.evaluate(
            """() => document.documentElement.outerHTML + [...document.querySelectorAll("input, textarea, select")]
                .map(each => each.value).join(" ") + JSON.stringify({...localStorage, ...sessionStorage})"""
        )
    )


def cleared(page: Page) -> None:
    """Somebody answers, types without sending, and clears."""
    start(page)
    identify(page, NUMBER)
    educate(page)
    page.get_by_label("Application pending").check()
    page.get_by_role("button", name="Continue", exact=True).click()
    heading(page, "Privacy and notes")
    page.locator("#notes").fill(NOTE)
    page.goto("/finish")
    page.locator("button[name=choice][value=clear]").click()
    expect(page.locator("button[name=choice]")).to_have_count(0)


def test_nothing_of_the_answers_comes_back_after_clearing(served: Served) -> None:
    # A browser that keeps whole pages for the way back, as people's do and tests' usually do not.
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=ARGS, ignore_default_args=["--disable-back-forward-cache"]
        )
        page = browser.new_context(base_url=served.url).new_page()
        cleared(page)
        seen = set()
        for _ in range(_PAGES_BACK):
            page.go_back()
            if page.url == "about:blank":
                break
            seen.add(page.locator("h1").inner_text())
            found = left_behind(page)
            assert NUMBER not in found, page.url
            assert NOTE not in found, page.url
        assert "This registration is not open in this browser" in seen
        browser.close()


def test_a_broken_policy_is_reported(browser: Browser, served: Served) -> None:
    """So that the tour, which collects the same reports, would tell."""
    page = browser.new_context(base_url=served.url).new_page()
    warden = Warden(page)
    stop = Stop("start", page, "en", 1280)
    page.goto("/")
    assert list(warden.keeps_policy(stop)) == []
    page.evaluate(
        """() => {
            const script = document.createElement("script"), style = document.createElement("style");
            script.textContent = "window.ran = true";
            style.textContent = "h1 { color: red }";
            document.head.append(script, style);
        }"""
    )
    page.goto("/finish")
    assert page.evaluate("window.ran") is None
    assert {each.split()[0] for each in warden.keeps_policy(stop)} == {"script-src-elem", "style-src-elem"}
