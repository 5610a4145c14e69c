"""A walk through all pages, in whichever language the browser asks for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from pyotp import TOTP
from werkzeug.exceptions import BadRequest

from tests.support import walk_accounts, walk_board, walk_bulk, walk_decisions, walk_records
from tests.support.applicant import Applicant, filled, one
from tests.support.desk import SYSTEM, page, second_factor_required, send, sign_in, staged
from tests.support.outbox import waiting
from tests.support.seed import PASSWORD, Seeded
from wizard.core import errors
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services
from wizard.storage.unit_of_work import SqlUnitsOfWork

HTMX = {"HX-Request": "true"}
WRONG = {
    "identity": {"user_business_id": "no number!", "email": "half@"},
    "education": {"university": "mcmaster", "country": "FR", "graduation_year": "", "degree_type": ""},
    "coto": {"coto_status": "general", "coto_registration": ""},
    "privacy": {"access_modifier": "", "notes": "x" * 1001},
}
NOTED = {
    "email": "ada@mail.utoronto.ca",
    "university": "other",
    "other_details": "Lund",
    "country": "SE",
    "graduation_year": "2028",
    "coto_status": "general",
    "coto_registration": "G1",
}
RAISED: tuple[Exception, ...] = (
    errors.RuleViolated("code.wrong"),
    errors.WorkflowStateInvalid("no.such.message"),
    errors.StaleVersion(seen=1, current=2),
    errors.PermissionDenied("privilege.main"),
    errors.NotFound("link.expired"),
    errors.RateLimited("rate_limited", retry_after=90),
    errors.RateLimited("rate_limited", retry_after=7200),
    errors.ExternalServiceError("database"),
    errors.KeyMissing(),
    errors.InternalError("abc123"),
    BadRequest(),
    ValueError(),
)


def raising(app: Flask) -> None:
    """Addresses that fail, one for each kind of error."""

    def view(error: Exception) -> Callable[[], str]:
        def fail() -> str:
            raise error

        return fail

    for number, error in enumerate(RAISED):
        app.add_url_rule(f"/raises/{number}", f"raises-{number}", view(error), methods=["GET", "POST"])


def the_journey(client: FlaskClient, units: SqlUnitsOfWork) -> None:
    """Every step, wrong at first, then with something to note, to the receipt, and everything cleared."""
    applicant = Applicant(client).start()
    client.get("/")
    for step, wrong in WRONG.items():
        assert applicant.submit(step, **wrong).status_code == 422
        for name in wrong:
            assert applicant.send(f"fields/{name}", {**wrong, "version": "1"}, headers=HTMX).status_code == 200
        applicant.answer(step, **NOTED)
    applicant.soup("review")
    applicant.decide().soup("category")
    applicant.soup("account")
    applicant.send("account")
    applicant.soup("account?sent=1")
    applicant.send("account", {"code": "x"})
    applicant.send("account", {"code": "000000"})
    applicant.prove(units).soup("confirm")
    applicant.send("confirm")
    assert applicant.declare().status_code == 303
    applicant.soup("complete")
    for values in ({}, {"choice": "clear"}):
        send(client, "/finish", values, of="/")
    client.get("/finish")


def two_of_one_number(client: FlaskClient, units: SqlUnitsOfWork) -> None:
    """Somebody whose account has a record already."""
    applicant = Applicant(client).start().answer(user_business_id="osot-0000002").decide().prove(units)
    assert applicant.declare().status_code == 303
    client.get("/")
    again = Applicant(client).start().answer(user_business_id="osot-0000002").decide()
    again.send("account")
    again.send("account", {"code": [each for each in waiting(units) if each.kind == "code"][-1].secret["code"]})
    again.soup("review")


def without_a_number(client: FlaskClient, units: SqlUnitsOfWork) -> None:
    """Somebody who has forgotten the number, and then makes an account; somebody whose account is closed."""
    applicant = Applicant(client).start()
    applicant.soup("member-number")
    applicant.send("member-number", {"email": "half@"})
    applicant.send("member-number", {"email": "ada@example.org"})
    applicant.soup("member-number?sent=1")
    for email in ("zoe@mail.utoronto.ca", "dee@example.org"):
        applicant.start().soup("new-account")
        applicant.send("new-account", {"name": " ", "email": email})
        applicant.send("new-account", {"name": "Zoé", "email": email})
        applicant.soup("new-account?sent=1")
        applicant.send("new-account", {"code": "000000"})
        code = next(each for each in waiting(units) if each.recipient == email and "code" in each.secret).secret["code"]
        assert applicant.send("new-account", {"code": code}).status_code == 303
        applicant.soup("new-account")
    applicant.answer("education", "coto", "privacy").decide().soup("account")


def ways_out(client: FlaskClient, app: Flask, units: SqlUnitsOfWork) -> None:
    """Links by e-mail, giving up, two tabs at once."""
    applicant = Applicant(client).start().answer("identity", "education")
    old = filled(one(applicant.soup("education"), "form#typing"))
    applicant.submit("education", graduation_year="2020")
    assert client.post(applicant.address("education"), data={**old, "graduation_year": "2019"}).status_code == 409
    applicant.soup("link")
    applicant.send("link", {"email": "half@"})
    applicant.send("link", {"email": "ada@example.org"})
    applicant.soup("link?sent=1")
    client.get("/finish")
    send(client, "/finish", {"choice": "link", "email": ""}, of="/")
    token = next(each for each in waiting(units) if each.kind == "link").secret["token"]
    elsewhere = app.test_client()
    elsewhere.environ_base.update(client.environ_base)
    for address in (f"/resume/{token}", "/resume/unknown"):
        elsewhere.get(address)
    send(elsewhere, f"/resume/{token}", {"user_business_id": "osot-0000009"}, of=f"/resume/{token}")
    applicant.soup("cancel")
    applicant.send("cancel", {"confirm": "yes"})
    client.get(applicant.address("identity"), follow_redirects=True)


def the_end_of_time(client: FlaskClient, clock: FixedClock) -> None:
    """No more time to give, and then it is over."""
    applicant = Applicant(client).start().answer("identity", "education")

    def later(time: timedelta) -> None:
        clock.instant += time
        with client.session_transaction() as session:
            session[f"registration:{applicant.session_id}"] = "2026-11-23T15:00:00+00:00"

    for _ in range(29):
        later(timedelta(hours=23, minutes=58))
        applicant.send("extend")
    later(timedelta(hours=23))
    applicant.send("extend")
    assert applicant.send("extend").status_code == 422
    assert applicant.send("extend", headers={**HTMX, "HX-Target": "section#time"}).status_code == 422
    later(timedelta(hours=25))
    assert client.get(applicant.address("coto")).status_code == 410
    assert applicant.send("coto", {"coto_status": "general", "version": "2"}).status_code == 410


def the_components(client: FlaskClient) -> None:
    """The page for who carries on the design, with all that it leads to."""
    for link in page(client.get("/design")).select("main a[href^='/design/errors/']"):
        client.get(str(link["href"]))


def for_programs(client: FlaskClient) -> None:
    """What those read who write programs that call the API."""
    client.get("/api")


def what_goes_wrong(client: FlaskClient) -> None:
    """Every page that says so."""
    for number, _error in enumerate(RAISED):
        client.get(f"/raises/{number}")
        send(client, f"/raises/{number}", {"university": "other", "other_details": "Lund"})
    client.get("/nowhere")
    client.get("/language/en")
    client.get("/registrations/0b6f8a52-6d0a-4a5e-9f0e-0d5a8f2f7c11/education")
    client.post("/registrations", data={"csrf_token": "wrong"})
    client.post("/registrations", data={"notes": "x" * 70_000})
    client.get("/", headers={"Host": "elsewhere.example"})
    send(client, "/staff/sessions")


def the_desk(client: FlaskClient, seeded: Seeded, services: Services) -> None:
    """Both privileges: the list, a registration at each stage, links, helping, cancelling."""
    client.get("/staff/sign-in")
    send(client, "/staff/sign-in")
    send(client, "/staff/sign-in", {"username": "mia", "password": "wrong"})
    sign_in(client, seeded.admin)
    record = walk_records.empty(client, services)
    for member in (seeded.admin, seeded.main):
        sign_in(client, member)
        walk_records.looked_at(client, record)
        if member is seeded.main:
            walk_records.deleted(client, record)
            walk_bulk.bulk(client, services)
        client.get("/staff/sessions")
        _accounts(client)
        walk_accounts.accounts(client, seeded)
        walk_accounts.categories(client)
        walk_board.board(client, services)
        walk_decisions.decisions(client, services)
        send(client, "/staff/sessions", {"member_number": "osot-9"}, of="/staff/sessions")
        session_id = staged(services, email="cam@example.org", user_business_id="osot-0000003")
        place = f"/staff/sessions/{session_id}"
        send(client, "/staff/sessions", {"member_number": "osot-0000003"}, of="/staff/sessions")
        client.get(place)
        services.orchestrator.review(SYSTEM, session_id)
        client.get("/staff/sessions")
        for kind in ("applicant", "staff"):
            made = page(send(client, f"{place}/links", {"kind": kind, "send": "1"}, of=place))
            client.get(urlsplit(str(one(made, "#new-link")["value"])).path)
        revoke = one(page(client.get(place)), "table.links tbody tr:first-child form")
        client.post(str(revoke["action"]), data=filled(revoke), follow_redirects=True)
        _help(client, place, declare=member is seeded.admin)
        client.get(f"{place}/cancel")
        for action in ("extend", "leave", "cancel"):
            assert send(client, f"{place}/{action}", of=place).status_code == 303
            for done in ("extended", "left", "cancelled"):
                client.get(f"{place}?done={done}")
        send(client, f"{place}/extend", of="/staff/sessions")
        _second_factor(client, services)


def _second_factor(client: FlaskClient, services: Services) -> None:
    """An app set up, asked for at the next sign-in, and taken away again; nobody is signed in then."""
    mine = "/staff/my-sign-in"
    client.get(mine)
    app = send(client, f"{mine}/app/begin", of=mine).headers["Location"]
    key = "".join(one(page(client.get(app)), ".app-key .key").get_text().split())
    send(client, app, {"code": "000000", "password": "wrong"}, of=app)
    made = send(client, app, {"code": TOTP(key).at(services.clock.now()), "password": PASSWORD}, of=app)
    username = one(page(client.get(f"{mine}?done=password_changed")), "dl.state dd:nth-of-type(2)").get_text()
    for place in ("recovery-codes", "password", "app/remove"):
        send(client, f"{mine}/{place}", of=f"{mine}/{place}")
        send(client, f"{mine}/{place}", {"password": "wrong", "new_password": "short"}, of=f"{mine}/{place}")
    send(client, f"{mine}/sign-out-everywhere", of=mine)
    send(client, "/staff/sign-in", {"username": username, "password": PASSWORD})
    for recovery in ({}, {"recovery": "1"}):
        asked = f"/staff/sign-in/code?{urlencode(recovery)}"
        client.get(asked)
        send(client, "/staff/sign-in/code", {"code": "000000", **recovery}, of=asked)
    paper = one(page(made), ".recovery-codes li:first-child").get_text()
    assert send(client, "/staff/sign-in/code", {"code": paper}, of="/staff/sign-in/code").status_code == 303
    done = send(client, f"{mine}/app/remove", {"password": PASSWORD}, of=f"{mine}/app/remove").headers["Location"]
    client.get(done)
    send(client, "/staff/sign-out", of=mine)
    with second_factor_required(client.application):
        send(client, "/staff/sign-in", {"username": username, "password": PASSWORD})
        send(client, "/staff/sign-in/set-up", {"code": "000000"}, of="/staff/sign-in/set-up")


def _accounts(client: FlaskClient) -> None:
    """All that wait are refused, after a reason that is missing, but the one that is needed further on."""
    waiting_here = page(client.get("/staff/accounts/waiting")).select("table.accounts tbody tr")
    for row in (row for row in waiting_here if "cam@example.org" not in row.text):
        refusing = str(one(row, "a[href$=refuse]")["href"])
        for reason in ("", "x" * 501, "…"):
            send(client, refusing, {"reason": reason}, of=refusing)
        send(client, refusing.replace("refuse", "approve"), of="/staff/accounts/waiting")
    for done in ("approved", "refused"):
        client.get(f"/staff/accounts/waiting?done={done}&after=none")


def _help(client: FlaskClient, place: str, *, declare: bool) -> None:
    opened = send(client, f"{place}/open", of=place)
    applicant = Applicant(client, opened.headers["Location"].rpartition("/")[2])
    applicant.soup("account")
    assert send(client, applicant.address("account"), of=place).status_code == 303
    applicant.soup("confirm")
    # Who may not create, is told so; who may, forgets to declare.
    assert applicant.send("confirm", {"declaration": "y"} if declare else {}).status_code == 422
    client.get(place)
