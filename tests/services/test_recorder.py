"""Recording behind the answers: soon, together, once, in order; and what cannot be recorded waits for a worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session, sessionmaker

from tests.services.conftest import COMPLETE, World
from tests.services.outages import UnitsWithOutage
from tests.support.databases import unguard
from tests.support.waiting import wait_for
from wizard.core.errors import ExternalServiceError, WorkflowStateInvalid
from wizard.core.events import EventName
from wizard.core.registration import Registration, Status
from wizard.services import audit
from wizard.services import recorder as recording
from wizard.services.events import EventBus
from wizard.services.notes import Notes
from wizard.services.recorder import Recorder
from wizard.storage.trail_tables import AuditHeadRow

SOON, NOT_BY_ITSELF = 0.01, 3600


@pytest.fixture
def outage(world: World) -> UnitsWithOutage:
    """The database of the drain."""
    units = UnitsWithOutage(world.units)
    world.orchestrator.runner.drain.units = units
    return units


@pytest.fixture
def recorder(world: World, outage: UnitsWithOutage) -> Iterator[Recorder]:
    """One that is started, and records what it has when it is stopped."""
    assert not outage.down
    drain = world.orchestrator.runner.drain
    recorder = Recorder(drain, world.registrations, NOT_BY_ITSELF)
    drain.later = recorder.later
    recorder.start()
    yield recorder
    recorder.stop()


def changed(world: World, registration: Registration, **answers: str | None) -> Registration:
    seen = registration.version
    return world.orchestrator.update(world.client, registration.session_id, answers, version=seen).registration


def test_what_was_done_is_recorded_soon_though_nobody_asks(world: World, recorder: Recorder) -> None:
    recorder.stop()
    quick = Recorder(recorder.drain, world.registrations, SOON)
    recorder.drain.later = quick.later
    quick.start()
    first = world.staged()
    wait_for(lambda: world.trail(first.session_id) == ["education.staged"])
    changed(world, first, notes="More")
    wait_for(lambda: world.trail(first.session_id) == ["education.staged", "education.updated"])
    quick.stop()


def test_registrations_go_in_together_and_each_event_once_and_in_order(
    world: World, recorder: Recorder, outage: UnitsWithOutage
) -> None:
    several = [world.staged(user_business_id=f"M-{number}") for number in range(4)]
    for each in several[:2]:
        changed(world, changed(world, each, notes="One"), notes="Two")
    assert [world.trail(each.session_id) for each in several] == [[]] * 4
    assert outage.asked == 0
    recorder.stop()
    assert outage.asked == 1, "one transaction"
    whole = ["education.staged", "education.updated", "education.updated"]
    assert [world.trail(each.session_id) for each in several] == [whole, whole, whole[:1], whole[:1]]
    with world.units.read() as unit:
        assert unit.audit.verify() == []
    assert world.registrations.with_waiting_events() == (), "nothing is left for a worker to look through"


def test_a_record_takes_what_still_waits_into_its_own_transaction(world: World, recorder: Recorder) -> None:
    registration = world.at(Status.ACCOUNT_LINKED)
    assert world.trail(registration.session_id) == []
    world.orchestrator.submit(world.client, registration.session_id)
    told = world.trail(registration.session_id)
    assert told == [
        *("education.staged", "education.validated", "education.category_determined"),
        *("education.account_linked", "education.created", "workflow.completed"),
    ]
    recorder.stop()
    assert world.trail(registration.session_id) == told


def test_a_long_wait_makes_no_document_longer_than_it_has_to_be(world: World, recorder: Recorder) -> None:
    registration = world.staged()
    for number in range(3):
        registration = changed(world, registration, notes=f"{number}")
    recorder.drain.drain(world.load(registration.session_id))
    registration = changed(world, registration, notes="last")
    assert [event.sequence for event in world.load(registration.session_id).events] == [5]


def test_what_another_process_recorded_is_asked_about_once_much_waits(
    world: World, recorder: Recorder, outage: UnitsWithOutage
) -> None:
    registration = world.staged()
    for number in range(3):
        registration = changed(world, registration, notes=f"{number}")
    with world.units.write() as elsewhere:
        elsewhere.audit.append(world.load(registration.session_id).events)
        elsewhere.commit()
    assert outage.asked == 0
    changed(world, registration, notes="last")
    assert outage.asked == 1
    assert [event.sequence for event in world.load(registration.session_id).events] == [5]
    recorder.stop()
    assert len(world.trail(registration.session_id)) == 5


def test_the_desk_sees_what_is_not_recorded_yet(world: World, recorder: Recorder) -> None:
    registration = world.staged()
    notes = Notes(world.clock, world.units, world.registrations, EventBus())
    recorder.drain.drain(registration)
    waiting = changed(world, registration, notes="More")
    assert [event.name for event in notes.history(world.staff, waiting)] == [
        EventName.EDUCATION_STAGED,
        EventName.EDUCATION_UPDATED,
    ]
    assert world.trail(registration.session_id) == ["education.staged"]


def test_what_ends_is_recorded_at_once(world: World, recorder: Recorder) -> None:
    registration = world.staged()
    assert recorder.drain.later is not None
    world.orchestrator.cancel(world.client, registration.session_id)
    assert world.trail(registration.session_id) == ["education.staged", "session.cancelled"]
    assert world.load(registration.session_id).events == ()


def test_what_ended_while_the_database_was_away_keeps_no_events_either(
    world: World, recorder: Recorder, outage: UnitsWithOutage
) -> None:
    registration = world.staged()
    outage.down = True
    world.orchestrator.cancel(world.client, registration.session_id)
    assert len(world.load(registration.session_id).events) == 2
    outage.down = False
    world.clock.instant += timedelta(minutes=1)
    recorder.stop()
    assert world.trail(registration.session_id) == ["education.staged", "session.cancelled"]
    assert world.load(registration.session_id).events == ()


@pytest.mark.usefixtures("recorder")
def test_a_refusal_comes_after_what_waits(world: World) -> None:
    registration = world.staged()
    with pytest.raises(WorkflowStateInvalid):
        world.orchestrator.create(world.client, registration.session_id)
    assert world.trail(registration.session_id) == ["education.staged", "operation.failed"]
    changed(world, registration, notes="More")
    assert [event.sequence for event in world.load(registration.session_id).events] == [2], "recorded, and remembered"


def test_what_was_erased_meanwhile_is_not_recorded(world: World, recorder: Recorder) -> None:
    registration = world.staged()
    emptied = replace(registration, events=tuple(replace(each, changes={}) for each in registration.events))
    world.registrations.save(emptied, replacing=registration)
    recorder.stop()
    with world.units.read() as unit:
        (row,) = unit.audit.history(registration.session_id)
    assert row.event.changes == {}


def test_without_anybody_to_do_it_an_operation_records_by_itself(world: World, recorder: Recorder) -> None:
    recorder.stop()
    recorder.start()
    assert world.trail(world.staged().session_id) == ["education.staged"]


def test_more_than_a_process_should_keep_is_recorded_at_once(
    world: World, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_MOST", 1)
    waiting, recorded = world.staged(), world.staged(user_business_id="M-2")
    assert world.trail(waiting.session_id) == []
    assert world.trail(recorded.session_id) == ["education.staged"]
    recorder.stop()
    assert world.trail(waiting.session_id) == ["education.staged"]


def test_what_the_database_does_not_take_waits_in_the_document(
    world: World, recorder: Recorder, outage: UnitsWithOutage
) -> None:
    registration = world.staged()
    outage.down = True
    recorder.stop()
    assert world.trail(registration.session_id) == []
    assert [each.session_id for each in world.registrations.with_waiting_events()] == [registration.session_id]


class Failing:
    """Documents that cannot be read, once."""

    def __init__(self, world: World, error: BaseException) -> None:
        self.registrations, self.errors = world.registrations, [error]

    def load_all(self, session_ids: Sequence[str]) -> Mapping[str, Registration | None]:
        if self.errors:
            raise self.errors.pop()
        return self.registrations.load_all(session_ids)

    def events_recorded(self, *registrations: Registration) -> None:
        self.registrations.events_recorded(*registrations)


@pytest.mark.parametrize("error", [ExternalServiceError("redis"), RuntimeError("a fault of ours")])
def test_whatever_fails_the_next_ones_are_recorded(world: World, recorder: Recorder, error: Exception) -> None:
    recorder.stop()
    failing = Failing(world, error)
    going_on = Recorder(recorder.drain, failing, SOON)  # type: ignore[arg-type]
    recorder.drain.later = going_on.later
    going_on.start()
    going_on.start()
    lost = world.staged()
    wait_for(lambda: not failing.errors)
    recorded = world.staged(**{**COMPLETE, "user_business_id": "M-2"})
    wait_for(lambda: world.trail(recorded.session_id) == ["education.staged"])
    assert world.trail(lost.session_id) == []
    going_on.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_died_is_not_relied_upon_and_has_a_successor(world: World, recorder: Recorder) -> None:
    recorder.stop()
    dying = Recorder(recorder.drain, Failing(world, SystemExit()), SOON)  # type: ignore[arg-type]
    recorder.drain.later = dying.later
    dying.start()
    world.staged()
    wait_for(lambda: not dying.later("anything"))
    alone = world.staged(user_business_id="M-2")
    assert world.trail(alone.session_id) == ["education.staged"]
    dying.start()
    behind = world.staged(user_business_id="M-3")
    wait_for(lambda: world.trail(behind.session_id) == ["education.staged"])
    dying.stop()


def test_one_that_cannot_be_recorded_is_in_no_others_way(
    world: World, recorder: Recorder, sessions: sessionmaker[Session]
) -> None:
    spoilt, *others = (world.staged(user_business_id=f"M-{number}") for number in range(3))
    recorder.drain.drain(spoilt)
    changed(world, spoilt, notes="More")
    with sessions() as session:
        # Somebody has taken the end of a chain away.
        unguard(session.connection())
        session.execute(delete(AuditHeadRow).where(AuditHeadRow.chain == spoilt.session_id))
        session.commit()
    for each in others:
        recorder.drain.drain(each)
        changed(world, each, notes="More")
    recorder.stop()
    assert [world.trail(each.session_id)[-1] for each in (spoilt, *others)] == [
        "education.staged",
        "education.updated",
        "education.updated",
    ]


def test_what_is_no_longer_remembered_is_asked_about(
    world: World, outage: UnitsWithOutage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_REMEMBERED", 1)
    first, second = world.staged(), world.staged(user_business_id="M-2")
    before = outage.asked
    changed(world, second, notes="More")
    assert outage.asked - before == 1, "written"
    changed(world, first, notes="More")
    assert outage.asked - before == 3, "asked about, and written"
    assert [event.sequence for event in world.load(first.session_id).events] == [2]
