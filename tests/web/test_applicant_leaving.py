"""More time, cancelling, links to continue, finishing; expiry and trouble."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.applicant import ANSWERS, HTMX, Applicant, one, parsed, text
from tests.support.desk import database_down, sign_in
from tests.support.outbox import waiting
from tests.support.seed import Seeded
from wizard.config import Settings
from wizard.core.accounts import LinkKind, MembershipYear
from wizard.core.actors import Actor, Privilege
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call
from wizard.storage.unit_of_work import SqlUnitsOfWork

pytestmark = pytest.mark.usefixtures("app_seeded")


@pytest.fixture
def applicant(client: FlaskClient) -> Applicant:
    return Applicant(client).start()


def link_of(units: SqlUnitsOfWork) -> str:
    """The address in the newest mail with a link."""
    return f"/resume/{[message for message in waiting(units) if message.kind == 'link'][-1].secret['token']}"


# --- Time (promises 2 and 3) --------------------------------------------------------------------------------


def test_page_carries_the_time_left(applicant: Applicant, clock: FixedClock) -> None:
    assert not applicant.soup("identity").select("#time")
    applicant.answer("identity")
    assert one(applicant.soup("education"), "#time")["data-seconds"] == str(24 * 3600)
    clock.instant += timedelta(hours=23, minutes=55)
    assert one(applicant.soup("education"), "#time")["data-seconds"] == "300"


def test_extending_in_place_answers_the_region_alone(applicant: Applicant, clock: FixedClock) -> None:
    applicant.answer("identity")
    clock.instant += timedelta(hours=23, minutes=55)
    answer = applicant.send("extend", headers={**HTMX, "HX-Target": "section#time"})
    assert answer.status_code == 200
    soup = parsed(answer)
    assert one(soup, "#time")["data-seconds"] == str(24 * 3600)
    assert not soup.select("main")


def test_extending_without_script_leads_back_to_the_step(applicant: Applicant) -> None:
    applicant.answer("identity", "education")
    answer = applicant.send("extend", {"step": "education"})
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("/education")
    assert applicant.client.get(applicant.address("extend")).headers["Location"].endswith("/coto")


def test_greatest_age_says_why_there_is_no_more_time(applicant: Applicant, clock: FixedClock) -> None:
    applicant.answer("identity")
    for _ in range(29):
        clock.instant += timedelta(hours=23, minutes=58)
        applicant = _kept(applicant)
        assert applicant.send("extend").status_code == 303
    clock.instant += timedelta(hours=23)
    _kept(applicant).send("extend")
    answer = applicant.send("extend", headers={**HTMX, "HX-Target": "section#time"})
    assert answer.status_code == 422
    assert "cannot be extended" in text(parsed(answer), "#extend-error")
    whole = applicant.send("extend")
    assert whole.status_code == 422
    assert "The time cannot be extended any more" in text(parsed(whole), "h1")
    assert "maximum age" in one(applicant.soup("education"), "#time-warning").text


def _kept(applicant: Applicant) -> Applicant:
    """The browser's session is as old as the registration; here it is the registration's age that counts."""
    with applicant.client.session_transaction() as session:
        session[f"registration:{applicant.session_id}"] = "2026-11-23T15:00:00+00:00"
    return applicant


def test_expired_registration_says_so_and_keeps_what_was_typed(applicant: Applicant, clock: FixedClock) -> None:
    applicant.answer("identity", "education")
    version = str(one(applicant.soup("coto"), "input[name=version]")["value"])
    token = applicant.token()
    clock.instant += timedelta(hours=25)
    assert applicant.client.get(applicant.address("coto")).status_code == 410
    typed = {"csrf_token": token, "version": version, "coto_status": "general", "coto_registration": "<G&1>"}
    answer = applicant.client.post(applicant.address("coto"), data=typed)
    assert answer.status_code == 410
    assert "<G&1>" in parsed(answer).text
    assert "<G&1>" not in answer.text


@pytest.mark.parametrize("tail", ["coto", "fields/coto_registration", "extend"])
def test_expiry_inside_htmx_replaces_the_whole_page(applicant: Applicant, clock: FixedClock, tail: str) -> None:
    applicant.answer("identity", "education")
    token = applicant.token()
    clock.instant += timedelta(hours=25)
    data = {"csrf_token": token, "version": "2", "coto_status": "general"}
    answer = applicant.client.post(applicant.address(tail), data=data, headers=HTMX)
    if tail.startswith("fields"):
        assert answer.status_code == 200
    else:
        assert answer.status_code == 410
        assert answer.headers["HX-Retarget"] == "body"
        assert parsed(answer).select("body main h1")


# --- Cancelling ---------------------------------------------------------------------------------------------


def test_cancelling_asks_first_and_erases(applicant: Applicant) -> None:
    applicant.answer()
    asked = applicant.send("cancel")
    assert asked.status_code == 200
    assert one(parsed(asked), "input[name=confirm]")["value"] == "yes"
    assert applicant.soup("review")
    done = applicant.send("cancel", {"confirm": "yes"})
    assert done.status_code == 303
    assert "was cancelled" in applicant.client.get(done.headers["Location"]).text
    for step in ("identity", "review", "complete"):
        answer = applicant.client.get(applicant.address(step), follow_redirects=True)
        assert "was cancelled" in answer.text
    assert (
        "was cancelled"
        in applicant.client.post(
            applicant.address("education"),
            data={"csrf_token": applicant.token(), "version": "5", **ANSWERS["education"]},
            follow_redirects=True,
        ).text
    )


def test_cancelling_before_any_answer_forgets_it(applicant: Applicant) -> None:
    assert applicant.send("cancel", {"confirm": "yes"}).headers["Location"] == "/"
    assert applicant.client.get(applicant.address("identity")).status_code == 404


# --- Links (promises 1 and 4) -------------------------------------------------------------------------------


def test_saving_for_later_saves_and_offers_a_link(applicant: Applicant) -> None:
    answer = applicant.submit("identity", **ANSWERS["identity"], save_for_later="1")
    assert answer.headers["Location"].endswith("/link")
    page = applicant.soup("link")
    assert one(page, "#email")["value"] == "ada@example.org"


def test_link_opens_exactly_its_registration_in_another_browser(
    applicant: Applicant, app: Flask, app_units: SqlUnitsOfWork
) -> None:
    applicant.answer("identity", "education")
    assert applicant.send("link", {"email": "ada@example.org"}).headers["Location"].endswith("/link?sent=1")
    assert "on its way" in applicant.soup("link?sent=1").text
    address = link_of(app_units)
    elsewhere = Applicant(app.test_client(), applicant.session_id)
    looked = elsewhere.client.get(address)
    assert looked.status_code == 200
    assert elsewhere.client.get(elsewhere.address("coto")).status_code == 404
    token = str(one(parsed(looked), "main input[name=csrf_token]")["value"])
    wrong = elsewhere.client.post(address, data={"csrf_token": token, "user_business_id": "osot-0000009"})
    assert wrong.status_code == 422
    assert one(parsed(wrong), "[role=alert] a[href='#user_business_id']")
    opened = elsewhere.client.post(address, data={"csrf_token": token, "user_business_id": "OSOT-0000001"})
    assert opened.status_code == 303
    assert opened.headers["Location"] == applicant.address("coto")
    assert elsewhere.soup("education")


def test_link_for_staff_asks_them_to_sign_in_and_opens_the_registration(
    applicant: Applicant, app: Flask, app_seeded: Seeded, services: Services
) -> None:
    applicant.answer("identity")
    call = Call(Actor.staff(app_seeded.main.username, app_seeded.main.privilege))
    address = f"/resume/{services.links.create(call, applicant.session_id, kind=LinkKind.STAFF)}"
    desk = Applicant(app.test_client(), applicant.session_id)
    assert "/staff/sign-in" in desk.client.get(address).headers["Location"]
    sign_in(desk.client, app_seeded.main)
    token = str(one(parsed(desk.client.get(address)), "main input[name=csrf_token]")["value"])
    assert desk.client.post(address, data={"csrf_token": token}).headers["Location"] == applicant.address("education")


def test_link_that_opens_nothing_says_so(client: FlaskClient) -> None:
    answer = client.get("/resume/nothing")
    assert answer.status_code == 404
    assert "does not work" in text(parsed(answer), "h1")
    token = Applicant(client).token()
    assert client.post("/resume/nothing", data={"csrf_token": token}).status_code == 404


@pytest.mark.parametrize(("address", "message"), [("", "should go to"), ("ada@", "in full")])
def test_link_needs_an_address(applicant: Applicant, address: str, message: str) -> None:
    applicant.answer("identity")
    answer = applicant.send("link", {"email": address})
    assert answer.status_code == 422
    assert message in one(parsed(answer), "#email-error").text


def test_a_student_address_is_warned_of_where_the_link_goes(applicant: Applicant) -> None:
    student = "ada@mail.utoronto.ca"
    applicant.answer("identity", email=student)
    assert "may stop working" in text(applicant.soup("link"), "#email-notice")
    asked = applicant.client.post("/finish", data={"csrf_token": applicant.token()})
    assert "may stop working" in text(parsed(asked), "#email-notice")
    applicant.send("link", {"email": student})
    warned = one(applicant.soup("link?sent=1"), ".notice:not([hidden])")
    assert "may stop working" in warned.text
    assert one(warned, f"a[href='{applicant.address('link')}']")
    applicant.send("link", {"email": "ada@example.org"})
    assert not applicant.soup("link?sent=1").select(".notice:not([hidden])")


def test_the_links_address_is_checked_as_it_is_left(applicant: Applicant) -> None:
    applicant.answer("identity")
    tail = str(one(applicant.soup("link"), "#field-email")["data-hx-post"]).removeprefix(applicant.address(""))
    part = parsed(applicant.send(tail, {"email": "ada@mail.utoronto.ca"}, headers=HTMX))
    assert "may stop working" in text(part, "#email-notice")
    assert "one link there" in text(part, "#email-hint")


def test_nothing_to_link_to_before_the_first_answer(applicant: Applicant) -> None:
    assert applicant.client.get(applicant.address("link")).headers["Location"].endswith("/identity")


# --- Finish and clear (promise 17) --------------------------------------------------------------------------


def test_finish_asks_first_and_offers_a_link(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer("identity")
    asked = applicant.client.post("/finish", data={"csrf_token": applicant.token()})
    assert asked.status_code == 200
    assert one(parsed(asked), "#email")["value"] == "ada@example.org"
    assert applicant.soup("education")
    data = {"csrf_token": applicant.token(), "choice": "link", "email": "bad"}
    assert applicant.client.post("/finish", data=data).status_code == 422
    assert applicant.soup("education")
    data["email"] = "ada@example.org"
    done = applicant.client.post("/finish", data=data, follow_redirects=True)
    assert "Nothing is left in this browser" in text(parsed(done), "h1")
    assert applicant.client.get(applicant.address("education")).status_code == 404
    assert applicant.client.get(link_of(app_units)).status_code == 200


def test_finish_after_completion_offers_no_link(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer().decide().prove(app_units).declare()
    asked = applicant.client.post("/finish", data={"csrf_token": applicant.token()})
    assert not parsed(asked).select("#email")
    applicant.client.post("/finish", data={"csrf_token": applicant.token(), "choice": "clear"})
    assert applicant.client.get(applicant.address("complete")).status_code == 404
    assert "osot-oted" not in applicant.client.get("/finish").text


def test_pages_are_not_stored(applicant: Applicant) -> None:
    applicant.answer("identity")
    assert applicant.client.get(applicant.address("education")).headers["Cache-Control"] == "no-store"


def test_looking_at_finish_clears_nothing_whatever_it_brings(applicant: Applicant) -> None:
    applicant.client.get("/finish", data={"choice": "clear"})
    applicant.soup("identity")


def test_finish_with_nothing_to_clear(client: FlaskClient) -> None:
    assert "Nothing is left" in client.get("/finish").text


# --- Trouble ------------------------------------------------------------------------------------------------


def test_database_down_keeps_what_was_typed_and_recovers(
    applicant: Applicant, app: Flask, settings: Settings, app_units: SqlUnitsOfWork
) -> None:
    applicant.answer("identity", "education")
    with database_down(app, settings):
        assert applicant.submit("coto", **ANSWERS["coto"]).status_code == 303
        applicant.answer("privacy")
        assert applicant.submit("review").status_code == 503
    applicant.decide().prove(app_units)
    assert applicant.declare().headers["Location"].endswith("/complete")


def test_submit_that_failed_can_be_repeated(
    applicant: Applicant, app: Flask, settings: Settings, app_units: SqlUnitsOfWork
) -> None:
    applicant.answer().decide().prove(app_units)
    with database_down(app, settings):
        assert applicant.declare().status_code == 503
    assert "The last attempt did not get through" in applicant.soup("confirm").text
    assert applicant.declare().headers["Location"].endswith("/complete")


def test_category_that_changed_is_shown_again(
    applicant: Applicant, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    applicant.answer().decide().prove(app_units)
    with app_units.write() as unit:
        unit.membership_years.set(MembershipYear(ends_on=None, set_by="staff:mia", set_at=clock.now()))
        unit.commit()
    answer = applicant.declare()
    assert answer.headers["Location"].endswith("/category?changed=1")
    page = applicant.soup("category?changed=1")
    assert "has changed since it was shown" in one(page, "[role=status]").text
    assert text(page, "#rationale") == "You graduated in 2026 and no membership year has been set: Graduate."
    applicant.submit("category")
    applicant.prove(app_units)
    assert applicant.declare().headers["Location"].endswith("/complete")


def test_a_link_that_is_looked_at_on_a_shared_computer_leaves_a_way_to_clear(
    applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    applicant.answer("identity")
    applicant.send("link", {"email": "ada@example.org"})
    for address in (link_of(app_units), "/resume/nothing"):
        assert one(parsed(applicant.client.get(address)), "form[action='/finish']")


def test_a_link_that_was_withdrawn_says_so_when_it_is_opened(
    applicant: Applicant, app_units: SqlUnitsOfWork, services: Services
) -> None:
    applicant.answer("identity")
    applicant.send("link", {"email": "ada@example.org"})
    desk = Call(Actor.staff("mia", Privilege.MAIN))
    (link,) = services.links.of_session(desk, applicant.session_id)
    services.links.revoke(desk, applicant.session_id, link.id)
    answer = applicant.client.get(link_of(app_units))
    assert answer.status_code == 404
    assert "no longer works" in answer.text
