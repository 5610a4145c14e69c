"""Country and school as comboboxes: found while typing, by keyboard, mouse and screen reader, never losing a word."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import driving
from tests.browser.conftest import NewContext

PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}


def combobox(page: Page, name: str) -> Locator:
    return page.locator(f"#combobox-{name} [role=combobox]")


def options(page: Page, name: str) -> Locator:
    return page.locator(f"#{name}-list [role=option]")


def to_education(page: Page, language: str = "en") -> None:
    page.goto("/")
    if language == "fr":
        page.get_by_role("button", name="Français").click()
    page.locator("form[action='/registrations'] button").click()
    page.locator("#user_business_id").fill("osot-0000003")
    page.locator("form#typing .actions button").first.click()
    page.locator("#university").wait_for(state="attached")


@pytest.fixture
def education(page: Page) -> Page:
    to_education(page)
    return page


def active(page: Page, name: str) -> str:
    """The option that a screen reader is told of."""
    identifier = combobox(page, name).get_attribute("aria-activedescendant")
    return page.locator(f"#{identifier}").inner_text() if identifier else ""


# --- What it is ---------------------------------------------------------------------------------------------


def test_it_says_what_it_is(education: Page) -> None:
    country = combobox(education, "country")
    expect(country).to_have_role("combobox")
    expect(country).to_have_accessible_name("Country")
    expect(country).to_have_accessible_description("Where the school is, not where you live.")
    expect(country).to_have_attribute("aria-expanded", "false")
    expect(country).to_have_value("Canada")
    country.press("ArrowDown")
    expect(country).to_have_attribute("aria-expanded", "true")
    expect(education.get_by_role("listbox", name="Choices")).to_be_visible()
    assert active(education, "country") == "Canada"
    assert not driving.violations(education)


def test_nothing_moves_when_it_takes_over(education: Page, new_context: NewContext) -> None:
    plain = new_context(viewport={"width": 1280, "height": 900}, java_script_enabled=False).new_page()
    to_education(plain)
    for name in ("university", "country", "graduation_year"):
        assert education.locator(f"#field-{name}").bounding_box() == plain.locator(f"#field-{name}").bounding_box()
    assert combobox(education, "country").bounding_box() == education.locator("#country").bounding_box()


# --- Finding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("braz", "Brazil"),
        ("USA", "United States"),
        ("u.s.", "United States"),
        ("UK", "United Kingdom"),
        ("engl", "United Kingdom"),
        ("Côte", "Côte d’Ivoire"),
        ("cote d'iv", "Côte d’Ivoire"),
        ("ivory", "Côte d’Ivoire"),
        ("ALLEMAGNE", "Germany"),
        ("guinea", "Guinea"),
        ("zealand", "New Zealand"),
        ("holl", "Netherlands"),
    ],
)
def test_country_is_found_by_what_people_type(education: Page, typed: str, first: str) -> None:
    combobox(education, "country").fill(typed)
    expect(options(education, "country").first).to_have_text(first)
    assert active(education, "country") == first
    combobox(education, "country").press("Enter")
    expect(combobox(education, "country")).to_have_value(first)
    expect(education.locator("#country option:checked")).to_have_text(first)


def test_french_names_are_found_without_accents(page: Page) -> None:
    to_education(page, "fr")
    country = combobox(page, "country")
    expect(country).to_have_accessible_name("Pays")
    for typed, first in (("etats", "États-Unis"), ("E.-U.", "États-Unis"), ("germany", "Allemagne")):
        country.fill(typed)
        expect(options(page, "country").first).to_have_text(first)
    country.fill("x y z")
    expect(page.locator("#combobox-country .combobox-nothing")).to_contain_text("Rien")
    assert not driving.violations(page)


def test_number_of_results_is_announced(education: Page) -> None:
    status = education.locator("#combobox-country [role=status]")
    combobox(education, "country").focus()
    education.keyboard.type("unit")
    expect(status).to_contain_text("results. United Arab Emirates")
    education.keyboard.type("ed k")
    expect(status).to_contain_text("1 result. United Kingdom")
    education.keyboard.type("zz")
    expect(status).to_contain_text("Nothing on the list matches")
    combobox(education, "country").fill("japan")
    combobox(education, "country").press("Enter")
    expect(status).to_contain_text("Japan is chosen")


# --- Keys ---------------------------------------------------------------------------------------------------


def test_keys_of_a_list(education: Page) -> None:
    country = combobox(education, "country")
    country.focus()
    for key, name in (
        ("ArrowDown", "Canada"),
        ("ArrowDown", "Afghanistan"),
        ("End", "Zimbabwe"),
        ("ArrowDown", "Zimbabwe"),
        ("ArrowUp", "Zambia"),
        ("Home", "Canada"),
        ("PageDown", "Anguilla"),
        ("PageUp", "Canada"),
    ):
        country.press(key)
        assert active(education, "country") == name
    country.press("ArrowDown")
    country.press("Escape")
    expect(education.get_by_role("listbox")).to_have_count(0)
    expect(country).to_have_value("Canada")
    country.press("ArrowDown")
    country.press("End")
    country.press("Tab")
    expect(country).to_have_value("Zimbabwe")
    expect(education.locator("#country")).to_have_value("ZW")
    expect(education.locator("#graduation_year")).to_be_focused()


def test_escape_brings_back_what_was_chosen(education: Page) -> None:
    country = combobox(education, "country")
    country.fill("fra")
    country.press("Escape")
    expect(country).to_have_value("Canada")
    expect(education.locator("#country")).to_have_value("CA")


def test_cursor_moves_in_what_is_typed(education: Page) -> None:
    country = combobox(education, "country")
    country.fill("rance")
    country.press("Home")
    country.press_sequentially("F")
    expect(country).to_have_value("France")
    country.press("Enter")
    expect(education.locator("#country")).to_have_value("FR")


def test_enter_in_an_open_list_chooses_and_sends_nothing(education: Page) -> None:
    combobox(education, "country").fill("ital")
    combobox(education, "country").press("Enter")
    expect(education.locator("#country")).to_have_value("IT")
    driving.heading(education, "Your education")
    expect(education.locator("#error-summary")).to_have_count(0)


def test_school_and_year_by_keyboard_alone(page: Page) -> None:
    driving.start(page)
    page.keyboard.press("Tab")
    page.keyboard.type("osot-0000003")
    page.keyboard.press("Enter")
    driving.heading(page, "Your education")
    page.locator("#degree_type").focus()
    page.keyboard.press("Tab")
    page.keyboard.type("queens")
    page.keyboard.press("Tab")
    expect(combobox(page, "country")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("2026")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    driving.heading(page, "Your standing with the College")


# --- Mouse and finger ---------------------------------------------------------------------------------------


def test_mouse_opens_chooses_and_closes(education: Page) -> None:
    university = combobox(education, "university")
    university.click()
    expect(options(education, "university").first).to_have_text("McMaster University")
    options(education, "university").filter(has_text="Western").click()
    expect(university).to_have_value("Western University")
    expect(university).to_be_focused()
    university.click()
    expect(education.get_by_role("listbox")).to_be_visible()
    education.locator("h1").click()
    expect(education.get_by_role("listbox")).to_have_count(0)
    expect(university).to_have_value("Western University")


def test_click_then_typing_replaces_what_was_chosen(education: Page) -> None:
    combobox(education, "country").click()
    education.keyboard.type("fran")
    expect(combobox(education, "country")).to_have_value("fran")


def test_finger_beside_a_mouse(new_context: NewContext) -> None:
    page = new_context(viewport={"width": 1280, "height": 900}, has_touch=True).new_page()
    page.add_init_script(
        "const real = window.matchMedia; window.matchMedia = (query) => query.includes('any-pointer')"
        " ? {matches: true} : real.call(window, query);"
    )
    to_education(page)
    combobox(page, "country").tap()
    options(page, "country").filter(has_text="Algeria").tap()
    expect(page.locator("#country")).to_have_value("DZ")


def test_phone_keeps_the_browsers_own_list(new_context: NewContext) -> None:
    page = new_context(**PHONE).new_page()
    to_education(page)
    assert page.locator("[role=combobox]").count() == 0
    page.get_by_label("Country").select_option("FR")
    page.get_by_label("University").select_option("other")
    expect(page.get_by_label("Name of your school")).to_have_attribute("list", "other_details-names")
    assert not driving.violations(page)


def test_nothing_but_plain_controls_without_script(new_context: NewContext) -> None:
    page = new_context(java_script_enabled=False).new_page()
    to_education(page)
    page.get_by_label("University").select_option("other")
    driving.go_on(page)
    expect(page.locator("#other_details")).to_have_attribute("list", "other_details-names")
    assert page.locator("#other_details-names option").count() == 10


# --- What is on no list -------------------------------------------------------------------------------------


def test_what_fits_nothing_is_refused_and_never_the_choice_before(education: Page) -> None:
    education.locator("#university").select_option("mcmaster")
    education.locator("#graduation_year").select_option("2026")
    country = combobox(education, "country")
    country.fill("Atlantis")
    education.locator("h1").click()
    expect(education.locator("#country-error")).to_contain_text("This country is not on the list")
    expect(country).to_have_attribute("aria-invalid", "true")
    expect(country).to_have_accessible_description(
        "Where the school is, not where you live. "
        "This country is not on the list. Choose the country where you studied, for example Canada."
    )
    expect(country).to_have_value("Atlantis")
    driving.go_on(education)
    expect(education.locator("#error-summary")).to_be_focused()
    expect(country).to_have_value("Atlantis")
    assert not driving.violations(education)
    education.locator("#error-summary a").click()
    expect(country).to_be_focused()
    country.fill("can")
    country.press("Enter")
    expect(education.locator("#country-error")).to_have_count(0)
    expect(country).not_to_have_attribute("aria-invalid", "true")
    driving.go_on(education)
    driving.heading(education, "Your standing with the College")


def test_emptied_is_not_the_choice_before(education: Page) -> None:
    combobox(education, "country").fill("")
    education.locator("h1").click()
    expect(education.locator("#country-error")).to_contain_text("Choose the country where you studied")
    expect(combobox(education, "country")).to_have_value("")


def test_check_of_the_field_keeps_what_is_being_typed(education: Page) -> None:
    university = combobox(education, "university")
    with education.expect_response(lambda answer: "/fields/university" in answer.url):
        education.locator("#university").select_option("toronto")
        university.fill("wes")
    expect(university).to_have_value("wes")
    expect(university).to_be_focused()
    expect(options(education, "university")).to_have_text(["Western University", "Another school"])


def test_change_by_something_else_is_shown(education: Page) -> None:
    education.locator("#country").select_option("FR")
    expect(combobox(education, "country")).to_have_value("France")


# --- Schools ------------------------------------------------------------------------------------------------


def test_school_elsewhere_in_canada_is_offered_by_name(education: Page) -> None:
    combobox(education, "university").fill("dal")
    combobox(education, "university").press("Tab")
    expect(combobox(education, "university")).to_have_value("Another school")
    expect(education.locator("#other_details")).to_have_value("Dalhousie University")
    education.locator("#graduation_year").select_option("2026")
    driving.go_on(education)
    driving.heading(education, "Your standing with the College")


def test_school_on_no_list_is_taken_over_as_its_name(education: Page) -> None:
    combobox(education, "university").fill("University of Cape Town")
    expect(options(education, "university")).to_have_text(["Another school (University of Cape Town)"])
    combobox(education, "university").press("Enter")
    expect(education.locator("#other_details")).to_have_value("University of Cape Town")


def test_name_is_suggested_and_free(education: Page) -> None:
    education.locator("#university").select_option("other")
    name = education.locator("#other_details")
    expect(name).to_have_role("combobox")
    name.press_sequentially("montr")
    expect(options(education, "other_details")).to_have_text(["Université de Montréal", "McGill University"])
    assert active(education, "other_details") == ""
    assert not driving.violations(education)
    sent: list[str] = []
    education.on("request", lambda request: sent.append(urlsplit(request.url).path))
    name.press("ArrowDown")
    name.press("Enter")
    expect(name).to_have_value("Université de Montréal")
    name.fill("Karolinska Institutet")
    with education.expect_request("**/fields/other_details"):
        name.press("Tab")
    expect(name).to_have_value("Karolinska Institutet")
    # Taking a suggestion with Enter does not send the form.
    assert not [path for path in sent if path.endswith("/education")]


def test_canada_is_suggested_taken_and_undone(education: Page) -> None:
    education.locator("#country").select_option("FR")
    combobox(education, "university").fill("queens")
    combobox(education, "university").press("Enter")
    expect(education.locator("#country-notice")).to_contain_text("Queen’s University is in Canada")
    education.get_by_role("button", name="Choose Canada").click()
    country = combobox(education, "country")
    expect(country).to_have_value("Canada")
    expect(country).to_be_focused()
    expect(education.locator("#country-notice")).to_contain_text("Canada is chosen now")
    expect(country).to_have_accessible_description(
        "Where the school is, not where you live. Canada is chosen now, because Queen’s University is in Canada."
    )
    assert not driving.violations(education)
    education.get_by_role("button", name="Change back to France").click()
    expect(country).to_have_value("France")
    expect(education.get_by_role("button", name="Choose Canada")).to_be_visible()


def test_canada_is_suggested_for_a_named_school(education: Page) -> None:
    education.locator("#country").select_option("FR")
    combobox(education, "university").fill("mcgill")
    combobox(education, "university").press("Enter")
    expect(education.locator("#country-notice")).to_contain_text("McGill University is in Canada")


def test_canada_is_taken_with_the_form_where_there_is_no_script(new_context: NewContext) -> None:
    page = new_context(java_script_enabled=False).new_page()
    to_education(page)
    page.locator("#university").select_option("queens")
    page.locator("#country").select_option("FR")
    page.locator("#graduation_year").select_option("2026")
    driving.go_on(page)
    expect(page.locator("#country-error")).to_contain_text("Queen’s University is in Ontario")
    page.get_by_role("button", name="Choose Canada and continue").click()
    driving.heading(page, "Your standing with the College")


# --- Small, zoomed, contrasted ------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("width", "height"), [(320, 640), (320, 256)])
def test_list_fits_a_narrow_or_zoomed_window(new_context: NewContext, width: int, height: int, language: str) -> None:
    page = new_context(viewport={"width": width, "height": height}).new_page()
    to_education(page, language)
    combobox(page, "country").click()
    expect(options(page, "country").first).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not driving.violations(page)


def test_chosen_option_is_seen_in_forced_colours(new_context: NewContext) -> None:
    page = new_context(viewport={"width": 1280, "height": 900}, forced_colors="active").new_page()
    to_education(page)
    combobox(page, "country").fill("fr")
    colour = "element => getComputedStyle(element).backgroundColor"
    marked, plain = (options(page, "country").nth(index).evaluate(colour) for index in (0, 1))
    assert marked != plain


def test_way_back_shows_what_was_chosen(education: Page) -> None:
    education.locator("#university").select_option("mcmaster")
    education.locator("#graduation_year").select_option("2026")
    combobox(education, "country").fill("cana")
    combobox(education, "country").press("Enter")
    driving.go_on(education)
    driving.heading(education, "Your standing with the College")
    education.go_back()
    driving.heading(education, "Your education")
    expect(combobox(education, "university")).to_have_value("McMaster University")
    expect(combobox(education, "country")).to_have_value("Canada")
