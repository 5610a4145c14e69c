"""What only a browser can show of the applicant's journey."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.conftest import NewContext
from tests.support.serving import Served


def test_journey_with_script_never_reloads(page: Page, served: Served) -> None:
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    driving.to_confirm(page, "osot-0000001", served)
    assert driving.submit(page).startswith("osot-oted-")
    assert len(loads) == 1
    page.go_back()
    driving.heading(page, "Your education is registered")
    page.reload()
    driving.heading(page, "Your education is registered")


def test_journey_without_script(new_context: NewContext, served: Served) -> None:
    page = new_context(java_script_enabled=False).new_page()
    driving.to_confirm(page, "osot-0000002", served)
    assert driving.submit(page).startswith("osot-oted-")
    page.get_by_role("main").get_by_role("button", name="Finish and clear").click()
    page.get_by_role("main").get_by_role("button", name="Finish and clear").click()
    driving.heading(page, "Nothing is left in this browser")


def test_without_script_too_the_summary_has_the_focus(new_context: NewContext) -> None:
    page = new_context(java_script_enabled=False).new_page()
    driving.start(page)
    driving.go_on(page)
    assert page.title().startswith("Error:")
    # Where scripts are off, the page itself can be asked only from outside of it.
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#user_business_id")


def test_focus_goes_to_the_heading_then_to_the_summary(page: Page) -> None:
    driving.start(page)
    expect(page.locator("h1")).to_be_focused()
    driving.go_on(page)
    expect(page.locator("#error-summary")).to_be_focused()
    expect(page).to_have_title("Error: About you – OT Education Register")
    page.locator("#error-summary a").click()
    expect(page.locator("#user_business_id")).to_be_focused()


def test_field_is_checked_as_it_is_left(page: Page) -> None:
    driving.start(page)
    number = page.get_by_label("Member number")
    number.fill("no such number!")
    number.press("Tab")
    expect(page.locator("#user_business_id-error")).to_contain_text("1 to 20 letters")
    expect(page.get_by_role("button", name="I don’t know my member number")).to_be_focused()
    number.fill("osot-0000001")
    number.press("Tab")
    expect(page.locator("#user_business_id-error")).to_have_count(0)
    expect(number).to_have_value("osot-0000001")


def test_conditional_fields_follow_their_question(page: Page) -> None:
    driving.start(page)
    driving.identify(page, "osot-0000003")
    page.locator("#university").select_option("other")
    expect(page.get_by_label("Name of your school")).to_be_visible()
    page.locator("#country").select_option("FR")
    page.locator("#university").select_option("mcmaster")
    expect(page.get_by_label("Name of your school")).to_have_count(0)
    page.get_by_role("button", name="Choose Canada").click()
    expect(page.locator("#country")).to_have_value("CA")
    expect(page.locator("#country-combobox")).to_be_focused()


def test_double_click_makes_one_record(page: Page, served: Served) -> None:
    driving.to_confirm(page, "osot-0000004", served)
    page.get_by_label("I declare").check()
    page.get_by_role("button", name="Submit", exact=True).dblclick()
    driving.heading(page, "Your education is registered")
    number = page.locator("#receipt-number").inner_text()
    page.reload()
    expect(page.locator("#receipt-number")).to_have_text(number)


def test_back_button_shows_earlier_answers(page: Page) -> None:
    driving.start(page)
    driving.identify(page, "osot-0000003")
    driving.educate(page)
    page.go_back()
    driving.heading(page, "Your education")
    expect(page.locator("#university")).to_have_value("mcmaster")
    page.go_forward()
    driving.heading(page, "Your standing with the College")


def test_error_makes_no_entry_in_the_history(page: Page) -> None:
    driving.start(page)
    length = page.evaluate("history.length")
    driving.go_on(page)
    expect(page.locator("#error-summary")).to_be_visible()
    assert page.evaluate("history.length") == length


def test_two_tabs_get_both_versions(page: Page) -> None:
    driving.to_review(page, "osot-0000003")
    address = page.url.replace("review", "education")
    other = page.context.new_page()
    page.goto(address)
    other.goto(address)
    page.get_by_label("Graduation year").select_option("2020")
    driving.go_on(page)
    driving.heading(page, "Check your answers")
    other.get_by_label("Graduation year").select_option("2019")
    driving.go_on(other)
    driving.heading(other, "Your answers were changed somewhere else")
    expect(other.locator("tr.differs td")).to_have_text(["2019", "2020"])
    other.get_by_role("button", name="Keep mine").click()
    driving.heading(other, "Check your answers")
    assert "2019" in other.locator("dl.summary").inner_text()


def test_two_registrations_in_two_tabs_do_not_mix(page: Page) -> None:
    other = page.context.new_page()
    driving.start(page)
    driving.start(other)
    driving.identify(page, "osot-0000003")
    driving.identify(other, "osot-0000005")
    page.goto(page.url.replace("education", "identity"))
    other.goto(other.url.replace("education", "identity"))
    expect(page.get_by_label("Member number")).to_have_value("osot-0000003")
    expect(other.get_by_label("Member number")).to_have_value("osot-0000005")


def test_time_is_extended_without_a_reload(page: Page) -> None:
    page.clock.install()
    driving.start(page)
    driving.identify(page, "osot-0000003")
    page.goto(page.url)
    page.locator("#university").select_option("queens")
    page.clock.fast_forward("23:51:00")
    page.clock.run_for(6_000)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Are you still there?")
    assert not driving.violations(page)
    page.get_by_role("button", name="Yes, give me more time").click()
    page.clock.run_for(1_000)
    expect(dialog).to_have_count(0)
    expect(page.locator("#university")).to_have_value("queens")
    page.clock.run_for(10_000)
    expect(dialog).to_have_count(0)


def test_other_tab_hears_of_more_time(page: Page) -> None:
    page.clock.install()
    driving.start(page)
    driving.identify(page, "osot-0000003")
    page.goto(page.url)
    page.clock.fast_forward("23:51:00")
    page.clock.run_for(6_000)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.evaluate("""() => new BroadcastChannel("registration-time").postMessage(
        {session: document.getElementById("time").dataset.session, deadline: Date.now() + 86400000})""")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_unreachable_server_keeps_what_was_typed(page: Page) -> None:
    driving.start(page)
    page.get_by_label("Member number").fill("osot-0000003")
    page.context.set_offline(True)
    driving.go_on(page)
    expect(page.locator("#trouble")).to_be_visible()
    expect(page.get_by_label("Member number")).to_have_value("osot-0000003")
    page.context.set_offline(False)
    driving.go_on(page)
    driving.heading(page, "Your education")


def test_error_inside_htmx_replaces_the_whole_page(page: Page) -> None:
    driving.start(page)
    page.context.clear_cookies()
    page.get_by_label("Member number").fill("osot-0000003")
    page.get_by_label("Member number").press("Tab")
    driving.heading(page, "This registration is not open in this browser")
    expect(page.locator("main")).to_have_count(1)
    expect(page.locator("header.masthead")).to_have_count(1)


def test_receipt_prints_without_what_is_for_the_screen(page: Page, served: Served) -> None:
    driving.to_confirm(page, "osot-0000005", served)
    driving.submit(page)
    page.emulate_media(media="print")
    expect(page.locator("#receipt-number")).to_be_visible()
    for hidden in (".masthead-actions", ".footer", ".actions"):
        expect(page.locator(hidden).first).to_be_hidden()
