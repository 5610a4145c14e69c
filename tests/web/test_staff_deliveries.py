"""The desk's pages on what was not delivered, and sending it again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.desk import page, send, sign_in
from tests.support.seed import Seeded
from wizard.core.clock import FixedClock
from wizard.core.events import Event, EventName
from wizard.services.ports.backlog import Queue
from wizard.services.ports.messages import Attempt, Medium, Message
from wizard.storage.unit_of_work import SqlUnitsOfWork

MAILS, WEBHOOKS = "/staff/mails", "/staff/webhooks"
SESSION = "0b6f7a52-9d8e-4c11-a3f5-3a9f6f1f2c77"


@pytest.fixture
def desk(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    """`admin` suffices."""
    sign_in(client, app_seeded.admin)
    return client


def failed(units: SqlUnitsOfWork, clock: FixedClock, medium: Medium, *, final: bool, reason: str = "") -> str:
    """A message whose try has failed just now; its id."""
    with units.write() as unit:
        (claimed,) = unit.outbox.claim(clock.now(), medium=medium, limit=1)
        reason = reason or ("mail.unavailable" if medium is Medium.MAIL else "webhook.answer")
        unit.outbox.attempted(claimed.id, Attempt(clock.now(), 1234, 500 if medium is Medium.WEBHOOK else None, reason))
        if final:
            unit.outbox.given_up(claimed, reason=reason, keep_until=clock.now() + timedelta(days=30))
        else:
            unit.outbox.failed(claimed, reason=reason, retry_at=clock.now() + timedelta(minutes=5))
        unit.commit()
    return claimed.id


def a_mail(units: SqlUnitsOfWork, clock: FixedClock, key: str = "a") -> None:
    with units.write() as unit:
        unit.outbox.add(Message("confirmation", "ada@example.org", "fr", key), at=clock.now())
        unit.commit()


def an_event(units: SqlUnitsOfWork, clock: FixedClock, number: int = 1) -> None:
    announcing = SqlUnitsOfWork(units.sessions, units.cipher, clock, announces=True)
    with announcing.write() as unit:
        event = Event(
            EventName.SESSION_EXTENDED,
            clock.now(),
            "applicant",
            SESSION,
            session_id=SESSION,
            sequence=number,
            operation_id=f"o{number}",
        )
        unit.audit.append((event,))
        unit.commit()
    clock.instant += timedelta(seconds=1)


def test_a_mail_given_up_is_sent_again_from_its_page(
    desk: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    a_mail(app_units, clock)
    message_id = failed(app_units, clock, Medium.MAIL, final=True)
    link = page(desk.get(MAILS)).select_one("main table tbody th a")
    assert link is not None
    assert link.get_text() == "Confirmation of a record"
    place = str(link["href"])
    assert place == f"/staff/deliveries/{message_id}"
    shown = desk.get(place).text
    for text in ("Given up", "The mail server does not answer", "1,234 ms", message_id, "Send again now"):
        assert text in shown
    assert "ada@example.org" not in shown
    answer = send(desk, f"{place}/again", {}, of=place)
    assert answer.headers["Location"] == f"{place}?done=again"
    assert "It is sent again" in desk.get(answer.headers["Location"]).text
    assert "Every e-mail has gone out" in desk.get(MAILS).text
    with app_units.write() as unit:
        assert [claimed.id for claimed in unit.outbox.claim(clock.now())] == [message_id]
    with app_units.read() as unit:
        (row,) = unit.audit.history("outbox:mail")
    assert (row.event.name, row.event.actor) == ("delivery.retried", "staff:ann")


def test_one_that_is_out_cannot_be_sent_again(desk: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock) -> None:
    a_mail(app_units, clock)
    message_id = failed(app_units, clock, Medium.MAIL, final=True)
    place = f"/staff/deliveries/{message_id}"
    form = page(desk.get(place)).select_one("main form")
    assert form is not None
    send(desk, f"{place}/again", {}, of=place)
    with app_units.write() as unit:
        (claimed,) = unit.outbox.claim(clock.now())
        unit.outbox.delivered(claimed.id, at=clock.now())
        unit.commit()
    shown = page(desk.get(place))
    assert shown.select("main form") == []
    answer = send(desk, f"{place}/again", {}, of=MAILS)
    assert "It cannot be sent again" in desk.get(answer.headers["Location"]).text


def test_the_address_of_a_button_by_itself_changes_nothing(
    desk: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    a_mail(app_units, clock)
    place = f"/staff/deliveries/{failed(app_units, clock, Medium.MAIL, final=True)}"
    for address, leads_to in ((f"{place}/again", place), (f"{MAILS}/again", MAILS), (f"{WEBHOOKS}/again", WEBHOOKS)):
        assert desk.get(address).headers["Location"] == leads_to
    assert "Given up" in desk.get(place).text


def test_all_that_were_given_up_are_sent_again_at_one_press(
    desk: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    for number in (1, 2):
        an_event(app_units, clock, number)
        failed(app_units, clock, Medium.WEBHOOK, final=True)
    a_mail(app_units, clock)
    failed(app_units, clock, Medium.MAIL, final=True)
    answer = send(desk, f"{WEBHOOKS}/again", {}, of=WEBHOOKS)
    assert "What was given up is sent again." in desk.get(answer.headers["Location"]).text
    assert page(desk.get(WEBHOOKS)).select("main table tbody tr") == []
    assert len(page(desk.get(MAILS)).select("main table tbody tr")) == 1
    again = send(desk, f"{WEBHOOKS}/again", {}, of=MAILS)
    assert "It cannot be sent again" in desk.get(again.headers["Location"]).text


def test_events_that_did_not_get_out_are_listed_and_all_of_them_on_request(
    desk: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    an_event(app_units, clock, 1)
    failed(app_units, clock, Medium.WEBHOOK, final=False)
    an_event(app_units, clock, 2)
    undelivered = page(desk.get(WEBHOOKS))
    behind, row = undelivered.select("main table tbody tr")
    assert row.select_one("th").get_text(strip=True) == "More time given"  # type: ignore[union-attr]
    assert "The other system does not take it" in row.get_text()
    assert "An earlier event has to go out first" in behind.get_text()
    assert not undelivered.select("main form"), "nothing was given up"
    everything = page(desk.get(f"{WEBHOOKS}?all=1")).select("main table tbody tr")
    assert len(everything) == 2
    assert "Waits to be sent" in everything[0].get_text()
    assert "Not tried yet" in desk.get(str(everything[0].select_one("a")["href"])).text  # type: ignore[index]


def test_long_lists_have_pages(desk: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock) -> None:
    for number in range(30):
        an_event(app_units, clock, number + 1)
    first = page(desk.get(f"{WEBHOOKS}?all=1"))
    following = first.select_one("main a[rel=next]")
    assert following is not None
    second = page(desk.get(str(following["href"])))
    assert (len(first.select("main tbody tr")), len(second.select("main tbody tr"))) == (25, 5)
    assert f'href="{WEBHOOKS}?all=1"' in str(second)


def test_nothing_to_see_is_said(desk: FlaskClient) -> None:
    assert "Every event has reached the other system." in desk.get(WEBHOOKS).text
    assert "There are no events yet." in desk.get(f"{WEBHOOKS}?all=1").text


def test_an_event_of_another_version_of_the_wizard_is_shown_by_its_name(
    desk: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    message = Message("something.new", "", "", "event:1", medium=Medium.WEBHOOK)
    with app_units.write() as unit:
        unit.outbox.add(message, at=clock.now())
        unit.commit()
    failed(app_units, clock, Medium.WEBHOOK, final=True, reason="ValueError")
    shown = desk.get(WEBHOOKS).text
    assert "something.new" in shown
    assert "It could not be written" in shown


def test_the_board_counts_events_once_there_are_any_or_a_receiver(
    app: Flask, desk: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    assert "Events not delivered" not in desk.get("/staff/").text
    an_event(app_units, clock)
    failed(app_units, clock, Medium.WEBHOOK, final=True)
    (tile,) = [tile for tile in page(desk.get("/staff/")).select("a.tile") if "Events" in tile.get_text()]
    assert tile.get_text(" ", strip=True) == "1 Events not delivered"
    assert tile["href"] == WEBHOOKS
    assert app.extensions["wizard"].webhooks is None


def test_the_board_counts_all_that_a_receiver_which_is_down_holds_up(
    desk: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    an_event(app_units, clock, 1)
    failed(app_units, clock, Medium.WEBHOOK, final=False)
    for number in range(2, 13):
        an_event(app_units, clock, number)
    (tile,) = [tile for tile in page(desk.get("/staff/")).select("a.tile") if "Events" in tile.get_text()]
    assert tile.get_text(" ", strip=True) == "12 Events not delivered"
    assert len(page(desk.get(WEBHOOKS)).select("main tbody tr")) == 12
    with app_units.read() as unit:
        waiting = unit.backlog.waiting(given_up_since=clock.now())
    assert sum(each.count for each in waiting if each.queue is Queue.OUTBOX) == 12


def test_a_message_that_nobody_knows_is_not_found(desk: FlaskClient) -> None:
    assert desk.get("/staff/deliveries/unknown").status_code == 404
    assert send(desk, "/staff/deliveries/unknown/again", {}, of=MAILS).status_code == 404


@pytest.mark.parametrize("address", [MAILS, WEBHOOKS, "/staff/deliveries/x", "/staff/deliveries/x/again"])
def test_a_stranger_is_asked_to_sign_in(client: FlaskClient, address: str) -> None:
    assert client.get(address).headers["Location"].startswith("/staff/sign-in")


def test_in_french(desk: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock) -> None:
    an_event(app_units, clock)
    message_id = failed(app_units, clock, Medium.WEBHOOK, final=True)
    send(desk, "/language/fr", {"next": WEBHOOKS}, of=WEBHOOKS)
    assert "Événements non livrés" in desk.get(WEBHOOKS).text
    assert "Renvoyer maintenant" in desk.get(f"/staff/deliveries/{message_id}").text
