"""“I don't know my member number”: it goes to the account's own address, and the page tells nobody anything."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient

from tests.support.applicant import Applicant, filled, one, parsed, text
from tests.support.desk import database_down
from tests.support.outbox import waiting
from tests.support.seed import Seeded
from tests.support.switching import language_of, switched
from wizard.config import Settings
from wizard.storage.unit_of_work import SqlUnitsOfWork

TYPED = {"user_business_id": "osot-00", "email": "half@"}


@pytest.fixture
def applicant(client: FlaskClient, app_seeded: Seeded) -> Applicant:
    assert app_seeded.accounts
    return Applicant(client).start()


def leave(applicant: Applicant, **typed: str) -> BeautifulSoup:
    """Press the button below the member number, with something typed."""
    soup = applicant.soup("identity")
    button = one(soup, "button[formaction$='/member-number']")
    stands = {**filled(one(soup, "form#typing")), **typed, str(button["name"]): str(button["value"])}
    answer = applicant.client.post(str(button["formaction"]), data=stands)
    assert answer.status_code == 303, answer.text
    return parsed(applicant.client.get(answer.headers["Location"]))


def ask(applicant: Applicant, email: str) -> BeautifulSoup:
    answer = applicant.submit("member-number", email=email)
    assert answer.status_code == 303, answer.text
    return parsed(applicant.client.get(answer.headers["Location"]))


def back(applicant: Applicant, soup: BeautifulSoup) -> dict[str, str]:
    """What stands on the identity step that a page leads back to."""
    link = one(soup, f"main a[href='{applicant.address('identity')}']")
    return filled(one(parsed(applicant.client.get(str(link["href"]))), "form#typing"))


def test_the_number_goes_to_the_accounts_own_address(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    ask(applicant, " ADA@example.org ")
    (mail,) = waiting(app_units)
    assert (mail.kind, mail.recipient, mail.values["numbers"]) == ("member_number", "ada@example.org", "osot-0000001")


def test_the_mail_is_in_the_language_of_the_page(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    french = switched(applicant.client, applicant.soup("member-number"), {"email": "ada@example.org"})
    assert language_of(french) == "fr"
    assert one(french, "#email")["value"] == "ada@example.org"
    ask(applicant, "ada@example.org")
    assert waiting(app_units)[0].language == "fr"


def test_the_page_is_the_same_for_a_stranger(app: Flask, applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    other = Applicant(app.test_client()).start()
    member = text(ask(applicant, "ada@example.org"), "main")
    stranger = text(ask(other, "nobody-here@example.org"), "main")
    assert stranger == member
    assert len(waiting(app_units)) == 1


def test_what_was_typed_and_not_sent_comes_back(applicant: Applicant) -> None:
    asked = leave(applicant, **TYPED)
    assert one(asked, "#email")["value"] == "half@"
    stands = back(applicant, ask(applicant, "ada@example.org"))
    assert {name: stands[name] for name in TYPED} == TYPED
    again = filled(one(applicant.soup("identity"), "form#typing"))
    assert {name: again[name] for name in TYPED} == TYPED


def test_sending_the_step_takes_over_from_what_was_put_aside(applicant: Applicant) -> None:
    leave(applicant, **TYPED)
    applicant.answer("identity")
    assert one(applicant.soup("identity"), "#email")["value"] == "ada@example.org"


def test_answers_changed_elsewhere_meanwhile_are_shown_beside_what_was_put_aside(applicant: Applicant) -> None:
    applicant.answer("identity")
    leave(applicant, user_business_id="osot-0000005")
    form = one(applicant.soup("identity"), "form#typing")
    # Another tab, which has the form without what was put aside.
    sent = {**filled(form), "user_business_id": "osot-0000002"}
    assert applicant.client.post(str(form["action"]), data=sent).status_code == 303
    assert one(applicant.soup("identity"), "#user_business_id")["value"] == "osot-0000002"


def test_what_was_put_aside_over_older_answers_is_a_choice(applicant: Applicant) -> None:
    applicant.answer("identity")
    leave(applicant, user_business_id="osot-0000005")
    with applicant.client.session_transaction() as session:
        kept = session[f"aside:{applicant.session_id}"]
    applicant.answer("identity", user_business_id="osot-0000002")
    with applicant.client.session_transaction() as session:
        session[f"aside:{applicant.session_id}"] = kept
    both = applicant.soup("identity")
    assert [cell.text for cell in both.select("table.versions tr.differs td")][:2] == ["osot-0000005", "osot-0000002"]
    assert one(applicant.soup("identity"), "#user_business_id")["value"] == "osot-0000002"


def test_an_address_that_is_none_is_told(applicant: Applicant, app_units: SqlUnitsOfWork) -> None:
    for typed in ("", "half@"):
        answer = applicant.submit("member-number", email=typed)
        assert answer.status_code == 422
        assert one(parsed(answer), "#error-summary a")["href"] == "#email"
    assert waiting(app_units) == []


def test_the_account_step_offers_it_too(applicant: Applicant) -> None:
    applicant.answer().decide().send("account")
    links = {str(link["href"]) for link in applicant.soup("account?sent=1").select("main a")}
    assert {applicant.address("member-number"), applicant.address("new-account")} <= links


def test_it_is_limited_by_browser_and_by_mailbox(app: Flask, applicant: Applicant) -> None:
    for _ in range(4):
        ask(applicant, "ada@example.org")
    assert applicant.submit("member-number", email="ben@example.org").status_code == 429
    other = Applicant(app.test_client()).start()
    assert other.submit("member-number", email="ADA@example.org").status_code == 429
    assert other.submit("member-number", email="ben@example.org").status_code == 303


def test_without_a_database_it_says_so_and_keeps_what_was_typed(
    app: Flask, applicant: Applicant, settings: Settings
) -> None:
    applicant.soup("member-number")
    token = applicant.token()
    with database_down(app, settings):
        answer = applicant.client.post(
            applicant.address("member-number"), data={"csrf_token": token, "email": "ada@example.org"}
        )
    assert answer.status_code == 503
    assert "ada@example.org" in answer.text


def test_finish_and_clear_forgets_what_was_put_aside(applicant: Applicant) -> None:
    leave(applicant, **TYPED)
    answer = applicant.client.post("/finish", data={"csrf_token": applicant.token(), "choice": "clear"})
    assert answer.status_code == 303
    with applicant.client.session_transaction() as session:
        assert not any(str(key).startswith("aside:") for key in session)


def test_it_costs_an_empty_visitor_no_document(applicant: Applicant, app: Flask) -> None:
    leave(applicant, **TYPED)
    ask(applicant, "ada@example.org")
    assert app.extensions["wizard_stores"].registrations.load(applicant.session_id) is None
