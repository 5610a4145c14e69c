"""Every address of the app by every method, from the URL map: whose it is was decided here, and forgers get nowhere.

Who may do what at the desk is tests/test_privileges.py's to decide; what a browser may not open,
tests/web/test_foreign_registrations.py's to try. Here: that no address is without a decision, ids that belong to
something else, tokens of other systems, CSRF, hosts and ways back of somebody else's, and what cannot be read at all.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle, islice, product
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.support.api import ApiClient
from tests.support.desk import SYSTEM, own, token
from tests.support.seed import Seeded
from tests.test_privileges import MAIN_CALL, PAGES, Known, Who, browser, known
from tests.web.test_looking import State, state
from wizard.core.accounts import LinkKind
from wizard.core.actors import Privilege
from wizard.core.steps import Step
from wizard.services.bundle import Services
from wizard.web.api import examples
from wizard.web.api.endpoints import ENDPOINTS, Endpoint
from wizard.web.requests import PROBED
from wizard.web.security import MAX_BODY

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
HTMX = {"HX-Request": "true", "HX-Target": "main"}
EVIL = "evil.example"


class Whose(StrEnum):
    """Whom an address is for."""

    EVERYBODY = "everybody"
    OWNER = "the browser that owns the registration, or staff who help with it"
    LINK = "whoever has the link in it"
    MACHINE = "a machine on the same network"
    DEVELOPER = "nobody in production"


# The desk's are in tests/test_privileges.py, the API's below.
DECIDED: Mapping[str, Whose] = {
    **dict.fromkeys(
        (
            *("static", "applicant.start", "applicant.begin", "applicant.finish", "platform.language"),
            *("api.document", "api.reference"),
        ),
        Whose.EVERYBODY,
    ),
    **dict.fromkeys(
        (
            *("applicant.registration", "applicant.step", "applicant.field", "applicant.extend", "applicant.cancel"),
            *("applicant.link", "applicant.member_number", "applicant.new_account"),
        ),
        Whose.OWNER,
    ),
    "applicant.resume": Whose.LINK,
    **dict.fromkeys(("platform.healthz", "platform.readyz", "metrics.metrics"), Whose.MACHINE),
    **dict.fromkeys(("design.components", "design.error", "design.mail"), Whose.DEVELOPER),
}


class Caller(StrEnum):
    """What other systems call with."""

    NOTHING = "no token"
    STRANGER = "an owner's token of another account"
    OWNER = "an owner's token"
    ADMIN = "an admin's token"
    MAIN = "a main's token"


ALL = frozenset(Caller)
ANY_TOKEN = ALL - {Caller.NOTHING}
THEIRS = ANY_TOKEN - {Caller.STRANGER}
DESK = frozenset({Caller.ADMIN, Caller.MAIN})
ONLY_MAIN = frozenset({Caller.MAIN})
# Who is let in; sessions and records are the owner's, and the record is private.
CALLS: Mapping[str, frozenset[Caller]] = {
    **dict.fromkeys(("choices", "category"), ALL),
    **dict.fromkeys(("stage", "records"), ANY_TOKEN),
    **dict.fromkeys(
        ("get_session", "update", "cancel", "validate", "determine_category", "link_account", "extend"), THEIRS
    ),
    **dict.fromkeys(("create", "execute_workflow"), frozenset({Caller.OWNER, Caller.MAIN})),
    **dict.fromkeys(("get_record", "correct_record"), frozenset({Caller.OWNER, Caller.MAIN})),
    **dict.fromkeys(("delete_record", "load_bulk", "get_bulk"), ONLY_MAIN),
    **dict.fromkeys(("sessions", "accounts"), DESK),
}


def routes(app: Flask) -> Iterator[Rule]:
    """All but the files."""
    return (rule for rule in app.url_map.iter_rules() if rule.endpoint != "static")


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def address(rule: Rule, values: Mapping[str, str]) -> str:
    """Where a rule leads with some values, whatever is in them."""
    made = str(rule.rule).replace("<any(en, fr):language>", "<language>")
    for name in rule.arguments:
        made = made.replace(f"<{name}>", quote(values[name], safe=""))
    return made


def test_every_address_is_somebodys(app: Flask) -> None:
    apart = {f"api.{endpoint.name}" for endpoint in ENDPOINTS}
    found = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert found == DECIDED.keys() | {f"staff.{page}" for page in PAGES} | apart, "each address needs a decision"
    assert {endpoint.name for endpoint in ENDPOINTS} == CALLS.keys(), "each call needs a decision"
    by_browsers = {method for rule in routes(app) if rule.endpoint not in apart for method in methods(rule)}
    assert by_browsers == {"GET", "POST"}, "no page is decided on by another method"
    own_only = {rule.endpoint for rule in routes(app) if rule.rule.startswith("/registrations/")}
    assert own_only == {endpoint for endpoint, whose in DECIDED.items() if whose is Whose.OWNER}


# --- The whole desk, with everything there is ---------------------------------------------------------------


@dataclass(frozen=True)
class Everything:
    """A browser of somebody of `main` who owns a registration as well, and something of each kind."""

    client: FlaskClient
    there: Known
    links: Mapping[LinkKind, str]

    def values(self, rule: Rule) -> dict[str, str]:
        """The right value for each argument of an address."""
        right = {
            "session_id": self.there.session_id,
            "step": Step.EDUCATION.value,
            "name": "country",
            "token": self.links[LinkKind.APPLICANT],
            "language": "fr",
            "kind": "code",
            "record_id": self.there.record.id,
            "account_id": self.there.account.id,
            "link_id": self.there.link_id,
            "job_id": self.there.job_id,
            "bulk_id": self.there.job_id,
            "message_id": self.there.message_id,
        }
        return {name: right[name] for name in rule.arguments}


@pytest.fixture
def everything(app: Flask, services: Services, app_seeded: Seeded) -> Everything:
    there = known(services, 0)
    client = browser(app, Who.MAIN, there, app_seeded)
    own(client, there.session_id)
    links = {kind: services.links.create(MAIN_CALL, there.session_id, kind=kind) for kind in LinkKind}
    return Everything(client, there, links)


@pytest.fixture
def main(app: Flask, services: Services) -> ApiClient:
    return ApiClient.made(app.test_client(), services, Privilege.MAIN)


# --- Ids that belong to something else ---------------------------------------------------------------------

UNKNOWN = "0b6f8a52-6d0a-4a5e-9f0e-0d5a8f2f7c11"
NO_IDS = (
    *(UNKNOWN, UNKNOWN.upper(), "00000000-0000-0000-0000-000000000000", "0", "-1", "null", "*", "%", "_"),
    *("' OR '1'='1", "1; DROP TABLE records", "..", "../../etc/passwd", "{{7*7}}", "<script>alert(1)</script>"),
    *("x" * 3000, "\x00", "\r\nX-Injected: 1", "\U0001f47b", "\u202e", "\uff10"),
)
ID_KINDS = ("session_id", "record_id", "account_id", "link_id", "job_id", "bulk_id", "message_id", "token", "kind")


def foreign(values: Mapping[str, str], there: Mapping[str, str], none: Iterator[str]) -> Iterator[dict[str, str]]:
    """The values of an address, one after the other replaced by what is no such thing or is the id of another."""
    for name in values.keys() & set(ID_KINDS):
        other = next(each for kind, each in there.items() if each != values[name] and kind != name)
        for wrong in (UNKNOWN, other, next(none), next(none)):
            yield {**values, name: wrong}


def test_an_id_of_something_else_finds_nothing_and_does_nothing(
    app: Flask, everything: Everything, main: ApiClient, redis_client: Redis
) -> None:
    ids = {
        "session_id": everything.there.session_id,
        "record_id": everything.there.record.id,
        "account_id": everything.there.account.id,
        "link_id": everything.there.link_id,
        "job_id": everything.there.job_id,
        "message_id": everything.there.message_id,
    }
    used, before, wrong = token(everything.client), lasting(state(app, redis_client)), []
    main.get("/ot-education/records")
    none = cycle(NO_IDS)
    for rule in routes(app):
        if rule.endpoint.startswith("design."):
            continue
        for values in foreign(everything.values(rule), ids, none):
            for method in methods(rule):
                answer = tried(everything, main, rule, method, address(rule, values), used)
                if answer.status_code != 404 and not leads_back(rule, answer):
                    wrong.append((rule.endpoint, method, values, answer.status_code))
    assert wrong == []
    assert lasting(state(app, redis_client)) == before


def tried(everything: Everything, main: ApiClient, rule: Rule, method: str, place: str, used: str) -> TestResponse:
    """Somebody who may do everything tries an address."""
    if rule.rule.startswith("/ot-education/"):
        endpoint = next(each for each in ENDPOINTS if f"api.{each.name}" == rule.endpoint)
        return main.call(method, place, body_of(endpoint)).answer
    form = {"csrf_token": used, "version": "1"} if method in UNSAFE else None
    return everything.client.open(place, method=method, data=form)


def leads_back(rule: Rule, answer: TestResponse) -> bool:
    """Addresses of buttons by themselves lead to the page that they are on, which is then not there.

    Whoever does not help with a registration has left it already.
    """
    if rule.endpoint == "staff.leave":
        return True
    return answer.status_code == 303 and answer.request.method == "GET" and "POST" in (rule.methods or ())


def lasting(found: State) -> State:
    """All but when a token was used last."""
    rows, documents = found
    return {name: each for name, each in rows.items() if name != "api_tokens"}, documents


# --- Tokens of other systems -------------------------------------------------------------------------------


def body_of(endpoint: Endpoint) -> Any:  # noqa: ANN401 - JSON
    return examples.REQUESTS[endpoint.name] if endpoint.takes_body else None


def callers(client: FlaskClient, services: Services, numbers: Mapping[Caller, str]) -> dict[Caller, ApiClient]:
    return {
        Caller.NOTHING: ApiClient(client),
        Caller.STRANGER: ApiClient.made(client, services, Privilege.OWNER, member_number=numbers[Caller.STRANGER]),
        Caller.OWNER: ApiClient.made(client, services, Privilege.OWNER, member_number=numbers[Caller.OWNER]),
        Caller.ADMIN: ApiClient.made(client, services, Privilege.ADMIN),
        Caller.MAIN: ApiClient.made(client, services, Privilege.MAIN),
    }


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_every_call_is_for_whom_it_was_decided(
    client: FlaskClient, services: Services, app_seeded: Seeded, endpoint: Endpoint
) -> None:
    owner, stranger = app_seeded.accounts[0], app_seeded.accounts[4]
    called = callers(client, services, {Caller.OWNER: owner.number, Caller.STRANGER: stranger.number})
    theirs = called[Caller.OWNER]
    session_id = theirs.staged(userBusinessId=owner.number)["sessionId"]
    record_id = UNKNOWN
    if "<record_id>" in endpoint.rule:
        record_id = called[Caller.MAIN].recorded(owner.id, userBusinessId=owner.number)["id"]
    elif endpoint.name in {"link_account", "create"}:
        for operation in ("validate", "determine-category"):
            theirs.on(operation, session_id)
    if endpoint.name == "create":
        assert theirs.on("link-account", session_id, {"accountId": owner.id}).status_code == 200
    job_id = services.bulk.load_values(SYSTEM, [{"user_business_id": owner.number}]).id
    place = endpoint.rule
    for name, value in {"session_id": session_id, "record_id": record_id, "bulk_id": job_id}.items():
        place = place.replace(f"<{name}>", value)
    place += f"?memberNumber={owner.number}" if endpoint.name == "accounts" else ""
    body = body_of(endpoint)
    if endpoint.name in {"link_account", "execute_workflow"}:
        body = {"accountId": owner.id}
    # Whoever may not comes first: what others do then changes nothing for them.
    tries = sorted(Caller, key=lambda each: each in CALLS[endpoint.name])
    statuses = {each: called[each].call(endpoint.method, place, body).status_code for each in tries}
    assert {each for each, status in statuses.items() if status not in {401, 403, 404}} == CALLS[endpoint.name]
    assert all(status < 500 for status in statuses.values()), statuses


# --- CSRF ----------------------------------------------------------------------------------------------------


def test_nothing_is_changed_without_this_browsers_token(
    app: Flask, everything: Everything, redis_client: Redis
) -> None:
    right, elsewhere = token(everything.client), token(app.test_client())
    before, wrong = state(app, redis_client), []
    usual: list[dict[str, Any]] = [{}, {"data": {"csrf_token": elsewhere}}]
    others: Iterator[dict[str, Any]] = cycle(
        (
            {"data": {"csrf_token": "wrong"}},
            {"query_string": {"csrf_token": right}},
            {"headers": {"X-CSRFToken": elsewhere}},
            {"json": {"csrf_token": right}},
        )
    )
    for rule in routes(app):
        if rule.rule.startswith("/ot-education/"):
            # No browser sends a token of another system by itself.
            continue
        place = address(rule, everything.values(rule))
        for method, given, by in product(UNSAFE & (rule.methods or set()), [*usual, next(others)], ({}, HTMX)):
            sent = {**given, "headers": {**by, **given.get("headers", {})}}
            answer = everything.client.open(place, method=method, **sent)
            if answer.status_code != 400:
                wrong.append((rule.endpoint, sent, answer.status_code))
    assert wrong == []
    assert state(app, redis_client) == before


def test_no_header_makes_a_get_a_post(app: Flask, everything: Everything, redis_client: Redis) -> None:
    override = {f"X-{name}": "POST" for name in ("HTTP-Method-Override", "HTTP-Method", "Method-Override")}
    used, before = token(everything.client), state(app, redis_client)
    for rule in routes(app):
        if "GET" in (rule.methods or ()) and "POST" in (rule.methods or ()):
            place = address(rule, everything.values(rule))
            everything.client.get(f"{place}?_method=POST&csrf_token={used}&confirm=yes&reason=x", headers=override)
    assert state(app, redis_client) == before


# --- Hosts and ways back of somebody else's -----------------------------------------------------------------

WAYS = (
    *(f"//{EVIL}", f"https://{EVIL}/", f"/\\{EVIL}", f"\\\\{EVIL}", f"https:{EVIL}", f"/\t/{EVIL}", f"/.{EVIL}@"),
    *("javascript:alert(1)", f"/staff/\r\nX-Injected: 1\r\nLocation: https://{EVIL}", f"http://localhost@{EVIL}"),
)
NAMES = (
    *("next", "back", "step", "url", "return", "username", "email", "name", "code", "reason", "note", "text", "choice"),
    *("user_business_id", "other_details", "notes", "member_number", "number", "sought", "after", "done", "status"),
)
# A script in the page, or an address of theirs where one leads somewhere.
_THEIRS = re.compile(rf"<script>|\b(?:href|src|action|formaction|hx-\w+)=[\"'][^\"'?]*{re.escape(EVIL)}")
MARKUP = '"><script>alert(1)</script>'


def forged(way: str) -> dict[str, str]:
    """Headers that somebody else's page or proxy may send."""
    line = way.replace("\r", "").replace("\n", "").replace("\t", "")
    named = ("Referer", "Origin", "HX-Current-URL", "X-Original-URL", "X-Rewrite-URL", "User-Agent", "X-Request-ID")
    return {**dict.fromkeys(named, line), "X-Forwarded-Host": EVIL, "Forwarded": f"host={EVIL}", "HX-Request": "true"}


def test_no_address_leads_elsewhere_or_says_what_it_is_told_to(app: Flask, everything: Everything) -> None:
    used, wrong = token(everything.client), []
    ways = cycle(WAYS)
    for rule in routes(app):
        # Signing out and clearing would end what is tried here.
        if rule.rule.startswith("/ot-education/") or "sign_out" in rule.endpoint or rule.endpoint == "applicant.finish":
            continue
        place = address(rule, everything.values(rule))
        for method, way in product(methods(rule), (next(ways), next(ways))):
            values = dict.fromkeys(NAMES, f"{way}{MARKUP}") | {"next": way, "back": way}
            sent = {"csrf_token": used, **values}
            given: dict[str, Any] = {"query_string": values} if method == "GET" else {"data": sent}
            answer = everything.client.open(place, method=method, headers=forged(way), buffered=True, **given)
            wrong += [(rule.endpoint, method, way, each) for each in given_in(answer)]
    assert wrong == []


def given_in(answer: TestResponse) -> Iterator[str]:
    """What an answer should not have said or done."""
    if answer.status_code >= 500:
        yield f"status {answer.status_code}"
    for name, value in answer.headers.items():
        leads = name in {"Location", "HX-Redirect", "HX-Location", "HX-Push-Url", "HX-Replace-Url"}
        if name.startswith("X-Injected") or (
            EVIL in value and not (leads and value.startswith("/staff/sign-in?next="))
        ):
            yield f"{name}: {value}"
        if leads and (not value.startswith("/") or value.startswith(("//", "/\\"))) and value != "false":
            yield f"{name}: {value}"
    if answer.mimetype == "text/html" and _THEIRS.search(answer.text):
        yield "markup of theirs"


def test_another_host_is_refused_everywhere(app: Flask, everything: Everything) -> None:
    wrong = []
    for rule in routes(app):
        place = address(rule, everything.values(rule))
        for method in methods(rule):
            answer = everything.client.open(place, method=method, headers={"Host": EVIL})
            if place not in PROBED and (answer.status_code != 400 or EVIL in f"{answer.headers}{answer.text}"):
                wrong.append((rule.endpoint, method, answer.status_code))
    assert wrong == []


# --- What cannot be read -------------------------------------------------------------------------------------

FORM, MULTIPART, JSON = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json"
UNREADABLE: Mapping[str, tuple[str, bytes]] = {
    "bytes that are no text": (FORM, b"csrf_token=\xff\xfe&notes=%FF%FE%00"),
    "percent signs that say nothing": (FORM, b"%=%%&%zz=%1&a[]=1&a[b][c]=2"),
    "a part without an end": (MULTIPART, b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb'),
    "parts without a boundary": ("multipart/form-data", b"--x\r\n\r\n--x--"),
    "a part without a name": (MULTIPART, b"--x\r\nContent-Disposition: form-data\r\n\r\nb\r\n--x--"),
    "more parts than a form has": (
        MULTIPART,
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n' * 101 + b"--x--",
    ),
    "half a JSON": (JSON, b'{"educationData": {'),
    "a JSON far too deep": (JSON, b"[" * 20_000),
    "no number": (JSON, b'{"version": NaN, "ttlSeconds": 1e999}'),
    "half a letter": (JSON, b'{"reason": "\\ud800", "contact": "\\u0000"}'),
    "another kind of thing": (JSON, b'[{"educationData": []}, "x", 1, null]'),
    "no JSON at all": ("text/plain", b"educationData"),
    "XML": ("application/xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    "longer than any form": (FORM, b"notes=" + b"x" * MAX_BODY),
}


def test_what_cannot_be_read_is_refused(app: Flask, everything: Everything, main: ApiClient) -> None:
    right, wrong = token(everything.client), []
    some = cycle(UNREADABLE)
    for rule in routes(app):
        is_api = rule.rule.startswith("/ot-education/")
        headers = {"Authorization": f"Bearer {main.token}"} if is_api else {"X-CSRFToken": right}
        place = address(rule, everything.values(rule))
        for method, what in product(UNSAFE & (rule.methods or set()), UNREADABLE if is_api else islice(some, 4)):
            # Leaving the desk would end what is tried here.
            if "sign_out" in rule.endpoint or rule.endpoint == "applicant.finish":
                continue
            kind, content = UNREADABLE[what]
            answer = everything.client.open(place, method=method, data=content, content_type=kind, headers=headers)
            # What takes nothing but a press does not read what comes with it.
            refused = answer.status_code in {400, 413, 415, 422}
            if answer.status_code >= 500 or not (refused or "form" in kind):
                wrong.append((rule.endpoint, what, answer.status_code))
    assert wrong == []


def test_nothing_of_the_desk_is_found_under_nul(app: Flask, everything: Everything) -> None:
    """PostgreSQL takes no question with it, and answered with an error of ours."""
    for rule in (each for each in routes(app) if each.endpoint.startswith("staff.")):
        values = everything.values(rule)
        for name in rule.arguments:
            place = address(rule, {**values, name: "a\0b"})
            assert everything.client.open(place, method=method_of(rule)).status_code in {400, 404}, place
        place = address(rule, values)
        assert everything.client.open(f"{place}?after=%00", method=method_of(rule)).status_code in {400, 404}, place


def method_of(rule: Rule) -> str:
    return "GET" if "GET" in (rule.methods or set()) else "POST"


def test_ids_are_random(services: Services) -> None:
    """Nobody counts up from one's own to another's: ids in addresses are random UUIDs."""
    there = known(services, 0)
    for each in (there.session_id, there.record.id, there.account.id, there.link_id, there.job_id, there.message_id):
        assert uuid.UUID(each).version == 4
