"""Delivering the outbox: at least once, none lost, none in another's way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from wizard.core.clock import FixedClock
from wizard.core.errors import ExternalServiceError
from wizard.services.delivery import FIRST_DELAY, KEPT, LONGEST_DELAY, MOST_ATTEMPTS, Delivery, MailCarrier
from wizard.services.ports.messages import Attempt, ClaimedMessage, Mail, MailRefused, Medium, Message, Undelivered
from wizard.services.ports.units import UnitsOfWork
from wizard.storage.trail_tables import OutboxRow


class PlainWriter:
    """Says which message a mail is of."""

    def write(self, message: Message) -> Mail:
        if message.kind == "broken":
            raise ValueError("no such template")
        return Mail(kind=message.kind, recipient=message.recipient, subject=message.key, text="", html="")


@dataclass
class Mailbox:
    """Takes mails while `trouble` says nothing."""

    trouble: Callable[[Mail], Exception | None] = lambda _mail: None
    tried: list[str] = field(default_factory=list)
    taken: list[tuple[str, str]] = field(default_factory=list)

    def send(self, mail: Mail, *, message_id: str) -> None:
        self.tried.append(mail.subject)
        error = self.trouble(mail)
        if error is not None:
            raise error
        self.taken.append((mail.subject, message_id))

    @property
    def subjects(self) -> list[str]:
        return [subject for subject, _ in self.taken]


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def delivery(clock: FixedClock, units: UnitsOfWork, mailbox: Mailbox) -> Delivery:
    return Delivery(clock, units, Medium.MAIL, MailCarrier(PlainWriter(), mailbox), jitter=lambda: 1.0)


def write(clock: FixedClock, units: UnitsOfWork, *keys: str, kind: str = "link", **values: str) -> None:
    for key in keys:
        with units.write() as unit:
            message = Message(kind=kind, recipient=f"{key}@example.org", language="en", key=key, values=values)
            unit.outbox.add(message, at=clock.now())
            unit.commit()
        clock.instant += timedelta(milliseconds=1)


def down(_mail: Mail) -> Exception:
    return ExternalServiceError("mail")


def test_what_is_due_is_delivered_once_in_order(
    clock: FixedClock, units: UnitsOfWork, delivery: Delivery, mailbox: Mailbox
) -> None:
    write(clock, units, "a", "b", "c")
    assert delivery.deliver_due() == 3
    assert mailbox.subjects == ["a", "b", "c"]
    assert delivery.deliver_due() == 0
    assert len({message_id for _, message_id in mailbox.taken}) == 3


def test_no_more_than_the_limit_at_once(
    clock: FixedClock, units: UnitsOfWork, delivery: Delivery, mailbox: Mailbox
) -> None:
    write(clock, units, "a", "b", "c")
    assert [delivery.deliver_due(2), delivery.deliver_due(2)] == [2, 1]
    assert mailbox.subjects == ["a", "b", "c"]


def test_a_mail_server_that_is_down_delays_and_loses_nothing(
    clock: FixedClock, units: UnitsOfWork, delivery: Delivery, mailbox: Mailbox
) -> None:
    write(clock, units, "a", "b", "c")
    mailbox.trouble = down
    for _ in range(50):
        assert delivery.deliver_due() == 0
        clock.instant += timedelta(seconds=10)
    mailbox.trouble = lambda _mail: None
    clock.instant += LONGEST_DELAY
    assert delivery.deliver_due() == 3
    assert sorted(mailbox.subjects) == ["a", "b", "c"]


def test_a_server_that_is_down_is_asked_once_a_call(
    clock: FixedClock, units: UnitsOfWork, delivery: Delivery, mailbox: Mailbox
) -> None:
    write(clock, units, "a", "b", "c")
    mailbox.trouble = down
    delivery.deliver_due()
    assert mailbox.tried == ["a"]


def test_the_same_message_keeps_its_id(
    clock: FixedClock, units: UnitsOfWork, delivery: Delivery, mailbox: Mailbox
) -> None:
    ids: list[str] = []
    write(clock, units, "a")
    with units.write() as unit:
        ids += [claimed.id for claimed in unit.outbox.claim(clock.now())]
    delivery.deliver_due()
    assert [message_id for _, message_id in mailbox.taken] == ids


@pytest.mark.parametrize("bad", ["refused", "broken"])
def test_one_bad_message_never_stops_the_others(
    clock: FixedClock, units: UnitsOfWork, delivery: Delivery, mailbox: Mailbox, bad: str
) -> None:
    write(clock, units, "bad", kind=bad)
    write(clock, units, "good")
    mailbox.trouble = lambda mail: MailRefused("no such mailbox") if mail.kind == "refused" else None
    assert delivery.deliver_due() == 1
    assert mailbox.subjects == ["good"]


def test_a_refused_mail_is_given_up(
    clock: FixedClock, units: UnitsOfWork, delivery: Delivery, mailbox: Mailbox
) -> None:
    write(clock, units, "a")
    mailbox.trouble = lambda _mail: MailRefused("no such mailbox")
    delivery.deliver_due()
    clock.instant += timedelta(days=30)
    delivery.deliver_due()
    assert mailbox.tried == ["a"]


def test_tries_come_twice_as_far_apart_each_time(
    clock: FixedClock, units: UnitsOfWork, delivery: Delivery, mailbox: Mailbox
) -> None:
    write(clock, units, "a")
    mailbox.trouble = down
    expected = FIRST_DELAY
    for _ in range(15):
        tried = len(mailbox.tried)
        delivery.deliver_due()
        assert len(mailbox.tried) == tried + 1
        clock.instant += expected - timedelta(milliseconds=1)
        delivery.deliver_due()
        assert len(mailbox.tried) == tried + 1
        clock.instant += timedelta(milliseconds=1)
        expected = min(expected * 2, LONGEST_DELAY)


def test_jitter_spreads_the_tries(clock: FixedClock, units: UnitsOfWork, mailbox: Mailbox) -> None:
    sooner = Delivery(clock, units, Medium.MAIL, MailCarrier(PlainWriter(), mailbox), jitter=lambda: 0.0)
    write(clock, units, "a")
    mailbox.trouble = down
    sooner.deliver_due()
    clock.instant += FIRST_DELAY / 2
    sooner.deliver_due()
    assert mailbox.tried == ["a", "a"]


def test_after_three_days_it_is_given_up(
    clock: FixedClock, units: UnitsOfWork, delivery: Delivery, mailbox: Mailbox
) -> None:
    write(clock, units, "a")
    began = clock.now()
    mailbox.trouble = down
    for _ in range(MOST_ATTEMPTS + 5):
        delivery.deliver_due()
        if len(mailbox.tried) == MOST_ATTEMPTS:
            assert clock.now() - began > timedelta(days=2)
        clock.instant += LONGEST_DELAY
    assert len(mailbox.tried) == MOST_ATTEMPTS


def test_what_comes_too_late_is_not_sent(
    clock: FixedClock, units: UnitsOfWork, delivery: Delivery, mailbox: Mailbox
) -> None:
    write(clock, units, "a", kind="code", expires_at=(clock.now() + timedelta(minutes=10)).isoformat())
    clock.instant += timedelta(minutes=10)
    write(clock, units, "b")
    assert delivery.deliver_due() == 1
    assert mailbox.tried == ["b"]


def outbox_row(sessions: sessionmaker[Session]) -> OutboxRow:
    with sessions() as session:
        return session.scalars(select(OutboxRow)).one()


def test_of_what_came_too_late_nothing_personal_is_kept(
    clock: FixedClock, units: UnitsOfWork, delivery: Delivery, sessions: sessionmaker[Session]
) -> None:
    write(clock, units, "a", expires_at=(clock.now() + timedelta(minutes=10)).isoformat())
    clock.instant += timedelta(minutes=10)
    delivery.deliver_due()
    row = outbox_row(sessions)
    assert (row.state, row.reason, row.sealed, row.erase_at) == ("given_up", "outdated", None, None)


@pytest.mark.parametrize("good_for", [timedelta(minutes=10), None, timedelta(days=90)])
def test_what_is_given_up_is_kept_sealed_for_a_while_but_no_longer_than_it_is_good_for(
    clock: FixedClock,
    units: UnitsOfWork,
    delivery: Delivery,
    mailbox: Mailbox,
    sessions: sessionmaker[Session],
    good_for: timedelta | None,
) -> None:
    mailbox.trouble = lambda _mail: MailRefused("no such mailbox")
    values = {} if good_for is None else {"expires_at": (clock.now() + good_for).isoformat()}
    until = clock.now() + min(good_for or KEPT, KEPT)
    write(clock, units, "a", **values)
    delivery.deliver_due()
    row = outbox_row(sessions)
    assert (row.state, row.reason) == ("given_up", "refused")
    assert row.sealed is not None
    assert row.erase_at is not None
    assert timedelta() <= row.erase_at - until < timedelta(seconds=1)


def test_a_suppressed_message_is_never_sent(
    clock: FixedClock, units: UnitsOfWork, delivery: Delivery, mailbox: Mailbox
) -> None:
    with units.write() as unit:
        message = Message(kind="code", recipient="x@example.org", language="en", key="a", suppressed=True)
        unit.outbox.add(message, at=clock.now())
        unit.commit()
    assert delivery.deliver_due() == 0
    assert mailbox.tried == []


def test_a_worker_that_died_leaves_its_message_to_the_next(
    clock: FixedClock, units: UnitsOfWork, delivery: Delivery, mailbox: Mailbox
) -> None:
    write(clock, units, "a")
    with units.write() as unit:
        unit.outbox.claim(clock.now())
        unit.commit()
    assert delivery.deliver_due() == 0
    clock.instant += timedelta(hours=1)
    assert delivery.deliver_due() == 1
    assert mailbox.subjects == ["a"]


# --- The log of tries ------------------------------------------------------------------------------------------


def test_every_try_is_noted_with_its_time_its_duration_and_why_it_failed(
    clock: FixedClock, units: UnitsOfWork, mailbox: Mailbox
) -> None:
    seconds = iter([10.0, 10.25, 20.0, 20.5])
    carrier = MailCarrier(PlainWriter(), mailbox)
    delivery = Delivery(clock, units, Medium.MAIL, carrier, timer=lambda: next(seconds))
    write(clock, units, "a")
    mailbox.trouble = down
    first = clock.now()
    delivery.deliver_due()
    mailbox.trouble = lambda _mail: None
    clock.instant += LONGEST_DELAY
    delivery.deliver_due()
    with units.read() as unit:
        (message,) = unit.deliveries.every(Medium.MAIL, after=None, limit=9)
        assert unit.deliveries.attempts(message.id) == [
            Attempt(first, 250, None, "mail.unavailable"),
            Attempt(first + LONGEST_DELAY, 500, None, None),
        ]


@pytest.mark.parametrize(("asked", "waits"), [(600, timedelta(minutes=10)), (90_000, LONGEST_DELAY), (1, FIRST_DELAY)])
def test_the_other_side_may_ask_for_more_time_but_not_for_any(
    clock: FixedClock, units: UnitsOfWork, asked: int, waits: timedelta
) -> None:
    class Asking:
        def carry(self, _claimed: ClaimedMessage) -> None:
            raise Undelivered("webhook.answer", status=503, stops=True, retry_after=asked)

    write(clock, units, "a")
    now = clock.now()
    Delivery(clock, units, Medium.MAIL, Asking(), jitter=lambda: 1.0).deliver_due()
    with units.read() as unit:
        (message,) = unit.deliveries.every(Medium.MAIL, after=None, limit=9)
        (attempt,) = unit.deliveries.attempts(message.id)
    assert message.due_at == now + waits
    assert attempt.status == 503
