"""Housekeeping: reminders once, expiry recorded, waiting events brought in; by any number of workers."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any, cast
from uuid import uuid4

import pytest
from redis import Redis
from sqlalchemy import delete
from sqlalchemy.orm import Session, sessionmaker

from tests.services.conftest import COMPLETE, LIFETIMES, World, build
from tests.services.outages import Killed, StoreWithMoment, UnitsWithOutage
from tests.support.databases import unguard
from tests.support.outbox import waiting
from tests.support.racing import race
from wizard.core.education import EducationData
from wizard.core.errors import ExternalServiceError, SessionExpired
from wizard.core.events import EventName
from wizard.core.registration import Registration, Status
from wizard.services import housekeeping as keeping
from wizard.services.audit import AuditDrain
from wizard.services.events import EventBus, make_event
from wizard.services.housekeeping import Housekeeping, HousekeepingReport
from wizard.services.links import ResumeLinks
from wizard.services.ports.calls import Staging
from wizard.services.ports.registrations import RegistrationStore, RevisionConflict, Selection
from wizard.services.ports.units import UnitsOfWork
from wizard.storage.indexes import FIXED, status_index
from wizard.storage.trail_tables import AuditHeadRow

NOTHING = HousekeepingReport()


def housekeeping(
    world: World, *, registrations: RegistrationStore | None = None, units: UnitsOfWork | None = None
) -> Housekeeping:
    """A worker's own housekeeping, on stores that may fail."""
    registrations, units = registrations or world.registrations, units or world.units
    events = EventBus()
    events.subscribe(world.told.append)
    links = ResumeLinks(world.clock, units, world.registrations, events, world.orchestrator)
    drain = AuditDrain(world.clock, units, registrations)
    return Housekeeping(world.clock, registrations, world.orchestrator, links, drain, events)


def with_address(world: World) -> Registration:
    staging = Staging(data=COMPLETE, contact_email="me@example.org")
    return world.orchestrator.stage(world.client, staging).registration


def three_quarters(world: World, registration: Registration) -> None:
    world.clock.instant = registration.created_at + LIFETIMES.after_change * 0.75


def told(world: World, name: EventName) -> int:
    return sum(event.name is name for event in world.told)


def test_with_nothing_to_do_nothing_is_done(world: World) -> None:
    with_address(world)
    housekeeping(world).run_once()
    report = housekeeping(world).run_once()
    assert report == NOTHING
    assert not report.did_anything


# --- Reminders -------------------------------------------------------------------------------------------------


def test_a_reminder_with_a_link_goes_out_when_three_quarters_have_passed(world: World) -> None:
    registration = with_address(world)
    three_quarters(world, registration)
    world.clock.instant -= timedelta(seconds=1)
    assert housekeeping(world).run_once().reminded == 0
    world.clock.instant += timedelta(seconds=1)
    assert housekeeping(world).run_once().reminded == 1
    (message,) = waiting(world.units)
    assert (message.kind, message.recipient) == ("reminder", "me@example.org")
    assert message.secret["token"]
    stored = world.load(registration.session_id)
    assert stored.reminded
    assert stored.expires_at == world.clock.now() + LIFETIMES.once_linked


def test_a_reminder_goes_out_once(world: World) -> None:
    registration = with_address(world)
    three_quarters(world, registration)
    assert housekeeping(world).run_once().reminded == 1
    world.clock.instant = world.load(registration.session_id).expires_at - timedelta(minutes=1)
    assert housekeeping(world).run_once().reminded == 0
    assert len(waiting(world.units)) == 1
    assert world.trail(registration.session_id).count("reminder.sent") == 1
    assert told(world, EventName.REMINDER_SENT) == 1


@pytest.mark.parametrize("end", ["complete", "cancel"])
def test_what_is_over_is_not_reminded(world: World, end: str) -> None:
    registration = with_address(world)
    if end == "cancel":
        world.orchestrator.cancel(world.client, registration.session_id)
    else:
        world.orchestrator.execute_workflow(world.client, registration.session_id, account_id=world.account.id)
    three_quarters(world, registration)
    assert housekeeping(world).run_once().reminded == 0
    assert [message.kind for message in waiting(world.units)] in ([], ["confirmation"])


def test_without_an_address_there_is_no_reminder(world: World) -> None:
    registration = world.staged()
    three_quarters(world, registration)
    assert housekeeping(world).run_once().reminded == 0


class StaleIndex(StoreWithMoment):
    """An index that still has a registration whose document has moved on."""

    due: tuple[Registration, ...] = ()

    def reminders_due(self, *_: object, **__: object) -> tuple[Registration, ...]:
        return self.due


def test_of_two_workers_at_once_one_reminds(world: World) -> None:
    registration = with_address(world)
    three_quarters(world, registration)
    other = housekeeping(world)
    store = StoreWithMoment(world.registrations, before_save=other.run_once)
    housekeeping(world, registrations=store).run_once()
    assert len(waiting(world.units)) == 1
    assert world.load(registration.session_id).reminded
    housekeeping(world).run_once()
    assert world.trail(registration.session_id).count("reminder.sent") == 1
    assert world.trail(registration.session_id).count("link.created") == 1


def test_one_that_another_worker_has_just_reminded_is_not_noted_again(world: World) -> None:
    registration = with_address(world)
    three_quarters(world, registration)
    store = StaleIndex(world.registrations)
    store.due = (registration,)
    slow = housekeeping(world, registrations=store)
    assert housekeeping(world).run_once().reminded == 1
    assert slow.run_once().reminded == 0
    housekeeping(world).run_once()
    assert world.trail(registration.session_id).count("reminder.sent") == 1


def test_of_four_workers_at_once_one_makes_a_link(world: World) -> None:
    registration = with_address(world)
    three_quarters(world, registration)
    assert race(*(housekeeping(world).run_once for _ in range(4))).errors == ()
    (message,) = waiting(world.units)
    assert world.trail(registration.session_id).count("link.created") == 1
    with world.units.read() as unit:
        (link,) = unit.links.of_session(registration.session_id)
        assert unit.links.by_digest(sha256(message.secret["token"].encode()).hexdigest()) == link


def test_an_applicant_at_work_meanwhile_is_not_overwritten(world: World) -> None:
    registration = with_address(world)
    three_quarters(world, registration)

    def answer() -> None:
        world.orchestrator.update(world.client, registration.session_id, {"notes": "Here."}, version=1)

    store = StoreWithMoment(world.registrations, before_save=answer)
    assert housekeeping(world, registrations=store).run_once().reminded == 0
    assert world.load(registration.session_id).data.notes == "Here."
    world.clock.instant = world.load(registration.session_id).expires_at - timedelta(minutes=1)
    assert housekeeping(world).run_once().reminded == 1
    assert len(waiting(world.units)) == 1


def test_a_crash_between_mail_and_note_sends_no_second_mail(world: World) -> None:
    registration = with_address(world)
    three_quarters(world, registration)

    def crash() -> None:
        raise ExternalServiceError("redis")

    store = StoreWithMoment(world.registrations, before_save=crash)
    assert housekeeping(world, registrations=store).run_once().reminded == 0
    assert len(waiting(world.units)) == 1
    assert not world.load(registration.session_id).reminded
    # The registration lives longer now: it is due again when three quarters of that have passed.
    stored = world.load(registration.session_id)
    world.clock.instant = stored.expires_at - timedelta(minutes=1)
    assert housekeeping(world).run_once().reminded == 1
    assert len(waiting(world.units)) == 1


def test_one_that_closed_meanwhile_is_passed_over_and_the_others_are_reminded(world: World) -> None:
    closed, without, open_ = with_address(world), world.staged(), with_address(world)
    world.orchestrator.cancel(world.client, closed.session_id)
    store = StaleIndex(world.registrations)
    store.due = (closed, without, open_)
    assert housekeeping(world, registrations=store).run_once().reminded == 1
    assert world.load(open_.session_id).reminded


# --- Expiry ----------------------------------------------------------------------------------------------------


def test_expiry_is_recorded_and_the_answers_erased(world: World) -> None:
    registration = world.staged()
    world.clock.instant = registration.expires_at
    assert housekeeping(world).run_once().expired == 1
    left = world.load(registration.session_id)
    assert left.ended
    assert left.data == EducationData()
    assert left.contact_email is None
    assert world.registrations.page().registrations == ()
    with pytest.raises(SessionExpired):
        world.orchestrator.get(world.applicant(registration.session_id), registration.session_id)
    assert world.trail(registration.session_id) == ["education.staged", "session.expired"]
    assert told(world, EventName.SESSION_EXPIRED) == 1
    assert housekeeping(world).run_once() == NOTHING


def test_what_was_closed_before_just_ends(world: World) -> None:
    registration = world.at(Status.CANCELLED)
    world.clock.instant = registration.expires_at
    assert housekeeping(world).run_once().expired == 1
    assert world.load(registration.session_id).ended
    assert "session.expired" not in world.trail(registration.session_id)


def test_of_two_workers_at_once_expiry_is_recorded_once(world: World) -> None:
    registration = world.staged()
    world.clock.instant = registration.expires_at
    first, second = housekeeping(world), housekeeping(world)
    assert first._expire_one(registration)
    with pytest.raises(RevisionConflict):
        second._expire_one(registration)
    assert world.trail(registration.session_id).count("session.expired") == 1


def test_a_completed_one_that_has_ended_still_says_what_it_came_to(world: World) -> None:
    registration = world.at(Status.WORKFLOW_COMPLETED)
    world.clock.instant = registration.expires_at
    assert housekeeping(world).run_once().expired == 1
    with pytest.raises(SessionExpired) as caught:
        world.orchestrator.get(world.client, registration.session_id)
    assert caught.value.record_number == registration.record_number


def test_what_was_submitted_unknown_to_redis_is_completed_and_not_called_expired(world: World) -> None:
    registration = world.at(Status.ACCOUNT_LINKED)
    store = StoreWithMoment(world.registrations)

    def die() -> None:
        raise Killed

    store.before_save = die
    interrupted = build(world.clock, cast("RegistrationStore", store), world.units, EventBus())
    with pytest.raises(Killed):
        interrupted.submit(world.client, registration.session_id)
    world.clock.instant = registration.expires_at
    assert housekeeping(world).run_once().expired == 1
    assert "session.expired" not in world.trail(registration.session_id)
    with pytest.raises(SessionExpired) as caught:
        world.orchestrator.get(world.client, registration.session_id)
    assert caught.value.record_number is not None


def test_nothing_is_erased_before_its_events_are_in_the_trail(world: World) -> None:
    registration = world.staged()
    world.clock.instant = registration.expires_at
    units = UnitsWithOutage(world.units, down=True)
    assert housekeeping(world, units=units).run_once() == NOTHING
    assert world.load(registration.session_id).data == registration.data
    assert housekeeping(world).run_once().expired == 1


# --- Waiting events --------------------------------------------------------------------------------------------


def with_waiting_event(world: World) -> Registration:
    stored = world.staged()
    chain, now = stored.session_id, world.clock.now()
    event = make_event(EventName.SESSION_EXTENDED, call=world.client, at=now, chain=chain, operation_id="operation")
    return world.registrations.save(stored.with_event(event), replacing=stored)


def test_waiting_events_are_brought_into_the_trail(world: World) -> None:
    registration = with_waiting_event(world)
    assert housekeeping(world).run_once().recorded >= 1
    assert world.trail(registration.session_id) == ["education.staged", "session.extended"]
    assert housekeeping(world).run_once().recorded == 0


def test_while_the_database_is_down_they_wait(world: World) -> None:
    registration = with_waiting_event(world)
    assert housekeeping(world, units=UnitsWithOutage(world.units, down=True)).run_once() == NOTHING
    assert "session.extended" not in world.trail(registration.session_id)
    assert housekeeping(world).run_once().recorded >= 1


def tampered_with(world: World, sessions: sessionmaker[Session]) -> Registration:
    """A registration with an event that waits, of whose chain somebody has taken the end away."""
    spoilt = with_waiting_event(world)
    with sessions() as session:
        unguard(session.connection())
        session.execute(delete(AuditHeadRow).where(AuditHeadRow.chain == spoilt.session_id))
        session.commit()
    return spoilt


def test_a_chain_that_takes_nothing_more_is_in_no_others_way(world: World, sessions: sessionmaker[Session]) -> None:
    spoilt = tampered_with(world, sessions)
    world.clock.instant += timedelta(seconds=1)
    other = with_waiting_event(world)
    assert housekeeping(world).run_once().recorded == 1
    assert world.trail(other.session_id)[-1] == "session.extended"
    world.clock.instant = other.expires_at
    report = housekeeping(world).run_once()
    assert (report.expired, world.load(spoilt.session_id).is_open) == (1, True)


@pytest.mark.parametrize(("waiting", "is_more"), [(1, False), (2, True), (3, True)])
def test_a_worker_is_told_where_a_round_was_not_enough(
    world: World, monkeypatch: pytest.MonkeyPatch, waiting: int, is_more: bool
) -> None:
    monkeypatch.setattr(keeping, "_SLICE", 2)
    for _ in range(waiting):
        with_waiting_event(world)
    assert housekeeping(world).run_once().is_more is is_more


# --- Indexes ---------------------------------------------------------------------------------------------------


class Slices(StoreWithMoment):
    """Counts where each slice of the repair begins."""

    begun: list[str | None]

    def repair_indexes(self, *, cursor: str | None, limit: int = 500) -> str | None:
        assert limit
        self.begun.append(cursor)
        return {None: "one", "one": "two", "two": None}[cursor]


def test_the_indexes_are_gone_round_slice_by_slice(world: World) -> None:
    store = Slices(world.registrations)
    store.begun = []
    worker = housekeeping(world, registrations=store)
    for _ in range(4):
        worker.run_once()
    assert store.begun == [None, "one", "two", None]


def staged_and_cancelled(world: World) -> tuple[int, int]:
    statuses = world.registrations.tally().statuses
    return statuses[Status.STAGED], statuses[Status.CANCELLED]


def spoil(world: World, redis_client: Redis) -> Registration:
    """A registration that its status's index has lost, beside one that is there no more."""
    registration = world.staged()
    redis_client.delete(status_index(Status.STAGED))
    redis_client.zadd(status_index(Status.CANCELLED), {uuid4().bytes: 1})
    assert staged_and_cancelled(world) == (0, 1)
    return registration


def test_the_real_indexes_are_repaired_round_by_round(world: World, redis_client: Redis) -> None:
    registration = spoil(world, redis_client)
    worker = housekeeping(world)
    for _ in FIXED:
        worker.run_once()
    assert staged_and_cancelled(world) == (1, 0)
    staged = world.registrations.page(Selection(status=Status.STAGED)).registrations
    assert staged == (world.load(registration.session_id),)


def test_all_indexes_are_repaired_at_once_where_somebody_waits_for_it(world: World, redis_client: Redis) -> None:
    spoil(world, redis_client)
    housekeeping(world).repair_all()
    assert staged_and_cancelled(world) == (1, 0)


class RedisDown(StoreWithMoment):
    """Answers nothing."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the real one has it
        raise ExternalServiceError("redis")


def test_while_redis_is_down_everything_is_postponed(world: World) -> None:
    assert housekeeping(world, registrations=RedisDown(world.registrations)).run_once() == NOTHING
