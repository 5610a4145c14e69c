"""“I have no account yet”: name, address and a code; nothing entered is lost, and no second code is asked for."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import NOW
from tests.support.applicant import Applicant, filled, one, parsed, text
from tests.support.desk import own, sign_in, staged
from tests.support.outbox import waiting
from tests.support.seed import Seeded
from tests.support.switching import switched
from wizard.core.accounts import Account, AccountStatus
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services
from wizard.services.codes import CODE_LIFETIME, CODE_TRIES
from wizard.services.ports.messages import Message
from wizard.storage.unit_of_work import SqlUnitsOfWork

ZOE = {"name": "Zoé Newcomer", "email": "zoe@example.org"}
NUMBER = "osot-0000006"


@pytest.fixture
def applicant(client: FlaskClient, app_seeded: Seeded) -> Applicant:
    assert len(app_seeded.accounts) == 5
    return Applicant(client).start()


def mails(units: SqlUnitsOfWork, kind: str) -> list[Message]:
    return [message for message in waiting(units) if message.kind == kind]


def code(units: SqlUnitsOfWork) -> str:
    return mails(units, "account_code")[-1].secret["code"]


def accounts(units: SqlUnitsOfWork) -> dict[str, Account]:
    with units.read() as unit:
        return {account.number: account for account in unit.accounts.page(after=None, limit=100)}


def leave(applicant: Applicant, tail: str, **typed: str) -> BeautifulSoup:
    """Press one of the buttons below the member number, with something typed."""
    soup = applicant.soup("identity")
    button = one(soup, f"button[formaction$='/{tail}']")
    stands = {**filled(one(soup, "form#typing")), **typed, str(button["name"]): str(button["value"])}
    answer = applicant.client.post(str(button["formaction"]), data=stands)
    assert answer.status_code == 303, answer.text
    return parsed(applicant.client.get(answer.headers["Location"]))


def ask(applicant: Applicant, **values: str) -> BeautifulSoup:
    answer = applicant.submit("new-account", **{**ZOE, **values})
    assert answer.status_code == 303, answer.text
    return parsed(applicant.client.get(answer.headers["Location"]))


def make(applicant: Applicant, units: SqlUnitsOfWork, **values: str) -> BeautifulSoup:
    ask(applicant, **values)
    answer = applicant.send("new-account", {"code": code(units)})
    assert answer.status_code == 303, answer.text
    return parsed(applicant.client.get(answer.headers["Location"]))


# --- The way through --------------------------------------------------------------------------------------------


def test_an_account_is_made_and_everything_typed_stays(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    asked = leave(applicant, "new-account", email="links@example.org")
    assert one(asked, "#email")["value"] == "links@example.org"
    made = make(applicant, app_units)
    assert text(made, "h1") == f"Your member number is {NUMBER}"
    assert "waits for approval" in made.text
    identity = applicant.soup("identity")
    assert [one(identity, f"#{name}")["value"] for name in ("user_business_id", "email")] == [
        NUMBER,
        "links@example.org",
    ]
    account = accounts(app_units)[NUMBER]
    assert (account.name, account.email, account.status) == (ZOE["name"], ZOE["email"], AccountStatus.PENDING)


def test_continue_leads_to_the_first_open_step(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    onward = one(make(applicant, app_units), "main .actions a")
    answer = applicant.client.get(str(onward["href"]))
    assert answer.headers["Location"] == applicant.address("education")


def test_the_new_account_needs_no_second_code(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    make(applicant, app_units)
    applicant.answer("education", "coto", "privacy").decide()
    account = applicant.soup("account")
    assert account.select("#code") == []
    assert NUMBER in account.text
    assert applicant.submit("account").headers["Location"] == applicant.address("confirm")
    assert applicant.declare().headers["Location"] == applicant.address("complete")
    assert NUMBER in applicant.soup("complete").text
    assert mails(app_units, "code") == []


def test_answers_given_before_stay(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer("identity", "education", "coto", user_business_id="osot-9999999", university="queens")
    make(applicant, app_units)
    review = applicant.answer("privacy").soup("review").text
    for answer in (NUMBER, "Queen", "Pending"):
        assert answer.lower() in review.lower()
    assert one(applicant.soup("identity"), "#email")["value"] == "ada@example.org"


def test_proving_changes_the_browser_sessions_id(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    ask(applicant)
    before = applicant.client.get_cookie("wizard")
    applicant.send("new-account", {"code": code(app_units)})
    after = applicant.client.get_cookie("wizard")
    assert before is not None
    assert after is not None
    assert before.value != after.value


def test_another_browser_has_proved_nothing(app: Flask, applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    make(applicant, app_units)
    applicant.answer("education", "coto", "privacy").decide()
    other = Applicant(app.test_client(), applicant.session_id)
    own(other.client, applicant.session_id)
    assert "send a code" in text(other.soup("account"), "main")
    assert other.client.get(other.address("new-account")).text.count(NUMBER) == 0


def test_a_number_changed_afterwards_asks_for_its_own_code(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    make(applicant, app_units)
    applicant.answer("education", "coto", "privacy")
    applicant.submit("identity", user_business_id="osot-0000001")
    applicant.decide()
    assert "send a code" in text(applicant.soup("account"), "main")
    assert applicant.send("account").headers["Location"].endswith("account?sent=1")


# --- Nobody learns who is a member --------------------------------------------------------------------------------


def test_the_page_is_the_same_for_an_address_that_has_an_account(
    app: Flask, applicant: Applicant, app_units: SqlUnitsOfWork, app_seeded: Seeded
) -> None:
    other = Applicant(app.test_client()).start()
    known = app_seeded.accounts[0]
    pages = [text(ask(who, email=email), "main") for who, email in ((applicant, ZOE["email"]), (other, known.email))]
    assert pages[0].replace(ZOE["email"], "") == pages[1].replace(known.email, "")
    told = {mail.recipient: mail.values["number"] for mail in mails(app_units, "account_code")}
    assert told == {ZOE["email"]: "", known.email: known.number}


def test_an_address_that_has_an_account_leads_to_that_one(
    applicant: Applicant, app_units: SqlUnitsOfWork, app_seeded: Seeded
) -> None:
    made = make(applicant, app_units, email="ADA@Example.org")
    assert text(made, "h1") == f"Your member number is {app_seeded.accounts[0].number}"
    assert "waits for approval" not in made.text
    assert len(accounts(app_units)) == 5


def test_an_inactive_account_says_whom_to_write_to(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    made = make(applicant, app_units, email="dee@example.org")
    assert "cannot be used" in made.text
    assert made.select("main .lead a[href^='mailto:']")


def test_the_name_typed_is_in_no_mail_to_an_address_that_is_not_confirmed(
    applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    ask(applicant, name="Buy at spam.example")
    (mail,) = mails(app_units, "account_code")
    assert "spam" not in repr(mail)


# --- Once, and what goes wrong -------------------------------------------------------------------------------------


def test_the_same_code_twice_makes_one_account(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    ask(applicant)
    sent = {"code": code(app_units)}
    answers = [applicant.send("new-account", sent) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [303] * 3
    assert len(accounts(app_units)) == 6


def test_two_registrations_of_one_address_share_the_account(
    app: Flask, applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    other = Applicant(app.test_client()).start()
    ask(applicant)
    first = code(app_units)
    ask(other)
    second = next(mail.secret["code"] for mail in mails(app_units, "account_code") if mail.secret["code"] != first)
    for who, its in ((applicant, first), (other, second)):
        assert who.send("new-account", {"code": its}).status_code == 303
        assert one(who.soup("identity"), "#user_business_id")["value"] == NUMBER
    assert len(accounts(app_units)) == 6


def test_what_is_missing_is_said_beside_its_field(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    answer = applicant.submit("new-account", name="  ", email="half@")
    assert answer.status_code == 422
    soup = parsed(answer)
    assert [link["href"] for link in soup.select("#error-summary a")] == ["#name", "#email"]
    assert soup.title is not None
    assert soup.title.text.startswith("Error:")
    assert one(soup, "#email")["value"] == "half@"
    assert waiting(app_units) == []


def test_a_student_address_is_gently_warned_of(applicant: Applicant) -> None:
    soup = parsed(applicant.submit("new-account", name=" ", email="zoe@mail.utoronto.ca"))
    assert "may stop working" in text(soup, "#email-notice")


def test_a_wrong_code_can_be_tried_again_and_a_new_one_asked_for(
    applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    ask(applicant)
    right = code(app_units)
    wrong = f"{(int(right) + 1) % 10**6:06}"
    for sent in ("", "12", wrong):
        answer = applicant.send("new-account", {"code": sent})
        assert answer.status_code == 422
        assert ZOE["email"] in answer.text
    answers = [applicant.send("new-account", {"code": wrong}) for _ in range(CODE_TRIES)]
    assert "too often" in text(parsed(answers[-1]), "#code-error")
    assert applicant.send("new-account", {"again": "1"}).headers["Location"].endswith("?sent=1")
    newest = next(mail.secret["code"] for mail in mails(app_units, "account_code") if mail.secret["code"] != right)
    assert applicant.send("new-account", {"code": newest}).status_code == 303
    assert NUMBER in accounts(app_units)


def test_a_code_is_of_the_address_that_it_was_sent_to(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    ask(applicant)
    right = code(app_units)
    with applicant.client.session_transaction() as session:
        session[f"newcomer:{applicant.session_id}"] = {"name": "Eve", "email": "ada@example.org"}
    assert applicant.send("new-account", {"code": right}).status_code == 422
    assert len(accounts(app_units)) == 5


def test_a_code_lives_ten_minutes(applicant: Applicant, app_units: SqlUnitsOfWork, clock: FixedClock) -> None:
    ask(applicant)
    clock.instant = NOW + CODE_LIFETIME
    assert "no longer valid" in applicant.send("new-account", {"code": code(app_units)}).text


def test_a_code_without_having_asked_leads_to_the_form(applicant: Applicant) -> None:
    assert applicant.send("new-account", {"code": "123456"}).headers["Location"] == applicant.address("new-account")
    assert applicant.soup("new-account?sent=1").select("#name")


def test_the_form_comes_back_as_it_was_sent(applicant: Applicant) -> None:
    ask(applicant)
    form = applicant.soup("new-account")
    assert {name: one(form, f"#{name}")["value"] for name in ZOE} == ZOE


def test_another_language_keeps_what_is_typed(applicant: Applicant) -> None:
    french = switched(applicant.client, applicant.soup("new-account"), ZOE)
    assert {name: one(french, f"#{name}")["value"] for name in ZOE} == ZOE
    sent = applicant.submit("new-account", **ZOE)
    assert parsed(applicant.client.get(sent.headers["Location"])).select("#code")


def test_codes_are_limited_by_browser_and_by_mailbox(app: Flask, applicant: Applicant) -> None:
    for _ in range(6):
        ask(applicant)
    assert applicant.submit("new-account", **ZOE).status_code == 429
    other = Applicant(app.test_client()).start()
    refused = other.submit("new-account", **{**ZOE, "email": "ZOE@example.org"})
    assert refused.status_code == 429
    assert ZOE["name"] in refused.text
    assert other.submit("new-account", **{**ZOE, "email": "else@example.org"}).status_code == 303


# --- Who may ----------------------------------------------------------------------------------------------------------


def test_a_registration_of_another_browser_is_unknown(
    app: Flask, applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    stranger = Applicant(app.test_client(), applicant.session_id)
    assert stranger.client.get(stranger.address("new-account")).status_code == 404
    assert stranger.send("new-account", ZOE).status_code == 404
    assert waiting(app_units) == []


def test_one_that_is_over_leads_to_its_end(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer().decide().prove(app_units).declare()
    assert applicant.client.get(applicant.address("new-account")).headers["Location"] == applicant.address("complete")
    assert applicant.send("new-account", ZOE).headers["Location"] == applicant.address("complete")


def test_staff_make_one_for_an_applicant_under_their_own_name(
    client: FlaskClient, app_seeded: Seeded, services: Services, app_units: SqlUnitsOfWork
) -> None:
    session_id = staged(services, user_business_id="osot-0000099")
    sign_in(client, app_seeded.admin)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr"
    helper = Applicant(client, session_id)
    with client.session_transaction() as session:
        session[f"helping:{session_id}"] = "1"
    ask(helper)
    answer = helper.send("new-account", {"code": code(app_units)})
    assert answer.headers["Location"] == f"/registrations/{session_id}"
    assert {mail.language for mail in waiting(app_units)} == {accounts(app_units)[NUMBER].language} == {"en"}
    with app_units.read() as unit:
        (created,) = [row.event for row in unit.audit.history(f"account:{accounts(app_units)[NUMBER].id}")]
    assert (created.name, created.actor, created.session_id) == ("account.created", "staff:ann", session_id)
    assert dict(created.changes) == {"name": (None, ZOE["name"]), "email": (None, ZOE["email"])}
    with client.session_transaction() as session:
        assert f"proof:{session_id}" not in session
