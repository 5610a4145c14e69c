"""The board: every number is that of the list which it leads to."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from tests.support.desk import SYSTEM, page, recorded, sign_in, staged
from tests.support.roundtrips import counted
from tests.support.seed import Seeded
from wizard.core.actors import Actor, Privilege
from wizard.core.clock import FixedClock
from wizard.core.errors import Conflict, PermissionDenied
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call
from wizard.services.ports.messages import Message
from wizard.storage.unit_of_work import SqlUnitsOfWork

BOARD = "/staff/"


@pytest.fixture
def desk(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.admin)
    return client


def numbers(desk: FlaskClient) -> dict[str, tuple[int, str]]:
    """What each tile says, and where it leads."""
    return {
        tile.select_one(".tile-label").get_text(): (  # type: ignore[union-attr]
            int(tile.select_one(".tile-count").get_text()),  # type: ignore[union-attr]
            str(tile["href"]),
        )
        for tile in page(desk.get(BOARD)).select("a.tile")
    }


def undelivered(units: SqlUnitsOfWork, clock: FixedClock) -> None:
    with units.write() as unit:
        for number in range(2):
            unit.outbox.add(Message("code", "ada@example.org", "fr", f"key-{number}"), at=clock.now())
        first, second = (each for each in unit.outbox.claim(clock.now()) if each.message.key.startswith("key-"))
        unit.outbox.given_up(first, reason="refused", keep_until=clock.now() + timedelta(days=30))
        unit.outbox.failed(second, reason="mail.unavailable", retry_at=clock.now() + timedelta(minutes=5))
        unit.commit()


def twice_in_conflict(services: Services) -> str:
    """A registration whose account has a record already, submitted twice."""
    recorded(services, user_business_id="osot-0000005")
    session_id = staged(services, user_business_id="osot-0000005")
    services.orchestrator.review(SYSTEM, session_id)
    main = Call(Actor.staff("mia", Privilege.MAIN))
    for _ in range(2):
        with suppress(Conflict):
            services.orchestrator.link_account(main, session_id)
    return session_id


def test_an_empty_board_has_nothing_to_do(desk: FlaskClient) -> None:
    counts = {label: count for label, (count, _) in numbers(desk).items()}
    assert counts.pop("Accounts to approve") == 1
    assert set(counts.values()) == {0}


def test_each_number_is_that_of_its_list(
    client: FlaskClient, services: Services, app_units: SqlUnitsOfWork, clock: FixedClock, app_seeded: Seeded
) -> None:
    conflict = twice_in_conflict(services)
    staged(services, graduation_year=None)
    staged(services, coto_status=None)
    clock.instant += timedelta(hours=20)
    staged(services)
    recorded(services, user_business_id="osot-0000001", country="SE", university="other", other_details="Lund")
    undelivered(app_units, clock)
    desk = client
    sign_in(desk, app_seeded.admin)
    shown = numbers(desk)
    expected = {
        "Over within 6 hours": 2,
        "Stuck": 1,
        "Records to verify": 1,
        "Accounts to approve": 1,
        # With the confirmation that no worker has sent since yesterday.
        "E-mails not delivered": 3,
        "The same rule failed twice": 1,
        "In conflict with an account or a record": 1,
        "Submitting failed": 0,
        "Education": 1,
        "College (COTO)": 1,
        "Check": 1,
    }
    assert {label: shown[label][0] for label in expected} == expected
    for label, (count, address) in shown.items():
        rows = page(desk.get(address)).select("main table tbody tr")
        assert len(rows) == count, label
    assert conflict in desk.get(shown["Stuck"][1]).text


def test_mails_say_what_and_why_but_not_to_whom(
    desk: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    undelivered(app_units, clock)
    shown = desk.get("/staff/mails").text
    for text in ("Code for an account", "refuses the address", "does not answer", "Given up", "Français"):
        assert text in shown
    assert "ada@example.org" not in shown


def test_every_mail_gone_out_is_said(desk: FlaskClient) -> None:
    assert "Every e-mail has gone out" in desk.get("/staff/mails").text


def test_the_board_costs_a_round_trip_however_many_there_are(desk: FlaskClient, services: Services, app: Flask) -> None:
    redis: Redis = app.extensions["wizard_stores"].redis
    desk.get(BOARD)
    for number in range(5):
        staged(services, user_business_id=f"osot-{number:07}")
    with counted(redis) as trips:
        desk.get(BOARD)
    assert trips.count == 2, "the browser's session, and all numbers"


def test_the_service_tells_the_desk_alone(services: Services) -> None:
    for actor in (Actor.applicant(), Actor.applicant("session", "account")):
        with pytest.raises(PermissionDenied):
            services.board.overview(Call(actor))


@pytest.mark.parametrize("address", [BOARD, "/staff/mails", "/staff/statistics"])
def test_a_stranger_is_asked_to_sign_in(client: FlaskClient, address: str) -> None:
    assert client.get(address).headers["Location"].startswith("/staff/sign-in")
