"""A day at the desk, from signing in to signing out, by what a person sees; with scripts, and without."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.conftest import NewContext
from tests.browser.stage import Stage
from tests.support.desk import recorded
from tests.support.seed import PASSWORD
from wizard.core.actors import Actor, Privilege
from wizard.core.records import Record
from wizard.services.ports.calls import Call

MAIN = Call(Actor.staff("mia", Privilege.MAIN))
ABROAD = {"university": "other", "other_details": "Lunds universitet", "country": "SE"}


def at_the_board(page: Page) -> None:
    page.goto("/staff/")
    driving.heading(page, "Sign in to the registration desk")
    page.get_by_label("User name").fill("mia")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    driving.heading(page, "Board")


def go_to(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Registration desk").get_by_role("link", name=name, exact=True).click()


def record_of(stage: Stage, number: str, **answers: str) -> Record:
    return stage.apart(lambda: recorded(stage.services, user_business_id=number, **answers))


def reviewed(stage: Stage, number: str, **answers: str) -> str:
    session_id = stage.staged(user_business_id=number, **answers)
    stage.apart(lambda: stage.services.orchestrator.review(MAIN, session_id))
    return session_id


def worked(stage: Stage) -> None:
    """What the worker does in the background."""

    def work() -> None:
        while stage.services.bulk.workers.run_once():
            pass

    stage.apart(work)


def told(page: Page, text: str) -> None:
    """The page says so, at its top."""
    expect(page.locator("main").get_by_text(text).first).to_be_visible()


@contextmanager
def restored(stage: Stage) -> Iterator[None]:
    """Time and membership year as they were, for whoever shares the stage."""
    now = stage.clock.now()
    year = stage.apart(stage.services.membership.current_end)
    yield
    stage.clock.instant = now
    stage.apart(lambda: stage.services.membership.set(MAIN, year))


@pytest.mark.parametrize("with_script", [True, False])
def test_a_day_at_the_desk(at_stage: NewContext, stage: Stage, tmp_path: Path, *, with_script: bool) -> None:
    helped, conflicting, verified, loaded = (stage.account() for _ in range(4))
    session_id = reviewed(stage, helped)
    record_of(stage, conflicting)
    waiting = record_of(stage, verified, **ABROAD)
    stage.clock.instant += timedelta(seconds=1)
    reviewed(stage, conflicting, degree_type="doctorate")
    page = at_stage(java_script_enabled=with_script, viewport={"width": 1280, "height": 900}).new_page()
    with restored(stage):
        at_the_board(page)
        the_list_and_a_note(page, helped)
        a_link(page, session_id)
        on_behalf(page)
        a_conflict(page, conflicting)
        to_verify(page, waiting)
        a_correction(page, waiting)
        an_export(page, waiting)
        in_bulk(page, stage, tmp_path, loaded)
        the_year_and_the_categories(page)
        page.get_by_role("button", name="Sign out Mia Main").click()
        driving.heading(page, "Sign in to the registration desk")
        page.goto(f"/staff/sessions/{session_id}")
        driving.heading(page, "Sign in to the registration desk")


def the_list_and_a_note(page: Page, number: str) -> None:
    go_to(page, "Registrations")
    driving.heading(page, "Registrations")
    page.get_by_label("Member number").fill(number.upper())
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name=number).click()
    driving.heading(page, f"Registration of {number}")
    expect(page.locator("dl").first).to_contain_text("Category decided")
    page.get_by_label("Note", exact=True).fill("Called on Monday.\nWants to know about the fee.")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator("main")).to_contain_text("Called on Monday.")
    expect(page.locator("main")).to_contain_text("mia")


def a_link(page: Page, session_id: str) -> None:
    page.get_by_label("For the applicant").check()
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_role("heading", name="The new link")).to_be_visible()
    link = page.get_by_label("Link to continue").input_value()
    assert "/resume/" in link
    page.goto(f"/staff/sessions/{session_id}")
    page.get_by_role("button", name="Revoke").first.click()
    expect(page.get_by_role("button", name="Revoke")).to_have_count(0)
    elsewhere = page.context.browser
    assert elsewhere is not None
    stranger = elsewhere.new_page()
    stranger.goto(link)
    expect(stranger.get_by_role("button", name="Continue", exact=True)).to_have_count(0)
    stranger.close()


def on_behalf(page: Page) -> None:
    page.get_by_role("button", name="Open to help").click()
    banner = page.get_by_role("region", name="Helping an applicant")
    expect(banner).to_contain_text("You are helping an applicant, signed in as Mia Main.")
    driving.heading(page, "Your category")
    driving.go_on(page)
    driving.heading(page, "Your account")
    page.locator("main form .actions button").first.click()
    driving.heading(page, "Declare and submit")
    expect(banner).to_be_visible()
    driving.submit(page)
    page.get_by_role("link", name="To the desk’s page").click()
    expect(page.locator("dl").first).to_contain_text("osot-oted-")
    page.get_by_role("button", name="Leave").first.click()
    expect(page.get_by_role("region", name="Helping an applicant")).to_have_count(0)


def a_conflict(page: Page, number: str) -> None:
    go_to(page, "Conflicts")
    driving.heading(page, "Conflicts")
    page.get_by_role("link", name=number).first.click()
    driving.heading(page, f"Conflict of {number}")
    differing = page.get_by_role("row", name="Degree or credential")
    expect(differing).to_contain_text("differs")
    page.get_by_label("Replace its data with this registration’s").check()
    page.get_by_label("Reason").fill("The degree was mistyped.")
    page.get_by_role("button", name="Decide").click()
    told(page, "The record has the answers of the registration, which is completed.")


def to_verify(page: Page, record: Record) -> None:
    go_to(page, "Verification")
    driving.heading(page, "Verification queue")
    page.get_by_role("link", name=record.number).click()
    driving.heading(page, f"Verify record {record.number}")
    expect(page.locator("main")).to_contain_text("Graduated in 2026")
    expect(page.locator("main")).not_to_contain_text("You graduated")
    page.locator("input[name=outcome][value=verified]").check()
    page.locator("[name=note]").fill("The diploma has been seen.")
    page.get_by_role("button", name="Decide").click()
    told(page, "The record is verified.")


def a_correction(page: Page, record: Record) -> None:
    go_to(page, "Records")
    driving.heading(page, "Records")
    page.get_by_label("Number or name").fill(record.number)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=record.number).click()
    page.get_by_role("link", name="Correct").first.click()
    page.get_by_label("Degree or credential").select_option("doctorate")
    page.get_by_role("button", name="Save").click()
    driving.heading(page, f"Record {record.number}")
    expect(page.locator("main")).to_contain_text("Master’s degree")
    expect(page.locator("main")).to_contain_text("Doctorate")


def an_export(page: Page, record: Record) -> None:
    go_to(page, "Records")
    page.get_by_label("Excel").check()
    with page.expect_download():
        page.get_by_role("button", name="Export").click()
    # No other page has come, so the same form is sent once more; this file is another.
    page.get_by_label("CSV").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    (mine,) = [row for row in rows if record.number in row]
    assert "doctorate" in mine


def in_bulk(page: Page, stage: Stage, directory: Path, number: str) -> None:
    heading = "user_business_id,degree_type,university,country,graduation_year,coto_status,access_modifier"
    right = f"{number},masters,mcmaster,CA,2026,pending,private"
    wrong = f"{number},masters,nowhere,CA,2026,pending,private"
    file = directory / "graduates.csv"
    file.write_text(f"{heading}\n{right}\n{wrong}\n", encoding="utf-8")
    go_to(page, "Bulk")
    driving.heading(page, "Bulk registration")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Check the file").click()
    told(page, "It goes on in the background")
    worked(stage)
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody tr").nth(1)).to_contain_text("not on the list")
    page.locator("form[action$='/start'] button").click()
    told(page, "It goes on in the background")
    worked(stage)
    page.reload()
    expect(page.locator("tbody tr").first).to_contain_text("osot-oted-")
    to_mend = page.locator("form[action$='/rejected']")
    with page.expect_download():
        to_mend.get_by_role("button", name="Excel").click()
    with page.expect_download() as download:
        to_mend.get_by_role("button", name="CSV").click()
    assert "nowhere" in Path(download.value.path()).read_text(encoding="utf-8-sig")


def the_year_and_the_categories(page: Page) -> None:
    go_to(page, "Categories")
    driving.heading(page, "Category refresh")
    page.get_by_role("link", name="Membership year").first.click()
    driving.heading(page, "Membership year")
    page.get_by_role("button", name="Close the membership year").click()
    told(page, "The membership year is closed.")
    go_to(page, "Categories")
    page.get_by_role("link", name="See what would change").click()
    driving.heading(page, "What would change")
    expect(page.locator("main")).to_contain_text("New Graduate")
    page.locator("form[action$='/run'] button").click()
    driving.heading(page, "Category refresh")
    expect(page.locator("main")).to_contain_text("New Graduate to Graduate")
