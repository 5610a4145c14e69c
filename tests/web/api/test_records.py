"""The API's records, accounts, bulk registrations, choices and categories."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from tests.support.api import DATA, ORCHESTRATOR, SYSTEM, ApiClient, problem
from tests.support.seed import Seeded
from wizard.services.bundle import Services

RECORDS, CHOICES, CATEGORY = "/ot-education/records", "/ot-education/choices", "/ot-education/category"
BULK = f"{ORCHESTRATOR}/bulk"

pytestmark = pytest.mark.usefixtures("app_seeded")


@pytest.fixture
def records(main: ApiClient, app_seeded: Seeded) -> dict[str, dict[str, Any]]:
    """One record for each access modifier; the private one is the owner's."""
    modifiers = {"private": 0, "protected": 1, "public": 2}
    return {
        modifier: main.recorded(
            app_seeded.accounts[place].id,
            userBusinessId=app_seeded.accounts[place].number,
            accessModifier=modifier,
            graduationYear=str(2024 + place),
        )
        for modifier, place in modifiers.items()
    }


@pytest.fixture
def everybody(client: FlaskClient) -> ApiClient:
    return ApiClient(client)


def work(services: Services) -> None:
    while services.bulk.workers.run_once():
        pass


# Records


@pytest.mark.parametrize(
    ("privilege", "read"),
    [
        ("main", ["public", "protected", "private"]),
        ("admin", ["public", "protected"]),
        ("owner", ["public", "private"]),
    ],
)
def test_a_token_lists_and_reads_what_the_access_modifier_opens_to_it(
    request: pytest.FixtureRequest, records: dict[str, dict[str, Any]], privilege: str, read: list[str]
) -> None:
    client: ApiClient = request.getfixturevalue(privilege)
    listed = client.get(RECORDS).json
    assert [each["accessModifier"] for each in listed["records"]] == read
    for modifier, record in records.items():
        answer = client.get(f"{RECORDS}/{record['id']}")
        if modifier in read:
            assert answer.json["number"] == record["number"]
        else:
            problem(answer, 403, "PERMISSION_DENIED")


def test_the_history_is_the_desks(
    main: ApiClient, admin: ApiClient, owner: ApiClient, records: dict[str, dict[str, Any]]
) -> None:
    for client in (main, admin):
        history = client.get(f"{RECORDS}/{records['public']['id']}").json["history"]
        assert "education.created" in [each["event"] for each in history]
    assert owner.get(f"{RECORDS}/{records['private']['id']}").json["history"] is None


@pytest.mark.parametrize("record_id", ["7c1d9e52-0b4a-4f3e-8d6c-5a9b1e2f3c40", "nonsense"])
def test_whether_there_is_a_record_is_not_everybodys_to_know(main: ApiClient, owner: ApiClient, record_id: str) -> None:
    problem(main.get(f"{RECORDS}/{record_id}"), 404, "NOT_FOUND")
    assert owner.get(f"{RECORDS}/{record_id}").status_code in {403, 404}


def test_records_are_filtered_and_paged(main: ApiClient, records: dict[str, dict[str, Any]]) -> None:
    def numbers(query: str) -> list[str]:
        return [each["number"] for each in main.get(f"{RECORDS}?{query}").json["records"]]

    assert numbers("graduationYear=2025") == [records["protected"]["number"]]
    assert numbers("search=osot-0000003") == [records["public"]["number"]]
    assert numbers("educationCategory=graduated") == [records["private"]["number"]]
    assert numbers("university=western") == []
    first = main.get(f"{RECORDS}?limit=2").json
    assert len(first["records"]) == 2
    assert numbers(f"limit=2&cursor={first['nextCursor']}") == [records["private"]["number"]]


def test_a_record_is_corrected_by_the_rules(main: ApiClient, records: dict[str, dict[str, Any]]) -> None:
    place = f"{RECORDS}/{records['public']['id']}"
    etag = main.get(place).headers["ETag"]
    body = {"educationData": {"cotoStatus": "general", "cotoRegistration": "g2601234"}, "version": 1}
    corrected = main.call("PATCH", place, body, headers={"If-Match": etag})
    assert (corrected.json["cotoRegistration"], corrected.json["version"]) == ("G2601234", 2)
    problem(main.call("PATCH", place, {**body, "version": 2}, headers={"If-Match": etag}), 412, "CONFLICT")
    stale = {"educationData": {"notes": "x"}, "version": 1}
    problem(main.call("PATCH", place, stale), 409, "CONFLICT")
    wrong = {"educationData": {"country": "FR"}, "version": 2}
    told = problem(main.call("PATCH", place, wrong), 409, "BUSINESS_RULE_VIOLATION")
    assert told["errors"][0]["field"] == "country"
    history = main.get(place).json["history"]
    assert history[-1]["changes"]["cotoStatus"] == {"before": "pending", "after": "general"}


def test_an_owner_corrects_their_own_record_alone(owner: ApiClient, records: dict[str, dict[str, Any]]) -> None:
    body = {"educationData": {"notes": "mine"}, "version": 1}
    assert owner.call("PATCH", f"{RECORDS}/{records['private']['id']}", body).json["notes"] == "mine"
    problem(owner.call("PATCH", f"{RECORDS}/{records['public']['id']}", body), 403, "PERMISSION_DENIED")


def test_a_record_is_deleted_by_main_with_a_reason(
    main: ApiClient, admin: ApiClient, records: dict[str, dict[str, Any]]
) -> None:
    place = f"{RECORDS}/{records['public']['id']}"
    problem(main.call("DELETE", place), 422, "VALIDATION_ERROR")
    for reason in ("  ", "\u0085", "Twice.\0", "\x1d"):
        problem(main.call("DELETE", place, {"reason": reason}), 422, "VALIDATION_ERROR")
    problem(admin.call("DELETE", place, {"reason": "Twice."}), 403, "PERMISSION_DENIED")
    problem(main.call("DELETE", place, {"reason": "Twice.", "version": 9}), 409, "CONFLICT")
    gone = main.call("DELETE", place, {"reason": "Twice.", "version": 1})
    assert (gone.status_code, gone.answer.data) == (204, b"")
    problem(main.get(place), 404, "NOT_FOUND")
    problem(main.call("DELETE", place, {"reason": "Twice."}), 404, "NOT_FOUND")


def test_the_etag_of_a_record_changes_with_its_history(main: ApiClient, records: dict[str, dict[str, Any]]) -> None:
    place = f"{RECORDS}/{records['public']['id']}"
    first = main.get(place)
    assert main.get(place, If_None_Match=first.headers["ETag"]).status_code == 304
    main.call("PATCH", place, {"educationData": {"notes": "x"}, "version": 1})
    assert main.get(place, If_None_Match=first.headers["ETag"]).status_code == 200


def test_a_record_is_deleted_only_as_it_was_seen(main: ApiClient, records: dict[str, dict[str, Any]]) -> None:
    place = f"{RECORDS}/{records['public']['id']}"
    etag = main.get(place).headers["ETag"]
    main.call("PATCH", place, {"educationData": {"notes": "x"}, "version": 1})
    problem(main.call("DELETE", place, {"reason": "Twice."}, headers={"If-Match": etag}), 412, "CONFLICT")


# Accounts


def test_an_account_is_found_by_its_member_number(
    main: ApiClient, admin: ApiClient, owner: ApiClient, app_seeded: Seeded
) -> None:
    for client in (main, admin):
        answer = client.get("/ot-education/accounts?memberNumber=OSOT-0000003")
        account = app_seeded.accounts[2]
        assert answer.json == {"accountId": account.id, "memberNumber": account.number, "status": "pending"}
    problem(main.get("/ot-education/accounts?memberNumber=osot-9"), 404, "NOT_FOUND")
    problem(main.get("/ot-education/accounts"), 422, "VALIDATION_ERROR")
    problem(owner.get("/ot-education/accounts?memberNumber=osot-0000001"), 403, "PERMISSION_DENIED")


# Bulk registration


def test_many_are_registered_each_on_their_own(main: ApiClient, services: Services) -> None:
    rows = [
        {**DATA},
        {**DATA, "userBusinessId": "osot-0000002", "country": "FR"},
        {**DATA, "userBusinessId": "osot-0000005", "graduationYear": None, "email": "eli@example.org"},
    ]
    answer = main.post(BULK, {"rows": rows})
    assert answer.status_code == 202
    place = answer.headers["Location"]
    assert place == f"{BULK}/{answer.json['bulkId']}"
    assert [answer.json[name] for name in ("state", "total", "done", "toDo")] == ["checking", 3, 0, 3]
    work(services)
    done = main.get(place).json
    assert (done["state"], done["total"], done["done"], done["toDo"]) == ("done", 3, 3, 0)
    assert [(row["row"], row["state"]) for row in done["rows"]] == [(1, "created"), (2, "rejected"), (3, "incomplete")]
    assert done["rows"][0]["recordNumber"] == "osot-oted-0000001"
    assert done["rows"][1]["errors"][0]["field"] == "country"
    assert "you" not in done["rows"][1]["errors"][0]["message"]
    assert [row["row"] for row in main.get(f"{place}?state=rejected").json["rows"]] == [2]
    first = main.get(f"{place}?limit=2").json
    assert [row["row"] for row in main.get(f"{place}?limit=2&after={first['nextAfter']}").json["rows"]] == [3]


def test_rows_may_be_checked_without_registering_any(main: ApiClient, services: Services) -> None:
    place = main.post(BULK, {"rows": [dict(DATA)], "validateOnly": True}).headers["Location"]
    work(services)
    done = main.get(place).json
    assert (done["state"], done["done"], done["rows"][0]["state"]) == ("checked", 1, "ready")
    assert done["rows"][0]["educationCategory"] == "new_graduated"
    assert main.get(RECORDS).json["records"] == []


def test_bulk_registration_is_for_main(main: ApiClient, admin: ApiClient, owner: ApiClient) -> None:
    place = main.post(BULK, {"rows": [dict(DATA)]}).headers["Location"]
    for client in (admin, owner):
        problem(client.post(BULK, {"rows": [dict(DATA)]}), 403, "PERMISSION_DENIED")
        problem(client.get(place), 403, "PERMISSION_DENIED")
    problem(main.get(f"{BULK}/{uuid4()}"), 404, "NOT_FOUND")
    problem(main.get(f"{BULK}/nonsense"), 404, "NOT_FOUND")


@pytest.mark.parametrize("body", [{}, {"rows": []}, {"rows": [{"privilege": "main"}]}, {"rows": [[]]}])
def test_a_malformed_bulk_registration_is_refused_whole(main: ApiClient, body: object) -> None:
    problem(main.post(BULK, body), 422, "VALIDATION_ERROR")


def test_ten_thousand_rows_may_come_at_once_and_no_more(main: ApiClient) -> None:
    row = {**DATA, "notes": "x" * 100}
    assert main.post(BULK, {"rows": [row] * 10_000, "validateOnly": True}).status_code == 202
    problem(main.post(BULK, {"rows": [row] * 10_001}), 422, "VALIDATION_ERROR")


@pytest.mark.parametrize("value", [None, "", " "])
@pytest.mark.parametrize("field", ["userBusinessId", "degreeType", "graduationYear", "accessModifier"])
def test_a_correction_takes_nothing_away_that_every_record_has(
    main: ApiClient, app_seeded: Seeded, client: FlaskClient, field: str, value: str | None
) -> None:
    record = main.recorded(app_seeded.accounts[0].id)
    body = {"version": 1, "educationData": {field: value}}
    told = problem(main.call("PATCH", f"{RECORDS}/{record['id']}", body), 422, "VALIDATION_ERROR")
    assert (told["errors"][0]["field"], told["errors"][0]["context"]["rule"].split(".")[1]) == (field, "required")
    given = client.get("/openapi.json").get_json()["components"]["schemas"]["CorrectionGiven"]["properties"]
    assert not Draft202012Validator(given[field]).is_valid(value)


def test_a_row_that_is_wrong_costs_that_row_alone(main: ApiClient) -> None:
    rows = [dict(DATA), {**DATA, "degreeType": "phd"}, {**DATA, "university": " "}, {"email": "x" * 300}]
    answer = main.post(f"{ORCHESTRATOR}/bulk", {"rows": rows})
    assert (answer.status_code, answer.json["total"]) == (202, 4)


@pytest.mark.parametrize("query", ["university=AAA", "graduationYear=2031", "graduationYear=soon", "university="])
def test_records_are_filtered_by_choices_alone(main: ApiClient, query: str) -> None:
    told = problem(main.get(f"/ot-education/records?{query}"), 422, "VALIDATION_ERROR")
    assert told["errors"][0]["context"]["rule"].endswith(".choice")


# For everybody


def test_every_choice_is_listed_with_label_and_code(everybody: ApiClient) -> None:
    english, french = (everybody.get(CHOICES, Accept_Language=language) for language in ("en", "fr"))
    lists = english.json
    assert {name: len(entries) for name, entries in lists.items()} == {
        "cotoStatus": 6,
        "degreeType": 5,
        "university": 7,
        "graduationYear": 53,
        "country": 249,
        "educationCategory": 3,
        "accessModifier": 3,
        "privilege": 3,
        "accountStatus": 3,
    }
    assert {"value": "general", "label": "General certificate", "code": 4} in lists["cotoStatus"]
    assert {"value": "2026", "label": "2026", "code": 50} in lists["graduationYear"]
    assert {"value": "main", "label": "Desk (main)", "code": 3} in lists["privilege"]
    germany = next(each for each in french.json["country"] if each["value"] == "DE")
    assert germany["label"] == "Allemagne"


def test_choices_are_cached_by_their_etag(everybody: ApiClient) -> None:
    first = everybody.get(CHOICES)
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    assert everybody.get(CHOICES, If_None_Match=first.headers["ETag"]).status_code == 304
    french = everybody.get(CHOICES, If_None_Match=first.headers["ETag"], Accept_Language="fr")
    assert french.status_code == 200


@pytest.mark.parametrize(
    ("year", "status", "category", "codes"),
    [
        ("2026", "pending", "new_graduated", ["recent_graduation_in_membership_year"]),
        ("2027", "general", "graduated", ["future_graduation", "registered_before_graduation"]),
        ("pre-1960", "other", "graduated", ["graduated"]),
    ],
)
def test_the_category_of_somebody_without_a_session(
    everybody: ApiClient, year: str, status: str, category: str, codes: list[str]
) -> None:
    answer = everybody.post(CATEGORY, {"graduationYear": year, "cotoStatus": status})
    assert (answer.json["category"], answer.json["rationale"]["codes"]) == (category, codes)
    assert answer.json["rationale"]["text"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"graduationYear": "2031", "cotoStatus": "pending"}, 409, "BUSINESS_RULE_VIOLATION"),
        ({"graduationYear": "soon", "cotoStatus": "pending"}, 422, "VALIDATION_ERROR"),
        ({"graduationYear": "2026", "cotoStatus": "none"}, 422, "VALIDATION_ERROR"),
        ({"graduationYear": "2026"}, 422, "VALIDATION_ERROR"),
        ({"graduationYear": "2026", "cotoStatus": "pending", "privilege": "main"}, 422, "VALIDATION_ERROR"),
    ],
)
def test_a_category_is_decided_from_choices_alone(everybody: ApiClient, body: object, status: int, code: str) -> None:
    problem(everybody.post(CATEGORY, body), status, code)


def test_without_a_membership_year_nothing_is_guessed(everybody: ApiClient, services: Services) -> None:
    services.membership.set(SYSTEM, None)
    answer = everybody.post(CATEGORY, {"graduationYear": "2026", "cotoStatus": "pending"})
    assert answer.json["category"] == "graduated"
    assert answer.json["rationale"]["codes"] == ["no_active_membership_year"]
