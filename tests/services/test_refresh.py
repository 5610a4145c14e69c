"""The category refresh: by the table, at the turn of years in Toronto, once each, whoever runs it or dies of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.services.conftest import World, build
from tests.services.outages import Killed, StoreWithMoment, UnitsWithOutage
from tests.support.new_records import education, new_record
from tests.support.racing import race
from wizard.core.accounts import AccountStatus, MembershipYear
from wizard.core.category import determine_category
from wizard.core.choices import CotoStatus, EducationCategory
from wizard.core.clock import toronto_date
from wizard.core.errors import ExternalServiceError, PermissionDenied
from wizard.core.events import EventName
from wizard.core.records import FIRST_VERSION, Record, chain_of
from wizard.core.registration import Status
from wizard.core.rules import DEFAULT_COTO_PATTERN
from wizard.services.checking import Checking
from wizard.services.events import EventBus
from wizard.services.membership import MembershipService
from wizard.services.ports.categories import RefreshRun
from wizard.services.ports.registrations import RegistrationStore
from wizard.services.ports.units import UnitOfWork, UnitsOfWork
from wizard.services.records import RecordService
from wizard.services.refresh import BATCH, BATCHES_AT_ONCE, CategoryRefresh, Due
from wizard.storage.schema import Table

STUDENT, NEW, GRADUATED = EducationCategory.STUDENT, EducationCategory.NEW_GRADUATED, EducationCategory.GRADUATED
# The last second of the day in Toronto before each turn.
BEFORE_NEW_YEAR = datetime(2027, 1, 1, 4, 59, 59, tzinfo=UTC)
BEFORE_MEMBERSHIP_ENDS = datetime(2027, 10, 1, 3, 59, 59, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@dataclass
class Desk:
    """Records to refresh, and the service that does it."""

    world: World

    def refresh(self, units: UnitsOfWork | None = None) -> CategoryRefresh:
        """A worker's own."""
        events = EventBus()
        events.subscribe(self.world.told.append)
        return CategoryRefresh(self.world.clock, units or self.world.units, events)

    def add(self, year: str, category: EducationCategory, status: str = "pending", *, many: int = 1) -> list[str]:
        """Records with a category that was decided once; their ids."""
        ids = []
        with self.world.units.write() as unit:
            for _ in range(many):
                account = unit.accounts.add(
                    name="A", email="a@example.org", status=AccountStatus.ACTIVE, language="en", number=None
                )
                number = None if status not in {"general", "provisional_temporary"} else account.number[-7:]
                data = education(
                    user_business_id=account.number,
                    graduation_year=year,
                    coto_status=status,
                    coto_registration=number,
                )
                ids.append(unit.records.add(new_record(account.id, data=data, category=category)).id)
            unit.commit()
        return ids

    def record(self, record_id: str) -> Record:
        with self.world.units.read() as unit:
            record = unit.records.get(record_id)
        assert record is not None
        return record

    def category(self, record_id: str) -> EducationCategory:
        return self.record(record_id).category

    def changes(self, record_id: str) -> list[tuple[str, str, str]]:
        """Who moved it from where to where, as the audit trail has it."""
        with self.world.units.read() as unit:
            events = [row.event for row in unit.audit.history(chain_of(record_id))]
        changed = [event for event in events if event.name is EventName.RECORD_CATEGORY_CHANGED]
        return [(each.actor, each.details["category_before"], each.details["category_after"]) for each in changed]

    def runs(self) -> list[RefreshRun]:
        return list(self.refresh().runs(self.world.staff))

    def work(self, refresh: CategoryRefresh | None = None) -> None:
        """As a worker does: round after round, while there is more."""
        refresh = refresh or self.refresh()
        while refresh.run_due():
            pass

    def is_right(self) -> None:
        """Every record has the category of the table, and the trail is whole."""
        with self.world.units.read() as unit:
            year = unit.membership_years.current()
            for group in unit.categories.groups():
                decision = determine_category(
                    graduation_year=group.graduation_year,
                    coto_status=group.coto_status,
                    today=toronto_date(self.world.clock.now()),
                    membership_ends=year.ends_on if year else None,
                )
                assert group.category is decision.category
            assert unit.audit.verify() == []


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


# --- When ------------------------------------------------------------------------------------------------------


def test_at_the_turn_of_the_year_in_toronto_students_graduate(desk: Desk) -> None:
    (student,), (before_last,), (last,) = desk.add("2027", STUDENT), desk.add("2025", NEW), desk.add("2026", NEW)
    desk.world.clock.instant = BEFORE_NEW_YEAR
    worker = desk.refresh()
    desk.work(worker)
    assert [desk.category(each) for each in (student, before_last, last)] == [STUDENT, NEW, NEW]
    desk.world.clock.instant += SECOND
    desk.work(worker)
    assert [desk.category(each) for each in (student, before_last, last)] == [NEW, GRADUATED, NEW]
    assert [run.day for run in desk.runs()] == [date(2027, 1, 1), date(2026, 12, 31)]
    assert desk.runs()[0].moves == {(STUDENT, NEW): 1, (NEW, GRADUATED): 1}
    assert desk.record(student).rationale.codes == ("recent_graduation_in_membership_year",)
    assert dict(desk.record(student).rationale.params) == {"graduation_year": "2027", "membership_ends": "2027-09-30"}


def test_at_the_turn_of_the_membership_year_in_toronto_it_is_over(desk: Desk) -> None:
    (mine,) = desk.add("2027", NEW)
    desk.world.clock.instant = BEFORE_MEMBERSHIP_ENDS
    desk.work()
    assert desk.category(mine) is NEW
    desk.world.clock.instant += SECOND
    desk.work()
    assert desk.category(mine) is GRADUATED
    assert desk.record(mine).rationale.codes == ("membership_year_ended",)


def test_a_new_membership_year_is_followed_the_next_day(desk: Desk) -> None:
    (mine,) = desk.add("2026", NEW)
    with desk.world.units.write() as unit:
        unit.membership_years.set(MembershipYear(None, "system:tests", desk.world.clock.now()))
        unit.commit()
    desk.work()
    assert desk.record(mine).rationale.codes == ("no_active_membership_year",)
    with desk.world.units.write() as unit:
        unit.membership_years.set(MembershipYear(date(2027, 9, 30), "system:tests", desk.world.clock.now()))
        unit.commit()
    desk.work()
    assert desk.category(mine) is GRADUATED
    desk.world.clock.instant += timedelta(days=1)
    desk.work()
    assert desk.category(mine) is NEW
    assert [run.membership_ends for run in desk.runs()] == [date(2027, 9, 30), None]


def test_once_a_day_and_then_it_costs_one_look(desk: Desk) -> None:
    desk.world.clock.instant = datetime(2026, 11, 23, 5, tzinfo=UTC)
    worker = desk.refresh()
    for _ in range(3):
        worker.run_due()
        desk.refresh().run_due()
        desk.world.clock.instant += timedelta(hours=7)
    assert [run.day for run in desk.runs()] == [date(2026, 11, 23)]
    units = UnitsWithOutage(desk.world.units)
    idle = desk.refresh(units)
    idle.run_due()
    units.asked = 0
    assert not idle.run_due()
    assert units.asked == 1


# --- What ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", list(CotoStatus))
@pytest.mark.parametrize("stands", list(EducationCategory))
def test_every_record_moves_as_the_table_says_and_no_further(
    desk: Desk, status: CotoStatus, stands: EducationCategory
) -> None:
    ids = [each for year in ("1999", "2024", "2025", "2026", "2027", "2028") for each in desk.add(year, stands, status)]
    before = {each: desk.record(each) for each in ids}
    desk.work()
    desk.is_right()
    for each in ids:
        moved = desk.category(each) is not stands
        assert desk.changes(each) == [("system:category-refresh", stands, desk.category(each))] * moved
        assert desk.record(each).data == before[each].data
        assert desk.record(each).verification == before[each].verification
        assert moved or desk.record(each) == before[each]
    told = len(desk.world.told)
    desk.refresh().begin(desk.world.main)
    assert cast("RefreshRun", desk.refresh().go_on(desk.world.main)).moved == 0
    assert len(desk.world.told) == told == sum(desk.category(each) is not stands for each in ids)


def test_a_dry_run_counts_lists_and_changes_nothing(desk: Desk, sessions: sessionmaker[Session]) -> None:
    desk.add("2026", STUDENT, many=3)
    desk.add("2020", NEW, many=2)
    desk.add("2028", STUDENT)

    def state() -> dict[str, list[str]]:
        with sessions() as session:
            rows = {table: session.execute(table.select()).all() for table in Table.metadata.sorted_tables}
        return {table.name: sorted(map(repr, found)) for table, found in rows.items()}

    before = state()
    preview = desk.refresh().preview(desk.world.staff)
    assert (preview.today, preview.membership_ends) == (date(2026, 11, 23), date(2027, 9, 30))
    assert preview.moves == {(STUDENT, NEW): 3, (NEW, GRADUATED): 2}
    assert preview.count == len(preview.due) == 5
    assert preview.following is None
    listed: list[Due] = []
    after = None
    while True:
        part = desk.refresh().preview(desk.world.staff, after=after, limit=2)
        listed += part.due
        after = part.following
        if after is None:
            break
    assert listed == list(preview.due)
    assert [each.standing.number for each in listed] == sorted(each.standing.number for each in listed)
    assert state() == before
    desk.refresh().begin(desk.world.main)
    run = desk.refresh().go_on(desk.world.main)
    assert run is not None
    assert run.moves == preview.moves
    assert desk.refresh().preview(desk.world.staff).count == 0


# --- Who -------------------------------------------------------------------------------------------------------


def test_main_runs_it_admin_may_look_others_neither(desk: Desk) -> None:
    (mine,) = desk.add("2026", STUDENT)
    refresh, owner = desk.refresh(), desk.world.applicant("any", proved=desk.world.account)
    calls: list[tuple[Callable[[], object], bool]] = [
        (lambda: refresh.begin(desk.world.staff), False),
        (lambda: refresh.go_on(desk.world.staff), False),
        (lambda: refresh.preview(desk.world.staff), True),
        (lambda: refresh.runs(desk.world.staff), True),
        *((each, False) for each in (lambda: refresh.preview(owner), lambda: refresh.runs(owner))),
        *((each, False) for each in (lambda: refresh.begin(owner), lambda: refresh.go_on(owner))),
    ]
    for act, allowed in calls:
        if allowed:
            act()
        else:
            with pytest.raises(PermissionDenied):
                act()
    assert desk.runs() == []
    refresh.begin(desk.world.main)
    refresh.go_on(desk.world.main)
    assert desk.changes(mine) == [("staff:mia", STUDENT, NEW)]


def test_what_staff_began_and_a_worker_ended_is_under_the_name_of_who_began(desk: Desk) -> None:
    ids = desk.add("2026", STUDENT, many=BATCH + 1)
    desk.refresh().begin(desk.world.main)
    begun = desk.refresh().go_on(desk.world.main, most=1)
    assert begun is not None
    assert (begun.moved, begun.finished_at) == (BATCH, None)
    desk.work()
    assert {each for record_id in ids for each in desk.changes(record_id)} == {("staff:mia", STUDENT, NEW)}
    with desk.world.units.read() as unit:
        (row,) = unit.audit.history(chain_of(ids[-1]))
    assert row.event.privilege == "main"
    assert (row.event.details["run"], row.event.record_id) == (str(begun.id), ids[-1])


def test_who_begins_while_one_is_under_way_joins_it(desk: Desk) -> None:
    for _ in range(2):
        desk.refresh().begin(desk.world.main)
    assert len(desk.runs()) == 1


# --- Several at once, and deaths -------------------------------------------------------------------------------


def test_several_workers_at_once_do_it_once(desk: Desk) -> None:
    ids = desk.add("2026", STUDENT, many=2 * BATCH + 5)
    workers = [desk.refresh() for _ in range(4)]
    outcome = race(*(lambda worker=worker: desk.work(worker) for worker in workers))
    assert [error for error in outcome.errors if not isinstance(error, ExternalServiceError)] == []
    desk.work()
    desk.is_right()
    assert [len(desk.changes(each)) for each in ids] == [1] * len(ids)
    (run,) = desk.runs()
    assert (run.moved, run.finished_at) == (len(ids), desk.world.clock.now())
    told = [each.record_id for each in desk.world.told if each.name is EventName.RECORD_CATEGORY_CHANGED]
    assert sorted(map(str, told)) == sorted(ids)


class Dying:
    """The real database, under a process that dies just before one of its commits."""

    def __init__(self, units: UnitsOfWork, commits: int) -> None:
        self.units, self.left = units, commits

    def read(self) -> AbstractContextManager[UnitOfWork]:
        return self.units.read()

    def write(self) -> UnitOfWork:
        unit: Any = self.units.write()
        commit = unit.commit

        def commit_or_die() -> None:
            if self.left == 0:
                raise Killed
            self.left -= 1
            commit()

        unit.commit = commit_or_die
        return cast("UnitOfWork", unit)


@pytest.mark.parametrize("commits", [0, 1, 2, 3])
def test_killed_anywhere_the_next_goes_on_and_moves_nothing_twice(desk: Desk, commits: int) -> None:
    ids = desk.add("2026", STUDENT, many=2 * BATCH + 5)
    with pytest.raises(Killed):
        desk.work(desk.refresh(Dying(desk.world.units, commits)))
    moved = sum(desk.category(each) is NEW for each in ids)
    assert moved == max(0, commits - 1) * BATCH
    assert sum(len(desk.changes(each)) for each in ids) == moved
    desk.work()
    desk.is_right()
    assert [len(desk.changes(each)) for each in ids] == [1] * len(ids)
    (run,) = desk.runs()
    assert run.moves == {(STUDENT, NEW): len(ids)}


def test_killed_at_the_turn_of_the_year_the_next_day_does_both(desk: Desk) -> None:
    ids = desk.add("2027", STUDENT, many=BATCH + 5)
    desk.world.clock.instant = BEFORE_NEW_YEAR + SECOND
    with pytest.raises(Killed):
        desk.work(desk.refresh(Dying(desk.world.units, 2)))
    desk.world.clock.instant += timedelta(days=2)
    desk.work()
    desk.work()
    desk.is_right()
    assert [len(desk.changes(each)) for each in ids] == [1] * len(ids)
    assert [(run.day, run.moved, run.finished_at is None) for run in desk.runs()] == [
        (date(2027, 1, 3), 0, False),
        (date(2027, 1, 1), len(ids), False),
    ]


def test_a_round_does_so_much_and_says_that_there_is_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wizard.services.refresh.BATCH", 3)
    desk.add("2026", STUDENT, many=3 * BATCHES_AT_ONCE + 1)
    worker = desk.refresh()
    assert worker.run_due()
    assert desk.runs()[0].moved == 3 * BATCHES_AT_ONCE
    assert not worker.run_due()
    assert desk.runs()[0].moved == 3 * BATCHES_AT_ONCE + 1


def test_while_the_database_is_down_it_is_postponed(desk: Desk) -> None:
    (mine,) = desk.add("2026", STUDENT)
    units = UnitsWithOutage(desk.world.units, down=True)
    worker = desk.refresh(units)
    with pytest.raises(ExternalServiceError):
        worker.run_due()
    units.down = False
    desk.work(worker)
    assert desk.category(mine) is NEW


# --- Beside the desk -------------------------------------------------------------------------------------------


def records_of(world: World) -> RecordService:
    return RecordService(world.units, Checking(world.clock, world.units, DEFAULT_COTO_PATTERN, False), EventBus())


def test_a_correction_seen_before_is_still_right_after(desk: Desk) -> None:
    (mine,) = desk.add("2026", STUDENT)
    seen = desk.record(mine).version
    desk.work()
    assert desk.record(mine).version == seen == FIRST_VERSION
    records_of(desk.world).correct(desk.world.staff, mine, {"notes": "Seen before."}, version=seen)
    assert (desk.record(mine).data.notes, desk.category(mine)) == ("Seen before.", NEW)


def test_racing_with_corrections_nothing_is_lost(desk: Desk) -> None:
    ids = desk.add("2026", STUDENT, many=12)
    records = records_of(desk.world)

    def correct(record_id: str) -> None:
        changes: dict[str, str | None] = {"graduation_year": "2020", "notes": "Corrected."}
        records.correct(desk.world.staff, record_id, changes, version=FIRST_VERSION)

    workers = [desk.refresh(), desk.refresh()]
    corrections = [lambda each=each: correct(each) for each in ids[::2]]
    outcome = race(*(lambda worker=worker: desk.work(worker) for worker in workers), *corrections)
    assert [error for error in outcome.errors if not isinstance(error, ExternalServiceError)] == []
    desk.work()
    desk.is_right()
    corrected = [each for each in ids if desk.record(each).version > FIRST_VERSION]
    assert corrected
    for each in ids:
        # What each says was there before is what the one before it left there.
        with desk.world.units.read() as unit:
            told = [row.event.details for row in unit.audit.history(chain_of(each))]
        assert [STUDENT, *(one["category_after"] for one in told)] == [
            *(one["category_before"] for one in told),
            desk.category(each),
        ]
        data = desk.record(each).data
        assert (data.graduation_year, data.notes) == (("2020", "Corrected.") if each in corrected else ("2026", None))
        assert len(desk.changes(each)) <= 1


def test_a_refresh_is_no_correction_that_answers_would_have_to_give_way_to(desk: Desk) -> None:
    world = desk.world
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    store = StoreWithMoment(world.registrations)

    def die() -> None:
        raise Killed

    store.before_save = die
    interrupted = build(world.clock, cast("RegistrationStore", store), world.units, EventBus())
    with pytest.raises(Killed):
        interrupted.execute_workflow(world.client, session_id)
    membership = MembershipService(world.clock, world.units, EventBus())
    membership.set(world.staff, None)
    desk.work()
    with world.units.read() as unit:
        record = unit.records.by_session(session_id)
    assert record is not None
    assert record.category is GRADUATED
    membership.set(world.staff, date(2027, 9, 30))
    world.orchestrator.update(world.client, session_id, {"notes": "Said in between."}, version=1)
    world.orchestrator.execute_workflow(world.client, session_id)
    assert (desk.record(record.id).data.notes, desk.category(record.id)) == ("Said in between.", NEW)
