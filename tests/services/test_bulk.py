"""Bulk registration: nothing before it is started, every row accounted for once, whoever works on it or dies of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from structlog.testing import capture_logs

from tests.services.conftest import World, build
from tests.services.outages import Killed, UnitsWithOutage
from tests.support.new_records import education, new_record
from tests.support.racing import race
from wizard.core.accounts import AccountStatus
from wizard.core.actors import Actor
from wizard.core.errors import Conflict, ExternalServiceError, NotFound, PermissionDenied
from wizard.core.events import EventName
from wizard.core.registration import Channel, Registration, Status
from wizard.services.bulk import Bulk
from wizard.services.bulk_batch import RowsTogether
from wizard.services.bulk_rows import BulkRows, session_id_of
from wizard.services.bulk_work import BATCH, BulkWork
from wizard.services.events import EventBus
from wizard.services.links import ResumeLinks
from wizard.services.ports.bulk import BulkJob, JobState, RowOutcome, RowState
from wizard.services.ports.calls import Call, Staging
from wizard.services.ports.registrations import RegistrationStore
from wizard.services.ports.units import Batches, Sought, UnitsOfWork
from wizard.services.sheets import SheetKind
from wizard.services.whole import WholeRegistrations
from wizard.storage.batches import SqlBatches
from wizard.storage.bulk_tables import BulkRowRow
from wizard.storage.crypto import Cipher
from wizard.storage.repositories.bulk import CLAIM
from wizard.storage.tables import RecordRow
from wizard.storage.trail_tables import OutboxRow

KEPT = timedelta(days=30)
HEADING = (
    "user_business_id,email,degree_type,university,country,"
    "graduation_year,coto_status,coto_registration,access_modifier"
)
ADA, BEN, CAM, DEE, ELI = (f"osot-000000{number}" for number in range(1, 6))


def row(number: str, **answers: str) -> str:
    """A row of a file that is right, some of its answers replaced."""
    cells = {
        "user_business_id": number,
        "email": "",
        "degree_type": "masters",
        "university": "mcmaster",
        "country": "CA",
        "graduation_year": "2026",
        "coto_status": "pending",
        "coto_registration": "",
        "access_modifier": "private",
        **answers,
    }
    return ",".join(cells[name] for name in HEADING.split(","))


def values(number: str) -> dict[str, str | None]:
    """The same as a program has it."""
    return dict(zip(HEADING.split(","), row(number).split(","), strict=True))


def file(*rows: str) -> bytes:
    return "\n".join((HEADING, *rows)).encode()


@dataclass
class Desk:
    """Somebody with `main`, and workers."""

    world: World
    cipher: Cipher
    sessions: sessionmaker[Session]

    @property
    def batches(self) -> SqlBatches:
        return SqlBatches(self.sessions, self.cipher, self.world.clock)

    def service(
        self,
        units: UnitsOfWork | None = None,
        store: RegistrationStore | None = None,
        batches: Batches | None = None,
    ) -> Bulk:
        """A worker's own, on these units."""
        world, units, store = self.world, units or self.world.units, store or self.world.registrations
        events = EventBus()
        events.subscribe(world.told.append)
        orchestrator = build(world.clock, store, units, events)
        links = ResumeLinks(world.clock, units, store, events, orchestrator)
        rows = BulkRows(units, WholeRegistrations(orchestrator), links, self.cipher)
        together = RowsTogether(rows, batches or self.batches, store, events)
        workers = BulkWork(world.clock, units, rows, together, events)
        return Bulk(world.clock, units, events, workers, KEPT)

    def load(self, *rows: str) -> BulkJob:
        """A file, loaded and checked."""
        job = self.service().load(self.world.main, "graduates.csv", file(*rows))
        return self.work(job)

    def work(self, job: BulkJob) -> BulkJob:
        """As a worker does, to the end of what is under way."""
        service = self.service()
        while service.workers.run_once():
            pass
        return service.job(self.world.main, job.id)

    def run(self, *rows: str, invite: bool = False) -> BulkJob:
        job = self.load(*rows)
        self.service().start(self.world.main, job.id, invite=invite)
        return self.work(job)

    def problems(self, job: BulkJob) -> dict[int, list[str]]:
        page = self.service().page(self.world.main, job.id, limit=1000)
        return {each.row.number: [p.message for p in each.outcome.problems] for each in page.rows}

    def states(self, job: BulkJob) -> dict[int, RowState]:
        page = self.service().page(self.world.main, job.id, limit=1000)
        return {each.row.number: each.outcome.state for each in page.rows}

    def count(self, table: Any) -> int:  # noqa: ANN401 - any table
        with self.sessions() as session:
            return session.scalars(select(func.count()).select_from(table)).one()

    def people(self, many: int) -> list[str]:
        """Member numbers of new accounts."""
        with self.world.units.write() as unit:
            added = [
                unit.accounts.add(
                    name=f"Person {number}",
                    email=f"p{number}@example.org",
                    status=AccountStatus.ACTIVE,
                    language="en",
                    number=None,
                ).number
                for number in range(many)
            ]
            unit.commit()
        return added

    def told(self, name: EventName) -> list[Mapping[str, str]]:
        return [event.details for event in self.world.told if event.name is name]

    def whole(self) -> None:
        with self.world.units.read() as unit:
            assert unit.audit.verify() == []


@pytest.fixture
def desk(world: World, cipher: Cipher, sessions: sessionmaker[Session]) -> Desk:
    return Desk(world, cipher, sessions)


# --- The dry run ---------------------------------------------------------------------------------------------


def test_checking_says_what_would_come_of_each_row_and_writes_nothing(desk: Desk, redis_client: Redis) -> None:
    before = redis_client.dbsize()
    job = desk.load(row(ADA), row(BEN, university="nowhere"), row(CAM, country=""), row(DEE), row("osot-0000099"))
    assert job.state is JobState.CHECKED
    assert desk.states(job) == {
        2: RowState.READY,
        3: RowState.REJECTED,
        4: RowState.INCOMPLETE,
        5: RowState.REJECTED,
        6: RowState.REJECTED,
    }
    assert desk.problems(job) == {
        2: [],
        3: ["university.choice"],
        4: ["country.required"],
        5: ["account.accessible"],
        6: ["account.accessible"],
    }
    found = desk.service().page(desk.world.main, job.id).rows[0]
    assert found.outcome.category == "new_graduated"
    assert desk.count(RecordRow) == desk.count(OutboxRow) == 0
    assert redis_client.dbsize() == before
    assert {event.name for event in desk.world.told} == {EventName.BULK_LOADED}


def test_all_that_is_wrong_with_a_row_is_said_at_once(desk: Desk) -> None:
    job = desk.load(row("no such!", country="ZZ", coto_status="general"))
    assert set(desk.problems(job)[2]) == {
        "user_business_id.format",
        "country.choice",
        "coto_registration.required",
        "university_country.alignment",
    }


def test_a_number_that_no_database_can_look_for_is_named_by_its_rule_like_any_other(desk: Desk) -> None:
    wrong = {"user_business_id": "osot-\0", "coto_registration": "A\0", "coto_status": "general"}
    job = desk.service().load_values(desk.world.main, [values(ADA), values(BEN) | wrong])
    with capture_logs() as logs:
        checked = desk.work(job)
    assert logs == [], "the rows beside it are not treated one by one"
    assert desk.problems(checked) == {1: [], 2: ["user_business_id.format", "coto_registration.format"]}


def test_a_row_that_cannot_be_read_costs_itself_only(desk: Desk) -> None:
    job = desk.load(row(ADA) + ",too,many", row(BEN, email="nobody"), row(CAM))
    assert desk.problems(job) == {2: ["csv.row"], 3: ["email.format"], 4: []}


# --- Going in ------------------------------------------------------------------------------------------------


def test_good_rows_go_in_by_the_operations_of_any_registration(desk: Desk) -> None:
    job = desk.run(row(ADA), row(BEN, university="nowhere"))
    assert (job.state, job.count(RowState.CREATED), job.count(RowState.REJECTED)) == (JobState.DONE, 1, 1)
    assert (job.steps, job.steps_done) == (1, 1)
    session_id = session_id_of(job.id, 2)
    with desk.world.units.read() as unit:
        record = unit.records.by_session(session_id)
    assert record is not None
    assert (record.number, record.created_by) == ("osot-oted-0000001", "staff:mia")
    registration = desk.world.load(session_id)
    assert (registration.status, registration.channel) == (Status.WORKFLOW_COMPLETED, Channel.BULK)
    assert set(desk.world.trail(session_id)) == {
        "education.staged",
        "education.validated",
        "education.category_determined",
        "education.account_linked",
        "education.created",
        "workflow.completed",
    }
    assert [details["created"] for details in desk.told(EventName.BULK_COMPLETED)] == ["1"]
    desk.whole()


def test_a_file_that_goes_on_by_itself_needs_no_start(desk: Desk) -> None:
    job = desk.service().load(desk.world.main, "x.csv", file(row(ADA)), goes_on=True)
    assert desk.work(job).count(RowState.CREATED) == 1


def test_a_job_of_the_system_registers_as_the_system(desk: Desk) -> None:
    call = Call(Actor.system("command"))
    job = desk.service().load(call, "x.csv", file(row(ADA)), goes_on=True)
    assert desk.work(job).count(RowState.CREATED) == 1
    with desk.world.units.read() as unit:
        record = unit.records.by_session(session_id_of(job.id, 2))
    assert record is not None
    assert record.created_by == "system:command"


def test_values_of_a_program_are_rows_as_well(desk: Desk) -> None:
    job = desk.service().load_values(desk.world.client, [values(ADA), {"user_business_id": BEN}], goes_on=True)
    done = desk.work(job)
    assert desk.states(done) == {1: RowState.CREATED, 2: RowState.INCOMPLETE}


def test_starting_a_job_in_which_nothing_can_go_in_ends_it(desk: Desk) -> None:
    job = desk.load(row(DEE))
    assert desk.service().start(desk.world.main, job.id).state is JobState.DONE
    assert len(desk.told(EventName.BULK_COMPLETED)) == 1


def test_a_job_is_started_once_and_only_when_it_is_checked(desk: Desk) -> None:
    service = desk.service()
    job = service.load(desk.world.main, "x.csv", file(row(ADA)))
    with pytest.raises(Conflict, match=r"bulk\.state"):
        service.start(desk.world.main, job.id)
    desk.work(job)
    race(*[lambda: desk.service().start(desk.world.main, job.id)] * 3)
    assert len(desk.told(EventName.BULK_STARTED)) == 1


# --- Nothing twice -------------------------------------------------------------------------------------------


def test_the_same_file_again_makes_no_duplicate(desk: Desk) -> None:
    desk.run(row(ADA), row(BEN))
    again = desk.run(row(ADA.upper()), row(BEN, graduation_year="2025"))
    # One says the same but for the letters of the number, the other something else.
    assert desk.problems(again)[3] == ["user_business_id.unique", "account.one_record"]
    assert again.count(RowState.CREATED) == 0
    same = desk.load(row(ADA), row(BEN))
    assert desk.states(same) == {2: RowState.PRESENT, 3: RowState.PRESENT}
    assert desk.count(RecordRow) == 2


def test_two_jobs_of_the_same_file_checked_together_make_one_record(desk: Desk) -> None:
    first, second = desk.load(row(ADA)), desk.load(row(ADA))
    for job in (first, second):
        desk.service().start(desk.world.main, job.id)
    assert desk.states(desk.work(second)) == {2: RowState.PRESENT}
    assert desk.count(RecordRow) == 1


def test_the_same_person_twice_in_a_file_goes_in_once(desk: Desk) -> None:
    job = desk.load(row(ADA), row(ADA.upper()), row(BEN, university="x"), row(BEN))
    assert desk.states(job) == {2: RowState.READY, 3: RowState.REJECTED, 4: RowState.REJECTED, 5: RowState.READY}
    page = desk.service().page(desk.world.main, job.id, {RowState.REJECTED})
    problem = page.rows[0].outcome.problems[0]
    assert (problem.message, problem.field, problem.params) == ("bulk.repeated", "user_business_id", {"row": "2"})


def test_the_same_coto_number_twice_in_a_file_goes_in_once(desk: Desk) -> None:
    registered = {"coto_status": "general", "coto_registration": "G1234"}
    job = desk.load(row(ADA, **registered), row(BEN, **registered))
    assert desk.states(job) == {2: RowState.READY, 3: RowState.REJECTED}


def somebody_else(desk: Desk) -> None:
    """The record of the first account, by other answers."""
    with desk.world.units.write() as unit:
        unit.records.add(new_record(desk.world.account.id, data=education(graduation_year="2020")))
        unit.commit()


def test_who_registers_between_the_check_and_the_start_is_not_overwritten(desk: Desk) -> None:
    job = desk.load(row(ADA), row(BEN))
    desk.service().start(desk.world.main, job.id)
    somebody_else(desk)
    done = desk.work(job)
    assert desk.states(done) == {2: RowState.REJECTED, 3: RowState.CREATED}
    assert desk.world.registrations.load(session_id_of(job.id, 2)) is None


@dataclass
class BatchesWithMoment:
    """Real batches, with something that happens once around the moment when one is written."""

    batches: Batches
    before: Callable[[], object] | None = None
    after: Callable[[], object] | None = None

    def begin(self, sought: Sought) -> Any:  # noqa: ANN401 - as the real one has it
        batch = self.batches.begin(sought)
        commit = batch.commit

        def committed() -> None:
            before, self.before = self.before, None
            if before is not None:
                before()
            commit()
            after, self.after = self.after, None
            if after is not None:
                after()

        batch.commit = committed  # type: ignore[method-assign]
        return batch


def test_who_registers_in_the_very_moment_is_not_overwritten(desk: Desk) -> None:
    job = desk.load(row(ADA), row(BEN))
    desk.service().start(desk.world.main, job.id)
    service = desk.service(batches=BatchesWithMoment(desk.batches, before=lambda: somebody_else(desk)))
    service.workers.run_once()
    assert desk.problems(job) == {2: ["account.one_record"], 3: []}
    assert desk.world.registrations.load(session_id_of(job.id, 2)) is None
    assert desk.states(job)[3] is RowState.CREATED


def test_an_account_closed_in_the_very_moment_gets_no_record(desk: Desk) -> None:
    job = desk.load(row(ADA), row(BEN))
    desk.service().start(desk.world.main, job.id)

    def close() -> None:
        with desk.world.units.write() as unit:
            unit.accounts.change_status(
                desk.world.account.id, before=AccountStatus.ACTIVE, after=AccountStatus.INACTIVE
            )
            unit.commit()

    desk.service(batches=BatchesWithMoment(desk.batches, before=close)).workers.run_once()
    assert desk.problems(job) == {2: ["account.accessible"], 3: []}
    assert desk.count(RecordRow) == 1


def test_a_record_made_by_hand_between_two_writes_of_a_batch_keeps_its_number(desk: Desk) -> None:
    job = desk.load(row(BEN))
    desk.service().start(desk.world.main, job.id)
    desk.service(batches=BatchesWithMoment(desk.batches, before=lambda: somebody_else(desk))).workers.run_once()
    with desk.sessions() as session:
        numbers = session.scalars(select(RecordRow.number)).all()
    assert len(set(numbers)) == len(numbers) == 2


# --- Who dies of it ------------------------------------------------------------------------------------------


@dataclass
class KilledWriting:
    """The real database; the process ends at the n-th transaction that writes, before or after it is committed."""

    units: UnitsOfWork
    left: int
    committed: bool

    def read(self) -> Any:  # noqa: ANN401 - as the real one has it
        if self.left < 0:
            raise Killed
        return self.units.read()

    def write(self) -> Any:  # noqa: ANN401 - as the real one has it
        if self.left < 0:
            raise Killed
        unit = self.units.write()
        self.left -= 1
        if self.left >= 0:
            return unit
        commit = unit.commit

        def last() -> None:
            if self.committed:
                commit()
            raise Killed

        unit.commit = last  # type: ignore[method-assign]
        return unit


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("writes", range(14))
def test_killed_at_any_write_every_row_is_accounted_for_once(desk: Desk, writes: int, committed: bool) -> None:
    rows = [row(ADA), row(BEN, country=""), row(CAM), row(ELI)]
    job = desk.load(*rows)
    desk.service().start(desk.world.main, job.id, invite=True)
    dying = desk.service(KilledWriting(desk.world.units, writes, committed))
    with suppress(Killed):
        while dying.workers.run_once():
            pass
    desk.world.clock.instant += CLAIM
    done = desk.work(job)
    assert desk.states(done) == {
        2: RowState.CREATED,
        3: RowState.INVITED,
        4: RowState.CREATED,
        5: RowState.CREATED,
    }
    assert done.state is JobState.DONE
    assert desk.count(RecordRow) == 3
    # A confirmation for each record, and one invitation.
    assert desk.count(OutboxRow) == 4
    assert len(desk.world.trail(f"bulk:{job.id}")) == 3
    for number in (2, 4, 5):
        trail = desk.world.trail(session_id_of(job.id, number))
        assert len(trail) == len(set(trail))
    desk.whole()


def kill() -> None:
    raise Killed


@dataclass
class StoreKilledWriting:
    """The real store; the process ends before or after it writes the documents of a batch."""

    store: RegistrationStore
    written: bool

    def save_all(self, changed: Sequence[tuple[Registration, Registration | None]]) -> None:
        if self.written:
            self.store.save_all(changed)
        raise Killed

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the real one has it
        return getattr(self.store, name)


def dying(desk: Desk, moment: str) -> Bulk:
    """A worker that does not survive its first batch."""
    before, after = {"before the records": (kill, None), "after the records": (None, kill)}.get(moment, (None, None))
    store: Any = desk.world.registrations
    if moment.endswith("Redis"):
        store = StoreKilledWriting(store, written=moment == "after Redis")
    return desk.service(batches=BatchesWithMoment(desk.batches, before, after), store=store)


@pytest.mark.parametrize("moment", ["before the records", "after the records", "before Redis", "after Redis"])
def test_killed_in_the_middle_of_a_batch_every_row_ends_as_if_nothing_had_happened(desk: Desk, moment: str) -> None:
    job = desk.load(row(ADA), row(BEN))
    desk.service().start(desk.world.main, job.id)
    with pytest.raises(Killed):
        dying(desk, moment).workers.run_once()
    desk.world.clock.instant += CLAIM
    assert desk.work(job).counts == {RowState.CREATED: 2}
    assert desk.count(RecordRow) == desk.count(OutboxRow) == 2
    for number in (2, 3):
        registration = desk.world.load(session_id_of(job.id, number))
        assert (registration.status, registration.events) == (Status.WORKFLOW_COMPLETED, ())
        trail = desk.world.trail(registration.session_id)
        assert trail[0] == "education.staged"
        assert trail[-1] == "workflow.completed"
        assert len(trail) == len(set(trail)) == registration.event_sequence
    desk.whole()


def test_killed_between_batches_another_worker_goes_on(desk: Desk) -> None:
    people = desk.people(BATCH + 5)
    job = desk.load(*map(row, people))
    desk.service().start(desk.world.main, job.id)
    assert desk.service().workers.run_once()
    half = desk.service().job(desk.world.main, job.id)
    assert (half.steps, half.steps_done, half.state) == (BATCH + 5, BATCH, JobState.RUNNING)
    assert desk.work(job).count(RowState.CREATED) == BATCH + 5
    assert desk.count(RecordRow) == BATCH + 5


def test_several_workers_at_once_share_the_rows(desk: Desk) -> None:
    people = desk.people(3 * BATCH)
    job = desk.load(*map(row, people))
    desk.service().start(desk.world.main, job.id)

    def worker() -> None:
        service = desk.service()
        while service.job(desk.world.main, job.id).state is JobState.RUNNING:
            service.workers.run_once()

    assert race(worker, worker, worker).errors == ()
    done = desk.service().job(desk.world.main, job.id)
    assert done.counts == {RowState.CREATED: 3 * BATCH}
    assert desk.count(RecordRow) == desk.count(OutboxRow) == 3 * BATCH
    assert len(desk.told(EventName.BULK_COMPLETED)) == 1
    desk.whole()


def test_a_worker_that_is_too_slow_changes_nothing_that_another_did(desk: Desk) -> None:
    job = desk.load(row(ADA))
    service = desk.service()
    service.start(desk.world.main, job.id)
    running = service.job(desk.world.main, job.id)
    with desk.world.units.write() as unit:
        (claimed,) = unit.bulk.claim(job.id, {RowState.READY}, now=desk.world.clock.now(), limit=BATCH)
        unit.commit()
    assert not service.workers.batch(running)
    desk.world.clock.instant += CLAIM
    assert service.workers.batch(running)
    late = service.workers.rows.enter(desk.world.main, running, claimed)
    assert late.state is RowState.CREATED
    with desk.world.units.write() as unit:
        unit.bulk.settle(job.id, {2: RowOutcome(RowState.REJECTED)}, before={RowState.READY})
        unit.commit()
    assert desk.states(job) == {2: RowState.CREATED}
    assert desk.count(RecordRow) == 1


def test_a_database_that_is_down_costs_no_row(desk: Desk) -> None:
    job = desk.load(row(ADA), row(BEN))
    desk.service().start(desk.world.main, job.id)
    outage = UnitsWithOutage(desk.world.units)
    service = desk.service(outage)
    outage.down = True
    with pytest.raises(ExternalServiceError):
        service.workers.run_once()
    outage.down = False
    assert desk.work(job).count(RowState.CREATED) == 2


def test_a_redis_that_is_down_gives_the_rows_back_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    job = desk.load(row(ADA), row(BEN))
    service = desk.service()
    service.start(desk.world.main, job.id)

    def down(*_: object) -> None:
        raise ExternalServiceError("redis")

    with monkeypatch.context() as patched:
        patched.setattr(desk.world.registrations, "load_all", down)
        with pytest.raises(ExternalServiceError):
            service.workers.run_once()
    assert desk.work(job).count(RowState.CREATED) == 2


def test_a_redis_that_is_down_for_an_invitation_costs_no_row(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    job = desk.load(row(ADA), row(BEN, country=""))
    service = desk.service()
    service.start(desk.world.main, job.id, invite=True)

    def down(*_: object, **__: object) -> None:
        raise ExternalServiceError("redis")

    with monkeypatch.context() as patched:
        patched.setattr(desk.world.registrations, "save", down)
        with pytest.raises(ExternalServiceError):
            service.workers.run_once()
    assert desk.states(job) == {2: RowState.CREATED, 3: RowState.INCOMPLETE}
    assert desk.work(job).counts == {RowState.CREATED: 1, RowState.INVITED: 1}


def test_what_nobody_foresaw_costs_one_row(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    job = desk.load(row(ADA), row(BEN))
    service = desk.service()
    service.start(desk.world.main, job.id)
    register = WholeRegistrations.register

    def fails(self: WholeRegistrations, call: Call, staging: Staging, *, session_id: str) -> object:
        if session_id == session_id_of(job.id, 2):
            raise ZeroDivisionError
        return register(self, call, staging, session_id=session_id)

    monkeypatch.setattr(WholeRegistrations, "register", fails)
    while service.workers.run_once():
        pass
    assert desk.problems(job) == {2: ["bulk.failed"], 3: []}


# --- Incomplete rows -----------------------------------------------------------------------------------------


def test_incomplete_rows_become_registrations_with_a_link_where_it_is_asked_for(desk: Desk) -> None:
    job = desk.run(row(ADA, country=""), row(BEN, country="", email="ben@home.example"), invite=True)
    assert desk.states(job) == {2: RowState.INVITED, 3: RowState.INVITED}
    with desk.world.units.write() as unit:
        sent = unit.outbox.claim(desk.world.clock.now())
    assert {each.message.recipient for each in sent} == {"ada@example.org", "ben@home.example"}
    assert {each.message.kind for each in sent} == {"invitation"}
    registration = desk.world.load(session_id_of(job.id, 2))
    assert (registration.status, registration.lives_long) == (Status.PENDING, True)


def test_incomplete_rows_stay_to_be_mended_where_it_is_not(desk: Desk) -> None:
    job = desk.run(row(ADA), row(BEN, country=""))
    assert desk.states(job) == {2: RowState.CREATED, 3: RowState.INCOMPLETE}
    assert desk.count(OutboxRow) == 1


def test_nobody_is_invited_whose_address_is_not_known(desk: Desk) -> None:
    job = desk.load(row("", university=""), row("osot-0000099", country=""), row("", email="new@example.org"))
    assert desk.states(job) == {2: RowState.REJECTED, 3: RowState.REJECTED, 4: RowState.INCOMPLETE}


# --- What comes back, and what is kept ------------------------------------------------------------------------


def exported(desk: Desk, job: BulkJob) -> str:
    to = io.BytesIO()
    desk.service().export(desk.world.main, job.id, SheetKind.CSV, to, worded=lambda problem: problem.message)
    return to.getvalue().decode("utf-8-sig")


def test_rows_that_did_not_go_in_come_back_and_can_be_loaded_again(desk: Desk) -> None:
    job = desk.run(row(ADA), row(BEN, university="=nowhere", country=""))
    text = exported(desk, job)
    heading, line = text.splitlines()
    assert heading.startswith("row,column,reason,user_business_id,email,")
    assert line.startswith(
        '3,"country, university",country.required university.choice,osot-0000002,,masters,\'=nowhere,'
    )
    mended = text.replace("'=nowhere,,", "ottawa,,CA").replace("'=nowhere", "ottawa")
    again = desk.service().load(desk.world.main, "mended.csv", mended.encode())
    assert again.unknown_columns == ()
    assert len(desk.told(EventName.BULK_EXPORTED)) == 1


def test_only_what_can_be_mended_is_kept_and_that_not_for_long(desk: Desk) -> None:
    job = desk.run(row(ADA), row(BEN, university="nowhere"))

    def kept() -> list[int]:
        with desk.sessions() as session:
            mine = select(BulkRowRow.number).where(BulkRowRow.sealed.is_not(None))
            return list(session.scalars(mine.order_by(BulkRowRow.number)))

    assert kept() == [3]
    assert desk.service().erase_old() == 0
    desk.world.clock.instant += KEPT + timedelta(seconds=1)
    assert desk.service().erase_old() == 1
    assert desk.service().erase_old() == 0
    assert kept() == []
    after = desk.service().job(desk.world.main, job.id)
    assert (after.state, after.erased, after.name, after.counts) == (JobState.DONE, True, None, job.counts)


def test_a_discarded_job_goes_no_further(desk: Desk) -> None:
    job = desk.load(row(ADA))
    service = desk.service()
    service.discard(desk.world.main, job.id)
    service.discard(desk.world.main, job.id)
    assert desk.work(job).state is JobState.DISCARDED
    with pytest.raises(Conflict, match=r"bulk\.state"):
        service.start(desk.world.main, job.id)
    assert len(desk.told(EventName.BULK_DISCARDED)) == 1
    assert desk.count(RecordRow) == 0


def test_nothing_personal_lies_readable_in_the_rows(desk: Desk) -> None:
    desk.load(row(ADA, email="ada@home.example"), row(BEN, university="nowhere"))
    with desk.sessions() as session:
        stored = [
            repr([getattr(each, column.name) for column in BulkRowRow.__table__.columns])
            for each in session.scalars(select(BulkRowRow))
        ]
    for secret in (ADA, BEN, "ada@home.example", "nowhere"):
        assert not any(secret in text for text in stored)


def test_a_row_whose_key_is_gone_is_rejected(desk: Desk) -> None:
    job = desk.load(row(ADA))
    desk.service().start(desk.world.main, job.id)
    with desk.sessions() as session:
        session.scalars(select(BulkRowRow)).one().sealed = b"gone"
        session.commit()
    assert desk.problems(desk.work(job)) == {2: ["bulk.unreadable"]}


# --- By whom -------------------------------------------------------------------------------------------------

Doing = Callable[[Bulk, Call, str], object]
DOINGS: Mapping[str, Doing] = {
    "load": lambda bulk, call, _: bulk.load(call, "x.csv", file(row(ADA))),
    "load_values": lambda bulk, call, _: bulk.load_values(call, [{"user_business_id": ADA}]),
    "jobs": lambda bulk, call, _: bulk.jobs(call),
    "job": lambda bulk, call, job: bulk.job(call, job),
    "page": lambda bulk, call, job: bulk.page(call, job),
    "start": lambda bulk, call, job: bulk.start(call, job),
    "go_on": lambda bulk, call, job: bulk.go_on(call, job),
    "export": lambda bulk, call, job: bulk.export(call, job, SheetKind.CSV, io.BytesIO(), worded=lambda p: p.message),
    "discard": lambda bulk, call, job: bulk.discard(call, job),
}


@pytest.mark.parametrize("doing", DOINGS.values(), ids=DOINGS)
def test_only_main_does_any_of_it(desk: Desk, doing: Doing) -> None:
    job = desk.load(row(ADA))
    world, service = desk.world, desk.service()
    proved = world.applicant("x", proved=world.account)
    for call in (Call(Actor.applicant()), proved, world.staff):
        with pytest.raises(PermissionDenied):
            doing(service, call, job.id)
    assert service.job(world.main, job.id) == job
    doing(service, world.main, job.id)


def test_a_job_that_is_not_there_is_not_found(desk: Desk) -> None:
    for name in ("job", "start", "go_on", "export", "discard"):
        with pytest.raises(NotFound):
            DOINGS[name](desk.service(), desk.world.main, "none")


def test_jobs_are_listed_newest_first_with_how_far_they_are(desk: Desk) -> None:
    first, second = desk.load(row(ADA)), desk.load(row(DEE), row(BEN))
    jobs = desk.service().jobs(desk.world.main)
    assert [job.id for job in jobs] == [second.id, first.id]
    assert jobs[0].counts == {RowState.REJECTED: 1, RowState.READY: 1}
    assert jobs[0].name == "graduates.csv"


def test_rows_are_paged(desk: Desk) -> None:
    job = desk.load(row(ADA), row(BEN), row(CAM))
    service = desk.service()
    page = service.page(desk.world.main, job.id, limit=2)
    assert ([each.row.number for each in page.rows], page.following) == ([2, 3], 3)
    last = service.page(desk.world.main, job.id, after=3, limit=2)
    assert ([each.row.number for each in last.rows], last.following) == ([4], None)
