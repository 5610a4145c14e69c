"""What a screen reader is told: names, descriptions, errors, changes, where one is (docs/accessibility.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.conftest import NewContext
from tests.browser.stage import Stage

FIELDS = {"textbox", "combobox", "spinbutton", "searchbox", "checkbox", "radio"}


@pytest.fixture
def page(at_stage: NewContext) -> Page:
    return at_stage(viewport={"width": 1280, "height": 900}, reduced_motion="reduce").new_page()


@dataclass(frozen=True, slots=True)
class Heard:
    """A node of the accessibility tree, as the browser works it out for screen readers."""

    role: str
    name: str
    description: str
    properties: dict[str, Any]


def tree(page: Page) -> list[Heard]:
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        Heard(
            each["role"]["value"],
            each.get("name", {}).get("value", ""),
            each.get("description", {}).get("value", ""),
            {one["name"]: one["value"].get("value") for one in each.get("properties", [])},
        )
        for each in nodes
        if not each["ignored"]
    ]


def heard(page: Page, role: str, name: str) -> Heard:
    found = [each for each in tree(page) if (each.role, each.name) == (role, name)]
    assert len(found) == 1, [(each.role, each.name) for each in tree(page)]
    return found[0]


def test_landmarks_and_headings(page: Page) -> None:
    driving.start(page)
    expect(page.get_by_role("banner")).to_have_count(1)
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("contentinfo")).to_have_count(1)
    steps = page.get_by_role("navigation", name="Steps")
    expect(steps.locator("[aria-current=step]")).to_have_count(1)
    expect(steps.get_by_role("listitem")).not_to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_text("About you")
    assert page.get_by_role("button", name="Français").get_attribute("lang") == "fr"


def test_hint_is_the_description_and_the_error_comes_with_it(page: Page) -> None:
    driving.start(page)
    before = heard(page, "textbox", "Member number")
    assert "osot-0000001" in before.description
    assert before.properties.get("required") is True
    driving.go_on(page)
    expect(page.locator("#error-summary")).to_be_focused()
    after = heard(page, "textbox", "Member number")
    assert after.properties.get("invalid") == "true"
    assert before.description in after.description
    wrong = page.locator("#user_business_id-error").inner_text()
    assert wrong in after.description
    summary = heard(page, "alert", "One thing to fix")
    assert summary.properties.get("live") == "assertive"
    assert page.locator("#error-summary a").inner_text() == wrong


def test_group_of_choices_has_its_question_and_error(page: Page) -> None:
    driving.start(page)
    driving.identify(page, "osot-0000003")
    driving.educate(page)
    driving.go_on(page)
    expect(page.locator("#error-summary")).to_be_focused()
    question = page.locator("fieldset legend").first.inner_text()
    group = page.get_by_role("group", name=question).or_(page.get_by_role("radiogroup", name=question))
    expect(group).to_have_accessible_description(re.compile(re.escape(page.locator("#coto_status-error").inner_text())))
    page.locator("#error-summary a").first.click()
    expect(page.get_by_role("radio").first).to_be_focused()


@pytest.mark.parametrize("step", ["identity", "education", "coto", "privacy"])
def test_every_field_has_a_name_and_its_descriptions_exist(page: Page, step: str) -> None:
    driving.to_review(page, "osot-0000003")
    page.goto(page.url.replace("review", step))
    fields = [each for each in tree(page) if each.role in FIELDS and not each.properties.get("hidden")]
    assert fields
    assert [each for each in fields if not each.name] == []
    dangling = """() => ["aria-describedby", "aria-labelledby"].flatMap(
        name => [...document.querySelectorAll(`[${name}]`)].flatMap(
            each => each.getAttribute(name).split(/\\s+/).filter(id => !document.getElementById(id))))"""
    assert page.evaluate(dangling) == []


def test_message_comes_in_a_region_that_was_there_before(page: Page) -> None:
    """A live region is only heard if it was on the page before its text."""
    driving.start(page)
    number = page.get_by_label("Member number")
    region = page.locator("#field-user_business_id [aria-live=polite]")
    expect(region).to_have_count(1)
    page.evaluate("window.kept = document.querySelector('#field-user_business_id [aria-live]')")
    number.fill("no such number!")
    number.press("Tab")
    page.evaluate("window.next = document.activeElement")
    expect(region).to_contain_text("1 to 20 letters")
    assert page.evaluate("window.kept.isConnected && window.kept.textContent.includes('1 to 20 letters')")
    assert page.evaluate("window.next === document.activeElement && window.next !== document.body")
    number.fill("osot-0000003")
    number.press("Tab")
    expect(region).to_have_text("")
    assert page.evaluate("window.kept.isConnected")


def test_field_that_appears_follows_its_question_and_takes_no_focus(page: Page) -> None:
    driving.start(page)
    driving.identify(page, "osot-0000003")
    driving.educate(page)
    general = page.get_by_label("General certificate")
    general.check()
    expect(page.get_by_label("COTO registration number")).to_be_visible()
    expect(general).to_be_focused()
    order = "(a, b) => a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING"
    number = page.get_by_label("COTO registration number").element_handle()
    assert general.evaluate(order, number)


def test_receipt_is_read_in_order(page: Page, stage: Stage) -> None:
    number = stage.account()
    driving.to_account(page, number)
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Six-digit code").wait_for()
    page.get_by_label("Six-digit code").fill(stage.code())
    page.get_by_role("button", name="Check the code").click()
    driving.heading(page, "Declare and submit")
    driving.submit(page)
    expect(page.locator("main")).to_match_aria_snapshot(
        f"""
        - heading "Your education is registered" [level=1]
        - region /osot-oted/:
          - paragraph: Record number
          - paragraph: /osot-oted-\\d+/
          - term: Category
          - definition: New Graduate
          - term: Member number
          - definition: {number}
        - heading "What happens next" [level=2]
        """
    )


def test_titles_tell_the_pages_of_the_journey_apart(page: Page) -> None:
    titles = []
    driving.start(page)
    titles.append(page.title())
    driving.go_on(page)
    expect(page.locator("#error-summary")).to_be_focused()
    titles.append(page.title())
    driving.identify(page, "osot-0000003")
    titles.append(page.title())
    assert titles == [
        "About you – OT Education Register",
        "Error: About you – OT Education Register",
        "Your education – OT Education Register",
    ]
