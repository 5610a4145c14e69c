"""What people have set in their system or browser: forced colours, less motion; and paper."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.conftest import NewContext
from tests.browser.stage import Stage

_PAGES = re.compile(rb"/Type\s*/Page\b")
_CHANGING_SLOWLY = """() => [...document.querySelectorAll("*")].filter(each =>
    getComputedStyle(each).transitionDuration.split(",").some(time => parseFloat(time) > 0)).length"""
_MOVING = """() => document.getAnimations().filter(each => each.effect.getComputedTiming().activeDuration > 1)
    .map(each => each.animationName ?? each.transitionProperty)"""
# With forced colours backgrounds and shadows are gone: what is pressed or filled in has to have an edge.
_EDGELESS = """() => [...document.querySelectorAll("button, .button, input, select, textarea")].filter(each => {
    const style = getComputedStyle(each);
    return each.checkVisibility({opacityProperty: true}) && each.getBoundingClientRect().width > 2
        && !each.matches(".quiet, .visually-hidden, [type=radio], [type=checkbox], [type=hidden]")
        && (style.borderTopStyle === "none" || parseFloat(style.borderTopWidth) === 0)
        && (style.borderBottomStyle === "none" || parseFloat(style.borderBottomWidth) === 0);
}).map(each => each.outerHTML.slice(0, 120))"""


def to_receipt(page: Page, stage: Stage) -> None:
    driving.to_account(page, stage.account())
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Six-digit code").wait_for()
    page.get_by_label("Six-digit code").fill(stage.code())
    page.get_by_role("button", name="Check the code").click()
    driving.heading(page, "Declare and submit")
    driving.submit(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_leave_edges_focus_and_errors(at_stage: NewContext, scheme: str) -> None:
    page = at_stage(forced_colors="active", color_scheme=scheme, reduced_motion="reduce").new_page()
    page.goto("/")
    assert page.evaluate(_EDGELESS) == []
    driving.start(page)
    driving.go_on(page)
    expect(page.locator("#error-summary")).to_be_focused()
    assert page.evaluate(_EDGELESS) == []
    expect(page.locator("#user_business_id-error")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    # axe-core takes the page's own colours for those that are shown; the system's are its owner's choice.
    assert not [each for each in driving.violations(page) if not each.startswith("color-contrast")]
    driving.identify(page, "osot-0000003")
    assert page.evaluate(_EDGELESS) == []
    driving.educate(page)
    page.get_by_label("Application pending").check()
    chosen = page.locator(".choice:has(:checked)")
    other = page.locator(".choice:not(:has(:checked))").first
    how = "each => { const s = getComputedStyle(each); return s.outlineStyle + s.outlineWidth + s.borderTopColor; }"
    assert chosen.evaluate(how) != other.evaluate(how)


def test_less_motion_means_none(at_stage: NewContext, stage: Stage) -> None:
    page = at_stage(reduced_motion="reduce").new_page()
    for path in ("/", "/design"):
        page.goto(path)
        assert page.evaluate(_MOVING) == []
        assert page.evaluate(_CHANGING_SLOWLY) == 0
    to_receipt(page, stage)
    assert page.evaluate(_MOVING) == []
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_motion_is_over_within_a_second(at_stage: NewContext, stage: Stage) -> None:
    page = at_stage(reduced_motion="no-preference").new_page()
    page.goto("/")
    longest = """() => Math.max(0, ...document.getAnimations().map(each => each.effect.getComputedTiming().endTime))"""
    assert page.evaluate(longest) <= 1000
    to_receipt(page, stage)
    assert page.evaluate(longest) <= 1000


@pytest.mark.parametrize("paper", ["Letter", "A4"])
@pytest.mark.parametrize("locale", ["en-CA", "fr-CA"])
def test_receipt_is_one_page_in_dark_ink_on_white(at_stage: NewContext, stage: Stage, paper: str, locale: str) -> None:
    page = at_stage(color_scheme="dark").new_page()
    to_receipt(page, stage)
    if locale.startswith("fr"):
        page.get_by_role("button", name="Français").click()
        expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert len(_PAGES.findall(page.pdf(format=paper))) == 1
    page.emulate_media(media="print")
    expect(page.locator("#receipt-number")).to_be_visible()
    colours = page.evaluate(
        """() => ["backgroundColor", "color"].map(name => getComputedStyle(document.body)[name])
            .map(text => text.match(/[\\d.]+/g).map(Number))"""
    )
    (ground, ink) = colours
    assert ground[:3] == [255, 255, 255] or ground[3:] == [0]
    assert max(ink[:3]) < 64
    for hidden in (".masthead-actions", ".footer", ".actions"):
        expect(page.locator(hidden).first).to_be_hidden()
