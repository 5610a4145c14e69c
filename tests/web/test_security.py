"""Headers, static files, small bodies, and CSRF tokens whose failure loses nothing."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.desk import own, page, send, sign_in, staged, token
from tests.support.seed import Seeded
from wizard.services.bundle import Services
from wizard.web.security import HEADERS, MAX_BODY

TYPED = {"user_business_id": "osot-<7>", "email": "ada@example.org"}
# Addresses of every kind: pages, redirects, errors, answers to programs, files.
PLACES = (
    *("/", "/healthz", "/readyz", "/finish", "/no-such-page", "/language/en", "/staff/sign-in", "/staff/sessions"),
    *("/resume/abc", "/registrations/0b6f8a52-6d0a-4a5e-9f0e-0d5a8f2f7c11/review", "/static/css/wizard.css"),
)


@pytest.mark.parametrize("place", PLACES)
def test_every_answer_has_the_headers(client: FlaskClient, place: str) -> None:
    answer = client.get(place, buffered=True)
    assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS)


def test_the_policy_allows_only_our_own() -> None:
    assert HEADERS["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def test_development_does_not_ask_for_https(client: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in client.get("/").headers


@pytest.mark.parametrize("place", [place for place in PLACES if not place.startswith("/static/")])
def test_no_page_is_stored(client: FlaskClient, place: str) -> None:
    assert client.get(place).headers["Cache-Control"] == "no-store"


def test_desk_pages_have_no_inline_scripts_or_styles(
    client: FlaskClient, app_seeded: Seeded, services: Services
) -> None:
    sign_in(client, app_seeded.main)
    session_id = staged(services)
    for place in ("/staff/sessions", f"/staff/sessions/{session_id}", f"/staff/sessions/{session_id}/cancel"):
        drawn = page(client.get(place))
        assert not drawn.select("style, script:not([src]), [style]")
        assert not [name for tag in drawn.find_all() for name in tag.attrs if name.startswith("on")]


# --- Bodies -----------------------------------------------------------------------------------------------


def test_a_body_longer_than_any_form_is_refused(client: FlaskClient) -> None:
    answer = send(client, "/staff/sign-in", {"username": "x" * MAX_BODY})
    assert answer.status_code == 413
    assert page(answer).h1 is not None


# --- CSRF -------------------------------------------------------------------------------------------------


def shown(answer: TestResponse) -> str:
    return page(answer).get_text(" ", strip=True)


def test_a_form_without_a_token_is_refused_and_can_be_sent_again(client: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    own(client, session_id)
    address = f"/registrations/{session_id}/identity"
    answer = client.post(address, data={**TYPED, "version": "1"})
    assert answer.status_code == 400
    assert TYPED["user_business_id"] in shown(answer)
    form = page(answer).select_one("main form[method=post]")
    assert form is not None
    assert form["action"] == address
    hidden = {str(field["name"]): str(field["value"]) for field in form.select("input[type=hidden]")}
    assert hidden.items() >= {**TYPED, "version": "1"}.items()
    assert client.post(address, data=hidden).status_code == 422  # The token is right now; the number is not.


def test_a_browser_that_lost_its_session_reads_what_it_typed(client: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    own(client, session_id)
    typed = {**TYPED, "csrf_token": token(client)}
    client.delete_cookie("wizard")
    answer = client.post(f"/registrations/{session_id}/identity", data=typed)
    assert answer.status_code == 404
    assert "not open in this browser" in shown(answer)
    assert TYPED["user_business_id"] in shown(answer)
    assert typed["csrf_token"] not in answer.text


def test_a_token_of_another_session_is_refused(app: Flask, client: FlaskClient) -> None:
    stolen = token(app.test_client())
    assert client.post("/staff/sign-in", data={"csrf_token": stolen, "username": "mia"}).status_code == 400


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_filled_in_is_not_offered_to_be_sent(
    client: FlaskClient, services: Services, site: str
) -> None:
    session_id = staged(services)
    own(client, session_id)
    address = f"/registrations/{session_id}/identity"
    answer = client.post(address, data=TYPED, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 400
    assert TYPED["email"] not in answer.text
    assert not page(answer).select(f"form[action='{address}']")


def test_every_form_of_the_app_needs_a_token(app: Flask, app_seeded: Seeded, services: Services) -> None:
    client = app.test_client()
    sign_in(client, app_seeded.main)
    session_id = staged(services)
    own(client, session_id)
    values = {
        "session_id": session_id,
        "step": "identity",
        "name": "country",
        "token": "abc",
        "link_id": "abc",
        "account_id": "abc",
        "record_id": "abc",
        "job_id": "abc",
        "message_id": "abc",
        "language": "en",
    }
    for rule in app.url_map.iter_rules():
        # Other systems come with a token of their own, which no browser sends by itself.
        if "POST" not in (rule.methods or ()) or rule.rule.startswith("/ot-education/"):
            continue
        _, address = rule.build({name: values[name] for name in rule.arguments}) or ("", "")
        assert client.post(address).status_code == 400, rule.rule
