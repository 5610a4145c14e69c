"""Proving the account, and what stands in the way of a record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.applicant import Applicant, filled, newest_code, one, parsed, text, unheard
from tests.support.desk import sign_in
from tests.support.outbox import waiting
from tests.support.seed import Seeded
from wizard.core.clock import FixedClock
from wizard.services.codes import CODE_TRIES
from wizard.services.ports.cookies import REMEMBERED
from wizard.storage.unit_of_work import SqlUnitsOfWork

pytestmark = pytest.mark.usefixtures("app_seeded")


@pytest.fixture
def applicant(client: FlaskClient) -> Applicant:
    return Applicant(client).start()


@pytest.fixture
def another(app: Flask) -> Applicant:
    return Applicant(app.test_client()).start()


def test_page_is_the_same_whether_there_is_such_an_account(applicant: Applicant, another: Applicant) -> None:
    pages = []
    for who, number in ((applicant, "osot-0000001"), (another, "osot-7777777")):
        who.answer(user_business_id=number).decide()
        assert who.send("account").headers["Location"].endswith("/account?sent=1")
        shown = text(who.soup("account?sent=1"), "main").replace(number, "")
        wrong = who.send("account", {"code": "000000"})
        assert wrong.status_code == 422
        pages.append((shown, text(parsed(wrong), "main").replace(number, "")))
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("code", "message"),
    [("", "Enter the six digits"), ("12", "A code is six digits"), ("000000", "not the code we sent")],
)
def test_wrong_code_says_how_to_go_on(applicant: Applicant, code: str, message: str) -> None:
    applicant.answer().decide()
    applicant.send("account")
    answer = applicant.send("account", {"code": code})
    assert answer.status_code == 422
    assert message in one(parsed(answer), "#code-error").text


def test_code_typed_in_groups_is_right(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer().decide()
    applicant.send("account")
    code = newest_code(app_units)
    assert applicant.send("account", {"code": f" {code[:3]} {code[3:]} "}).headers["Location"].endswith("/confirm")


def test_new_code_replaces_the_old(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer().decide()
    applicant.send("account")
    first = newest_code(app_units)
    applicant.send("account")
    second = newest_code(app_units)
    if first != second:
        assert applicant.send("account", {"code": first}).status_code == 422
    assert applicant.send("account", {"code": second}).status_code == 303


def test_inactive_account_is_refused_with_a_way_out(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer(user_business_id="osot-0000004").decide()
    applicant.send("account")
    answer = applicant.send("account", {"code": newest_code(app_units)})
    assert answer.status_code == 422
    assert "This account cannot be used" in one(parsed(answer), "[role=alert]").text
    assert "desk@wizard.test" in one(parsed(answer), "main").text


def test_the_number_of_the_account_whose_code_was_entered_can_be_taken(
    applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    applicant.answer().decide()
    applicant.send("account")
    applicant.answer("identity", user_business_id="osot-0000002").decide()
    answer = applicant.send("account", {"code": newest_code(app_units)})
    assert answer.status_code == 422
    form = one(parsed(answer), "main form:has(button[name=take])")
    taken = applicant.client.post(str(form["action"]), data={**filled(form), "take": "1"})
    assert taken.headers["Location"].endswith("/review")
    assert "osot-0000001" in applicant.soup("review").text
    applicant.decide()
    assert applicant.submit("category").headers["Location"].endswith("/account")
    # The code was right, and is not asked for again.
    assert applicant.submit("account").headers["Location"].endswith("/confirm")


def test_no_number_is_taken_without_a_proof(applicant: Applicant) -> None:
    applicant.answer().decide()
    assert applicant.send("account", {"take": "1"}).status_code == 422
    assert "osot-0000001" in applicant.soup("review").text


def test_account_with_a_record_keeps_the_answers_and_tells_of_the_desk(
    applicant: Applicant, another: Applicant, app_units: SqlUnitsOfWork
) -> None:
    applicant.answer().decide().prove(app_units).declare()
    another.answer(graduation_year="2020").decide()
    another.send("account")
    answer = another.send("account", {"code": newest_code(app_units)})
    assert answer.status_code == 422
    assert "has an education record already" in one(parsed(answer), "[role=alert]").text
    assert "2020" in another.soup("review").text


def test_coto_number_of_another_record_is_told_only_to_the_proved(
    applicant: Applicant, another: Applicant, app_units: SqlUnitsOfWork
) -> None:
    held = {"coto_status": "general", "coto_registration": "G7"}
    applicant.answer(**held).decide().prove(app_units).declare()
    another.answer(user_business_id="osot-0000002", **held).decide()
    another.send("account")
    answer = another.send("account", {"code": newest_code(app_units)})
    assert answer.status_code == 422
    assert "COTO registration number already" in answer.text


def test_submitting_needs_the_declaration(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer().decide().prove(app_units)
    answer = applicant.send("confirm")
    assert answer.status_code == 422
    soup = parsed(answer)
    assert one(soup, "#declaration")["aria-invalid"] == "true"
    assert one(soup, "[role=alert] a[href='#declaration']")


def test_a_declaration_that_cannot_be_made_yet_leads_to_what_comes_first(applicant: Applicant) -> None:
    applicant.answer().decide()
    assert applicant.send("confirm").headers["Location"].endswith("/category")
    applicant.answer("privacy", notes="Changed")
    assert applicant.send("confirm").headers["Location"].endswith("/review")


def test_confirming_in_a_browser_without_the_proof_leads_to_the_code(
    applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    applicant.answer().decide().prove(app_units)
    with applicant.client.session_transaction() as session:
        session.pop(f"proof:{applicant.session_id}")
    assert applicant.client.get(applicant.address("confirm")).headers["Location"].endswith("/account")
    assert applicant.send("confirm").headers["Location"].endswith("/account")
    assert applicant.declare().headers["Location"].endswith("/account")
    applicant.prove(app_units)
    assert applicant.declare().headers["Location"].endswith("/complete")


def test_receipt_without_the_proof_shows_only_the_number(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer().decide().prove(app_units).declare()
    with applicant.client.session_transaction() as session:
        session.pop(f"proof:{applicant.session_id}")
    receipt = applicant.soup("complete")
    assert text(receipt, "#receipt-number") == "osot-oted-0000001"
    assert not receipt.select("#category")


def test_receipt_says_what_the_desk_verifies(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer(university="other", other_details="Oxford", country="GB").decide().prove(app_units).declare()
    receipt = text(applicant.soup("complete"), "main")
    assert "Studied outside Canada" in receipt
    assert "School not on the list" in receipt
    assert "continue" not in receipt  # There is nothing left to go on with.


def test_confirmation_is_on_its_way(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer().decide().prove(app_units).declare()
    assert [message.recipient for message in waiting(app_units) if message.kind == "confirmation"] == [
        "ada@example.org"
    ]


@pytest.mark.parametrize("who", ["main", "admin"])
def test_staff_link_without_a_code_and_only_main_submits(
    applicant: Applicant, app: Flask, app_seeded: Seeded, who: str
) -> None:
    applicant.answer().decide()
    desk = Applicant(app.test_client(), applicant.session_id)
    sign_in(desk.client, getattr(app_seeded, who))
    with desk.client.session_transaction() as session:
        session[f"helping:{applicant.session_id}"] = "1"
    page = desk.soup("account")
    assert not page.select("#code")
    assert ("You cannot submit" in page.text) == (who == "admin")
    assert desk.send("account").headers["Location"].endswith("/confirm")
    answer = desk.declare()
    if who == "main":
        assert answer.headers["Location"].endswith("/complete")
        assert text(desk.soup("complete"), "#category") == "New Graduate"
    else:
        assert answer.status_code == 422
        assert "it takes the privilege “main”" in one(parsed(answer), "[role=alert]").text


def test_receipt_without_the_proof_promises_nothing_about_verification(
    applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    applicant.answer(country="GB", university="not_applicable").decide().prove(app_units).declare()
    with applicant.client.session_transaction() as session:
        session.pop(f"proof:{applicant.session_id}")
    assert "There is nothing more for you to do" not in applicant.soup("complete").text


def test_receipt_names_the_desk_where_it_is_printed(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer().decide().prove(app_units).declare()
    assert "There is nothing more for you to do" in applicant.soup("complete").text
    assert one(applicant.soup("complete"), "main a[href='mailto:desk@wizard.test']")


def test_coto_number_of_another_record_is_put_right_where_it_was_entered(
    applicant: Applicant, another: Applicant, app_units: SqlUnitsOfWork
) -> None:
    held = {"coto_status": "general", "coto_registration": "G7"}
    applicant.answer(**held).decide().prove(app_units).declare()
    another.answer(user_business_id="osot-0000002", **held).decide()
    another.send("account")
    refused = parsed(another.send("account", {"code": newest_code(app_units)}))
    place = f"{another.address('coto')}#coto_registration"
    assert one(refused, f"[role=alert] a[href='{place}']")
    assert one(refused, f".notice a[href='{place}']")
    assert "Correct your member number" not in refused.text
    # The code is used up: there is nothing to do with it any more.
    assert not refused.select("#code")


def test_a_record_that_exists_already_is_told_once(
    applicant: Applicant, another: Applicant, app_units: SqlUnitsOfWork
) -> None:
    applicant.answer().decide().prove(app_units).declare()
    another.answer().decide().send("account")
    refused = parsed(another.send("account", {"code": newest_code(app_units)}))
    assert len(refused.select("[role=alert] li")) == 1


def test_account_that_is_proved_asks_for_no_code_again(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer().decide().prove(app_units)
    for place in ("account", "account?sent=1"):
        again = applicant.soup(place)
        assert "is yours" in text(again, "main .lead")
        assert not again.select("#code")
        assert one(again, f"main a.button[href='{applicant.address('confirm')}']")


def test_a_page_that_is_looked_at_again_does_not_say_that_a_code_has_just_been_sent(applicant: Applicant) -> None:
    applicant.answer().decide()
    applicant.send("account")
    for _ in range(2):
        shown = applicant.soup("account?sent=1")
        assert one(shown, "#code")
        assert "we have sent a code" in shown.text
        assert "just" not in text(shown, "main .lead")


def test_a_wrong_code_can_be_reloaded(applicant: Applicant) -> None:
    applicant.answer().decide().send("account")
    form = one(applicant.soup("account?sent=1"), "form:has(#code)")
    answer = applicant.client.post(str(form["action"]), data={**filled(form), "code": "000000"})
    assert answer.status_code == 422
    assert parsed(applicant.client.get(str(form["action"]))).select("#code")


def test_after_the_last_try_the_main_thing_is_a_new_code(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer().decide().send("account")
    wrong = f"{(int(newest_code(app_units)) + 1) % 10**6:06}"
    refused = [parsed(applicant.send("account", {"code": wrong})) for _ in range(CODE_TRIES)]
    assert [one(page, "#code")["value"] for page in refused] == [wrong] * (CODE_TRIES - 1) + [""]
    last = refused[-1]
    assert one(last, "#error-summary a")["href"] == "#new-code"
    assert text(last, "main button.button:not(.button-secondary)") == "Send a new code"
    form = one(last, "form:has(#new-code)")
    assert applicant.client.post(str(form["action"]), data=filled(form)).headers["Location"].endswith("sent=1")


def test_too_many_codes_say_that_the_newest_works(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer().decide()
    for _ in range(6):
        applicant.send("account")
    refused = applicant.send("account")
    assert refused.status_code == 429
    assert "newest one still works" in refused.text
    page = parsed(applicant.client.get(str(one(parsed(refused), "main a[href$='entering=1']")["href"])))
    form = one(page, "form:has(#code)")
    answer = applicant.client.post(str(form["action"]), data={**filled(form), "code": newest_code(app_units)})
    assert answer.headers["Location"].endswith("/confirm")


def test_an_account_that_waits_is_said_to(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    applicant.answer(user_business_id="osot-0000003").decide().prove(app_units)
    assert "approve your account" in text(applicant.soup("confirm"), "main")
    applicant.declare()
    assert "approve your account" in text(applicant.soup("complete"), "main")


def lose_the_answer_to_the_code(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    """It is done, but the browser never hears of it, nor of its new cookie."""
    applicant.answer().decide().send("account")
    with unheard(applicant.client):
        assert applicant.send("account", {"code": newest_code(app_units)}).status_code == 303


def test_a_browser_that_missed_the_answer_to_its_code_goes_on_with_what_it_had(
    applicant: Applicant, app_units: SqlUnitsOfWork
) -> None:
    lose_the_answer_to_the_code(applicant, app_units)
    assert one(applicant.soup("identity"), "#user_business_id")["value"] == "osot-0000001"
    # What the code proved is under the other id alone.
    assert applicant.declare().headers["Location"].endswith("/account")
    assert applicant.prove(app_units).declare().headers["Location"].endswith("/complete")


def test_what_such_a_browser_had_ends_after_a_while_however_often_it_looks(
    applicant: Applicant, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    lose_the_answer_to_the_code(applicant, app_units)
    clock.instant += timedelta(minutes=9)
    applicant.soup("identity")
    clock.instant += timedelta(minutes=2)
    applicant.soup("identity", expect=404)


def test_whoever_has_the_old_cookie_cannot_make_more_of_it(
    app: Flask, applicant: Applicant, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    thief, cookie = Applicant(app.test_client(), applicant.session_id), applicant.client.get_cookie("wizard")
    assert cookie is not None
    thief.client.set_cookie("wizard", cookie.value)
    applicant.answer().decide().prove(app_units)
    thief.soup("identity")
    clock.instant += REMEMBERED
    # It is not taken along, and its owner notices that somebody goes on from it.
    Applicant(thief.client).start()
    thief.soup("identity", expect=404)
    applicant.soup("confirm", expect=404)
    thief.client.set_cookie("wizard", cookie.value)
    thief.soup("identity")
    clock.instant += timedelta(minutes=11)
    thief.soup("identity", expect=404)
