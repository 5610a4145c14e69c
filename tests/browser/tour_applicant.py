"""Every page and state that applicants can see, but for what goes wrong."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import expect

from tests.browser.stage import NOW
from tests.browser.tour import ANSWERS, HEADING, MAIN_BUTTON, SUMMARY, Tour
from wizard.core.accounts import AccountStatus

SAVE_FOR_LATER = "[name=save_for_later]"
ABROAD = {
    "email": "robin@mail.utoronto.ca",
    "university": "other",
    "other_details": "Lund",
    "country": "SE",
    "graduation_year": "2028",
    "coto_status": "general",
}


def start_and_questions(tour: Tour) -> None:
    """From the first page to the review: each step empty, with what is wrong, with what depends on an answer."""
    page = tour.page
    tour.visit("/", "start")
    tour.press(name="identity", focus=HEADING)
    tour.press(name="identity-errors", focus=SUMMARY)
    tour.leave("user_business_id", "no number!")
    tour.leave("email", "robin@mail.utoronto.ca")
    tour.look("identity-checked-while-typing")
    page.context.set_offline(offline=True)
    page.locator(MAIN_BUTTON).click()
    page.wait_for_selector("#trouble:not([hidden])")
    tour.look("identity-unreachable", focus="#trouble")
    page.context.set_offline(offline=False)
    tour.put({"user_business_id": tour.stage.account(), "email": "robin@example.org"})
    tour.press(name="education", focus=HEADING)
    tour.press(name="education-errors", focus=SUMMARY)
    a_list_to_search(tour)
    tour.leave("university", "other")
    page.wait_for_selector("#other_details")
    tour.look("education-other-school")
    tour.leave("country", "FR")
    tour.leave("university", "queens")
    page.wait_for_selector("#other_details", state="detached")
    tour.look("education-canada-suggested")
    tour.put({"country": "CA", "graduation_year": "2026"})
    tour.press(name="coto", focus=HEADING)
    page.locator("main details summary").click()
    tour.look("coto-explained", focus="summary")
    tour.press(name="coto-errors", focus=SUMMARY)
    tour.leave("coto_status", "general")
    page.wait_for_selector("#coto_registration")
    tour.press(name="coto-number-missing", focus=SUMMARY)
    tour.put({"coto_status": "pending"})
    page.wait_for_selector("#coto_registration", state="detached")
    tour.press(name="privacy", focus=HEADING)
    tour.put({"notes": "x" * 1001})
    tour.press(name="privacy-errors", focus=SUMMARY)
    tour.put({"notes": "I studied part-time."})
    tour.press()
    page.locator("details.checks summary").click()
    tour.look("review")
    place = page.url.removesuffix("/review")
    tour.visit(f"{place}/education", "education-answered")
    tour.press(SAVE_FOR_LATER, "link", focus=HEADING)


def a_list_to_search(tour: Tour) -> None:
    """A list that opens as one types; on a phone it is the phone's own."""
    box = tour.page.locator("#combobox-country [role=combobox]")
    if not box.count():
        return
    box.fill("ita")
    tour.page.locator("#country-list [role=option]").first.wait_for()
    tour.look("education-list-open", focus="[role=combobox]")
    box.fill("nowhere")
    tour.look("education-list-without-match", focus="[role=combobox]")
    box.press("Escape")


def review_and_category(tour: Tour) -> None:
    """Answers with something to note, with something wrong that only another system could enter, every category."""
    place = tour.begun(*ANSWERS, **ABROAD, coto_registration="A1", user_business_id=tour.stage.account())
    tour.visit(f"{place}/review", "review-warnings")
    tour.press(name="category-changed-by-standing", focus=HEADING)
    for category, answers in {
        "new-graduate": {},
        "student": {"graduation_year": "2028"},
        "graduate": {"graduation_year": "2015"},
    }.items():
        place = tour.decided(tour.stage.account(), **answers)
        tour.visit(f"{place}/category", f"category-{category}")
    tour.visit(f"{place}/category?changed=1", "category-changed-meanwhile")
    number = tour.stage.account()
    tour.visit(tour.stage.link_to(tour.stage.staged(country="FR", user_business_id=number)), "resume")
    tour.put({"user_business_id": "osot-9999999"})
    tour.press(name="resume-errors", focus=SUMMARY)
    tour.put({"user_business_id": number})
    tour.press()
    tour.press(name="review-failed", focus=SUMMARY)


def changed_meanwhile(tour: Tour) -> None:
    """Pages without questions, sent from how the answers were before: each shows them as they are now."""
    place = tour.decided(tour.stage.account())
    for step in ("review", "category", "account"):
        tour.visit(f"{place}/{step}")
        tour.put({"version": "1"})
        tour.press()
        tour.look(f"{step}-changed-elsewhere", focus=HEADING, wrong=True)


def account(tour: Tour) -> None:
    """Proving the account: asked, entered, wrong, refused in each way."""
    place = tour.decided(tour.stage.account())
    tour.visit(f"{place}/account", "account")
    tour.press(name="account-code-sent", focus=HEADING)
    tour.put({"code": "12"})
    tour.press(name="account-code-malformed", focus=SUMMARY)
    tour.put({"code": "000000" if tour.stage.code() != "000000" else "000001"})
    tour.press(name="account-code-wrong", focus=SUMMARY)
    tour.visit(f"{place}/account?entering=1", "account-entering")
    tour.send(f"{place}/account", {"code": tour.stage.code()})
    tour.visit(f"{place}/account", "account-proved")
    refused(tour, "inactive", tour.stage.account(AccountStatus.INACTIVE))
    number, coto = tour.stage.account(), tour.stage.coto_number()
    tour.submitted(number, coto_status="general", coto_registration=coto)
    refused(tour, "has-a-record", number)
    refused(tour, "other-record-has-coto-number", tour.stage.account(), coto_status="general", coto_registration=coto)


def refused(tour: Tour, name: str, number: str, **answers: str) -> None:
    """A code that is right, for an account that cannot be linked; and the review afterwards."""
    place = tour.decided(number, **answers)
    tour.send(f"{place}/account")
    tour.visit(f"{place}/account?sent=1")
    tour.put({"code": tour.stage.code()})
    tour.press(name=f"account-{name}", focus=SUMMARY)
    tour.visit(f"{place}/review", f"review-{name}")


def receipt(tour: Tour) -> None:
    """Declaring, changed meanwhile, failed and repeated, the receipt in each way."""
    place = tour.proved(tour.stage.account())
    tour.visit(f"{place}/confirm", "confirm")
    tour.press(name="confirm-errors", focus=SUMMARY)
    tour.put({"declaration": "y", "version": "1"})
    tour.press()
    tour.look("confirm-changed-meanwhile", focus=HEADING, wrong=True)
    tour.put({"declaration": "y"})
    tour.press(name="receipt", focus=HEADING)
    place = tour.submitted(tour.stage.account(), **ABROAD, coto_registration=tour.stage.coto_number())
    tour.visit(f"{place}/complete", "receipt-to-verify")
    tour.visit("/finish", "finish-complete")


def leaving(tour: Tour) -> None:
    """Links to continue, giving up, two versions of the answers, finishing."""
    place = tour.begun("identity", "education")
    tour.visit("/", "start-with-own")
    tour.visit(f"{place}/link")
    tour.put({"email": "half@"})
    tour.press(name="link-errors", focus=SUMMARY)
    tour.put({"email": "robin@example.org"})
    tour.press(name="link-sent", focus=HEADING)
    tour.visit(f"{place}/education")
    tour.answer(place, "education", graduation_year="2020")
    tour.put({"graduation_year": "2019"})
    tour.press(name="both-versions", focus=HEADING)
    tour.visit("/finish", "finish")
    tour.put({"email": "half@"})
    tour.press("main form .actions button", "finish-errors", focus=SUMMARY)
    tour.visit(f"{place}/cancel", "cancel")
    tour.press(".button-danger", "cancelled", focus=HEADING)
    tour.visit("/resume/unknown", "resume-gone")


def the_time_that_is_left(tour: Tour) -> None:
    """The warning before the end, no more to give, and the end."""
    page, clock = tour.page, tour.stage.clock
    place = tour.begun("identity", "education")
    clock.instant = NOW + timedelta(hours=23, minutes=55)
    tour.visit(f"{place}/coto")
    expect(page.locator("#time-warning")).to_be_visible()
    tour.look("time-warning", focus="#time-warning *")
    page.locator("#time-warning form button").click()
    expect(page.locator("#time-warning")).to_be_hidden()
    tour.look("time-extended")
    for day in range(2, 31):
        clock.instant = NOW + timedelta(days=day, minutes=-4 * day)
        tour.send(f"{place}/extend")
    clock.instant = NOW + timedelta(days=30, minutes=-5)
    tour.visit(f"{place}/coto")
    expect(page.locator("#time-warning")).to_be_visible()
    tour.look("time-warning-at-the-greatest-age")
    tour.post(f"{place}/extend")
    tour.look("time-not-extended")
    tour.visit(f"{place}/coto")
    clock.instant = NOW + timedelta(days=30, minutes=5)
    tour.visit(f"{place}/coto", "expired")
    tour.post(f"{place}/coto", {"coto_status": "general", "coto_registration": "A1", "version": "2"})
    tour.look("expired-with-what-was-typed")


def without_a_number(tour: Tour) -> None:
    """The number forgotten, and an account made on the way: asked, wrong, sent, entered, made."""
    place = tour.begun()
    tour.visit(f"{place}/member-number", "member-number")
    tour.put({"email": "half@"})
    tour.press(name="member-number-errors", focus=SUMMARY)
    tour.put({"email": "robin@example.org"})
    tour.press(name="member-number-sent", focus=HEADING)
    tour.visit(f"{place}/new-account", "new-account")
    tour.press(name="new-account-errors", focus=SUMMARY)
    tour.put({"name": "Sasha Singh", "email": tour.stage.address()})
    tour.press(name="new-account-code-sent", focus=HEADING)
    tour.put({"code": "12"})
    tour.press(name="new-account-code-errors", focus=SUMMARY)
    tour.put({"code": tour.stage.code()})
    tour.press(name="new-account-made", focus=HEADING)


def at_the_end(tour: Tour) -> None:
    """Nothing is left in this browser."""
    tour.visit("/finish")
    tour.press("[name=choice][value=clear]", "finished", focus=HEADING)


PARTS = (
    start_and_questions,
    review_and_category,
    changed_meanwhile,
    account,
    receipt,
    leaving,
    without_a_number,
    the_time_that_is_left,
    at_the_end,
)
