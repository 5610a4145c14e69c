"""“I have no account yet”: name, address and a code; nothing entered is lost, and no second code is asked for."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import NOW
from tests.support.applicant import HTMX, Applicant, filled, one, parsed, text
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
    answer = applicant.submit("new-account?change=1", **{**ZOE, **values})
    assert answer.status_code == 303, answer.text
    return parsed(applicant.client.get(answer.headers["Location"]))


def make(applicant: Applicant, units: SqlUnitsOfWork, **values: str) -> BeautifulSoup:
    ask(applicant, **values)
    answer = applicant.send("new-account", {"code": code(units)})
    assert answer.status_code == 303, answer.text
    return parsed(applicant.client.get(answer.headers["Location"]))


# --- The way through ----------------------------------------------------------------------------------------------


def test_an_account_is_made_and_everything_typed_stays(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    asked = leave(applicant, "new-account", email="links@example.org")
    assert one(asked, "#email")["value"] == "links@example.org"
    made = make(applicant, app_units)
    assert text(made, "h1") == f"Your member number is {NUMBER}"
    assert "is waiting for approval" in made.text
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
    assert "is waiting for approval" not in made.text
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


# --- Once, and what goes wrong ------------------------------------------------------------------------------------


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
    assert "too many times" in text(parsed(answers[-1]), "#code-error")
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
    change = one(ask(applicant), "main p a")
    form = parsed(applicant.client.get(str(change["href"])))
    assert {name: one(form, f"#{name}")["value"] for name in ZOE} == ZOE


def test_another_language_keeps_what_is_typed(applicant: Applicant) -> None:
    french = switched(applicant.client, applicant.soup("new-account"), ZOE)
    assert {name: one(french, f"#{name}")["value"] for name in ZOE} == ZOE
    sent = applicant.submit("new-account", **ZOE)
    assert parsed(applicant.client.get(sent.headers["Location"])).select("#code")


def test_codes_are_limited_by_browser_and_by_mailbox(app: Flask, applicant: Applicant) -> None:
    for _ in range(6):
        ask(applicant)
    assert applicant.submit("new-account?change=1", **ZOE).status_code == 429
    other = Applicant(app.test_client()).start()
    refused = other.submit("new-account", **{**ZOE, "email": "ZOE@example.org"})
    assert refused.status_code == 429
    assert ZOE["name"] in refused.text
    assert other.submit("new-account", **{**ZOE, "email": "else@example.org"}).status_code == 303


def test_the_code_page_stays_while_a_code_is_on_its_way(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    sent = ask(applicant)
    for sending in ("", "12"):
        answer = applicant.client.post(str(one(sent, "form:has(#code)")["action"]), data=code_form(sent, sending))
        assert answer.status_code == 422
    for tail in ("new-account", "new-account?entering=1"):
        assert ZOE["email"] in text(applicant.soup(tail), "main .lead")
    assert applicant.send("new-account", {"code": code(app_units)}).status_code == 303


def code_form(page: BeautifulSoup, typed: str) -> dict[str, str]:
    return {**filled(one(page, "form:has(#code)")), "code": typed}


def test_a_code_that_is_there_already_is_entered_without_another(
    app: Flask, applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    ask(applicant)
    elsewhere = Applicant(app.test_client(), applicant.session_id)
    own(elsewhere.client, applicant.session_id)
    form = one(elsewhere.soup("new-account"), "form#typing")
    assert one(form, "button[name=entering]")
    answer = elsewhere.client.post(str(form["action"]), data={**filled(form), **ZOE, "entering": "1"})
    assert parsed(elsewhere.client.get(answer.headers["Location"])).select("#code")
    assert len(mails(app_units, "account_code")) == 1
    assert elsewhere.send("new-account", {"code": code(app_units)}).status_code == 303


@pytest.mark.parametrize("used_up", [True, False])
def test_after_the_last_try_the_main_thing_is_a_new_code(
    applicant: Applicant, app_units: SqlUnitsOfWork, clock: FixedClock, *, used_up: bool
) -> None:
    ask(applicant)
    wrong = f"{(int(code(app_units)) + 1) % 10**6:06}"
    if used_up:
        for _ in range(CODE_TRIES - 1):
            early = parsed(applicant.send("new-account", {"code": wrong}))
            assert one(early, "#code")["value"] == wrong
            assert one(early, "#error-summary a")["href"] == "#code"
    else:
        clock.instant = NOW + CODE_LIFETIME
    refused = parsed(applicant.send("new-account", {"code": wrong}))
    assert one(refused, "#code")["value"] == ""
    assert one(refused, "#error-summary a")["href"] == "#new-code"
    assert text(refused, "main button.button:not(.button-secondary)") == "Send a new code"
    assert one(refused, "#new-code").parent is not None


def test_too_many_codes_say_that_the_newest_works(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    for _ in range(6):
        ask(applicant)
    refused = applicant.submit("new-account?change=1", **ZOE)
    assert refused.status_code == 429
    field = parsed(applicant.client.get(str(one(parsed(refused), "main a[href$='entering=1']")["href"])))
    assert one(field, "#code")
    newest = waiting(app_units)[-1].secret["code"]
    assert newest


# --- What is typed and not sent, and where it leads back to -------------------------------------------------------


def press(applicant: Applicant, page: BeautifulSoup, button: str, **typed: str) -> BeautifulSoup:
    """Leave a page by one of the buttons of its form."""
    form = one(page, "form#typing")
    pressed = one(form, f"button[name=leaving]{button}")
    data = {**filled(form), **typed, "leaving": str(pressed["value"])}
    return parsed(applicant.client.post(str(pressed["formaction"]), data=data, follow_redirects=True))


BACK, NUMBER_PAGE, ACCOUNT_PAGE = "[value=back]", "[formaction$='/member-number']", "[formaction$='/new-account']"


def test_half_a_name_and_address_survive_both_account_pages(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    numbers = press(applicant, applicant.soup("new-account"), NUMBER_PAGE, name="Zo", email="zoe@exa")
    assert one(numbers, "#email")["value"] == "zoe@exa"
    accounts_page = press(applicant, numbers, ACCOUNT_PAGE, email="zoe@example")
    assert [one(accounts_page, f"#{name}")["value"] for name in ("name", "email")] == ["Zo", "zoe@example"]
    identity = press(applicant, accounts_page, BACK, name="Zoé")
    assert text(identity, "h1") == "About you"
    again = applicant.soup("new-account")
    assert [one(again, f"#{name}")["value"] for name in ("name", "email")] == ["Zoé", "zoe@example"]
    assert text(press(applicant, applicant.soup("member-number"), BACK), "h1") == "About you"
    assert waiting(app_units) == []


def test_an_address_that_no_number_came_to_is_offered_for_an_account(applicant: Applicant) -> None:
    applicant.submit("member-number", email="zoe@example.org")
    assert one(applicant.soup("new-account"), "#email")["value"] == "zoe@example.org"


def test_from_the_account_step_it_leads_back_there(applicant: Applicant) -> None:
    applicant.answer().decide()
    for tail in ("new-account", "member-number"):
        page = applicant.soup(tail)
        assert text(page, "[aria-current=step]").endswith("Account")
        assert text(press(applicant, page, BACK), "h1") == "Your account"
    left = leave(applicant, "new-account")
    assert text(press(applicant, left, BACK), "h1") == "About you"


# --- A student address --------------------------------------------------------------------------------------------

STUDENT = "zoe@mail.utoronto.ca"


def test_a_student_address_is_warned_of_before_and_after_it_is_sent(applicant: Applicant) -> None:
    prefilled = leave(applicant, "new-account", email=STUDENT)
    assert "may stop working" in text(prefilled, "#email-notice")
    sent = ask(applicant, email=STUDENT)
    warned = one(sent, ".notice:not([hidden])")
    assert "may stop working" in warned.text
    changing = parsed(applicant.client.get(str(one(warned, "a")["href"])))
    assert one(changing, "#email")["value"] == STUDENT
    assert "may stop working" in text(changing, "#email-notice")
    assert ask(applicant).select(".notice:not([hidden])") == []


def test_the_address_is_checked_as_it_is_left(applicant: Applicant) -> None:
    check = str(one(applicant.soup("new-account"), "#field-email")["data-hx-post"])
    tail = check.removeprefix(applicant.address(""))
    for typed, said in ((STUDENT, "#email-notice"), ("half@", "#email-error")):
        part = parsed(applicant.send(tail, {"name": "Zo", "email": typed}, headers=HTMX))
        assert one(part, said)
        assert one(part, "#field-email")["data-hx-post"] == check
        assert "send a code there" in text(part, "#email-hint")
    assert not parsed(applicant.send(tail, {"email": ""}, headers=HTMX)).select("#email-error")


# --- Back from the start page -------------------------------------------------------------------------------------


def test_the_start_page_leads_back_to_the_code(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    name = "Enter the code that we sent you"
    assert name not in applicant.client.get("/").text
    ask(applicant)
    start = parsed(applicant.client.get("/"))
    (link,) = [each for each in start.select("main a") if each.text == name]
    assert parsed(applicant.client.get(str(link["href"]))).select("#code")
    applicant.send("new-account", {"code": code(app_units)})
    assert name not in applicant.client.get("/").text


def test_the_start_page_has_no_code_for_what_is_over(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    ask(applicant)
    applicant.answer().decide().prove(app_units).declare()
    assert "Enter the code" not in applicant.client.get("/").text


# --- What waits for the desk --------------------------------------------------------------------------------------


def test_whoever_has_a_pending_account_is_told_that_the_desk_decides(
    applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    make(applicant, app_units)
    applicant.answer("education", "coto", "privacy").decide()
    applicant.submit("account")
    assert "approve your account" in text(applicant.soup("confirm"), "main")
    applicant.declare()
    receipt = text(applicant.soup("complete"), "main")
    assert "approve your account" in receipt
    assert "nothing more" not in receipt
    assert mails(app_units, "confirmation")[-1].values["account"] == "pending"
    account_id = accounts(app_units)[NUMBER].id
    with app_units.write() as unit:
        assert unit.accounts.decide(account_id, AccountStatus.ACTIVE)
        unit.commit()
    assert "approve your account" not in text(applicant.soup("complete"), "main")


# --- Who may ------------------------------------------------------------------------------------------------------


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
