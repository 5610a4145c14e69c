"""What every call of the API has: a token, limits, keys against doing twice, and answers that fit none else."""

from __future__ import annotations

import logging
from datetime import timedelta
from hashlib import sha256
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from tests.support.api import DATA, ORCHESTRATOR, SYSTEM, ApiClient, problem
from tests.support.databases import engine_of, statements
from tests.support.desk import sign_in
from tests.support.roundtrips import counted
from tests.support.seed import Seeded
from wizard import create_app
from wizard.config import Settings
from wizard.core.actors import Privilege
from wizard.core.clock import FixedClock
from wizard.core.errors import Conflict
from wizard.services.bundle import Services
from wizard.services.tokens import NewToken
from wizard.web.api import calling
from wizard.web.api.endpoints import ENDPOINTS, Endpoint
from wizard.web.security import MAX_BODY

STAGE = f"{ORCHESTRATOR}/stage"
CLOSED = [endpoint for endpoint in ENDPOINTS if not endpoint.is_open]
ANYTHING = "0b6f2d1c-9a8e-4c47-8a53-1f0e7d9c2b10"

pytestmark = pytest.mark.usefixtures("app_seeded")


def address(endpoint: Endpoint) -> str:
    places = {"<session_id>": ANYTHING, "<record_id>": ANYTHING, "<bulk_id>": ANYTHING}
    made = endpoint.rule
    for place, value in places.items():
        made = made.replace(place, value)
    return made


@pytest.mark.parametrize("endpoint", CLOSED, ids=lambda endpoint: endpoint.name)
@pytest.mark.parametrize("authorization", [None, "Bearer otw_wrong", "Bearer ", "Basic bWFpbjptYWlu", "nonsense"])
def test_every_call_but_two_takes_a_token(client: FlaskClient, endpoint: Endpoint, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = client.open(address(endpoint), method=endpoint.method, headers=headers)
    problem(answer, 401, "UNAUTHENTICATED")
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="ot-education"')
    assert ("invalid_token" in challenge) == (authorization is not None)


def test_the_open_calls_are_the_choices_and_the_category() -> None:
    assert {endpoint.name for endpoint in ENDPOINTS if endpoint.is_open} == {"choices", "category"}


def test_a_token_that_was_revoked_or_ran_out_is_refused(
    client: FlaskClient, services: Services, clock: FixedClock
) -> None:
    ends = clock.now() + timedelta(hours=1)
    short = ApiClient(client, services.tokens.create(SYSTEM, NewToken("short", Privilege.MAIN, expires_at=ends)))
    revoked = ApiClient(client, services.tokens.create(SYSTEM, NewToken("revoked", Privilege.MAIN)))
    services.tokens.revoke(SYSTEM, "revoked")
    assert short.get("/ot-education/records").status_code == 200
    problem(revoked.get("/ot-education/records"), 401, "UNAUTHENTICATED")
    clock.instant = ends
    problem(short.get("/ot-education/records"), 401, "UNAUTHENTICATED")


def test_a_browsers_session_opens_nothing_here(client: FlaskClient, app_seeded: Seeded) -> None:
    sign_in(client, app_seeded.main)
    problem(client.get("/ot-education/records"), 401, "UNAUTHENTICATED")


def test_no_call_sets_a_cookie_or_may_be_kept_by_others(main: ApiClient) -> None:
    answer = main.post(STAGE, {})
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Vary"] == "Accept-Language"


# Once, however often it is sent


def test_the_same_key_is_answered_the_same_and_done_once(main: ApiClient) -> None:
    body = {"educationData": dict(DATA)}
    first, second = (main.post(STAGE, body, Idempotency_Key="k1") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert first.headers["Location"] == second.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(main.get(f"{ORCHESTRATOR}/sessions").json["sessions"]) == 1


def test_what_was_answered_in_one_language_says_so_in_another(main: ApiClient) -> None:
    main.post(STAGE, {"x": 1}, Idempotency_Key="k1", Accept_Language="fr")
    again = main.post(STAGE, {"x": 1}, Idempotency_Key="k1", Accept_Language="en")
    assert again.headers["Content-Language"] == "fr"
    assert again.json["title"] == "Un champ est mal rempli ou manque"


def test_what_may_fare_better_in_a_moment_is_not_kept(
    main: ApiClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = main.staged()["sessionId"]

    def busy(*_arguments: object, **_more: object) -> None:
        raise Conflict("session.busy")

    with monkeypatch.context() as broken:
        broken.setattr(type(services.orchestrator), "extend", busy)
        refused = main.post(f"{ORCHESTRATOR}/extend/{session_id}", {}, Idempotency_Key="k1")
        assert refused.headers["Retry-After"] == "1"
    assert main.post(f"{ORCHESTRATOR}/extend/{session_id}", {}, Idempotency_Key="k1").status_code == 200


def test_another_body_under_a_key_is_refused(main: ApiClient) -> None:
    main.post(STAGE, {"educationData": dict(DATA)}, Idempotency_Key="k1")
    told = problem(main.post(STAGE, {}, Idempotency_Key="k1"), 422, "VALIDATION_ERROR")
    assert told["errors"][0]["context"]["rule"] == "idempotency.reused"


def test_a_key_belongs_to_a_token_and_an_address(main: ApiClient, client: FlaskClient, services: Services) -> None:
    other = ApiClient.made(client, services, Privilege.MAIN)
    ids = {each.post(STAGE, {}, Idempotency_Key="k1").json["sessionId"] for each in (main, other)}
    assert len(ids) == 2
    for session_id in ids:
        answer = main.post(f"{ORCHESTRATOR}/validate/{session_id}", {}, Idempotency_Key="k1")
        assert answer.json["sessionId"] == session_id


def test_a_refusal_is_answered_the_same_too(main: ApiClient) -> None:
    session_id = main.staged()["sessionId"]
    place = f"{ORCHESTRATOR}/create/{session_id}"
    first = main.post(place, Idempotency_Key="k1")
    problem(first, 409, "WORKFLOW_STATE_INVALID")
    main.on("validate", session_id)
    assert main.post(place, Idempotency_Key="k1").json == first.json


def test_a_call_under_way_is_not_begun_again(main: ApiClient, app: Flask) -> None:
    with app.test_request_context():
        app.extensions[calling.EXTENSION].claim(f"token:main-0\n{STAGE}\nk1", sha256(b"{}").hexdigest())
    answer = main.client.post(
        STAGE,
        data="{}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {main.token}", "Idempotency-Key": "k1"},
    )
    problem(answer, 409, "CONFLICT")
    assert answer.headers["Retry-After"] == "1"


def test_what_failed_on_our_side_is_tried_again(
    main: ApiClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("unforeseen")

    with monkeypatch.context() as broken:
        broken.setattr(type(services.orchestrator), "stage", failing)
        told = problem(main.post(STAGE, {}, Idempotency_Key="k1"), 500, "INTERNAL_ERROR")
    assert told["errorId"] in told["detail"]
    assert "unforeseen" not in str(told)
    assert main.post(STAGE, {}, Idempotency_Key="k1").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel"])
def test_a_key_that_is_none_is_refused(main: ApiClient, key: str) -> None:
    told = problem(main.post(STAGE, {}, Idempotency_Key=key), 422, "VALIDATION_ERROR")
    assert told["errors"][0]["context"]["rule"] == "idempotency.key"


def test_a_malformed_call_can_be_mended_under_another_key_only(main: ApiClient) -> None:
    problem(main.post(STAGE, {"x": 1}, Idempotency_Key="k1"), 422, "VALIDATION_ERROR")
    problem(main.post(STAGE, {}, Idempotency_Key="k1"), 422, "VALIDATION_ERROR")
    assert main.post(STAGE, {}, Idempotency_Key="k2").status_code == 201


# Limits


@pytest.fixture
def limited(settings: Settings) -> Settings:
    return settings.model_copy(update={"limit_api": "3 per hour; 100 per day", "limit_open_api": "2 per hour"})


def test_calls_are_limited_and_say_how_many_are_left(limited: Settings, clock: FixedClock, services: Services) -> None:
    again = create_app(limited, clock=clock)
    main = ApiClient.made(again.test_client(), services, Privilege.MAIN)
    left = []
    for _ in range(3):
        answer = main.get("/ot-education/records")
        assert answer.headers["RateLimit-Policy"] == '"3600";q=3;w=3600, "86400";q=100;w=86400'
        left.append(answer.headers["RateLimit"].split(";")[1])
    assert left == ["r=2", "r=1", "r=0"]
    refused = main.get("/ot-education/records")
    problem(refused, 429, "RATE_LIMITED")
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["RateLimit"].split(";")[1] == "r=0"
    other = ApiClient.made(again.test_client(), services, Privilege.MAIN)
    assert other.get("/ot-education/records").status_code == 200


def test_whoever_has_no_token_is_limited_by_address(limited: Settings, clock: FixedClock, redis_client: Redis) -> None:
    client = create_app(limited, clock=clock).test_client()
    calls = (
        lambda: client.get("/ot-education/choices"),
        lambda: client.post("/ot-education/category", json={"graduationYear": "2026", "cotoStatus": "pending"}),
        lambda: client.get("/ot-education/records", headers={"Authorization": "Bearer otw_wrong"}),
    )
    for call, usual in zip(calls, (200, 200, 401), strict=True):
        redis_client.flushall()
        statuses = [call().status_code for _ in range(3)]  # type: ignore[no-untyped-call]
        assert statuses == [usual, usual, 429]


def test_unknown_tokens_are_counted_before_the_database_is_asked(
    limited: Settings, clock: FixedClock, services: Services
) -> None:
    again = create_app(limited, clock=clock)
    client, engine = again.test_client(), engine_of(again)
    lately, seldom = (ApiClient.made(client, services, Privilege.MAIN) for _ in range(2))
    assert lately.get("/ot-education/records").status_code == 200
    guessing = [ApiClient(client, f"otw_guess-{number}") for number in range(4)]
    with statements(engine) as asked:
        statuses = [each.get("/ot-education/records").status_code for each in guessing]
    assert statuses == [401, 401, 429, 429]
    assert len([each for each in asked if each.startswith("SELECT")]) == 2
    # Whoever was let in from there lately goes on; whoever was not waits, and from elsewhere is not concerned.
    assert lately.get("/ot-education/records").status_code == 200
    refused = seldom.get("/ot-education/records")
    problem(refused, 429, "RATE_LIMITED")
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["RateLimit"].split(";")[1] == "r=0"
    elsewhere = {"REMOTE_ADDR": "192.0.2.9"}
    bearer = {"Authorization": f"Bearer {seldom.token}"}
    assert client.get("/ot-education/records", headers=bearer, environ_base=elsewhere).status_code == 200


def test_an_open_call_spends_nothing_of_what_tokens_may(
    limited: Settings, clock: FixedClock, services: Services
) -> None:
    client = create_app(limited, clock=clock).test_client()
    assert [client.get("/ot-education/choices").status_code for _ in range(3)] == [200, 200, 429]
    assert ApiClient.made(client, services, Privilege.MAIN).get("/ot-education/records").status_code == 200


# What it costs, and what it tells


def test_a_call_costs_redis_few_round_trips(main: ApiClient, app: Flask) -> None:
    redis: Redis = app.extensions["wizard_stores"].redis
    session_id = main.staged()["sessionId"]
    with counted(redis) as trips:
        main.get(f"{ORCHESTRATOR}/session/{session_id}")
    assert trips.count == 3
    with counted(redis) as trips:
        main.on("validate", session_id)
    assert trips.count == 4


def test_a_refusal_is_in_the_audit_trail(client: FlaskClient, services: Services) -> None:
    admin = ApiClient.made(client, services, Privilege.ADMIN)
    told = problem(admin.post(f"{ORCHESTRATOR}/bulk", {"rows": [dict(DATA)]}), 403, "PERMISSION_DENIED")
    assert told["detail"] == "This takes the privilege main."
    with services.trail.units.read() as unit:
        rows = unit.audit.history("token:admin-0")
    # In one chain with what was done to the token.
    assert [(row.event.name.value, row.event.actor) for row in rows] == [
        ("token.created", "system:tests"),
        ("access.denied", "token:admin-0"),
    ]


def test_answers_come_in_the_language_asked_for(main: ApiClient) -> None:
    english = main.post(STAGE, {"educationData": {"degreeType": "x"}})
    french = main.post(STAGE, {"educationData": {"degreeType": "x"}}, Accept_Language="fr-CA,en;q=0.5")
    assert (english.headers["Content-Language"], french.headers["Content-Language"]) == ("en", "fr")
    assert english.json["detail"] != french.json["detail"]
    assert french.json["title"] == "Un champ est mal rempli ou manque"


def test_an_unknown_address_and_method_are_problems_too(main: ApiClient) -> None:
    problem(main.get("/ot-education/nothing"), 404, "NOT_FOUND")
    answer = main.call("PUT", "/ot-education/records")
    problem(answer, 405, "VALIDATION_ERROR")
    assert "GET" in answer.headers["Allow"]


def test_a_dead_redis_is_a_503(settings: Settings, clock: FixedClock, services: Services) -> None:
    dead = create_app(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"}), clock=clock)
    answer = ApiClient.made(dead.test_client(), services, Privilege.MAIN).get("/ot-education/records")
    problem(answer, 503, "EXTERNAL_SERVICE_ERROR")
    assert int(answer.headers["Retry-After"]) >= 1


def test_no_token_and_nothing_personal_is_logged(main: ApiClient, capsys: pytest.CaptureFixture[str]) -> None:
    logging.captureWarnings(capture=False)
    main.post(STAGE, {"educationData": {**DATA, "notes": "Geheimnis"}, "contact": "ada@example.org"})
    main.get("/ot-education/accounts?memberNumber=osot-0000001")
    logged = capsys.readouterr()
    for secret in (main.token, "Geheimnis", "ada@example.org", "osot-0000001"):
        assert secret not in logged.out + logged.err


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"educationData": {"country": "CA"}}', 201),
        (b"{}" + b" " * (MAX_BODY - 3), 201),
        (b"{}" + b" " * MAX_BODY, 413),
        (b"{}" + b" " * MAX_BODY + b"not JSON", 413),
    ],
)
def test_a_body_that_does_not_say_its_length_is_taken_whole_or_not_at_all(
    client: FlaskClient, main: ApiClient, body: bytes, status: int
) -> None:
    answer = client.post(
        STAGE,
        input_stream=BytesIO(body),
        headers={
            "Authorization": f"Bearer {main.token}",
            "Content-Type": "application/json",
            "Transfer-Encoding": "chunked",
        },
        # As of a server that puts chunks together.
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == status, answer.text
    if status == 413:
        problem(answer, 413, "VALIDATION_ERROR")
