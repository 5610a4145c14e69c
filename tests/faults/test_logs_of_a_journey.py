"""What the logs, metrics, addresses and webhooks of the real server say: what happened, and nothing about whom."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, build_opener

import pytest
from sqlalchemy import create_engine, text

from tests.support.journey import ANSWERS, begin, reach_confirm
from tests.support.postgres import Postgres
from tests.support.receiver import Receiver
from tests.support.serving import Graduate, Page, Served, hidden_values, serving
from tests.support.waiting import wait_for

LINK = re.compile(r"/resume/([\w-]{40,})")
PERSONAL = {
    "member number": "osot-0000001",
    "name": "Okafor",
    "account's address": "amara.okafor",
    "contact address": "planted.person@graduates.example.org",
    "school": "Planted School of Therapy",
    "COTO number": "PLNTD77",
    "notes": "Planted words about me",
    "password": "planted-wrong-password",
    "somebody's user name": "planted-user",
}
ANSWERED = {
    **ANSWERS,
    "identity": {"user_business_id": PERSONAL["member number"], "email": PERSONAL["contact address"]},
    "education": {
        "degree_type": "masters",
        "university": "other",
        "other_details": PERSONAL["school"],
        "country": "IE",
        "graduation_year": "2020",
    },
    "coto": {"coto_status": "general", "coto_registration": PERSONAL["COTO number"]},
    "privacy": {"access_modifier": "private", "notes": PERSONAL["notes"]},
}


def continue_elsewhere(served: Served, registration: str, graduate: Graduate) -> str:
    """Have a link sent, and open it in another browser, at the second try; answers its token."""
    asking = graduate.get(f"{registration}/link")
    graduate.fill(asking, email=PERSONAL["contact address"])

    def tokens() -> list[str]:
        return [found[1] for text in served.mails() if (found := LINK.search(text))]

    token = wait_for(tokens, what="the mail with the link")[0]
    elsewhere = Graduate(served.url)
    page = elsewhere.get(f"/resume/{token}")
    page = elsewhere.fill(page, user_business_id="osot-0000009")
    assert page.status == 422
    assert elsewhere.fill(page, user_business_id=PERSONAL["member number"]).status == 200
    return token


def be_refused(served: Served) -> None:
    """Requests that fail, with something personal in the address or in the form."""
    stranger = Graduate(served.url)
    assert stranger.get(f"/?email={PERSONAL['contact address']}").status == 200
    assert stranger.get(f"/nowhere/{PERSONAL['contact address']}").status == 404
    assert stranger.post("/registrations", {"notes": PERSONAL["notes"]}).status == 400
    page = stranger.get("/staff/sign-in")
    refused = stranger.post(
        page.url,
        {
            **hidden_values(page.form),
            "username": PERSONAL["somebody's user name"],
            "password": PERSONAL["password"],
        },
    )
    assert refused.status == 422
    spoilt = begin(stranger)
    assert stranger.fill(spoilt, user_business_id=PERSONAL["contact address"], email=PERSONAL["notes"]).status == 422


# --- A whole site --------------------------------------------------------------------------------------------------

TOKEN = "metrics-token-0123456789-abcdefghijklmnopqrst"
API = "/ot-education/orchestrator"
OTHER = {
    "new account's name": "Quillon Plantagenet",
    "new account's address": "quillon.plantagenet@example.net",
    "search": "planted searching",
    "note of the desk": "planted remark of the desk",
    "reason": "planted reason",
    "row's address": "row.of.planted@example.net",
    "API's notes": "planted by another system",
    "lost notes": "planted and refused by the database",
    "typed in the wrong place": "planted in no field",
}
EDUCATION = {
    "userBusinessId": "osot-0000002",
    "degreeType": "masters",
    "university": "other",
    "otherDetails": PERSONAL["school"],
    "country": "IE",
    "graduationYear": "2020",
    "cotoStatus": "general",
    "cotoRegistration": "PLNTD88",
    "accessModifier": "private",
    "notes": OTHER["API's notes"],
}
# The database refuses a record, and says what stood in the row.
REFUSING = {
    "sqlite": "CREATE TRIGGER no_more BEFORE INSERT ON education_records BEGIN SELECT RAISE(ABORT, 'refused'); END",
    "postgresql": "ALTER TABLE education_records ADD CONSTRAINT no_more CHECK (version > 1) NOT VALID",
}


class Watched(Graduate):
    """A browser that notes every address that it is led to or offered."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url)
        self.addresses: list[str] = []

    def _open(self, request: Request) -> Page:
        page = super()._open(request)
        offered = [
            str(tag[name]) for name in ("href", "src", "action", "hx-post") for tag in page.html.select(f"[{name}]")
        ]
        self.addresses += [page.url, *offered]
        return page


def desk(served: Served, session_id: str) -> list[str]:
    """Somebody of the desk looks for people, notes, adds, corrects and hands over; answers the addresses."""
    said = served.run("staff", "add", "planner", "--name", "Pat", "--privilege", "main", "--generate")
    browser = Watched(served.url)
    page = browser.get("/staff/sign-in")
    page = browser.fill(page, username="planner", password=said.split()[-1])
    assert page.status == 200
    token = hidden_values(page.html.select_one("form:has([name=csrf_token])") or page.form)["csrf_token"]

    def send(path: str, **values: str) -> Page:
        return browser.post(path, {"csrf_token": token, **values})

    for sought in (OTHER["search"], PERSONAL["name"], PERSONAL["account's address"], PERSONAL["member number"]):
        assert send("/staff/accounts", sought=sought).status == 200
        assert send("/staff/records", text=sought).status == 200
        send("/staff/sessions", member_number=sought)
    assert send(f"/staff/sessions/{session_id}/notes", note=OTHER["note of the desk"]).status == 200
    assert browser.get(f"/staff/sessions/{session_id}").status == 200
    added = send(
        "/staff/accounts/new",
        name=OTHER["new account's name"],
        email=OTHER["new account's address"],
        number="",
        language="en",
    )
    place = added.url.removeprefix(served.url).partition("?")[0]
    assert send(f"{place}/export").status == 200
    assert send(f"{place}/deactivate", reason=OTHER["reason"]).status == 200
    assert send(f"{place}/erase", reason=OTHER["reason"], number=OTHER["typed in the wrong place"]).status == 422
    return browser.addresses


def call(served: Served, token: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """A call of the API."""
    sent = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        with build_opener().open(Request(served.url + path, sent, headers, method=method), timeout=15) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def other_system(served: Served, token: str) -> None:
    """Another system registers somebody, sends what is wrong, looks up, and loads rows."""
    status, session = call(served, token, "POST", f"{API}/stage", {"educationData": EDUCATION})
    assert status == 201, session
    status, account = call(served, token, "GET", f"/ot-education/accounts?memberNumber={EDUCATION['userBusinessId']}")
    assert status == 200, account
    body = {"accountId": account["accountId"]}
    status, done = call(served, token, "POST", f"{API}/execute-workflow/{session['sessionId']}", body)
    assert status == 200, done
    unknown = {"educationData": {**EDUCATION, OTHER["typed in the wrong place"]: PERSONAL["notes"]}}
    assert call(served, token, "POST", f"{API}/stage", unknown)[0] == 422
    assert call(served, token, "GET", f"/ot-education/accounts?memberNumber={PERSONAL['member number']}")[0] == 200
    wrong = OTHER["row's address"]
    assert call(served, token, "GET", f"/ot-education/records/{wrong}")[0] in {404, 422}
    rows = [{**EDUCATION, "country": "planted", "email": OTHER["row's address"]}]
    assert call(served, token, "POST", f"{API}/bulk", {"rows": rows})[0] == 202


def be_failed_by_the_database(served: Served, url: str) -> None:
    """A submit whose record the database refuses: what it says of the row must not be repeated."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(REFUSING[engine.dialect.name]))
    engine.dispose()
    graduate = Graduate(served.url)
    answers = {**ANSWERED, "privacy": {"access_modifier": "private", "notes": OTHER["lost notes"]}}
    answers["identity"] = {"user_business_id": served.member(), "email": ""}
    answers["coto"] = {"coto_status": "general", "coto_registration": "PLNTD99"}
    confirm = reach_confirm(served, graduate, answers=answers)
    assert graduate.fill(confirm, declaration="y").status == 500


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_nothing_personal_is_in_any_log_metric_address_or_webhook_of_a_whole_site(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'wizard.db'}"
    if database == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.url(server.create())
    receiver = Receiver()
    environ = {
        "WIZARD_DATABASE_URL": url,
        "WIZARD_METRICS_TOKENS": TOKEN,
        "WIZARD_WEBHOOK_URL": receiver.url,
        "WIZARD_WEBHOOK_SECRETS": "webhook-secret-0123456789-abcdefghijklmn",
    }
    with receiver.running(), serving(tmp_path, environ) as served:
        graduate = Watched(served.url)
        confirm = reach_confirm(served, graduate, answers=ANSWERED)
        session_id = confirm.url.removesuffix("/confirm").rpartition("/")[2]
        link = continue_elsewhere(served, confirm.url.removesuffix("/confirm"), graduate)
        addresses = desk(served, session_id)
        assert graduate.fill(confirm, declaration="y").url.endswith("/complete")
        token = served.run("tokens", "create", "--name", "logs", "--privilege", "main").split()[-1]
        other_system(served, token)
        be_refused(served)
        be_failed_by_the_database(served, url)
        wait_for(lambda: [each for each in receiver.events if each["event"] == "workflow.completed"], what="webhooks")
        asking = Request(f"{served.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})  # noqa: S310
        with build_opener().open(asking, timeout=15) as answer:
            metrics = answer.read().decode()
        codes = re.findall(r"(?<!\d)\d{6}(?!\d)", "\n".join(mail for mail in served.mails() if "code" in mail))
    told = {
        "log": served.log.read_text(),
        "metrics": metrics,
        "addresses": "\n".join([*graduate.addresses, *addresses]),
        "webhooks": "\n".join(json.dumps(event, ensure_ascii=False) for event in receiver.events),
    }
    assert "IntegrityError" in told["log"], "the database refused, and the log says so"
    assert "education.created" in told["webhooks"]
    assert "code.sent" in told["log"]
    assert codes
    planted = {**PERSONAL, **OTHER, "another COTO number": "PLNTD88", "a third": "PLNTD99"}
    leaked = [
        (where, what)
        for where, said in told.items()
        for what, each in planted.items()
        if each.casefold() in said.casefold()
    ]
    assert leaked == []
    assert not [
        secret for secret in (link, token, *codes) for said in told.values() if re.search(rf"\b{secret}\b", said)
    ]
