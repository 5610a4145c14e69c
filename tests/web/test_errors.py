"""Every error's page: its status, what it says, what was typed, and the whole page by htmx too."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import pytest
from bs4 import BeautifulSoup
from flask import Flask, Response, abort
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from tests.support.applicant import filled
from tests.support.desk import SYSTEM, database_down, own, page, send, sign_in, staged, token
from tests.support.seed import Seeded
from tests.support.valkey import Valkey
from wizard.config import Settings
from wizard.core import errors
from wizard.core.clock import FixedClock
from wizard.core.events import Event, EventName
from wizard.services.bundle import Services
from wizard.web.errors import WHOLE_PAGE, handle

TYPED = {"degree_type": "masters", "university": "other", "other_details": "<b>School</b>", "version": "1"}
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://localhost/staff/sign-in"}


def raising(error: Exception) -> Callable[[], str]:
    def view() -> str:
        raise error

    return view


def answer_to(app: Flask, error: Exception) -> TestResponse:
    app.add_url_rule("/raises", view_func=raising(error))
    return app.test_client().get("/raises")


def said(answer: TestResponse) -> str:
    return page(answer).get_text(" ", strip=True)


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (errors.ValidationFailed("code.format", field="code"), 422, "six digits"),
        (errors.RuleViolated("code.wrong"), 422, "not the code we sent"),
        (errors.WorkflowStateInvalid("workflow.state"), 422, "does not fit"),
        (errors.Conflict("session.busy"), 422, "same moment"),
        (errors.Conflict("no.such.message"), 422, "does not fit"),
        (errors.StaleVersion(seen=1, current=2), 409, "Nothing was overwritten"),
        (errors.PermissionDenied("privilege.main"), 403, "privilege “main”"),
        (errors.NotFound("link.expired"), 404, "too old"),
        (errors.NotFound("link.cancelled"), 404, "was cancelled"),
        (errors.NotFound("session.unknown"), 404, "not open in this browser"),
        (errors.SessionExpired(), 410, "its answers have been erased"),
        (errors.RateLimited("rate_limited", retry_after=90), 429, "minutes"),
        (errors.ExternalServiceError("database"), 503, "Try again in a few seconds"),
        (errors.KeyMissing(), 503, "does not have the key"),
        (errors.InternalError("abc123"), 500, "abc123"),
        (RuntimeError("the inside"), 500, "tell the registration desk this number"),
    ],
)
def test_each_error_has_its_status_and_its_page(app: Flask, error: Exception, status: int, says: str) -> None:
    answer = answer_to(app, error)
    assert answer.status_code == status
    assert says in said(answer)
    assert "the inside" not in answer.text
    assert len(page(answer).select("h1")) == 1


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(errors.RateLimited("rate_limited", retry_after=90), "90"), (errors.ExternalServiceError("redis"), "5")],
)
def test_what_passes_says_when_to_come_back(app: Flask, error: Exception, seconds: str) -> None:
    assert answer_to(app, error).headers["Retry-After"] == seconds


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 413, 415, 429, 500, 503])
def test_flasks_own_errors_have_pages_too(app: Flask, status: int) -> None:
    app.add_url_rule("/aborts", view_func=lambda: abort(status))
    answer = app.test_client().get("/aborts")
    assert answer.status_code == status
    assert page(answer).h1 is not None


def test_an_address_without_a_page(client: FlaskClient) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "There is nothing at this address" in said(answer)


def test_an_answer_that_was_aborted_with_is_that_answer(app: Flask) -> None:
    app.add_url_rule("/aborts", view_func=lambda: abort(Response("as it is", 418)))
    answer = app.test_client().get("/aborts")
    assert (answer.status_code, answer.text) == (418, "as it is")


def test_an_address_without_its_slash_is_led_to_it(client: FlaskClient) -> None:
    assert client.get("/staff").headers["Location"].endswith("/staff/")


def test_a_form_for_an_address_that_is_none_cannot_be_sent_again(client: FlaskClient) -> None:
    answer = client.post("/nowhere", data=TYPED)
    assert answer.status_code == 404
    assert_echoed(answer)
    assert not page(answer).select("form[action='/nowhere']")


def test_a_method_that_an_address_does_not_know(client: FlaskClient) -> None:
    answer = client.get("/registrations")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_a_failure_of_ours_is_in_the_log_under_the_id_that_is_shown(app: Flask) -> None:
    with capture_logs() as lines:
        answer = answer_to(app, RuntimeError("the inside"))
    (line,) = [line for line in lines if line["event"] == "request.failed"]
    assert line["error_id"] in said(answer)
    assert isinstance(line["exc_info"], RuntimeError)


def test_a_page_that_cannot_be_drawn_gives_way_to_a_plain_one(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.jinja_env.globals, "static_url", raising(RuntimeError("no files")))
    answer = answer_to(app, errors.ExternalServiceError("redis"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert page(answer).h1 is not None


def test_refusals_are_told_of(app: Flask, client: FlaskClient, services: Services, app_seeded: Seeded) -> None:
    told: list[Event] = []
    services.events.subscribe(told.append, EventName.ACCESS_DENIED)
    app.add_url_rule("/staff/raises", "staff.raises", raising(errors.PermissionDenied("privilege.main")))
    sign_in(client, app_seeded.admin)
    assert client.get("/staff/raises").status_code == 403
    (event,) = told
    assert (event.actor, event.privilege, dict(event.details)) == ("staff:ann", "admin", {"reason": "privilege.main"})


def test_a_refusal_that_an_operation_has_told_of_is_not_told_of_again(
    app: Flask, client: FlaskClient, services: Services
) -> None:
    told: list[Event] = []
    services.events.subscribe(told.append, EventName.ACCESS_DENIED)
    refused = errors.PermissionDenied("privilege.main")
    refused.result = services.orchestrator.get(SYSTEM, staged(services))
    app.add_url_rule("/raises", view_func=raising(refused))
    assert client.get("/raises").status_code == 403
    assert not told


# --- htmx -------------------------------------------------------------------------------------------------


def test_by_htmx_an_error_replaces_the_whole_page(client: FlaskClient) -> None:
    answer = client.get("/nowhere", headers=HTMX)
    assert answer.status_code == 404
    assert {name: answer.headers.get(name) for name in WHOLE_PAGE} == WHOLE_PAGE
    assert page(answer).body is not None


def test_without_htmx_there_are_no_such_headers(client: FlaskClient) -> None:
    assert WHOLE_PAGE.keys().isdisjoint(client.get("/nowhere").headers.keys())


def test_by_htmx_signing_in_is_a_new_page(client: FlaskClient) -> None:
    current = {**HTMX, "HX-Current-URL": "http://localhost/staff/sessions?status=staged"}
    answer = client.get("/staff/sessions", headers=current)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/staff/sign-in?next=/staff/sessions"


def test_by_htmx_what_was_typed_goes_to_the_page_and_not_to_the_field(client: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    own(client, session_id)
    place = f"/registrations/{session_id}/education"
    current = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{place}"}
    answer = client.post(f"/registrations/{session_id}/fields/other_details", data=TYPED, headers=current)
    assert answer.status_code == 400
    assert page(answer).select_one(f"form[action='{place}']") is not None


def test_by_htmx_a_page_of_another_host_is_not_believed(client: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    own(client, session_id)
    current = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/staff"}
    answer = client.post(f"/registrations/{session_id}/fields/other_details", data=TYPED, headers=current)
    assert "evil.example" not in answer.text
    assert "/staff" not in answer.text


# --- What was typed ---------------------------------------------------------------------------------------


def assert_echoed(answer: TestResponse) -> None:
    text = said(answer)
    assert "<b>School</b>" in text
    assert "Name of your school" in text
    assert "Another school" in text
    assert "<b>School" not in answer.text


@pytest.fixture
def typing(client: FlaskClient, services: Services) -> Callable[[], TestResponse]:
    """Somebody at the education step, about to press the button."""
    session_id = staged(services)
    own(client, session_id)
    place = f"/registrations/{session_id}/education"
    values = {**TYPED, "country": "CA", "graduation_year": "2026", "csrf_token": token(client, place)}
    return lambda: client.post(place, data=values)


def test_redis_down_keeps_what_was_typed_and_comes_back_by_itself(
    typing: Callable[[], TestResponse], client: FlaskClient, valkey: Valkey
) -> None:
    valkey.server.stop()
    try:
        began = monotonic()
        answer = typing()
        took = monotonic() - began
    finally:
        valkey.server.start()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert took < 2
    assert_echoed(answer)
    assert page(answer).select_one("form input[name=version][value='1']") is not None
    # As it stands, with the token that it was sent with: pressing the button once is enough.
    form = page(answer).select_one("main form")
    assert form is not None
    assert client.post(str(form["action"]), data=filled(form)).status_code == 303


def test_pages_without_redis_say_so_and_come_back_by_themselves(client: FlaskClient, valkey: Valkey) -> None:
    client.get("/staff/sign-in")
    valkey.server.stop()
    try:
        began = monotonic()
        answer = client.get("/staff/sign-in")
        took = monotonic() - began
    finally:
        valkey.server.start()
    assert answer.status_code == 503
    assert took < 2
    assert page(answer).select_one("a[href='/staff/sign-in']") is not None
    assert client.get("/staff/sign-in").status_code == 200


def test_redis_and_database_down_leave_a_page(
    app: Flask, typing: Callable[[], TestResponse], valkey: Valkey, settings: Settings
) -> None:
    valkey.server.stop()
    try:
        with database_down(app, settings):
            answer = typing()
    finally:
        valkey.server.start()
    assert answer.status_code == 503
    assert_echoed(answer)


def test_database_down_keeps_what_was_typed_and_comes_back_by_itself(
    app: Flask, client: FlaskClient, app_seeded: Seeded, services: Services, settings: Settings
) -> None:
    session_id = staged(services)
    sign_in(client, app_seeded.main)
    send(client, f"/staff/sessions/{session_id}/open", of=f"/staff/sessions/{session_id}")
    place = f"/registrations/{session_id}/education"
    values = {**TYPED, "country": "CA", "graduation_year": "2026", "csrf_token": token(client, place)}
    with database_down(app, settings):
        began = monotonic()
        answer = client.post(place, data=values)
        took = monotonic() - began
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert took < 2
    assert_echoed(answer)
    form = page(answer).select_one(f"form[action='{place}']")
    assert form is not None
    hidden = {str(field["name"]): str(field["value"]) for field in form.select("input[type=hidden]")}
    assert client.post(place, data=hidden).status_code == 303


def test_what_was_typed_at_an_address_that_is_none_is_shown_and_not_sent(app: Flask) -> None:
    with app.test_request_context("/nowhere", method="POST", data=TYPED):
        answer = app.make_response(handle(errors.ExternalServiceError("redis")))
    assert "Name of your school" in answer.get_data(as_text=True)
    assert not BeautifulSoup(answer.get_data(as_text=True), "html.parser").select("main form")


def test_passwords_and_codes_are_never_shown_again(app: Flask, client: FlaskClient, settings: Settings) -> None:
    secret = {"username": "mia", "password": "open sesame", "code": "123456"}
    values = {**secret, "csrf_token": token(client)}
    with database_down(app, settings):
        answer = client.post("/staff/sign-in", data=values)
    assert answer.status_code == 503
    assert "mia" in said(answer)
    assert "open sesame" not in answer.text
    assert "123456" not in answer.text
    # Sending the rest alone would be another thing: the way back is to the page.
    assert page(answer).select_one("form[action='/staff/sign-in'] input[name=username]") is None
    assert page(answer).select_one("a[href='/staff/sign-in']") is not None


def test_an_expired_registration_says_so_and_keeps_what_was_typed(
    typing: Callable[[], TestResponse], clock: FixedClock, settings: Settings
) -> None:
    clock.instant += settings.session_ttl
    answer = typing()
    assert answer.status_code == 410
    assert_echoed(answer)
    assert page(answer).select_one("main a[href='/']") is not None


def test_what_was_typed_into_a_registration_of_another_browser_has_no_page_to_go_back_to(client: FlaskClient) -> None:
    place = "/registrations/0b6f8a52-6d0a-4a5e-9f0e-0d5a8f2f7c11/education"
    answer = client.post(place, data={**TYPED, "csrf_token": token(client)})
    assert answer.status_code == 404
    assert "not open in this browser" in page(answer).select_one("h1").get_text()  # type: ignore[union-attr]
    assert_echoed(answer)
    assert page(answer).select_one(f"main a[href='{place}']") is None
