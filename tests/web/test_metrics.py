"""The metrics as Prometheus reads them: who may, what they say of a journey, and what they never hold."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.applicant import Applicant
from tests.support.desk import SYSTEM, database_down, own, staged
from tests.support.metrics import risen, samples_of, scraped
from tests.support.roundtrips import counted
from tests.support.seed import Seeded
from tests.support.valkey import Valkey
from wizard import create_app
from wizard.config import Settings
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services
from wizard.storage.unit_of_work import SqlUnitsOfWork

TOKENS = ("newest-token-0123456789-abcdefghijklmnopqrstu", "oldest-token-9876543210-zyxwvutsrqponmlkjihgf")


@pytest.fixture
def applicant(app: Flask, app_seeded: Seeded) -> Applicant:
    assert app_seeded.accounts
    return Applicant(app.test_client())


def asked(
    settings: Settings, clock: FixedClock, *, authorization: str = "", address: str = "127.0.0.1"
) -> TestResponse:
    client = create_app(settings, clock=clock).test_client()
    headers = {"Authorization": authorization} if authorization else {}
    return client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})


# Who may read them


@pytest.mark.parametrize(("address", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 404), ("", 404)])
def test_in_development_this_machine_may(app: Flask, address: str, status: int) -> None:
    answer = app.test_client().get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status


def test_in_production_nobody_may_unless_there_is_a_token(settings: Settings, clock: FixedClock, app: Flask) -> None:
    assert app.extensions
    production = settings.model_copy(update={"env": "production"})
    assert asked(production, clock).status_code == 404
    assert asked(production, clock, authorization="Bearer ").status_code == 404


@pytest.mark.parametrize("env", ["development", "production"])
def test_with_a_token_whoever_has_it_may(settings: Settings, clock: FixedClock, app: Flask, env: str) -> None:
    assert app.extensions
    guarded = settings.model_copy(update={"env": env, "metrics_tokens": TOKENS})
    for token in TOKENS:
        assert asked(guarded, clock, authorization=f"Bearer {token}", address="192.0.2.7").status_code == 200
    for wrong in ("", "Bearer wrong", f"Basic {TOKENS[0]}", f"Bearer {TOKENS[0]}x", "Bearer é"):
        refused = asked(guarded, clock, authorization=wrong)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "wizard_" not in refused.text


def test_a_machine_is_asked_by_its_own_address(client: FlaskClient) -> None:
    for probe in ("/metrics", "/healthz", "/readyz"):
        assert client.get(probe, headers={"Host": "10.20.30.40:8000"}).status_code == 200
    assert client.get("/", headers={"Host": "10.20.30.40:8000"}).status_code == 400


def test_the_page_is_plain_text_and_kept_by_nobody(client: FlaskClient) -> None:
    answer = client.get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers


# What they say


def test_a_journey_is_told_of(applicant: Applicant, app_units: SqlUnitsOfWork, clock: FixedClock) -> None:
    before = scraped(applicant.client)
    applicant.start().answer("identity")
    clock.instant += timedelta(minutes=4)
    assert applicant.submit("education", university="mcmaster", country="FR", graduation_year="2026").status_code == 422
    applicant.answer("education", "coto", "privacy").decide().prove(app_units)
    applicant.declare()
    rises = risen(before, scraped(applicant.client))
    expected = {
        'wizard_registrations_started_total{channel="web"}': 1,
        'wizard_events_total{event="education.created"}': 1,
        'wizard_events_total{event="workflow.completed"}': 1,
        'wizard_events_total{event="code.sent"}': 1,
        'wizard_rule_failures_total{rule="university_country.alignment",where="form"}': 1,
        'wizard_operations_total{operation="create",outcome="ok"}': 1,
        'wizard_operations_total{operation="stage",outcome="ok"}': 1,
        'wizard_step_duration_seconds_count{step="education"}': 1,
        'wizard_step_duration_seconds_sum{step="education"}': 240,
        'wizard_registrations{status="workflow_completed"}': 1,
        'wizard_queue{kind="code",queue="outbox"}': 1,
        'wizard_http_requests_total{method="POST",route="/registrations/<session_id>/<step>",status="422"}': 1,
    }
    assert {name: rises.get(name) for name in expected} == expected
    assert rises['wizard_redis_duration_seconds_count{command="PIPELINE"}'] > 10
    assert rises['wizard_database_duration_seconds_count{statement="INSERT"}'] > 3
    assert rises['wizard_http_request_duration_seconds_count{route="/registrations/<session_id>/<step>"}'] > 10


def test_what_stops_an_operation_is_told_by_rule_and_outcome(client: FlaskClient, services: Services) -> None:
    before = scraped(client)
    session_id = staged(services, university="mcmaster", country="IE")
    services.orchestrator.validate(SYSTEM, session_id)
    after = scraped(client)
    rises = risen(before, after)
    assert rises['wizard_rule_failures_total{rule="university_country.alignment",where="workflow"}'] == 1
    assert rises['wizard_operations_total{operation="validate",outcome="business_rule_violation"}'] == 1
    assert after['wizard_registrations_stopped{rule="university_country.alignment"}'] == 1
    assert after['wizard_registrations_open{step="review"}'] == 1


def test_levels_are_there_before_anything_happens(client: FlaskClient) -> None:
    samples = scraped(client)
    assert samples['wizard_up{service="redis"}'] == samples['wizard_up{service="database"}'] == 1
    for zero in (
        'wizard_queue{kind="",queue="outbox"}',
        'wizard_queue_oldest_seconds{kind="",queue="verification"}',
        'wizard_registrations_stuck{why="conflict"}',
        "wizard_registrations_unrecorded",
        'wizard_events_total{event="education.created"}',
    ):
        assert samples[zero] == 0, zero


def test_waiting_ages_by_the_clock(client: FlaskClient, applicant: Applicant, clock: FixedClock) -> None:
    applicant.start().answer().decide()
    applicant.send("account")
    clock.instant += timedelta(minutes=7)
    assert scraped(client)['wizard_queue_oldest_seconds{kind="code",queue="outbox"}'] == 420


def test_what_is_left_to_do_is_told_until_a_worker_has_done_it(
    client: FlaskClient, services: Services, clock: FixedClock
) -> None:
    staged(services)
    assert scraped(client)["wizard_registrations_unrecorded"] == 1
    clock.instant += timedelta(hours=24, minutes=5)
    late = scraped(client)
    assert (late["wizard_registrations_overdue"], late["wizard_registrations_overdue_seconds"]) == (1, 300)
    services.housekeeping.run_once()
    done = scraped(client)
    assert done["wizard_registrations_unrecorded"] == 0
    assert (done["wizard_registrations_overdue"], done["wizard_registrations_overdue_seconds"]) == (0, 0)


def test_an_address_that_leads_nowhere_makes_no_series(client: FlaskClient) -> None:
    before = scraped(client)
    for number in range(5):
        client.get(f"/nowhere/{number}")
        client.open("/", method=f"ODD{number}")
    rises = risen(before, scraped(client))
    assert rises['wizard_http_requests_total{method="GET",route="-",status="404"}'] == 5
    assert {name for name in rises if "nowhere" in name or "ODD" in name} == set()


def test_nothing_personal_is_in_them(applicant: Applicant, app_units: SqlUnitsOfWork, services: Services) -> None:
    applicant.start().answer(other_details="Planted School", notes="Planted words", university="other").decide()
    applicant.prove(app_units).declare()
    other = staged(services, email="planted@example.org", coto_status="general", coto_registration="PLNT77")
    own(applicant.client, other)
    applicant.client.get(f"/registrations/{other}/review?q=planted")
    applicant.client.get("/resume/planted-secret-token")
    text = applicant.client.get("/metrics").text.casefold()
    for personal in ("planted", "plnt77", "osot-", "example.org", other, applicant.session_id, "mcmaster", "masters"):
        assert personal.casefold() not in text, personal


# What asking costs, and what it says in trouble


def test_asking_costs_one_round_trip_however_much_there_is(app: Flask, client: FlaskClient, services: Services) -> None:
    for _ in range(5):
        staged(services)
    with counted(app.extensions["wizard_stores"].redis) as trips:
        before = scraped(client)
    assert trips.count == 1
    assert not {"KEYS", "SCAN", "ZRANGE", "SMEMBERS"} & {name for sent in trips.sent for name in sent}
    rises = risen(before, scraped(client))
    assert rises['wizard_database_statements_total{outcome="ok",statement="SELECT"}'] == 1


def test_without_redis_they_still_answer_and_say_so(client: FlaskClient, valkey: Valkey) -> None:
    valkey.server.stop()
    try:
        client.get("/staff/sign-in")
        samples = scraped(client)
    finally:
        valkey.server.start()
    assert (samples['wizard_up{service="redis"}'], samples['wizard_up{service="database"}']) == (0, 1)
    assert 'wizard_registrations{status="staged"}' not in samples
    assert samples['wizard_redis_requests_total{command="EVAL",outcome="unreachable"}'] == 1
    assert scraped(client)['wizard_up{service="redis"}'] == 1


def test_without_the_database_they_still_answer_and_say_so(app: Flask, client: FlaskClient, settings: Settings) -> None:
    with database_down(app, settings):
        samples = scraped(client)
    assert (samples['wizard_up{service="redis"}'], samples['wizard_up{service="database"}']) == (1, 0)
    assert not [name for name in samples if name.startswith("wizard_queue")]
    assert 'wizard_registrations{status="staged"}' in samples


def test_two_apps_count_apart(settings: Settings, clock: FixedClock, client: FlaskClient) -> None:
    before = scraped(client)
    other = Applicant(create_app(settings, clock=clock).test_client()).start()
    assert other.submit("identity", user_business_id="no number!").status_code == 422
    assert not [name for name in risen(before, scraped(client)) if "rule_failures" in name or "422" in name]
    told = samples_of(other.client.get("/metrics").text)
    assert told['wizard_rule_failures_total{rule="user_business_id.format",where="form"}'] == 1
