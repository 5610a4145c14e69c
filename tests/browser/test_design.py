"""The design where only a browser can show it: themes, widths, zoom, forced colours, print, and motion."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser import driving
from tests.browser.conftest import RULES, NewContext
from tests.support.serving import Served

FIRST_VIEW = 60_000
# What 1280 pixels are at a zoom of 200 % and of 400 %.
ZOOMED = (640, 320)


def overflow(page: Page) -> int:
    found: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-CA"), ("dark", "fr-CA")])
@pytest.mark.parametrize("width", [1280, 320])
def test_every_component_is_accessible(new_context: NewContext, scheme: str, width: int, locale: str) -> None:
    size = {"width": width, "height": 900}
    page = new_context(viewport=size, color_scheme=scheme, locale=locale, reduced_motion="reduce").new_page()
    page.goto("/design")
    assert not driving.violations(page)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert not driving.violations(page)
    assert overflow(page) == 0


@pytest.mark.parametrize("locale", ["en-CA", "fr-CA"])
def test_every_mail_is_accessible(new_context: NewContext, locale: str) -> None:
    page = new_context(locale=locale).new_page()
    page.goto("/design")
    links = page.locator("a[href^='/design/mails/']").evaluate_all("links => links.map(link => link.href)")
    assert links
    for link in links:
        page.goto(link)
        for width, scheme in ((640, "light"), (320, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            # A mail has no landmarks and no heading: the program that shows it has.
            assert not driving.violations(page, [rule for rule in RULES if rule != "best-practice"])
            assert overflow(page) == 0, (link, width)


@pytest.mark.parametrize("width", ZOOMED)
def test_pages_reflow_when_they_are_zoomed(new_context: NewContext, width: int) -> None:
    page = new_context(viewport={"width": width, "height": 512}, locale="fr-CA").new_page()
    for path in ("/", "/design", "/nothing", "/design/errors/crash", "/staff/sign-in"):
        page.goto(path)
        assert overflow(page) == 0, path


def test_text_may_be_twice_as_large(page: Page) -> None:
    page.goto("/design")
    # As a reader sets it in the browser: everything is measured by it.
    page.evaluate("document.documentElement.style.fontSize = '212.5%'")
    assert overflow(page) == 0
    bar, label = page.locator("#schools .chart-bar").first, page.locator("#schools text").first
    assert bar.evaluate("bar => bar.getBoundingClientRect().top") >= label.evaluate(
        "label => label.getBoundingClientRect().bottom - 4"
    )


def test_what_is_chosen_shows_in_forced_colours(new_context: NewContext) -> None:
    page = new_context(forced_colors="active", viewport={"width": 1280, "height": 900}).new_page()
    page.goto("/design")
    chosen = page.locator(".choice:has(:checked)").first
    assert chosen.evaluate("choice => getComputedStyle(choice).outlineStyle") == "solid"
    for edged in (".button", ".notice", ".receipt", ".verdict", ".dialog"):
        width = page.locator(edged).first.evaluate("edged => getComputedStyle(edged).borderTopWidth")
        assert float(width.removesuffix("px")) >= 1, edged


def test_nothing_moves_for_who_asked_for_stillness(new_context: NewContext) -> None:
    moving = (
        "[...document.querySelectorAll('*')].filter(each => getComputedStyle(each).animationName !== 'none').length"
    )
    page = new_context(reduced_motion="reduce").new_page()
    page.goto("/design")
    assert page.evaluate(moving) == 0
    page = new_context(reduced_motion="no-preference").new_page()
    page.goto("/design")
    assert page.evaluate(moving) > 0


def test_the_receipt_prints_on_one_page_without_what_is_for_the_screen(page: Page, served: Served) -> None:
    driving.to_confirm(page, served.member(), served)
    number = driving.submit(page)
    page.emulate_media(media="print")
    expect(page.locator("#receipt-number")).to_have_text(number)
    for hidden in (".footer", ".receipt .quiet", ".receipt-next .actions"):
        expect(page.locator(hidden).first).to_be_hidden()
    pdf = page.pdf(format="Letter")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


def test_the_fonts_are_ours_and_fetched_once(page: Page) -> None:
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto("/")
    page.evaluate("document.fonts.ready")
    fonts = [url for url in fetched if ".woff2" in url]
    assert len(fonts) == len(set(fonts)) == 2
    assert all(url.startswith(page.url) for url in fetched)
    loaded = (
        "[...document.fonts].filter(font => font.status === 'loaded').map(font => font.family.replaceAll('\"', ''))"
    )
    assert {"Atkinson Hyperlegible Next", "Bricolage Grotesque"} <= set(page.evaluate(loaded))


@pytest.mark.parametrize("name", ["Zoë Ñandú", "Łukasz Kovač", "São Tomé, Åland"])
def test_names_are_in_our_own_letters(page: Page, name: str) -> None:
    page.goto("/")
    page.evaluate("name => { document.querySelector('.lead').textContent = name }", name)
    page.evaluate("name => document.fonts.load('1rem \"Atkinson Hyperlegible Next\"', name)", name)
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    node = session.send("DOM.querySelector", {"nodeId": root, "selector": ".lead"})["nodeId"]
    page.locator(".lead").screenshot()  # Drawn, so that the browser knows by which fonts.
    drawn = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    assert {font["familyName"] for font in drawn} == {"Atkinson Hyperlegible Next"}


@pytest.mark.parametrize("locale", ["en-CA", "fr-CA"])
def test_the_first_page_view_weighs_little_in_a_browser(new_context: NewContext, locale: str) -> None:
    page = new_context(locale=locale, viewport={"width": 1280, "height": 900}).new_page()
    requests: list[Request] = []
    page.on("requestfinished", lambda request: requests.append(request))  # noqa: PLW0108 - a method alone will not do
    page.goto("/", wait_until="networkidle")
    page.evaluate("document.fonts.ready")
    # As it came over the wire; the headers of answers are one and the same, and HTTP/2 sends them once.
    weights = {request.url: max(0, request.sizes()["responseBodySize"]) for request in requests}
    assert len([weight for weight in weights.values() if weight]) > 5
    assert sum(weights.values()) < FIRST_VIEW, weights
