"""The API's sessions and workflow: from the first call to the record, and every way of being refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.api import DATA, ORCHESTRATOR, ApiClient, problem
from tests.support.racing import race
from tests.support.seed import Seeded
from wizard.core.actors import Privilege
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services

UNKNOWN = "7c1d9e52-0b4a-4f3e-8d6c-5a9b1e2f3c40"
SHAPE = {
    *("success", "sessionId", "userId", "status", "version", "timestamp", "expiresAt", "secondsLeft", "data"),
    *("progress", "validation", "contact", "accountId", "errors", "warnings", "nextStep", "actions", "metadata"),
}

pytestmark = pytest.mark.usefixtures("app_seeded")


def rule(body: dict[str, Any], rule_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in body["validation"]["rules"] if each["rule"] == rule_id)
    return found


def test_a_session_is_staged_with_what_is_known_of_it(main: ApiClient) -> None:
    answer = main.post(
        f"{ORCHESTRATOR}/stage",
        {"educationData": dict(DATA), "contact": "ada@example.org", "language": "fr", "ttlSeconds": 3600},
    )
    assert answer.status_code == 201
    body = answer.json
    assert set(body) == SHAPE
    assert answer.headers["Location"] == f"{ORCHESTRATOR}/session/{body['sessionId']}"
    assert (body["success"], body["status"], body["version"]) == (True, "staged", 1)
    assert body["data"] == {**DATA, "otherDetails": None, "cotoRegistration": None, "notes": None}
    assert body["expiresAt"] == "2026-11-23T16:00:00Z"
    assert (body["secondsLeft"], body["contact"]) == (3600, "ada@example.org")
    assert (body["nextStep"], body["actions"]) == ("validate", ["update", "validate", "extend", "cancel"])
    metadata = body["metadata"]
    assert (metadata["channel"], metadata["language"]) == ("api", "fr")
    assert metadata["actor"] == metadata["createdBy"] == "token:main-0"
    assert main.get(answer.headers["Location"]).json["data"] == body["data"]


def test_a_session_may_be_staged_with_nothing(main: ApiClient) -> None:
    nothing: tuple[object, ...] = (None, {})
    for sent in nothing:
        body = main.post(f"{ORCHESTRATOR}/stage", sent).json
        assert (body["status"], body["nextStep"]) == ("pending", "update")
        assert set(body["data"].values()) == {None}


def test_the_whole_way_call_by_call(main: ApiClient, app_seeded: Seeded) -> None:
    session_id = main.staged()["sessionId"]
    validated = main.on("validate", session_id).json
    assert (validated["success"], validated["status"]) == (True, "validated")
    assert rule(validated, "coto_registration.required")["outcome"] == "passed"
    assert rule(validated, "user_business_id.unique")["outcome"] == "passed"
    decided = main.on("determine-category", session_id).json
    assert (decided["category"], decided["status"]) == ("new_graduated", "category_determined")
    assert decided["rationale"]["codes"] == ["recent_graduation_in_membership_year"]
    assert "2026" in decided["rationale"]["text"]
    assert decided["validation"]["categoryRationale"] == decided["rationale"]
    assert decided["validation"]["membershipExpiresDate"] == "2027-09-30"
    linked = main.on("link-account", session_id, {"accountId": app_seeded.accounts[0].id}).json
    assert (linked["status"], linked["accountId"]) == ("account_linked", app_seeded.accounts[0].id)
    assert {check["outcome"] for check in linked["checks"]} <= {"passed", "not_checked"}
    created = main.on("create", session_id)
    assert created.status_code == 201
    assert created.json["status"] == "education_created"
    assert created.json["record"]["number"] == "osot-oted-0000001"
    assert created.json["record"]["privilege"] == "owner"
    assert "education.created" in created.json["eventsEmitted"]
    assert "coto_registration.required" in created.json["rulesApplied"]
    again = main.on("create", session_id)
    assert again.status_code == 200
    assert again.json["record"] == created.json["record"]
    done = main.on("execute-workflow", session_id).json
    assert (done["status"], done["nextStep"], done["actions"]) == ("workflow_completed", None, [])
    assert done["record"] == created.json["record"]
    assert set(done["data"].values()) == {None}


def test_the_whole_way_at_once_says_what_came_of_each_step(main: ApiClient, app_seeded: Seeded) -> None:
    session_id = main.staged()["sessionId"]
    body = main.on("execute-workflow", session_id, {"accountId": app_seeded.accounts[0].id}).json
    assert [step["step"] for step in body["steps"]] == ["validate", "determine_category", "link_account", "create"]
    assert all(step["success"] and not step["errors"] and step["durationMs"] >= 0 for step in body["steps"])
    assert body["progress"]["percent"] == 100


def test_a_record_made_at_once_tells_the_rules_it_was_made_by_and_their_warnings(
    main: ApiClient, app_seeded: Seeded
) -> None:
    session_id = main.staged(university="other", otherDetails="Dalhousie University")["sessionId"]
    body = main.on("execute-workflow", session_id, {"accountId": app_seeded.accounts[0].id}).json
    assert body["status"] == "workflow_completed"
    assert {"coto_registration.required", "account.one_record"} <= set(body["rulesApplied"])
    assert [warning["context"]["rule"] for warning in body["warnings"]] == body["record"]["verificationReasons"]
    assert body["record"]["verificationReasons"] == ["verification.unlisted_university"]
    assert main.get(f"{ORCHESTRATOR}/session/{session_id}").json["warnings"] == []


@pytest.mark.parametrize("tag", ["", '""', '"Kz", ""', '"1.1-en', "W/", ","])
def test_what_is_no_etag_is_not_the_one_stored(main: ApiClient, tag: str) -> None:
    place = f"{ORCHESTRATOR}/session/{main.staged()['sessionId']}"
    problem(main.call("DELETE", place, headers={"If-Match": tag}), 412, "CONFLICT")
    assert main.get(place).json["status"] == "staged"


def test_the_workflow_takes_the_account_given_at_staging(main: ApiClient, app_seeded: Seeded) -> None:
    staged = main.post(
        f"{ORCHESTRATOR}/stage", {"educationData": dict(DATA), "accountId": app_seeded.accounts[0].id}
    ).json
    assert main.on("execute-workflow", staged["sessionId"]).json["record"]["accountId"] == app_seeded.accounts[0].id


def test_the_workflow_stops_at_the_first_failure_and_says_which(main: ApiClient, app_seeded: Seeded) -> None:
    session_id = main.staged(country="FR")["sessionId"]
    answer = main.on("execute-workflow", session_id, {"accountId": app_seeded.accounts[0].id})
    told = problem(answer, 409, "BUSINESS_RULE_VIOLATION")
    assert told["errors"][0]["context"]["rule"] == "university_country.alignment"
    assert told["errors"][0]["field"] == "country"
    assert [(step["step"], step["success"]) for step in told["result"]["steps"]] == [("validate", False)]
    assert told["result"]["status"] == "staged"


def test_validation_answers_failures_and_is_no_error(main: ApiClient) -> None:
    session_id = main.staged(cotoStatus="general")["sessionId"]
    answer = main.on("validate", session_id)
    assert answer.status_code == 200
    assert answer.json["success"] is False
    assert answer.json["errors"][0]["context"] == {"rule": "coto_registration.required", "cotoStatus": "general"}
    failed = rule(answer.json, "coto_registration.required")
    assert (failed["outcome"], failed["field"]) == ("failed", "cotoRegistration")
    assert failed["message"]
    assert answer.json["validation"]["cotoRegistrationValid"] is False


def test_a_number_sent_where_none_applies_is_the_rules_to_refuse(main: ApiClient) -> None:
    session_id = main.staged(cotoRegistration="G1234567")["sessionId"]
    assert main.on("validate", session_id).json["errors"][0]["context"]["rule"] == "coto_registration.not_allowed"


def test_data_are_changed_with_the_version_that_was_seen(main: ApiClient) -> None:
    staged = main.staged()
    place = f"{ORCHESTRATOR}/session/{staged['sessionId']}"
    changed = main.call("PATCH", place, {"educationData": {"country": None, "notes": "x"}, "version": 1})
    assert changed.status_code == 200
    assert (changed.json["version"], changed.json["status"]) == (2, "pending")
    stale = main.call("PATCH", place, {"educationData": {"notes": "y"}, "version": 1})
    told = problem(stale, 409, "CONFLICT")
    assert told["errors"][0]["context"] == {"rule": "version.stale", "seen": "1", "current": "2"}
    assert told["result"]["data"]["notes"] == "x"
    same = main.call("PATCH", place, {"educationData": {"notes": "x"}, "version": 1})
    assert same.status_code == 200


def test_an_etag_guards_a_change_and_spares_an_answer(main: ApiClient) -> None:
    staged = main.staged()
    place = f"{ORCHESTRATOR}/session/{staged['sessionId']}"
    etag = main.get(place).headers["ETag"]
    assert main.get(place, If_None_Match=etag).status_code == 304
    body = {"educationData": {"notes": "x"}, "version": 1}
    assert main.call("PATCH", place, body, headers={"If-Match": etag}).status_code == 200
    refused = main.call("PATCH", place, {**body, "version": 2}, headers={"If-Match": etag})
    problem(refused, 412, "CONFLICT")
    problem(main.call("DELETE", place, headers={"If-Match": etag}), 412, "CONFLICT")
    assert main.call("DELETE", place, headers={"If-Match": "*"}).status_code == 200


def test_of_two_calls_meant_for_one_version_at_once_one_is_refused(main: ApiClient, app: Flask) -> None:
    def call(method: str, place: str, etag: str, body: object = None) -> Callable[[], int]:
        client = ApiClient(app.test_client(), main.token)
        return lambda: client.call(method, place, body, headers={"If-Match": etag}).status_code

    for _ in range(10):
        session_id = main.staged()["sessionId"]
        place = f"{ORCHESTRATOR}/session/{session_id}"
        etag = main.get(place).headers["ETag"]
        statuses = race(
            call("PATCH", place, etag, {"educationData": {"notes": "x"}, "version": 1}),
            call("DELETE", place, etag),
            call("POST", f"{ORCHESTRATOR}/extend/{session_id}", etag, {"ttlSeconds": 90_000}),
        ).results
        assert sorted(statuses) == [200, 412, 412]


def test_an_etag_is_of_one_language(main: ApiClient) -> None:
    place = f"{ORCHESTRATOR}/session/{main.staged()['sessionId']}"
    english = main.get(place).headers["ETag"]
    assert main.get(place, If_None_Match=english, Accept_Language="fr").status_code == 200
    changed = main.call(
        "PATCH",
        place,
        {"educationData": {"notes": "x"}, "version": 1},
        headers={"If-Match": english, "Accept-Language": "fr"},
    )
    assert changed.status_code == 200


def test_reading_needs_no_version(main: ApiClient) -> None:
    place = f"{ORCHESTRATOR}/session/{main.staged()['sessionId']}"
    assert main.get(place, If_Match='"9.9-en"').status_code == 200


def test_an_operation_may_insist_on_a_version_too(main: ApiClient) -> None:
    session_id = main.staged()["sessionId"]
    refused = main.post(f"{ORCHESTRATOR}/validate/{session_id}", {}, If_Match='"9.9-en"')
    assert problem(refused, 412, "CONFLICT")["errors"][0]["context"]["rule"] == "version.unmatched"


def test_a_cancelled_session_says_so_and_holds_nothing(main: ApiClient) -> None:
    staged = main.staged()
    place = f"{ORCHESTRATOR}/session/{staged['sessionId']}"
    for answer in (main.call("DELETE", place), main.call("DELETE", place), main.get(place)):
        assert answer.json["status"] == "cancelled"
        assert set(answer.json["data"].values()) == {None}
    told = problem(main.on("validate", staged["sessionId"]), 409, "WORKFLOW_STATE_INVALID")
    assert told["errors"][0]["context"]["status"] == "cancelled"
    assert told["detail"] == "The session is cancelled; nothing more is possible."


def test_an_operation_out_of_turn_says_which_would_fit(main: ApiClient) -> None:
    told = problem(main.on("determine-category", main.staged()["sessionId"]), 409, "WORKFLOW_STATE_INVALID")
    assert told["errors"][0]["context"]["possible"] == "update validate extend cancel"
    assert told["result"]["status"] == "staged"


def test_a_session_is_extended_up_to_its_greatest_age(main: ApiClient, clock: FixedClock) -> None:
    session_id = main.staged()["sessionId"]
    clock.instant += timedelta(hours=2)
    assert main.on("extend", session_id).json["expiresAt"] == "2026-11-24T17:00:00Z"
    longest = main.on("extend", session_id, {"ttlSeconds": 30 * 24 * 3600}).json
    assert longest["expiresAt"] == "2026-12-23T15:00:00Z"
    told = problem(main.on("extend", session_id), 409, "BUSINESS_RULE_VIOLATION")
    assert told["errors"][0]["context"]["rule"] == "extend.maximum_age"


def test_an_expired_session_is_not_found(main: ApiClient, clock: FixedClock) -> None:
    session_id = main.staged()["sessionId"]
    clock.instant += timedelta(hours=24)
    problem(main.get(f"{ORCHESTRATOR}/session/{session_id}"), 404, "NOT_FOUND")


@pytest.mark.parametrize("session_id", [UNKNOWN, "nonsense", UNKNOWN.upper(), "%00"])
def test_what_is_no_session_is_not_found(main: ApiClient, session_id: str) -> None:
    problem(main.get(f"{ORCHESTRATOR}/session/{session_id}"), 404, "NOT_FOUND")
    problem(main.on("execute-workflow", session_id), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "field", "rule_id"),
    [
        ({"educationData": {"privilege": "main"}}, "privilege", "api.unknown"),
        ({"privilege": "main"}, "privilege", "api.unknown"),
        ({"educationData": {"user_business_id": "x"}}, "user_business_id", "api.unknown"),
        ({"educationData": {"graduationYear": 2026}}, "graduationYear", "api.kind"),
        ({"educationData": {"degreeType": "phd"}}, "degreeType", "degree_type.choice"),
        ({"educationData": {"degreeType": " masters"}}, "degreeType", "degree_type.choice"),
        ({"educationData": {"userBusinessId": "a b"}}, "userBusinessId", "user_business_id.format"),
        ({"educationData": {"notes": "x" * 1001}}, "notes", "notes.format"),
        ({"contact": "nonsense"}, "contact", "email.format"),
        ({"accountId": "1"}, "accountId", "api.value"),
        ({"ttlSeconds": 59}, "ttlSeconds", "api.value"),
        ({"ttlSeconds": True}, "ttlSeconds", "api.kind"),
        ({"language": "de"}, "language", "api.value"),
        ([], None, "api.object"),
        ("text", None, "api.object"),
    ],
)
def test_what_is_malformed_is_named(main: ApiClient, body: object, field: str | None, rule_id: str) -> None:
    told = problem(main.post(f"{ORCHESTRATOR}/stage", body), 422, "VALIDATION_ERROR")
    assert (told["errors"][0]["field"], told["errors"][0]["context"]["rule"]) == (field, rule_id)


def test_a_whole_number_may_have_a_point(main: ApiClient) -> None:
    session_id = main.staged()["sessionId"]
    assert main.on("extend", session_id, {"ttlSeconds": 7200.0}).status_code == 200
    problem(main.on("extend", session_id, {"ttlSeconds": 7200.5}), 422, "VALIDATION_ERROR")


def test_what_is_trimmed_away_counts_as_sent(main: ApiClient) -> None:
    for field, most in (("otherDetails", 100), ("notes", 1000)):
        assert main.post(f"{ORCHESTRATOR}/stage", {"educationData": {field: " " * most}}).status_code == 201
        told = problem(
            main.post(f"{ORCHESTRATOR}/stage", {"educationData": {field: "\x85" * (most + 1)}}), 422, "VALIDATION_ERROR"
        )
        assert told["errors"][0]["field"] == field


def test_every_malformed_field_is_named_at_once(main: ApiClient) -> None:
    body = {"educationData": {"degreeType": "phd", "university": "oxford"}}
    told = problem(main.post(f"{ORCHESTRATOR}/stage", body), 422, "VALIDATION_ERROR")
    assert [error["field"] for error in told["errors"]] == ["degreeType", "university"]


def test_a_call_without_a_body_refuses_one(main: ApiClient) -> None:
    session_id = main.staged()["sessionId"]
    problem(main.on("validate", session_id, {"privilege": "main"}), 422, "VALIDATION_ERROR")
    assert main.on("validate", session_id, {}).status_code == 200


def test_a_body_has_to_be_json(main: ApiClient) -> None:
    place, token = f"{ORCHESTRATOR}/stage", {"Authorization": f"Bearer {main.token}"}
    sent = main.client.post(place, data="{", content_type="application/json", headers=token)
    assert problem(sent, 422, "VALIDATION_ERROR")["errors"][0]["context"]["rule"] == "api.json"
    problem(
        main.client.post(place, data=b"\xff", content_type="application/json", headers=token), 422, "VALIDATION_ERROR"
    )
    problem(main.client.post(place, data={"a": "b"}, headers=token), 415, "VALIDATION_ERROR")
    large = main.post(place, {"educationData": {"notes": "x" * 70_000}})
    problem(large, 413, "VALIDATION_ERROR")


def test_admin_may_do_all_but_create(admin: ApiClient, app_seeded: Seeded) -> None:
    session_id = admin.staged()["sessionId"]
    answer = admin.on("execute-workflow", session_id, {"accountId": app_seeded.accounts[0].id})
    told = problem(answer, 403, "PERMISSION_DENIED")
    assert told["result"]["status"] == "account_linked"
    steps = [(step["step"], step["success"]) for step in told["result"]["steps"]]
    assert steps[-2:] == [("link_account", True), ("create", False)]


def test_an_owner_registers_their_own_account_and_no_other(owner: ApiClient, app_seeded: Seeded) -> None:
    mine, other = app_seeded.accounts[0].id, app_seeded.accounts[1].id
    theirs = owner.staged(userBusinessId="osot-0000002")["sessionId"]
    told = problem(owner.on("execute-workflow", theirs, {"accountId": other}), 403, "PERMISSION_DENIED")
    assert told["errors"][0]["context"]["rule"] == "account.privilege"
    own = owner.staged()["sessionId"]
    assert owner.on("execute-workflow", own, {"accountId": mine}).status_code == 200


def test_a_session_is_its_own_tokens_and_the_desks(
    owner: ApiClient, main: ApiClient, client: FlaskClient, services: Services
) -> None:
    stranger = ApiClient.made(client, services, Privilege.OWNER, member_number="osot-0000002")
    place = f"{ORCHESTRATOR}/session/{owner.staged()['sessionId']}"
    assert owner.get(place).status_code == main.get(place).status_code == 200
    problem(stranger.get(place), 404, "NOT_FOUND")
    problem(stranger.call("DELETE", place), 404, "NOT_FOUND")


def test_an_owner_does_not_learn_who_is_a_member(owner: ApiClient, main: ApiClient, app_seeded: Seeded) -> None:
    main.recorded(app_seeded.accounts[1].id, userBusinessId="osot-0000002")
    session_id = owner.staged(userBusinessId="osot-0000002")["sessionId"]
    answer = owner.on("validate", session_id).json
    assert answer["success"] is True
    assert rule(answer, "user_business_id.unique")["outcome"] == "not_checked"
    desk = main.staged(userBusinessId="osot-0000002")["sessionId"]
    assert rule(main.on("validate", desk).json, "user_business_id.unique")["outcome"] == "failed"


def test_sessions_are_listed_for_the_desk(main: ApiClient, admin: ApiClient, owner: ApiClient) -> None:
    staged = [main.staged(userBusinessId=f"osot-000000{number}")["sessionId"] for number in range(1, 6)]
    place, listed = f"{ORCHESTRATOR}/sessions", []
    cursor: str | None = ""
    while cursor is not None:
        page = admin.get(f"{place}?limit=2&status=staged" + (f"&cursor={cursor}" if cursor else "")).json
        assert len(page["sessions"]) <= 2
        listed += [each["sessionId"] for each in page["sessions"]]
        cursor = page["nextCursor"]
    assert sorted(listed) == sorted(staged)
    assert main.get(f"{place}?status=validated").json == {"sessions": [], "nextCursor": None}
    found = main.get(f"{place}?memberNumber=osot-0000003").json["sessions"]
    assert [each["sessionId"] for each in found] == [staged[2]]
    assert main.get(f"{place}?unchangedSince=2026-11-23T14:00:00Z").json["sessions"] == []
    problem(owner.get(place), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    "query",
    [
        *("status=done", "limit=0", "limit=101", "limit=x", "cursor=x", "nothing=1", "status=staged&status=pending"),
        *("stuck=yes", "unchangedSince=yesterday", "unchangedSince=2026-11-23T14:00:00", "rule=none"),
    ],
)
def test_a_malformed_filter_is_refused(main: ApiClient, query: str) -> None:
    problem(main.get(f"{ORCHESTRATOR}/sessions?{query}"), 422, "VALIDATION_ERROR")
