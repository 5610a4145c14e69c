"""What the desk sees of deliveries, sends again, and what is erased of them in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from wizard.core.actors import Actor, Privilege
from wizard.core.clock import FixedClock
from wizard.core.errors import Conflict, NotFound, PermissionDenied
from wizard.core.events import Event
from wizard.services.deliveries import Deliveries
from wizard.services.events import EventBus
from wizard.services.ports.calls import Call
from wizard.services.ports.deliveries import LATE, DeliveryState, Posted
from wizard.services.ports.messages import Attempt, Medium, Message, Place
from wizard.services.ports.units import UnitsOfWork
from wizard.storage.trail_tables import AttemptRow, OutboxRow

ADMIN = Call(Actor.staff("ann", Privilege.ADMIN), "request-1")
STRANGERS = [Actor.applicant(), Actor.applicant("session", "account")]
KEPT = timedelta(days=30)
DAY = timedelta(days=1)


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def deliveries(clock: FixedClock, units: UnitsOfWork, told: list[Event]) -> Deliveries:
    events = EventBus()
    events.subscribe(told.append)
    return Deliveries(clock, units, events, KEPT)


def add(
    clock: FixedClock, units: UnitsOfWork, *keys: str, medium: Medium = Medium.WEBHOOK, suppressed: bool = False
) -> None:
    for number, key in enumerate(keys, 1):
        message = Message(
            kind="session.extended" if medium is Medium.WEBHOOK else "link",
            recipient="ada@example.org",
            language="en",
            key=key,
            medium=medium,
            suppressed=suppressed,
            place=Place("s1", None, number) if medium is Medium.WEBHOOK else None,
        )
        with units.write() as unit:
            unit.outbox.add(message, at=clock.now())
            unit.commit()
        clock.instant += timedelta(seconds=1)


def give_up(clock: FixedClock, units: UnitsOfWork, medium: Medium = Medium.WEBHOOK, *, times: int = 1) -> None:
    """Claim what is due, one after the other, and give it up."""
    for _ in range(times):
        with units.write() as unit:
            for claimed in unit.outbox.claim(clock.now(), medium=medium):
                unit.outbox.attempted(claimed.id, Attempt(clock.now(), 5, 500, "webhook.answer"))
                until = clock.now() + KEPT
                unit.outbox.given_up(claimed, reason="webhook.answer", keep_until=until)
            unit.commit()


def deliver(clock: FixedClock, units: UnitsOfWork, medium: Medium = Medium.WEBHOOK) -> list[str]:
    with units.write() as unit:
        claims = unit.outbox.claim(clock.now(), medium=medium)
        for claimed in claims:
            unit.outbox.attempted(claimed.id, Attempt(clock.now(), 5, 204, None))
            unit.outbox.delivered(claimed.id, at=clock.now())
        unit.commit()
    return [claimed.message.key for claimed in claims]


def states(messages: Sequence[Posted]) -> list[DeliveryState]:
    return [message.state for message in messages]


# --- Looking ---------------------------------------------------------------------------------------------------


def test_only_what_failed_is_undelivered(clock: FixedClock, units: UnitsOfWork, deliveries: Deliveries) -> None:
    add(clock, units, "a", "b", "c")
    assert deliver(clock, units) == ["a"]
    give_up(clock, units)
    assert states(deliveries.undelivered(ADMIN, Medium.WEBHOOK).messages) == [DeliveryState.GIVEN_UP]
    assert deliveries.undelivered(ADMIN, Medium.MAIL).messages == []
    everything = deliveries.every(ADMIN, Medium.WEBHOOK).messages
    assert states(everything) == [DeliveryState.WAITING, DeliveryState.GIVEN_UP, DeliveryState.DELIVERED]
    assert [(message.reason, message.kept) for message in everything] == [
        (None, True),
        ("webhook.answer", True),
        (None, False),
    ]


def test_one_that_failed_and_waits_is_undelivered(
    clock: FixedClock, units: UnitsOfWork, deliveries: Deliveries
) -> None:
    add(clock, units, "a")
    with units.write() as unit:
        (claimed,) = unit.outbox.claim(clock.now(), medium=Medium.WEBHOOK)
        unit.outbox.failed(claimed, reason="webhook.timeout", retry_at=clock.now() + DAY)
        unit.commit()
    (message,) = deliveries.undelivered(ADMIN, Medium.WEBHOOK).messages
    assert (message.state, message.due_at) == (DeliveryState.WAITING, clock.now() + DAY)


def fail(clock: FixedClock, units: UnitsOfWork) -> None:
    """Claim one that is due; it fails."""
    with units.write() as unit:
        (claimed,) = unit.outbox.claim(clock.now(), medium=Medium.WEBHOOK, limit=1)
        unit.outbox.failed(claimed, reason="webhook.timeout", retry_at=clock.now() + DAY)
        unit.commit()


def test_those_behind_one_that_failed_are_undelivered_too(
    clock: FixedClock, units: UnitsOfWork, deliveries: Deliveries
) -> None:
    add(clock, units, "a", "b", "c")
    fail(clock, units)
    found = deliveries.undelivered(ADMIN, Medium.WEBHOOK).messages
    assert [(each.reason, each.behind) for each in found] == [(None, True), (None, True), ("webhook.timeout", False)]
    assert [each.behind for each in deliveries.every(ADMIN, Medium.WEBHOOK).messages] == [True, True, False]
    assert [deliveries.follow(ADMIN, each.id).message.behind for each in found] == [True, True, False]


def test_what_nobody_has_tried_for_a_minute_is_undelivered(
    clock: FixedClock, units: UnitsOfWork, deliveries: Deliveries
) -> None:
    add(clock, units, "mail", medium=Medium.MAIL)
    assert deliveries.undelivered(ADMIN, Medium.MAIL).messages == []
    clock.instant += LATE
    (message,) = deliveries.undelivered(ADMIN, Medium.MAIL).messages
    assert (message.state, message.attempts, message.behind) == (DeliveryState.WAITING, 0, False)


@pytest.mark.parametrize("all_of_them", [False, True])
def test_messages_come_page_by_page_newest_first(
    clock: FixedClock, units: UnitsOfWork, deliveries: Deliveries, all_of_them: bool
) -> None:
    add(clock, units, *(f"key-{number}" for number in range(60)), medium=Medium.MAIL)
    give_up(clock, units, Medium.MAIL, times=3)
    look = deliveries.every if all_of_them else deliveries.undelivered
    found: list[Posted] = []
    page = look(ADMIN, Medium.MAIL)
    while True:
        found += page.messages
        if page.following is None:
            break
        page = look(ADMIN, Medium.MAIL, after=page.following)
    assert len({message.id for message in found}) == len(found) == 60
    made = [message.created_at for message in found]
    assert made == sorted(made, reverse=True)
    assert look(ADMIN, Medium.MAIL, after="nobody").messages == []


def test_one_message_has_its_tries_in_order(clock: FixedClock, units: UnitsOfWork, deliveries: Deliveries) -> None:
    add(clock, units, "a")
    give_up(clock, units)
    (message,) = deliveries.undelivered(ADMIN, Medium.WEBHOOK).messages
    deliveries.retry(ADMIN, message.id)
    clock.instant += timedelta(minutes=1)
    deliver(clock, units)
    followed = deliveries.follow(ADMIN, message.id)
    assert followed.message.state is DeliveryState.DELIVERED
    assert [(each.status, each.reason) for each in followed.attempts] == [(500, "webhook.answer"), (204, None)]


def test_what_was_never_to_be_sent_is_never_seen(
    clock: FixedClock, units: UnitsOfWork, deliveries: Deliveries, sessions: sessionmaker[Session]
) -> None:
    add(clock, units, "nobody", medium=Medium.MAIL, suppressed=True)
    assert deliveries.every(ADMIN, Medium.MAIL).messages == []
    with sessions() as session:
        message_id = session.scalars(select(OutboxRow.id)).one()
    for unknown in (message_id, "unknown"):
        with pytest.raises(NotFound):
            deliveries.follow(ADMIN, unknown)
        with pytest.raises(NotFound):
            deliveries.retry(ADMIN, unknown)


# --- Sending again ---------------------------------------------------------------------------------------------


def test_what_was_given_up_is_sent_again_with_all_its_tries_before_it(
    clock: FixedClock, units: UnitsOfWork, deliveries: Deliveries, told: list[Event]
) -> None:
    add(clock, units, "a")
    give_up(clock, units)
    (message,) = deliveries.undelivered(ADMIN, Medium.WEBHOOK).messages
    deliveries.retry(ADMIN, message.id)
    assert deliveries.undelivered(ADMIN, Medium.WEBHOOK).messages == []
    assert deliveries.follow(ADMIN, message.id).message.attempts == 0
    assert deliver(clock, units) == ["a"]
    (event,) = told
    assert (event.name, event.actor) == ("delivery.retried", "staff:ann")
    assert event.details == {"medium": "webhook", "message": message.id, "kind": "session.extended"}
    with units.read() as unit:
        assert [row.event.name for row in unit.audit.history("outbox:webhook")] == ["delivery.retried"]


def test_one_that_waits_for_its_next_try_goes_at_once(
    clock: FixedClock, units: UnitsOfWork, deliveries: Deliveries
) -> None:
    add(clock, units, "a")
    with units.write() as unit:
        (claimed,) = unit.outbox.claim(clock.now(), medium=Medium.WEBHOOK)
        unit.outbox.failed(claimed, reason="webhook.timeout", retry_at=clock.now() + DAY)
        unit.commit()
    assert deliver(clock, units) == []
    deliveries.retry(ADMIN, claimed.id)
    assert deliver(clock, units) == ["a"]


def test_one_sent_again_comes_before_the_later_ones(
    clock: FixedClock, units: UnitsOfWork, deliveries: Deliveries
) -> None:
    add(clock, units, "a", "b")
    give_up(clock, units)
    (message,) = deliveries.undelivered(ADMIN, Medium.WEBHOOK).messages
    deliveries.retry(ADMIN, message.id)
    assert [*deliver(clock, units), *deliver(clock, units)] == ["a", "b"]


def test_what_is_out_or_erased_cannot_be_sent_again(
    clock: FixedClock, units: UnitsOfWork, deliveries: Deliveries, told: list[Event]
) -> None:
    add(clock, units, "a", "b")
    deliver(clock, units)
    give_up(clock, units)
    clock.instant += KEPT
    deliveries.erase_old()
    with units.read() as unit:
        ids = [message.id for message in unit.deliveries.every(Medium.WEBHOOK, after=None, limit=9)]
    assert len(ids) == 2
    for message_id in ids:
        with pytest.raises(Conflict, match=r"delivery\.over"):
            deliveries.retry(ADMIN, message_id)
    assert deliveries.retry_all(ADMIN, Medium.WEBHOOK) == 0
    assert told == []


def test_all_that_were_given_up_are_sent_again_in_their_order(
    clock: FixedClock, units: UnitsOfWork, deliveries: Deliveries, told: list[Event]
) -> None:
    add(clock, units, "a", "b", "c")
    add(clock, units, "mail", medium=Medium.MAIL)
    give_up(clock, units, times=3)
    give_up(clock, units, Medium.MAIL)
    assert deliveries.retry_all(ADMIN, Medium.WEBHOOK) == 3
    assert [key for _ in range(3) for key in deliver(clock, units)] == ["a", "b", "c"]
    assert deliver(clock, units, Medium.MAIL) == []
    assert [event.details for event in told] == [{"medium": "webhook", "count": "3"}]


@pytest.mark.parametrize("actor", STRANGERS)
def test_it_is_the_desk_s_alone(deliveries: Deliveries, actor: Actor) -> None:
    call = Call(actor)
    for refused in (
        lambda: deliveries.undelivered(call, Medium.MAIL),
        lambda: deliveries.every(call, Medium.MAIL),
        lambda: deliveries.follow(call, "a"),
        lambda: deliveries.retry(call, "a"),
        lambda: deliveries.retry_all(call, Medium.MAIL),
    ):
        with pytest.raises(PermissionDenied):
            refused()


# --- Erasing ---------------------------------------------------------------------------------------------------


def kept(sessions: sessionmaker[Session]) -> tuple[list[str], list[str], int]:
    """Keys of all rows, keys of those that can still be read, and how many tries are known."""
    with sessions() as session:
        rows = session.scalars(select(OutboxRow).order_by(OutboxRow.created_at)).all()
        tries = len(session.scalars(select(AttemptRow)).all())
    return [row.key for row in rows], [row.key for row in rows if row.sealed is not None], tries


def test_what_is_kept_no_longer_is_erased(
    clock: FixedClock, units: UnitsOfWork, deliveries: Deliveries, sessions: sessionmaker[Session]
) -> None:
    add(clock, units, "sent", "given up", "waiting")
    add(clock, units, "mail", medium=Medium.MAIL)
    deliver(clock, units)
    give_up(clock, units)
    give_up(clock, units, Medium.MAIL)
    assert deliveries.erase_old() == 0
    clock.instant += KEPT - timedelta(seconds=10)
    assert deliveries.erase_old() == 0
    clock.instant += timedelta(seconds=30)
    while deliveries.erase_old():
        pass
    keys, readable, tries = kept(sessions)
    # The mail's row stays: its key says that it was sent.
    assert (keys, readable, tries) == (["waiting", "mail"], ["waiting"], 0)
