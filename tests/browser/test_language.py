"""Another language in a real browser: typed text comes along, with scripts and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.conftest import NewContext


def other_language(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    expect(page.locator("html")).to_have_attribute("lang", {"Français": "fr", "English": "en"}[name])


@pytest.mark.parametrize("script", [True, False])
def test_what_is_typed_survives(new_context: NewContext, script: bool) -> None:
    page = new_context(java_script_enabled=script).new_page()
    driving.start(page)
    page.get_by_label("Member number").fill("osot-0000003")
    page.get_by_label("E-mail address").fill("half@")
    other_language(page, "Français")
    driving.heading(page, "À propos de vous")
    expect(page.locator("#user_business_id")).to_have_value("osot-0000003")
    expect(page.locator("#email")).to_have_value("half@")
    expect(page.locator(".error-summary, .field-error")).to_have_count(0)
    assert "osot" not in page.url
    assert "half" not in page.url
    page.get_by_label("Adresse courriel").fill("")
    page.get_by_role("button", name="Continuer", exact=True).click()
    driving.heading(page, "Votre formation")
    page.locator("#university").select_option("western")
    page.get_by_label("Année d’obtention du diplôme").select_option("2025")
    other_language(page, "English")
    driving.heading(page, "Your education")
    expect(page.locator("#university")).to_have_value("western")
    driving.go_on(page)
    driving.heading(page, "Your standing with the College")
    page.get_by_label("General certificate").check()
    other_language(page, "Français")
    expect(page.get_by_label("Certificat général")).to_be_checked()
    expect(page.get_by_label("Numéro d’inscription à l’OEO")).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_enter_goes_on_and_does_not_change_the_language(new_context: NewContext, script: bool) -> None:
    page = new_context(java_script_enabled=script).new_page()
    driving.start(page)
    page.get_by_label("Member number").fill("osot-0000003")
    page.get_by_label("Member number").press("Enter")
    driving.heading(page, "Your education")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_errors_come_back_as_typed_and_a_reload_shows_what_is_saved(page: Page) -> None:
    driving.start(page)
    page.get_by_label("Member number").fill("no number!")
    driving.go_on(page)
    expect(page.locator("#error-summary")).to_be_visible()
    other_language(page, "Français")
    expect(page.locator("#user_business_id")).to_have_value("no number!")
    expect(page.locator("#error-summary")).to_have_count(0)
    page.goto(page.url)
    expect(page.locator("#user_business_id")).to_have_value("")


def test_the_browser_speaks_first(new_context: NewContext) -> None:
    page = new_context(locale="fr-CA").new_page()
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    other_language(page, "English")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
