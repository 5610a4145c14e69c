"""From the start to the receipt with nothing but a keyboard, always seeing where the focus is."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import driving
from tests.browser.conftest import NewContext
from tests.browser.stage import Stage

# More stops than any page has.
MANY = 60
# The focus shows, is on the screen, and nothing lies over it (WCAG 2.4.7, 2.4.11).
_SEEN = """() => {
    const on = document.activeElement, shown = on.matches(".choice input") ? on.parentElement : on;
    const marked = [on, shown, on.closest("label, .field, summary") ?? on].some(each => {
        const style = getComputedStyle(each);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 || style.boxShadow !== "none";
    });
    const box = on.getBoundingClientRect();
    const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    const top = document.elementFromPoint(box.left + box.width / 2, Math.max(0, box.top) + Math.min(box.height, 8) / 2);
    const free = top === null || on === top || on.contains(top) || top.contains(on) || top.closest("label") !== null;
    return marked && inside && free ? "" : `marked ${marked}, on the screen ${inside}, free ${free}: ` +
        on.outerHTML.slice(0, 160);
}"""


@pytest.fixture
def page(at_stage: NewContext) -> Page:
    return at_stage(viewport={"width": 1280, "height": 900}, reduced_motion="reduce").new_page()


def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press Tab until the focus is there; every stop on the way shows that it has the focus."""
    for _ in range(MANY):
        page.keyboard.press(key)
        assert not (unseen := page.evaluate(_SEEN)), unseen
        if target.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {target}")


def press(page: Page, name: str, key: str = "Enter") -> None:
    """Go to the button of this name and press it."""
    tab_to(page, page.locator("main").get_by_role("button", name=name, exact=True))
    page.keyboard.press(key)


def write(page: Page, label: str, text: str) -> None:
    tab_to(page, page.get_by_label(label))
    page.keyboard.type(text)


def test_journey_with_the_keyboard_alone(page: Page, stage: Stage) -> None:
    number = stage.account()
    page.goto("/")
    press(page, "Start")
    driving.heading(page, "About you")
    write(page, "Member number", number)
    page.keyboard.press("Enter")
    driving.heading(page, "Your education")
    university = page.locator("#combobox-university [role=combobox]")
    tab_to(page, university)
    page.keyboard.type("mcm")
    expect(page.get_by_role("option", name="McMaster")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#university")).to_have_value("mcmaster")
    tab_to(page, page.get_by_label("Graduation year"))
    page.keyboard.type("2026")
    press(page, "Continue", "Space")
    driving.heading(page, "Your standing with the College")
    radios = page.get_by_role("radio")
    tab_to(page, radios.first)
    pending = page.get_by_label("Application pending")
    for _ in range(radios.count()):
        if pending.is_checked():
            break
        page.keyboard.press("ArrowDown")
    expect(pending).to_be_checked()
    expect(pending).to_be_focused()
    press(page, "Continue")
    driving.heading(page, "Privacy and notes")
    press(page, "Continue")
    driving.heading(page, "Check your answers")
    tab_to(page, page.locator("details.checks summary"))
    page.keyboard.press("Space")
    expect(page.locator("details.checks li").first).to_be_visible()
    press(page, "My answers are right")
    driving.heading(page, "Your category")
    press(page, "Continue")
    driving.heading(page, "Your account")
    press(page, "Send me a code")
    write(page, "Six-digit code", wait_for_code(page, stage))
    page.keyboard.press("Enter")
    driving.heading(page, "Declare and submit")
    tab_to(page, page.get_by_label("I declare"))
    page.keyboard.press("Space")
    press(page, "Submit")
    driving.heading(page, "Your education is registered")
    expect(page.locator("h1")).to_be_focused()


def wait_for_code(page: Page, stage: Stage) -> str:
    page.get_by_label("Six-digit code").wait_for()
    return stage.code()


def test_the_first_stop_leads_past_the_masthead(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the main content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_focused()


def test_from_the_summary_to_the_field_and_on(page: Page) -> None:
    driving.start(page)
    press(page, "Continue")
    expect(page.locator("#error-summary")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#error-summary a").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Member number")).to_be_focused()
    page.keyboard.type("osot-0000003")
    page.keyboard.press("Enter")
    driving.heading(page, "Your education")


def test_no_page_keeps_the_focus(page: Page) -> None:
    """Forward through everything and back again."""
    driving.start(page)
    driving.identify(page, "osot-0000003")
    skip = page.get_by_role("link", name="Skip to the main content")
    tab_to(page, page.get_by_role("contentinfo").get_by_role("link"))
    tab_to(page, skip, "Shift+Tab")


def test_the_warning_keeps_the_focus_and_gives_it_back(page: Page) -> None:
    page.clock.install()
    driving.start(page)
    driving.identify(page, "osot-0000003")
    page.goto(page.url)
    year = page.get_by_label("Graduation year")
    year.focus()
    page.clock.fast_forward("23:51:00")
    page.clock.run_for(6_000)
    dialog = page.get_by_role("dialog")
    more = dialog.get_by_role("button", name="Yes, give me more time")
    expect(more).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Tab")
        inside = "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        assert page.evaluate(inside)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(year).to_be_focused()
