"""Signing in to the desk with the association's OpenID provider: a real one, with real redirects."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.databases import engine_of
from tests.support.desk import SYSTEM, database_down, page, send, sign_in, token
from tests.support.oidc import CLIENT_SECRET, Idp, at_provider, known_to, providing, renewed
from tests.support.seed import PASSWORD, Seeded
from wizard import create_app
from wizard.config import Settings
from wizard.core.accounts import StaffMember
from wizard.core.actors import Privilege
from wizard.core.clock import FixedClock
from wizard.core.events import Event, EventName
from wizard.services.bundle import Services
from wizard.storage.unit_of_work import SqlUnitsOfWork
from wizard.web import access, signing_in

DESK, SIGN_IN, MINE = "/staff/sessions", "/staff/sign-in", "/staff/my-sign-in"
BEGIN, CALLBACK = f"{SIGN_IN}/oidc", f"{SIGN_IN}/oidc/callback"
HERE = "http://localhost"

pytestmark = pytest.mark.usefixtures("app_seeded")


@pytest.fixture(scope="module")
def running() -> Iterator[Idp]:
    with providing() as idp:
        yield idp


@pytest.fixture
def idp(running: Idp) -> Idp:
    return renewed(running)


@pytest.fixture
def clock() -> FixedClock:
    """The provider's clock is the machine's."""
    return FixedClock(datetime.now(UTC))


@pytest.fixture
def settings(settings: Settings, idp: Idp) -> Settings:
    return settings.model_copy(update=known_to(idp, HERE))


def go(client: FlaskClient, **query: str) -> str:
    """To the provider; its address."""
    answer = client.get(BEGIN, query_string=query)
    assert answer.status_code == 303
    return answer.headers["Location"]


def come_back(client: FlaskClient, address: str, account: str = "maya", *, do: str = "sign-in") -> TestResponse:
    """What a person does there, and back here."""
    return client.get(CALLBACK, query_string=at_provider(address, account, do=do))


def let_in(client: FlaskClient, account: str = "maya", **query: str) -> TestResponse:
    answer = come_back(client, go(client, **query), account)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/staff/")
    return answer


def turned_away(client: FlaskClient, answer: TestResponse) -> TestResponse:
    """The page that says why; nobody is signed in."""
    assert answer.status_code == 303
    assert urlsplit(answer.headers["Location"]).path == SIGN_IN
    assert client.get(DESK).status_code == 303
    return client.get(answer.headers["Location"])


def cookie(client: FlaskClient) -> str | None:
    found = client.get_cookie("wizard")
    return found.value if found else None


def known(units: SqlUnitsOfWork, idp: Idp, account: str = "maya") -> StaffMember:
    with units.read() as unit:
        member = unit.staff.by_identity(idp.url, idp.people[account]["sub"])
    assert member is not None
    return member


def history(units: SqlUnitsOfWork, member: StaffMember | None) -> list[Event]:
    with units.read() as unit:
        return [row.event for row in unit.audit.history(f"staff:{member.id if member else 'unknown'}")]


# --- In ---------------------------------------------------------------------------------------------------------


def test_the_page_offers_both_ways(client: FlaskClient) -> None:
    drawn = page(client.get(SIGN_IN, query_string={"next": DESK}))
    link = drawn.select_one("main a.button")
    assert link is not None
    assert link.get_text() == "Sign in with Keycloak"
    assert link["href"] == f"{BEGIN}?next={DESK}"
    # htmx must not fetch another site's page.
    assert link["data-hx-boost"] == "false"
    assert drawn.select_one("form#typing #password") is not None


def test_whoever_has_a_privilege_there_gets_in_here(client: FlaskClient, app_units: SqlUnitsOfWork, idp: Idp) -> None:
    client.get(SIGN_IN)
    before = cookie(client)
    let_in(client)
    assert cookie(client) not in {None, before}
    assert "Maya Main" in client.get(DESK).text
    member = known(app_units, idp)
    assert (member.username, member.name, member.privilege) == ("maya", "Maya Main", Privilege.MAIN)
    assert member.password_hash is None
    events = history(app_units, member)
    assert [event.name for event in events] == [EventName.STAFF_ADDED, EventName.STAFF_SIGNED_IN]
    assert events[-1].details["with"] == "oidc"
    assert all((event.actor, event.privilege) == ("staff:maya", "main") for event in events)
    assert all(event.request_id for event in events)


def test_the_way_goes_on_to_where_it_led(client: FlaskClient) -> None:
    asked = client.get(f"{DESK}?status=staged")
    link = page(client.get(asked.headers["Location"])).select_one("main a.button")
    assert link is not None
    began = client.get(str(link["href"]))
    assert come_back(client, began.headers["Location"]).headers["Location"] == DESK


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/x", "/\\evil.example", "javascript:x"])
def test_the_way_never_goes_elsewhere(client: FlaskClient, elsewhere: str) -> None:
    let_in(client, next=elsewhere)


def test_the_claim_decides_at_every_sign_in(client: FlaskClient, app_units: SqlUnitsOfWork, idp: Idp) -> None:
    let_in(client, "abel")
    abel = known(app_units, idp, "abel")
    assert (abel.username, abel.privilege) == ("abel", Privilege.ADMIN)
    idp.people["abel"]["roles"] = ["desk-admin", "desk-main"]
    send(client, "/staff/sign-out", of=DESK)
    let_in(client, "abel")
    assert known(app_units, idp, "abel").privilege is Privilege.MAIN
    details = history(app_units, abel)[-1].details
    assert (details["privilege_before"], details["privilege"]) == ("admin", "main")


def test_name_and_address_are_refreshed(client: FlaskClient, app_units: SqlUnitsOfWork, idp: Idp) -> None:
    let_in(client)
    member = known(app_units, idp)
    idp.people["maya"].update(name="Maya  Married\n", email="married@association.example", preferred_username="mm")
    send(client, "/staff/sign-out", of=DESK)
    let_in(client)
    after = known(app_units, idp)
    assert (after.id, after.username, after.name) == (member.id, "maya", "Maya Married")
    assert "married@association.example" in client.get(MINE).text
    assert history(app_units, member)[-1].changes == {
        "name": ("Maya Main", "Maya Married"),
        "email": ("maya@association.example", "married@association.example"),
    }


def test_a_name_that_somebody_has_here_makes_nobody_them(
    client: FlaskClient, app_units: SqlUnitsOfWork, app_seeded: Seeded, idp: Idp
) -> None:
    """Who may choose their name or address there must not become somebody here by it."""
    idp.people["maya"].update(preferred_username="MIA", email="mia@association.example", name="Mia Main")
    let_in(client)
    member = known(app_units, idp)
    assert (member.username, member.id == app_seeded.main.id) == ("mia-2", False)


def test_the_other_limits_hold(client: FlaskClient, clock: FixedClock) -> None:
    let_in(client)
    clock.instant += access.IDLE_AT_MOST
    assert client.get(DESK).status_code == 303


def test_signing_out_everywhere_and_removal_hold(client: FlaskClient, app: Flask, services: Services) -> None:
    other = app.test_client()
    let_in(client)
    let_in(other)
    send(other, f"{MINE}/sign-out-everywhere", of=MINE)
    assert client.get(DESK).status_code == 303
    let_in(client)
    services.desk.disable(SYSTEM, "maya")
    assert client.get(DESK).status_code == 303


def test_two_tabs_at_once(client: FlaskClient) -> None:
    first, second = go(client), go(client, next=DESK)
    assert come_back(client, second).headers["Location"] == DESK
    assert come_back(client, first).headers["Location"] == "/staff/"
    assert client.get(DESK).status_code == 200


def test_many_tabs_leave_the_newest(client: FlaskClient, clock: FixedClock) -> None:
    begun = []
    for _ in range(7):
        clock.instant += timedelta(seconds=1)
        begun.append(go(client))
    for late in begun[:2]:
        assert "took too long" in turned_away(client, come_back(client, late)).text
    assert come_back(client, begun[2]).headers["Location"] == "/staff/"


def test_what_somebody_signed_in_finds_at_the_beginning(client: FlaskClient) -> None:
    let_in(client)
    assert client.get(BEGIN, query_string={"next": DESK}, follow_redirects=True).request.path == DESK


# --- Not in -----------------------------------------------------------------------------------------------------


def test_nobody_of_the_desk_stays_out(client: FlaskClient, app_units: SqlUnitsOfWork) -> None:
    shown = turned_away(client, come_back(client, go(client, next=DESK), "nora"))
    assert shown.status_code == 403
    drawn = page(shown)
    said = drawn.select_one("[role=alert]")
    assert said is not None
    assert "it is not one of the registration desk" in said.get_text()
    another = said.select_one("a")
    assert another is not None
    assert another["data-hx-boost"] == "false"
    assert parse_qs(urlsplit(client.get(str(another["href"])).headers["Location"]).query)["prompt"] == [
        "select_account"
    ]
    # The password stays a way in, and the page that was asked for is not forgotten.
    assert drawn.select_one(f"form#typing input[name=next][value='{DESK}']") is not None
    (event,) = history(app_units, None)
    assert event.name is EventName.STAFF_SIGN_IN_FAILED
    assert event.details == {"staff": "unknown", "with": "oidc", "reason": "oidc.no_privilege"}


def test_whose_privilege_is_gone_is_out_everywhere(client: FlaskClient, app: Flask, idp: Idp) -> None:
    let_in(client)
    idp.people["maya"]["roles"] = []
    other = app.test_client()
    assert turned_away(other, come_back(other, go(other))).status_code == 403
    assert client.get(DESK).status_code == 303


def test_whoever_was_disabled_here_stays_out(
    client: FlaskClient, services: Services, app_units: SqlUnitsOfWork, idp: Idp
) -> None:
    let_in(client)
    services.desk.disable(SYSTEM, "maya")
    shown = turned_away(client, come_back(client, go(client)))
    assert shown.status_code == 403
    assert "no longer one of the registration desk" in shown.text
    assert history(app_units, known(app_units, idp))[-1].details["reason"] == "oidc.disabled"


def test_an_address_counts_where_it_is_verified(app: Flask, settings: Settings, clock: FixedClock, idp: Idp) -> None:
    by_address = settings.model_copy(
        update={"oidc_claim": "email", "oidc_main_values": ("maya@association.example", "abel@association.example")}
    )
    client = create_app(by_address, clock=clock).test_client()
    assert turned_away(client, come_back(client, go(client), "abel")).status_code == 403
    let_in(client, "maya")
    engine_of(app).dispose()
    assert "email_verified" not in idp.people["abel"]


def test_whoever_changes_their_mind_may_try_again(client: FlaskClient, app_units: SqlUnitsOfWork) -> None:
    shown = turned_away(client, come_back(client, go(client, next=DESK), do="cancel"))
    assert shown.status_code == 200
    assert "went back without signing in" in shown.text
    assert history(app_units, None)[-1].details["reason"] == "oidc.cancelled"
    assert come_back(client, go(client)).headers["Location"] == "/staff/"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"error": "server_error"}, 503),
        ({"error": "temporarily_unavailable"}, 503),
        ({"error": "invalid_scope"}, 502),
        ({}, 502),
        ({"code": "x", "iss": "https://another.example"}, 502),
        ({"code": "made up"}, 400),
    ],
)
def test_what_else_may_come_back(client: FlaskClient, sent: dict[str, str], status: int) -> None:
    state = parse_qs(urlsplit(go(client)).query)["state"][0]
    shown = turned_away(client, client.get(CALLBACK, query_string={"state": state, **sent}))
    assert shown.status_code == status


def test_a_token_that_cannot_be_believed(client: FlaskClient, idp: Idp, app_units: SqlUnitsOfWork) -> None:
    idp.claims = lambda claims: {**claims, "nonce": "of another"}
    shown = turned_away(client, come_back(client, go(client)))
    assert shown.status_code == 502
    assert "cannot be trusted" in shown.text
    assert history(app_units, None)[-1].details["reason"] == "oidc.untrusted"


def test_the_provider_is_down(client: FlaskClient, idp: Idp) -> None:
    idp.fails = {"openid-configuration": 503}
    shown = turned_away(client, client.get(BEGIN, query_string={"next": DESK}))
    assert (shown.status_code, shown.headers["Retry-After"]) == (503, "5")
    drawn = page(shown)
    assert "cannot be reached" in str(drawn.select_one("[role=alert]"))
    # With a password one still gets in.
    values = {"username": "mia", "password": PASSWORD, "next": DESK}
    assert send(client, SIGN_IN, values).headers["Location"] == DESK


def test_the_provider_goes_down_meanwhile(client: FlaskClient, idp: Idp) -> None:
    address = go(client)
    idp.fails = {"token": 500}
    assert turned_away(client, come_back(client, address)).status_code == 503


def test_an_answer_counts_once(client: FlaskClient, app: Flask) -> None:
    sent = at_provider(go(client))
    assert client.get(CALLBACK, query_string=sent).headers["Location"] == "/staff/"
    # A reload, or the way back: one is in already.
    assert client.get(CALLBACK, query_string=sent, follow_redirects=True).request.path == "/staff/"
    send(client, "/staff/sign-out", of=DESK)
    assert turned_away(client, client.get(CALLBACK, query_string=sent)).status_code == 400
    other = app.test_client()
    assert turned_away(other, other.get(CALLBACK, query_string=sent)).status_code == 400


def test_what_was_begun_leads_back_once(client: FlaskClient) -> None:
    """However the first answer turned out; the provider would still give a code for it."""
    address = go(client)
    turned_away(client, come_back(client, address, do="cancel"))
    assert turned_away(client, come_back(client, address)).status_code == 400


def test_an_answer_counts_in_its_own_browser_only(client: FlaskClient, app: Flask) -> None:
    """Nobody is signed in as somebody else by a link that they were sent."""
    other = app.test_client()
    go(other)
    assert turned_away(other, other.get(CALLBACK, query_string=at_provider(go(client)))).status_code == 400


def test_an_answer_must_not_take_too_long(client: FlaskClient, clock: FixedClock) -> None:
    address = go(client)
    clock.instant += signing_in.PENDING_AT_MOST
    shown = turned_away(client, come_back(client, address))
    assert shown.status_code == 400
    assert "took too long" in shown.text


def test_made_up_reasons_say_nothing(client: FlaskClient) -> None:
    shown = client.get(SIGN_IN, query_string={"trouble": "sign_in.wrong"})
    assert shown.status_code == 200
    assert page(shown).select_one("[role=alert]") is None


def test_the_database_is_down(client: FlaskClient, app: Flask, settings: Settings) -> None:
    sent = at_provider(go(client))
    with database_down(app, settings):
        assert client.get(CALLBACK, query_string=sent).status_code == 503


def test_too_many_tries(client: FlaskClient) -> None:
    for _ in range(10):
        go(client)
    assert client.get(BEGIN).status_code == 429


def test_nothing_of_it_is_in_the_logs(
    client: FlaskClient, app: Flask, capsys: pytest.CaptureFixture[str], idp: Idp
) -> None:
    # The provider of the tests has logs of its own.
    logging.getLogger("werkzeug").disabled = True
    sent = at_provider(go(client))
    client.get(CALLBACK, query_string=sent)
    idp.claims = lambda claims: {**claims, "aud": "maya@association.example"}
    other = app.test_client()
    come_back(other, go(other))
    logging.getLogger("werkzeug").disabled = False
    said = "".join(capsys.readouterr())
    assert "staff.signed_in" in said
    for secret in (sent["code"], sent["state"], CLIENT_SECRET, "Maya", "maya@", "eyJ"):
        assert secret not in said


# --- Out --------------------------------------------------------------------------------------------------------


def test_out_here_and_out_there(client: FlaskClient, idp: Idp) -> None:
    let_in(client)
    answer = send(client, "/staff/sign-out", of=DESK)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/staff/signed-out")
    assert client.get(DESK).status_code == 303
    drawn = page(client.get("/staff/signed-out"))
    assert drawn.h1 is not None
    assert drawn.h1.get_text() == "You are signed out here"
    link = drawn.select_one("main a.button")
    assert link is not None
    assert link.get_text() == "Sign out of Keycloak too"
    there = client.get(str(link["href"])).headers["Location"]
    back = requests.get(there, timeout=10, allow_redirects=False)
    assert idp.signed_out == ["a-0001"]
    assert back.headers["Location"] == HERE + SIGN_IN
    # That was the way out, once.
    assert client.get(str(link["href"])).headers["Location"] == SIGN_IN
    assert client.get("/staff/signed-out").headers["Location"] == SIGN_IN


def test_the_way_out_is_offered_for_a_moment(client: FlaskClient, clock: FixedClock) -> None:
    let_in(client)
    send(client, "/staff/sign-out", of=DESK)
    clock.instant += signing_in.LEAVING_AT_MOST
    assert client.get("/staff/signed-out").headers["Location"] == SIGN_IN


def test_out_everywhere_offers_it_too(client: FlaskClient) -> None:
    let_in(client)
    assert send(client, f"{MINE}/sign-out-everywhere", of=MINE).headers["Location"] == "/staff/signed-out"


def test_where_there_is_no_way_out_none_is_offered(client: FlaskClient, idp: Idp) -> None:
    idp.metadata = {"end_session_endpoint": None}
    let_in(client)
    assert send(client, "/staff/sign-out", of=DESK).headers["Location"] == SIGN_IN


def test_the_way_out_is_closed_meanwhile(client: FlaskClient, clock: FixedClock, idp: Idp) -> None:
    let_in(client)
    clock.instant += timedelta(minutes=59)
    client.get(DESK)
    let_in(client) if client.get(DESK).status_code == 303 else None
    send(client, "/staff/sign-out", of=DESK)
    clock.instant += timedelta(minutes=2)
    idp.fails = {"openid-configuration": 500}
    shown = client.get("/staff/signed-out/oidc", follow_redirects=True)
    assert shown.status_code == 503
    assert "sign out there later" in shown.text
    idp.fails, idp.metadata = {}, {"end_session_endpoint": None}
    assert client.get("/staff/signed-out/oidc").headers["Location"] == SIGN_IN


def test_finish_and_clear_forgets_it_all(client: FlaskClient) -> None:
    let_in(client)
    send(client, "/finish", {"choice": "clear"}, of="/finish")
    with client.session_transaction() as session:
        assert not [key for key in session if key.startswith("staff")]


# --- What belongs to passwords ----------------------------------------------------------------------------------


def test_a_member_of_the_provider_has_no_password_here(client: FlaskClient) -> None:
    let_in(client)
    drawn = page(client.get(MINE))
    assert "Keycloak" in drawn.get_text()
    assert drawn.select_one("a[href$='/password'], form[action$='/app/begin']") is None
    for place in ("app", "app/begin", "app/remove", "recovery-codes", "password"):
        assert client.get(f"{MINE}/{place}").headers["Location"] == MINE
    assert send(client, f"{MINE}/app/begin", of=MINE).headers["Location"] == MINE
    send(client, "/staff/sign-out", of=DESK)
    for password in ("", "!", "None"):
        assert send(client, SIGN_IN, {"username": "maya", "password": password}).status_code == 422


@pytest.fixture
def strict(app_seeded: Seeded, settings: Settings, clock: FixedClock) -> Iterator[FlaskClient]:
    """A site on the same data that takes no passwords."""
    assert app_seeded.main.active
    changed = settings.model_copy(update={"staff_passwords": False, "oidc_label": ""})
    made = create_app(changed, clock=clock)
    yield made.test_client()
    engine_of(made).dispose()


def test_without_passwords_there_is_one_way(strict: FlaskClient, client: FlaskClient, app_seeded: Seeded) -> None:
    drawn = page(strict.get(SIGN_IN))
    assert drawn.select_one("#password, form#typing") is None
    link = drawn.select_one("main a.button")
    assert link is not None
    assert link.get_text() == "Sign in with your association’s account"
    assert page(strict.get(SIGN_IN)).select_one("button[data-language][form=switching]") is not None
    values = {"username": "mia", "password": PASSWORD}
    refused = send(strict, SIGN_IN, values)
    assert refused.status_code == 200
    assert strict.get(DESK).status_code == 303
    # Whoever signed in with one before it was turned off is out.
    sign_in(client, app_seeded.main)
    kept = cookie(client)
    assert kept is not None
    strict.set_cookie("wizard", kept)
    assert strict.get(DESK).status_code == 303
    strict.delete_cookie("wizard")
    let_in(strict)
    assert strict.get(DESK).status_code == 200
    assert "your association’s account" in strict.get(MINE).text


def test_the_providers_second_factor_counts(app: Flask, settings: Settings, clock: FixedClock) -> None:
    made = create_app(settings.model_copy(update={"staff_totp_required": True}), clock=clock)
    client = made.test_client()
    let_in(client)
    assert client.get(DESK).status_code == 200
    engine_of(made).dispose()
    engine_of(app).dispose()


@pytest.mark.parametrize(
    ("wanted", "shown", "gets_in"),
    [
        ({"oidc_acr": ("gold",)}, {"acr": "gold"}, True),
        ({"oidc_acr": ("gold",)}, {"acr": "silver"}, False),
        ({"oidc_acr": ("gold",)}, {}, False),
        ({"oidc_amr": ("mfa", "otp")}, {"amr": ["pwd", "otp"]}, True),
        ({"oidc_amr": ("mfa", "otp")}, {"amr": ["pwd"]}, False),
        ({"oidc_amr": ("mfa",)}, {}, False),
    ],
)
def test_a_second_factor_may_be_asked_for(
    app: Flask,
    settings: Settings,
    clock: FixedClock,
    idp: Idp,
    *,
    wanted: dict[str, tuple[str, ...]],
    shown: dict[str, object],
    gets_in: bool,
) -> None:
    idp.people["maya"].update(shown)
    made = create_app(settings.model_copy(update=wanted), clock=clock)
    client = made.test_client()
    answer = come_back(client, go(client))
    if gets_in:
        assert answer.headers["Location"] == "/staff/"
    else:
        said = turned_away(client, answer)
        assert said.status_code == 403
        assert "The desk takes a second factor" in said.text
    engine_of(made).dispose()
    engine_of(app).dispose()


def test_without_a_provider_nothing_is_offered(settings: Settings, clock: FixedClock, app: Flask) -> None:
    made = create_app(settings.model_copy(update={"oidc_issuer": None}), clock=clock)
    client = made.test_client()
    drawn = page(client.get(SIGN_IN))
    assert drawn.select_one("main a.button") is None
    assert client.get(BEGIN).headers["Location"].startswith(SIGN_IN)
    assert client.get(CALLBACK, query_string={"state": "x", "code": "x"}).headers["Location"].startswith(SIGN_IN)
    assert client.get("/staff/signed-out/oidc").headers["Location"] == SIGN_IN
    engine_of(made).dispose()
    engine_of(app).dispose()


def test_it_is_said_in_french_too(client: FlaskClient) -> None:
    used = token(client)
    client.post("/language/fr", data={"csrf_token": used, "next": SIGN_IN})
    drawn = page(client.get(SIGN_IN))
    link = drawn.select_one("main a.button")
    assert link is not None
    assert link.get_text() == "Se connecter avec Keycloak"
