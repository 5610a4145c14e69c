"""Another language: the same page, with what was typed there and not sent (promise 13)."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from tests.support.applicant import ANSWERS, Applicant, filled, newest_code, one, parsed
from tests.support.desk import database_down, page, send, sign_in, staged
from tests.support.outbox import waiting
from tests.support.roundtrips import counted
from tests.support.seed import Seeded
from tests.support.switching import language_of, switch, switched
from wizard.config import Settings
from wizard.services.bundle import Services
from wizard.storage.unit_of_work import SqlUnitsOfWork

TYPED: dict[str, dict[str, str]] = {
    "identity": {"user_business_id": "<no number!>", "email": "half@"},
    "education": {
        "degree_type": "doctorate",
        "university": "other",
        "country": "FR",
        "graduation_year": "2019",
        "other_details": "Université “X” & fils",
    },
    "coto": {"coto_status": "general", "coto_registration": "g-26 01"},
    "privacy": {"access_modifier": "public", "notes": "two\r\nlines"},
}


pytestmark = pytest.mark.usefixtures("app_seeded")


@pytest.fixture
def applicant(client: FlaskClient) -> Applicant:
    return Applicant(client).start()


@pytest.mark.parametrize("step", TYPED)
def test_a_step_is_shown_again_as_it_was_typed_unsent_and_unchecked(applicant: Applicant, step: str) -> None:
    applicant.answer(*list(TYPED)[: list(TYPED).index(step)])
    before = filled(one(applicant.soup(step), "main form#typing"))
    shown = switched(applicant.client, applicant.soup(step), TYPED[step])
    assert language_of(shown) == "fr"
    assert not shown.select("[role=alert], .field-error")
    assert filled(one(shown, "main form#typing")).items() >= TYPED[step].items()
    # Nothing was saved: asked for afresh, the page is as it was; nor does what was typed come back.
    after = filled(one(applicant.soup(step), "main form#typing"))
    assert {**after, "csrf_token": ""} == {**before, "csrf_token": ""}


def test_a_conditional_question_that_was_open_is_open_still(applicant: Applicant) -> None:
    applicant.answer("identity", "education")
    shown = switched(applicant.client, applicant.soup("coto"), {"coto_status": "general", "coto_registration": "G1"})
    assert one(shown, "#coto_registration")["value"] == "G1"
    assert one(shown, "input[name=coto_status][value=general]").has_attr("checked")


def test_there_and_back_again_and_then_it_is_sent(applicant: Applicant) -> None:
    applicant.answer("identity")
    french = switched(applicant.client, applicant.soup("education"), ANSWERS["education"])
    english = switched(applicant.client, french)
    assert language_of(english) == "en"
    answer = applicant.client.post(applicant.address("education"), data=filled(one(english, "form#typing")))
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("/coto")


def test_nothing_that_was_typed_is_in_an_address_or_stays(applicant: Applicant, redis_client: Redis) -> None:
    answer = switch(applicant.client, applicant.soup("identity"), TYPED["identity"])
    location = urlsplit(answer.headers["Location"])
    assert (location.path, location.query) == (applicant.address("identity"), "unsent=1")
    (key,) = redis_client.keys("ot_browser_session_unsent:*")
    assert 0 < redis_client.ttl(key) <= 120
    assert b"half" not in (redis_client.get(key) or b"")
    applicant.client.get(answer.headers["Location"])
    assert not redis_client.keys("ot_browser_session_unsent:*")


def test_it_costs_no_more_round_trips_than_any_page(applicant: Applicant, app: Flask, redis_client: Redis) -> None:
    applicant.answer("identity")
    location = switch(applicant.client, applicant.soup("education"), TYPED["education"]).headers["Location"]
    with counted(redis_client, app.extensions["wizard_stores"].redis) as trips:
        assert "fils" in applicant.client.get(location).text
    assert trips.count <= 2, trips.sent


def test_it_is_for_its_own_page_and_browser_only(applicant: Applicant, app: Flask) -> None:
    location = switch(applicant.client, applicant.soup("identity"), TYPED["identity"]).headers["Location"]
    other = Applicant(app.test_client()).start()
    assert "half@" not in other.client.get(f"{other.address('identity')}?unsent=1").text
    assert "half@" not in applicant.client.get("/finish?unsent=1").text
    assert "half@" not in applicant.client.get(location).text


def test_what_was_kept_and_does_not_open_is_as_good_as_nothing(applicant: Applicant, redis_client: Redis) -> None:
    location = switch(applicant.client, applicant.soup("identity"), TYPED["identity"]).headers["Location"]
    (key,) = redis_client.keys("ot_browser_session_unsent:*")
    redis_client.set(key, b"planted")
    assert applicant.client.get(location).status_code == 200


def test_a_page_sent_back_with_errors_keeps_them_for_the_next_sending(applicant: Applicant) -> None:
    refused = parsed(applicant.submit("identity", **TYPED["identity"]))
    assert refused.select("[role=alert]")
    shown = switched(applicant.client, refused)
    assert filled(one(shown, "form#typing")).items() >= TYPED["identity"].items()


def test_a_choice_between_two_versions_stays_to_be_made(applicant: Applicant) -> None:
    applicant.answer("identity", "education")
    old = filled(one(applicant.soup("education"), "form#typing"))
    applicant.submit("education", graduation_year="2020")
    stale = applicant.client.post(applicant.address("education"), data={**old, "graduation_year": "2019"})
    assert stale.status_code == 409
    shown = switched(applicant.client, parsed(stale))
    assert language_of(shown) == "fr"
    assert [cell.text for cell in shown.select("tr.differs td")] == ["2019", "2020"]
    answer = applicant.client.post(applicant.address("education"), data=filled(one(shown, "main form")))
    assert answer.status_code == 303
    assert filled(one(applicant.soup("education"), "form#typing"))["graduation_year"] == "2019"


def test_codes_are_not_kept_but_the_question_for_one_is(applicant: Applicant) -> None:
    applicant.answer().decide().send("account")
    refused = parsed(applicant.send("account", {"code": "nonsense"}))
    assert refused.select("[role=alert]")
    shown = switched(applicant.client, refused)
    assert one(shown, "input[name=code]")["value"] == ""
    assert language_of(shown) == "fr"


def test_passwords_are_not_kept_but_the_user_name_and_the_way_on_are(client: FlaskClient, app_seeded: Seeded) -> None:
    typed = {"username": "mia", "password": app_seeded.password}
    asked = page(client.get("/staff/sign-in?next=/staff/sessions%3Fstatus%3Dpending"))
    shown = switched(client, asked, typed)
    assert language_of(shown) == "fr"
    form = filled(one(shown, "form#typing"))
    assert (form["username"], form["password"]) == ("mia", "")
    answer = client.post("/staff/sign-in", data={**form, "password": app_seeded.password})
    assert answer.headers["Location"] == "/staff/sessions?status=pending"


def test_the_declaration_and_addresses_for_links_are_kept(
    applicant: Applicant, client: FlaskClient, app_units: SqlUnitsOfWork
) -> None:
    applicant.answer().decide().prove(app_units)
    assert one(switched(client, applicant.soup("confirm"), {"declaration": "y"}), "#declaration").has_attr("checked")
    for address in (applicant.address("link"), "/finish"):
        shown = switched(client, page(client.get(address)), {"email": "else@"})
        assert one(shown, "#email")["value"] == "else@"


def test_the_member_number_for_a_link_is_kept(applicant: Applicant, app: Flask, app_units: SqlUnitsOfWork) -> None:
    applicant.answer("identity").send("link", {"email": "ada@example.org"})
    token = waiting(app_units)[-1].secret["token"]
    elsewhere = app.test_client()
    shown = switched(elsewhere, page(elsewhere.get(f"/resume/{token}")), {"user_business_id": "osot-1"})
    assert one(shown, "#user_business_id")["value"] == "osot-1"
    assert one(shown, "form#typing")["action"] == f"/resume/{token}"


def test_a_search_of_the_desk_is_kept(client: FlaskClient, app_seeded: Seeded, services: Services) -> None:
    sign_in(client, app_seeded.main)
    staged(services)
    staged(services, user_business_id="osot-0000002")
    found = page(send(client, "/staff/sessions", {"member_number": "osot-0000002"}, of="/staff/sessions"))
    shown = switched(client, found)
    assert language_of(shown) == "fr"
    assert [row.text for row in shown.select("tbody th a")] == ["osot-0000002"]


def test_an_error_page_gives_back_what_was_typed_in_the_other_language(
    applicant: Applicant, client: FlaskClient, app: Flask, settings: Settings
) -> None:
    applicant.answer("identity", "education", "coto", "privacy").decide()
    old = filled(one(applicant.soup("coto"), "form#typing"))
    with client.session_transaction() as session:
        session.pop("csrf_token")
    error = client.post(applicant.address("coto"), data={**old, "coto_status": "resigned"})
    assert error.status_code == 400
    shown = switched(client, parsed(error))
    assert one(shown, "input[name=coto_status][value=resigned]").has_attr("checked")
    with database_down(app, settings):
        down = applicant.send("account")
        assert down.status_code == 503
        assert language_of(parsed(down)) == "fr"
        assert language_of(switched(client, parsed(down))) == "en"


def test_a_page_that_cannot_be_asked_for_again_leads_to_the_start_page(applicant: Applicant) -> None:
    answer = applicant.client.post("/registrations", data={"csrf_token": "wrong"})
    assert answer.status_code == 400
    assert switch(applicant.client, parsed(answer)).headers["Location"].partition("?")[0] == "/"


def test_the_other_language_does_not_answer_to_enter(applicant: Applicant) -> None:
    """Enter in a field presses the first button that belongs to the form."""
    soup = applicant.soup("identity")
    first = soup.select("[form=typing], form#typing button")[0]
    assert (first.get("formaction"), first.get("name"), first["tabindex"]) == (None, None, "-1")


def test_mails_follow_the_language_in_which_a_registration_was_begun(
    applicant: Applicant, client: FlaskClient, app_units: SqlUnitsOfWork
) -> None:
    switch(client, applicant.soup("identity"))
    applicant.answer().decide().prove(app_units)
    assert newest_code(app_units)
    assert [message.language for message in waiting(app_units)] == ["fr"]


def test_a_link_that_is_shown_just_once_is_not_lost_to_another_language(
    client: FlaskClient, app_seeded: Seeded, services: Services
) -> None:
    sign_in(client, app_seeded.main)
    place = f"/staff/sessions/{staged(services)}"
    assert page(client.get(place)).select("button[data-language]")
    made = page(send(client, f"{place}/links", {"kind": "applicant"}, of=place))
    assert made.select("#new-link")
    assert not made.select("button[data-language]")
