"""The whole journey, and what holds of every page on the way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from tests.support.applicant import ANSWERS, Applicant, one, parsed, text, unheard
from tests.support.desk import SYSTEM, sign_in
from tests.support.seed import Seeded
from wizard.core.clock import FixedClock
from wizard.core.errors import NotFound
from wizard.core.registration import Status
from wizard.core.steps import Step
from wizard.services.bundle import Services
from wizard.services.ports.cookies import LEFT_FOR, MOST_REGISTRATIONS
from wizard.storage.unit_of_work import SqlUnitsOfWork

NOT_HERE = "what was begun here before it is not open any more"

pytestmark = pytest.mark.usefixtures("app_seeded")


@pytest.fixture
def applicant(client: FlaskClient) -> Applicant:
    return Applicant(client).start()


def test_journey_from_start_to_receipt(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    steps = [applicant.submit(step, **values).headers["Location"] for step, values in ANSWERS.items()]
    assert [step.rsplit("/", 1)[1] for step in steps] == ["education", "coto", "privacy", "review"]

    assert applicant.submit("review").headers["Location"].endswith("/category")
    category = applicant.soup("category")
    assert text(category, "#verdict") == "New Graduate"
    assert text(category, "#rationale") == (
        "You graduated in 2026 and the membership year runs to 30 September 2027: New Graduate."
    )
    assert applicant.submit("category").headers["Location"].endswith("/account")

    applicant.prove(app_units)
    assert "osot-0000001" in applicant.soup("confirm").text
    assert applicant.submit("confirm", declaration="y").headers["Location"].endswith("/complete")
    receipt = applicant.soup("complete")
    assert text(receipt, "#receipt-number") == "osot-oted-0000001"
    assert text(receipt, "#category") == "New Graduate"


def lose_the_answer_to_start(client: FlaskClient) -> Applicant:
    """A registration that its browser never heard of."""
    client.get("/")
    with unheard(client):
        return Applicant(client).start()


def test_a_browser_that_missed_the_answer_to_start_starts_again(
    client: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    lost = lose_the_answer_to_start(client)
    again = Applicant(client).start()
    # The first one is under the id that nobody heard of, and the other one lives no shorter for it.
    lost.soup("identity", expect=404)
    again.answer(Step.IDENTITY, Step.EDUCATION)
    clock.instant += timedelta(minutes=20)
    assert again.answer().decide().prove(app_units).declare().headers["Location"].endswith("/complete")


def test_such_a_browser_keeps_what_else_was_begun_in_it_for_a_while(
    applicant: Applicant, client: FlaskClient, clock: FixedClock
) -> None:
    lose_the_answer_to_start(client)
    applicant.soup("identity")
    clock.instant += timedelta(minutes=11)
    applicant.soup("identity", expect=404)


def test_whoever_starts_again_is_told_what_did_not_come_along(applicant: Applicant, client: FlaskClient) -> None:
    lose_the_answer_to_start(client)
    assert NOT_HERE not in client.get("/").text
    Applicant(client).start()
    applicant.soup("identity", expect=404)
    assert NOT_HERE in client.get("/").text
    # Until the next registration is opened here.
    Applicant(client).start()
    assert NOT_HERE not in client.get("/").text


def test_whoever_goes_on_with_what_they_had_is_told_once_that_is_over(
    applicant: Applicant, client: FlaskClient, clock: FixedClock
) -> None:
    lose_the_answer_to_start(client)
    applicant.submit(Step.IDENTITY, **ANSWERS[Step.IDENTITY])
    clock.instant += LEFT_FOR
    applicant.soup("education", expect=404)
    assert NOT_HERE in client.get("/").text
    Applicant(client).start().soup("identity")


def test_a_browser_keeps_the_last_registrations_that_were_begun_in_it(client: FlaskClient, clock: FixedClock) -> None:
    begun = []
    for _ in range(MOST_REGISTRATIONS + 1):
        begun.append(Applicant(client).start())
        clock.instant += timedelta(minutes=3)
    begun[0].soup("identity", expect=404)
    for each in begun[1:]:
        each.soup("identity")


def test_staff_who_start_a_registration_leave_their_sign_in_nowhere(client: FlaskClient, app_seeded: Seeded) -> None:
    sign_in(client, app_seeded.main)
    assert client.get("/staff/").status_code == 200
    lose_the_answer_to_start(client)
    assert client.get("/staff/").status_code == 303


def test_start_makes_no_document(applicant: Applicant, services: Services) -> None:
    assert applicant.soup("identity")
    with pytest.raises(NotFound):
        services.orchestrator.get(SYSTEM, applicant.session_id)


def test_second_submit_shows_the_same_receipt(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer().decide().prove(app_units)
    assert applicant.declare().headers["Location"].endswith("/complete")
    first = text(applicant.soup("complete"), "#receipt-number")
    again = applicant.declare()
    assert again.status_code == 303
    assert again.headers["Location"].endswith("/complete")
    assert text(applicant.soup("complete"), "#receipt-number") == first


@pytest.mark.parametrize(
    "step", ["identity", "education", "coto", "privacy", "review", "category", "account", "confirm"]
)
def test_every_step_leads_to_the_receipt_once_complete(
    applicant: Applicant, app_units: SqlUnitsOfWork, step: str
) -> None:
    applicant.answer().decide().prove(app_units).declare()
    answer = applicant.client.get(applicant.address(step))
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("/complete")


def test_sending_an_earlier_step_once_complete_leads_to_the_receipt(
    applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    applicant.answer().decide().prove(app_units).declare()
    answer = applicant.send("education", {"version": "5", **ANSWERS["education"], "graduation_year": "1999"})
    assert answer.headers["Location"].endswith("/complete")


@pytest.mark.parametrize(
    "step", ["education", "coto", "privacy", "review", "category", "account", "confirm", "complete"]
)
def test_step_that_cannot_be_shown_yet_leads_to_the_first_that_can(applicant: Applicant, step: str) -> None:
    assert applicant.client.get(applicant.address(step)).headers["Location"].endswith("/identity")
    sent = applicant.send(step, {"version": "", "declaration": "y", "code": "123456"})
    assert sent.status_code == 303
    assert sent.headers["Location"].endswith("/identity")
    applicant.answer("identity")
    expected = "/education"
    if step != "education":
        assert applicant.client.get(applicant.address(step)).headers["Location"].endswith(expected)


def test_changing_an_earlier_answer_returns_to_review(applicant: Applicant) -> None:
    applicant.answer().decide()
    answer = applicant.submit("education", graduation_year="2010")
    assert answer.headers["Location"].endswith("/review")
    review = applicant.soup("review")
    assert "2010" in review.text
    applicant.decide()
    assert text(applicant.soup("category"), "#verdict") == "Graduate"


def test_sending_unchanged_answers_goes_on_from_where_it_was(applicant: Applicant) -> None:
    applicant.answer().decide()
    assert applicant.submit("education").headers["Location"].endswith("/category")


def test_linking_keeps_every_answer(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer(notes="Two lines\nof notes").decide().prove(app_units)
    summary = applicant.soup("confirm").select_one("dl.summary")
    assert summary is not None
    for shown in (
        "osot-0000001",
        "McMaster University",
        "Canada",
        "2026",
        "Application pending",
        "Two lines\nof notes",
    ):
        assert shown in summary.text


def test_stranger_gets_404_whoever_guesses_the_id(applicant: Applicant, client: FlaskClient) -> None:
    applicant.answer("identity")
    stranger = Applicant(client.application.test_client(), applicant.session_id)
    for tail in ("identity", "review", "complete", "link", "cancel"):
        assert stranger.client.get(stranger.address(tail)).status_code == 404
    assert stranger.send("identity", ANSWERS["identity"]).status_code == 404
    assert stranger.send("fields/user_business_id", ANSWERS["identity"]).status_code == 404


@pytest.mark.parametrize("tail", ["nothing", "IDENTITY", "steps/identity"])
def test_unknown_step_is_404(applicant: Applicant, tail: str) -> None:
    assert applicant.client.get(applicant.address(tail)).status_code == 404


def test_every_page_has_title_form_and_finish(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    seen = {}
    for step in ("identity", "education", "coto", "privacy"):
        seen[step] = applicant.soup(step)
        applicant.answer(step)
    seen["review"] = applicant.soup("review")
    applicant.decide()
    seen["category"] = applicant.soup("category")
    seen["account"] = applicant.soup("account")
    applicant.prove(app_units)
    seen["confirm"] = applicant.soup("confirm")
    applicant.declare()
    seen["complete"] = applicant.soup("complete")
    for step, soup in seen.items():
        heading = text(soup, "h1")
        assert text(soup, "title") == f"{heading} – OT Education Register"
        assert soup.select_one("form[action='/finish']"), step
        assert not soup.select("[style], style, script:not([src]), [onclick]"), step
        for form in soup.select("form[method=post]"):
            assert form.select_one("input[name=csrf_token]"), step
    assert len({text(soup, "title") for soup in seen.values()}) == len(seen)


def test_registration_address_leads_on(applicant: Applicant) -> None:
    applicant.answer("identity")
    answer = applicant.client.get(f"/registrations/{applicant.session_id}")
    assert answer.headers["Location"].endswith("/education")
    start = parsed(applicant.client.get("/"))
    assert one(start, f"a[href='/registrations/{applicant.session_id}']")


def test_answers_are_stored_normalised(applicant: Applicant, services: Services) -> None:
    applicant.answer(user_business_id="  osot-0000001 ", coto_status="general", coto_registration=" g26abc ")
    registration = services.orchestrator.get(SYSTEM, applicant.session_id).registration
    assert registration.data.user_business_id == "osot-0000001"
    assert registration.data.coto_registration == "G26ABC"
    assert registration.contact_email == "ada@example.org"
    assert registration.status is Status.STAGED
