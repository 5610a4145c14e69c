"""The document of the API says what the API does: every route, every field, with examples that hold."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic.alias_generators import to_snake
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.support.api import ORCHESTRATOR, ApiClient
from wizard.core.actors import Privilege
from wizard.core.errors import ErrorCode, Problem
from wizard.services.bundle import Services
from wizard.web.api import examples, problem_examples, words
from wizard.web.api.endpoints import ENDPOINTS
from wizard.web.api.operations import place_of
from wizard.web.api.problems import STATUSES

Json = dict[str, Any]


@pytest.fixture
def document(client: FlaskClient) -> Json:
    found: Json = client.get("/openapi.json").get_json()
    return found


def operations(document: Json) -> list[tuple[str, str, Json]]:
    return [
        (address, method, operation)
        for address, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def validator(document: Json, schema: Json) -> Draft202012Validator:
    resource = DRAFT202012.create_resource(document)
    registry: Registry[Any] = Registry[Any]().with_resource("urn:document", resource)
    return Draft202012Validator(_absolute(schema), registry=registry)


def _absolute(schema: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(schema, dict):
        return {name: f"urn:document{value}" if name == "$ref" else _absolute(value) for name, value in schema.items()}
    return [_absolute(each) for each in schema] if isinstance(schema, list) else schema


def contents(document: Json, part: Json) -> list[tuple[Json, Json]]:
    """The schemas and examples of a body, wherever it is described."""
    if "$ref" in part:
        for name in part["$ref"].removeprefix("#/").split("/"):
            document = document[name]
        part = document
    return [
        (content["schema"], example["value"])
        for content in part.get("content", {}).values()
        for example in content["examples"].values()
    ]


def test_it_is_openapi(document: Json) -> None:
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1")


def test_it_has_every_route_and_no_other(app: Flask, document: Json) -> None:
    routes = {
        (re.sub(r"<(\w+)>", "{}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/ot-education/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(re.sub(r"\{\w+\}", "{}", address), method) for address, method, _ in operations(document)}
    assert described == routes
    assert len(described) == len(ENDPOINTS)


def test_every_call_and_every_error_has_an_example_that_holds(document: Json) -> None:
    for address, method, operation in operations(document):
        parts = [*operation["responses"].values(), *filter(None, [operation.get("requestBody")])]
        shown = [each for part in parts for each in contents(document, part)]
        assert shown, (address, method)
        for schema, example in shown:
            errors = list(validator(document, schema).iter_errors(example))
            assert not errors, (address, method, errors[0].message, list(errors[0].absolute_path))


def test_every_answer_with_content_has_an_example(document: Json) -> None:
    for address, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if status not in {"204", "304", "414"}:
                assert contents(document, response), (address, method, status)


@pytest.mark.usefixtures("app_seeded")
def test_examples_say_what_the_calls_say(main: ApiClient) -> None:
    """Whatever an example shows the calls could answer: to what is sent beside it, and with these very sentences."""
    sent, answered = examples.REQUESTS, examples.ANSWERS
    for name in ("stage", "update"):
        assert answered[name]["data"].items() >= sent[name]["educationData"].items()
    assert (answered["stage"]["contact"], answered["stage"]["metadata"]["language"]) == ("amara@example.org", "fr")
    assert answered["load_bulk"]["total"] == len(sent["load_bulk"]["rows"])
    assert answered["category"] == main.post("/ot-education/category", sent["category"]).json
    choices = main.get("/ot-education/choices").json
    assert all(each in choices[name] for name, listed in answered["choices"].items() for each in listed)
    for code in ErrorCode:
        told = problem_examples.problem(code)
        error = told["errors"][0]
        params = {to_snake(name): value for name, value in error["context"].items() if name != "rule"}
        if code is not ErrorCode.INTERNAL_ERROR:
            found = Problem(code, error["context"]["rule"], error["field"], params)
            with main.client.application.test_request_context("/ot-education/choices"):
                assert error["message"] == words.problem(found)
                assert told["title"] == str(words.TITLES[code])


def test_every_error_tells_of_the_headers_it_has(document: Json, main: ApiClient, client: FlaskClient) -> None:
    described = document["components"]["responses"]
    assert "Retry-After" in described["RATE_LIMITED"]["headers"]
    assert "Retry-After" in described["EXTERNAL_SERVICE_ERROR"]["headers"]
    refused = ApiClient(client, "wrong").get(f"{ORCHESTRATOR}/sessions")
    missing = main.get(f"{ORCHESTRATOR}/session/7c1d9e52-0b4a-4f3e-8d6c-5a9b1e2f3c40")
    for code, answer in (("UNAUTHENTICATED", refused), ("NOT_FOUND", missing)):
        assert set(described[code]["headers"]) <= set(answer.headers.keys())
        assert {"RateLimit", "X-Request-ID", "Content-Language"} <= set(described[code]["headers"])
    assert "WWW-Authenticate" in described["UNAUTHENTICATED"]["headers"]
    for _, _, operation in operations(document):
        for response in operation["responses"].values():
            for header in response.get("headers", {}).values():
                assert header["$ref"].rpartition("/")[2] in document["components"]["headers"]


@pytest.mark.parametrize(
    "sent", [(b"x", "text/plain"), (b" " * 70_000, "application/json"), (b"[]", "application/json")]
)
def test_a_body_that_no_call_takes_is_answered_as_described(
    document: Json, main: ApiClient, sent: tuple[bytes, str]
) -> None:
    body, kind = sent
    for address, method, operation in operations(document):
        place = re.sub(r"{\w+}", "7c1d9e52-0b4a-4f3e-8d6c-5a9b1e2f3c40", address)
        headers = {"Authorization": f"Bearer {main.token}"}
        answer = main.client.open(place, method=method.upper(), data=body, content_type=kind, headers=headers)
        assert str(answer.status_code) in operation["responses"], (method, address, answer.status_code)
        assert answer.status_code in {413, 415, 422}, (method, address)


def test_every_code_is_described_under_its_status(document: Json) -> None:
    assert set(document["components"]["responses"]) == {code.value for code in ErrorCode}
    for endpoint in ENDPOINTS:
        responses = document["paths"][place_of(endpoint)][endpoint.method.lower()]["responses"]
        for code in endpoint.errors:
            assert str(STATUSES[code]) in responses


def test_all_but_the_open_calls_ask_for_a_token(document: Json) -> None:
    is_open = {operation["operationId"] for _, _, operation in operations(document) if operation.get("security") == []}
    assert is_open == {"choices", "category"}
    assert document["security"] == [{"token": []}]


def test_choices_are_those_of_the_day(document: Json) -> None:
    given = document["components"]["schemas"]["EducationDataGiven"]["properties"]
    assert given["graduationYear"]["enum"][-2:] == ["2029", None]
    assert len(given["country"]["enum"]) == 250
    assert re.fullmatch(given["cotoRegistration"]["pattern"], "G2601234")
    assert not re.fullmatch(given["cotoRegistration"]["pattern"], "G26012345")


@pytest.mark.parametrize(
    ("field", "kept", "broken"),
    [
        ("cotoRegistration", ["G1", "", " g1\u00a0"], ["G 1", "x" * 9, "\u0131", "\u017f1", "\ufb01"]),
        ("userBusinessId", ["osot-0000001", "", " A_1 "], ["a b", "x" * 21, "é"]),
        ("otherDetails", ["Dalhousie", "", "北京大学", "a", "\u00a0\u3000", "\ta"], ["\u200b", "a\tb", "x" * 101]),
        ("notes", ["", "two\nlines", "a\tb", "\x1ca\x0c"], ["\x00", "\x1b", "x" * 1001]),
    ],
)
def test_patterns_say_what_the_calls_say(
    client: FlaskClient, services: Services, document: Json, field: str, kept: list[str], broken: list[str]
) -> None:
    schema = document["components"]["schemas"]["EducationDataGiven"]["properties"][field]
    check, main = Draft202012Validator(schema), ApiClient.made(client, services, Privilege.MAIN)
    for text in (*kept, *broken):
        answer = main.post(f"{ORCHESTRATOR}/stage", {"educationData": {field: text}})
        assert (answer.status_code == 201) == check.is_valid(text) == (text in kept), text


def test_a_number_behind_an_address_has_its_limits(document: Json) -> None:
    parameters = document["paths"][f"{ORCHESTRATOR}/bulk/{{bulkId}}"]["get"]["parameters"]
    found = {each["name"]: each["schema"] for each in parameters}
    assert (found["limit"]["minimum"], found["limit"]["maximum"]) == (1, 100)
    assert found["after"]["minimum"] == 0


def test_a_row_may_be_wrong_without_the_call_being_so(document: Json) -> None:
    rows = document["components"]["schemas"]["BulkRowGiven"]["properties"]
    assert {name: {*schema} for name, schema in rows.items() if {*schema} != {"type", "description"}} == {}


def test_it_is_cached_by_its_etag(client: FlaskClient) -> None:
    first = client.get("/openapi.json")
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    assert client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
