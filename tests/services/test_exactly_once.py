"""One record per registration, whoever submits it, however often, and wherever it is interrupted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy import update

from tests.services.conftest import COMPLETE, World, build
from tests.services.outages import Killed, StoreWithMoment, UnitsWithMoment, UnitsWithOutage
from wizard.core.accounts import AccountStatus
from wizard.core.errors import Conflict, WorkflowStateInvalid
from wizard.core.records import Record
from wizard.core.registration import Status
from wizard.core.results import OperationResult
from wizard.services.events import EventBus
from wizard.services.membership import MembershipService
from wizard.services.orchestrator import RegistrationOrchestrator
from wizard.services.ports.calls import Staging
from wizard.services.ports.registrations import RegistrationStore
from wizard.services.ports.units import UnitsOfWork
from wizard.services.records import RecordService
from wizard.storage.tables import AccountRow
from wizard.storage.unit_of_work import SqlUnitOfWork

SUBMITS = 50


def with_moment(world: World) -> tuple[RegistrationOrchestrator, StoreWithMoment]:
    store = StoreWithMoment(world.registrations)
    return build(world.clock, cast("RegistrationStore", store), world.units, EventBus()), store


def interrupted_submit(world: World) -> str:
    """A registration whose process died between the database and Redis: the record is there, the document behind."""
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    orchestrator, store = with_moment(world)

    def die() -> None:
        raise Killed

    store.before_save = die
    with pytest.raises(Killed):
        orchestrator.execute_workflow(world.client, session_id)
    return session_id


def test_a_whole_workflow_that_died_once_its_record_was_there_tells_of_no_step_twice(world: World) -> None:
    session_id = world.staged().session_id
    orchestrator, store = with_moment(world)

    def die() -> None:
        raise Killed

    store.before_save = die
    with pytest.raises(Killed):
        orchestrator.execute_workflow(world.client, session_id, account_id=world.account.id)
    again = world.orchestrator.execute_workflow(world.client, session_id, account_id=world.account.id)
    assert (again.registration.status, again.success) == (Status.WORKFLOW_COMPLETED, True)
    assert again.record is not None
    trail = world.trail(session_id)
    assert (len(trail), len(set(trail))) == (6, 6)


def test_fifty_submits_at_once_make_one_record(world: World) -> None:
    session_id = world.at(Status.ACCOUNT_LINKED).session_id

    def submit(_number: int) -> OperationResult:
        return world.orchestrator.execute_workflow(world.client, session_id)

    with ThreadPoolExecutor(max_workers=10) as pool:
        results = list(pool.map(submit, range(SUBMITS)))
    assert len({result.record.number for result in results if result.record}) == 1
    assert all(result.record for result in results)
    assert sum(result.created_now for result in results) == 1
    assert world.trail(session_id).count("education.created") == 1
    assert world.trail(session_id).count("workflow.completed") == 1
    with world.units.write() as unit:
        assert len(unit.outbox.claim(world.clock.now(), limit=100)) == 1


def test_whoever_made_the_record_is_told_so_though_another_submit_was_quicker_to_close(world: World) -> None:
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    orchestrator, store = with_moment(world)
    others: list[OperationResult] = []
    store.before_save = lambda: others.append(world.orchestrator.execute_workflow(world.client, session_id))
    result = orchestrator.execute_workflow(world.client, session_id)
    assert (result.created_now, [other.created_now for other in others]) == (True, [False])


def test_two_registrations_of_one_member_submitted_at_once_make_one_record(world: World) -> None:
    first = world.at(Status.ACCOUNT_LINKED).session_id
    second = world.at(Status.ACCOUNT_LINKED).session_id

    def submit(session_id: str) -> str | None:
        try:
            record = world.orchestrator.execute_workflow(world.client, session_id).record
        except Conflict:
            return None
        return record.number if record else None

    with ThreadPoolExecutor(max_workers=2) as pool:
        numbers = list(pool.map(submit, (first, second)))
    assert numbers.count(None) == 1
    loser = world.load(first if numbers[0] is None else second)
    assert loser.flag is not None
    assert loser.data.user_business_id == COMPLETE["user_business_id"]


def test_killed_between_the_database_and_redis_the_next_submit_finds_the_record(world: World) -> None:
    session_id = interrupted_submit(world)
    assert world.load(session_id).status is Status.ACCOUNT_LINKED
    result = world.orchestrator.execute_workflow(world.client, session_id)
    assert result.record is not None
    assert not result.created_now
    assert world.load(session_id).status is Status.WORKFLOW_COMPLETED
    assert world.trail(session_id).count("education.created") == 1
    assert world.trail(session_id).count("workflow.completed") == 1


def test_what_an_interrupted_submit_closed_is_closed_for_the_next_that_would_not_have(world: World) -> None:
    session_id = interrupted_submit(world)
    assert world.orchestrator.create(world.client, session_id).registration.status is Status.WORKFLOW_COMPLETED
    world.orchestrator.execute_workflow(world.client, session_id)
    assert world.trail(session_id).count("workflow.completed") == 1


def test_a_record_of_one_account_is_never_taken_over_by_another(world: World) -> None:
    session_id = interrupted_submit(world)
    other = world.seeded.accounts[1]
    world.orchestrator.update(world.client, session_id, {"user_business_id": other.number}, version=1)
    with pytest.raises(Conflict, match=r"session\.one_record"):
        world.orchestrator.execute_workflow(world.client, session_id, account_id=other.id)
    with world.units.read() as unit:
        record = unit.records.by_session(session_id)
    assert record is not None
    assert (record.account_id, record.data.user_business_id) == (world.account.id, world.account.number)


def confirmations(world: World) -> int:
    with world.units.write() as unit:
        return sum(
            message.message.kind == "confirmation" for message in unit.outbox.claim(world.clock.now(), limit=100)
        )


def record_of(world: World, session_id: str) -> Record:
    with world.units.read() as unit:
        record = unit.records.by_session(session_id)
    assert record is not None
    return record


def test_cancelling_what_was_submitted_unknown_to_redis_completes_it(world: World) -> None:
    session_id = interrupted_submit(world)
    with pytest.raises(WorkflowStateInvalid):
        world.orchestrator.cancel(world.client, session_id)
    assert world.load(session_id).status is Status.WORKFLOW_COMPLETED
    assert world.load(session_id).record_number == record_of(world, session_id).number
    assert "session.cancelled" not in world.trail(session_id)


def test_cancelled_while_its_record_is_made_it_is_completed(world: World) -> None:
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    orchestrator, store = with_moment(world)
    stored = world.load(session_id)
    # As a cancellation that looked for the record just before it was there.
    store.before_save = lambda: world.registrations.save(stored.as_tombstone(Status.CANCELLED), replacing=stored)
    result = orchestrator.submit(world.client, session_id)
    assert result.created_now
    assert world.load(session_id).status is Status.WORKFLOW_COMPLETED
    assert world.load(session_id).record_number == record_of(world, session_id).number


def test_what_the_desk_corrected_meanwhile_is_not_undone_by_submitting_again(world: World) -> None:
    session_id = interrupted_submit(world)
    made = record_of(world, session_id)
    records = RecordService(world.units, world.orchestrator.checking, EventBus())
    corrected = records.correct(world.main, made.id, {"degree_type": "doctorate"}, version=made.version)
    world.orchestrator.update(world.client, session_id, {"notes": "Older than the correction"}, version=1)
    result = world.orchestrator.execute_workflow(world.client, session_id, account_id=world.account.id)
    assert result.record == corrected == record_of(world, session_id)


def test_a_category_that_was_not_shown_is_not_recorded_by_submitting_again(world: World) -> None:
    session_id = interrupted_submit(world)
    act = world.orchestrator
    act.update(world.client, session_id, {"notes": "Added"}, version=1)
    act.review(world.client, session_id)
    act.link_account(world.client, session_id, world.account.id)
    MembershipService(world.clock, world.units, EventBus()).set(
        world.main, world.clock.now().date() - timedelta(days=2)
    )
    with pytest.raises(Conflict, match=r"category\.changed"):
        act.submit(world.client, session_id)
    assert record_of(world, session_id).version == 1


def test_answers_changed_after_an_interrupted_submit_are_declared_and_confirmed_anew(world: World) -> None:
    session_id = interrupted_submit(world)
    first = record_of(world, session_id)
    world.clock.instant += timedelta(minutes=5)
    world.orchestrator.update(world.client, session_id, {"notes": "Added"}, version=1)
    world.orchestrator.execute_workflow(world.client, session_id, account_id=world.account.id)
    second = record_of(world, session_id)
    assert (second.id, second.data.notes, second.version) == (first.id, "Added", 2)
    assert second.declared_at == world.clock.now()
    assert confirmations(world) == 2


def test_killed_after_create_alone_the_workflow_still_completes(world: World) -> None:
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    orchestrator, store = with_moment(world)

    def die() -> None:
        raise Killed

    store.before_save = die
    with pytest.raises(Killed):
        orchestrator.create(world.client, session_id)
    orchestrator.execute_workflow(world.client, session_id)
    assert world.trail(session_id)[-2:] == ["education.created", "workflow.completed"]
    with world.units.read() as unit:
        numbers = [row.event.sequence for row in unit.audit.history(session_id)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_answers_changed_after_an_interrupted_submit_reach_the_record(world: World) -> None:
    session_id = interrupted_submit(world)
    world.orchestrator.update(world.client, session_id, {"notes": "One more thing"}, version=1)
    result = world.orchestrator.execute_workflow(world.client, session_id)
    assert result.record is not None
    assert result.record.data.notes == "One more thing"
    assert world.trail(session_id)[-1] == "record.updated"


def test_answers_changed_after_an_interrupted_submit_while_the_database_is_down_are_all_in_the_trail(
    world: World,
) -> None:
    """The trail is ahead of the document then: what waits there is known by its name, not by how far the trail is."""
    session_id = interrupted_submit(world)
    units = UnitsWithOutage(world.units, down=True)
    without_database = build(world.clock, world.registrations, cast("UnitsOfWork", units), EventBus())
    without_database.update(world.client, session_id, {"notes": "Written meanwhile"}, version=1)
    world.orchestrator.extend(world.client, session_id)
    world.orchestrator.execute_workflow(world.client, session_id)
    trail = world.trail(session_id)
    assert [trail.count(name) for name in ("education.updated", "session.extended", "education.created")] == [1, 1, 1]


def test_an_interrupted_submit_is_finished_though_the_account_was_closed_since(world: World) -> None:
    """The record is there: nothing is left to refuse."""
    session_id = interrupted_submit(world)
    with world.units.write() as unit:
        session = cast("SqlUnitOfWork", unit)._session
        session.execute(update(AccountRow).values(status=AccountStatus.INACTIVE))
        unit.commit()
    result = world.orchestrator.execute_workflow(world.client, session_id)
    assert (result.success, result.registration.status) == (True, Status.WORKFLOW_COMPLETED)


def test_answers_changed_in_another_tab_while_submitting_are_not_lost(world: World) -> None:
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    orchestrator, store = with_moment(world)
    store.before_save = lambda: world.orchestrator.update(world.client, session_id, {"notes": "Late"}, version=1)
    with pytest.raises(WorkflowStateInvalid):
        orchestrator.create(world.client, session_id)
    kept = world.load(session_id)
    assert (kept.status, kept.data.notes) == (Status.STAGED, "Late")
    result = orchestrator.execute_workflow(world.client, session_id)
    assert result.record is not None
    assert result.record.data.notes == "Late"


def test_a_writer_that_comes_in_between_is_not_overwritten(world: World) -> None:
    session_id = world.at(Status.PENDING).session_id
    orchestrator, store = with_moment(world)
    store.before_save = lambda: world.orchestrator.extend(world.client, session_id)
    result = orchestrator.update(world.client, session_id, {"country": "FR"}, version=1)
    assert result.registration.data.country == "FR"
    assert world.trail(session_id) == ["education.staged", "session.extended", "education.updated"]


def test_two_tabs_changing_at_once_lose_neither_answer(world: World) -> None:
    session_id = world.at(Status.PENDING).session_id
    values = ["FR", "DE", "US", "GB", "IE", "NZ", "AU", "IN"]

    def change(country: str) -> bool:
        try:
            world.orchestrator.update(world.client, session_id, {"country": country}, version=1)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(max_workers=8) as pool:
        accepted = list(pool.map(change, values))
    assert accepted.count(True) == 1
    assert world.load(session_id).data.country == values[accepted.index(True)]


def test_somebody_who_writes_all_the_time_does_not_block_for_ever(world: World) -> None:
    session_id = world.at(Status.PENDING).session_id
    orchestrator, store = with_moment(world)

    def interfere() -> None:
        world.orchestrator.extend(world.client, session_id)
        store.before_save = interfere

    store.before_save = interfere
    with pytest.raises(Conflict, match=r"session\.busy"):
        orchestrator.extend(world.client, session_id)


def test_a_registration_staged_twice_at_once_is_one(world: World) -> None:
    session_id = "5b0c1c8e-3c39-4d53-9a3c-27f9b1a6d002"
    call = world.applicant(session_id)
    staging = Staging(data={"user_business_id": "osot-0000001"})
    orchestrator, store = with_moment(world)
    store.before_save = lambda: world.orchestrator.stage(call, staging, session_id=session_id)
    result = orchestrator.stage(call, staging, session_id=session_id)
    assert result.registration.version == 1
    assert world.trail(session_id) == ["education.staged"]


def test_create_killed_and_repeated_answers_the_record_and_stays_open(world: World) -> None:
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    orchestrator, store = with_moment(world)

    def die() -> None:
        raise Killed

    store.before_save = die
    with pytest.raises(Killed):
        orchestrator.create(world.client, session_id)
    again = orchestrator.create(world.client, session_id)
    assert (again.created_now, again.registration.status) == (False, Status.EDUCATION_CREATED)
    assert world.trail(session_id).count("education.created") == 1


def test_a_closed_registration_that_somebody_touches_while_its_events_are_recorded_stays_closed(world: World) -> None:
    session_id = world.staged().session_id
    orchestrator, store = with_moment(world)

    def arm_for_the_second_save() -> None:
        store.before_save = touch

    def touch() -> None:
        stored = world.load(session_id)
        world.registrations.save(stored, replacing=stored)

    store.before_save = arm_for_the_second_save
    orchestrator.cancel(world.client, session_id)
    assert world.load(session_id).status is Status.CANCELLED
    assert world.trail(session_id)[-1] == "session.cancelled"


postgresql_only = pytest.mark.parametrize(
    # SQLite's write lock leaves no moment between look-up and insertion.
    "database_url",
    [pytest.param("postgresql", marks=pytest.mark.postgres)],
    indirect=True,
)


@postgresql_only
def test_another_submit_between_look_up_and_insertion_leads_to_its_record(world: World) -> None:
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    units = UnitsWithMoment(
        world.units, before_add=lambda: world.orchestrator.execute_workflow(world.client, session_id)
    )
    orchestrator = build(world.clock, world.registrations, units, EventBus())
    result = orchestrator.execute_workflow(world.client, session_id)
    assert result.record is not None
    assert not result.created_now
    assert world.trail(session_id).count("education.created") == 1


@postgresql_only
def test_another_registration_between_look_up_and_insertion_is_a_conflict(world: World) -> None:
    mine = world.at(Status.ACCOUNT_LINKED).session_id
    other = world.at(Status.ACCOUNT_LINKED).session_id
    units = UnitsWithMoment(world.units, before_add=lambda: world.orchestrator.execute_workflow(world.client, other))
    orchestrator = build(world.clock, world.registrations, units, EventBus())
    with pytest.raises(Conflict) as caught:
        orchestrator.execute_workflow(world.client, mine)
    assert [problem.message for problem in caught.value.problems] == ["account.one_record"]
    assert world.load(mine).flag == "account.one_record"
