"""Retention: each kind of data goes when its time is over, not before, and the trail stays whole without it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from tests.services.conftest import LIFETIMES, World
from tests.services.test_bulk import BEN, Desk, row
from tests.services.test_housekeeping import housekeeping
from tests.support.racing import race
from wizard.core.accounts import SecondFactor, StaffIdentity
from wizard.core.errors import WizardError
from wizard.core.events import Event, EventName
from wizard.core.records import chain_of
from wizard.core.registration import Registration, Status
from wizard.core.retention import Periods
from wizard.core.rules import DEFAULT_COTO_PATTERN
from wizard.services.account_desk import AccountDesk
from wizard.services.audit import AuditDrain
from wizard.services.checking import Checking
from wizard.services.erasure import Erasure
from wizard.services.events import EventBus
from wizard.services.links import ResumeLinks
from wizard.services.notes import Notes
from wizard.services.passwords import Passwords
from wizard.services.ports.messages import Medium, Message
from wizard.services.ports.record_lists import Sought
from wizard.services.proofs import Proofs
from wizard.services.record_lists import CHAIN, RecordLists, Sheet
from wizard.services.records import RecordService
from wizard.services.retention import Kept, Retention
from wizard.services.sheets import SheetKind
from wizard.services.staff import Desk as StaffDesk
from wizard.storage.bulk_tables import BulkJobRow, BulkRowRow
from wizard.storage.crypto import Cipher
from wizard.storage.schema import Table
from wizard.storage.tables import CodeRow, LinkRow, RecoveryCodeRow, SecondFactorRow, StaffIdentityRow
from wizard.storage.trail_tables import OutboxRow

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
PERIODS = Periods(
    completed=90 * DAY,
    cancelled=2 * DAY,
    expired=40 * DAY,
    failed=60 * DAY,
    history=100 * DAY,
    deleted=8 * DAY,
    desk=50 * DAY,
    lives_at_most=LIFETIMES.at_most,
)
KEPT = Kept(
    typed=PERIODS,
    codes=1 * DAY,
    links=20 * DAY,
    mails=45 * DAY,
    reports=200 * DAY,
    staff=70 * DAY,
    inactive=300 * DAY,
)


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def encrypting(request: pytest.FixtureRequest) -> bool:
    """With the personal columns encrypted, all of it is the same."""
    return bool(request.param)


def retention(world: World, kept: Kept = KEPT) -> Retention:
    """A worker's own, which has not rested yet."""
    events = EventBus()
    events.subscribe(world.told.append)
    drain = AuditDrain(world.clock, world.units, world.registrations)
    erasure = Erasure(world.clock, world.units, world.registrations, drain, events)
    return Retention(world.clock, world.units, events, erasure, kept)


def all_of_it(world: World, kept: Kept = KEPT) -> None:
    """As a worker does, until it rests."""
    service = retention(world, kept)
    while service.run_once():
        pass


def typed(world: World, chain: str) -> list[str]:
    """The values that a chain still has."""
    with world.units.read() as unit:
        events = [each.event for each in unit.audit.history(chain)]
    return [value for event in events for pair in event.changes.values() for value in pair if value]


def erasures(world: World, chain: str) -> list[Event]:
    with world.units.read() as unit:
        rows = unit.audit.history(chain)
    return [each.event for each in rows if each.event.name is EventName.VALUES_ERASED]


def verified(world: World) -> list[str]:
    with world.units.read() as unit:
        return list(unit.audit.verify())


def expired(world: World) -> Registration:
    """One whose time is over, and that is recorded."""
    registration = world.staged(notes="too late")
    world.clock.instant = registration.expires_at
    housekeeping(world).run_once()
    return registration


def in_conflict(world: World) -> Registration:
    """One whose member has a record already; its time is over."""
    world.at(Status.WORKFLOW_COMPLETED)
    second = world.staged(notes="in conflict", coto_status="general", coto_registration="C1")
    with suppress(WizardError):
        world.orchestrator.execute_workflow(world.client, second.session_id)
    world.clock.instant = world.load(second.session_id).expires_at
    housekeeping(world).run_once()
    return second


# --- What was typed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "period", "kind"),
    [
        (lambda world: world.at(Status.WORKFLOW_COMPLETED, notes="done"), PERIODS.completed, "completed"),
        (lambda world: world.at(Status.CANCELLED, notes="never mind"), PERIODS.cancelled, "cancelled"),
        (expired, PERIODS.expired, "expired"),
        (in_conflict, PERIODS.failed, "failed"),
    ],
)
def test_what_was_typed_goes_by_what_came_of_it(
    world: World, begin: Callable[[World], Registration], period: timedelta, kind: str
) -> None:
    chain = begin(world).session_id
    over = world.clock.instant + period
    world.clock.instant = over - SECOND
    all_of_it(world)
    before = typed(world, chain)
    assert before
    world.clock.instant = over
    all_of_it(world)
    assert typed(world, chain) == []
    (told,) = erasures(world, chain)
    assert told.details == {"kind": kind, "values": told.details["values"]}
    assert (told.actor, told.session_id) == ("system:retention", chain)
    assert told in world.told
    assert verified(world) == []


def test_a_registration_under_way_keeps_all(world: World) -> None:
    mine = world.at(Status.ACCOUNT_LINKED, notes="under way")
    world.clock.instant += LIFETIMES.at_most + PERIODS.expired - SECOND
    all_of_it(world)
    assert "under way" in typed(world, mine.session_id)
    world.clock.instant += SECOND
    # Its end was never recorded, as when Redis has lost it: it counts as over at its greatest age.
    all_of_it(world)
    assert typed(world, mine.session_id) == []
    assert verified(world) == []


def test_a_late_note_keeps_the_rest_with_it_and_goes_with_it(world: World) -> None:
    chain = world.at(Status.WORKFLOW_COMPLETED, notes="done").session_id
    world.clock.instant += DAY / 2
    notes = Notes(world.clock, world.units, world.registrations, EventBus())
    notes.add(world.staff, chain, "called about it")
    world.clock.instant += PERIODS.completed - SECOND
    all_of_it(world)
    assert {"done", "called about it"} <= set(typed(world, chain))
    world.clock.instant += SECOND
    all_of_it(world)
    assert typed(world, chain) == []


def test_a_records_history_goes_value_by_value(world: World) -> None:
    registration = world.at(Status.WORKFLOW_COMPLETED)
    records = RecordService(
        world.units, Checking(world.clock, world.units, DEFAULT_COTO_PATTERN, verify_discounts=False), EventBus()
    )
    with world.units.read() as unit:
        record = unit.records.by_session(registration.session_id)
    assert record is not None
    first = records.correct(world.main, record.id, {"notes": "first"}, version=record.version)
    world.clock.instant += 10 * DAY
    records.correct(world.main, record.id, {"notes": "second"}, version=first.version)
    world.clock.instant += PERIODS.history - 10 * DAY + SECOND
    all_of_it(world)
    chain = chain_of(record.id)
    # What the first correction wrote; the second tells it as what was there before.
    assert sorted(typed(world, chain)) == ["first", "second"]
    (told,) = erasures(world, chain)
    assert (told.record_id, told.details["kind"]) == (record.id, "history")
    # The record itself stays for as long as there is one.
    with world.units.read() as unit:
        kept = unit.records.by_session(registration.session_id)
    assert kept is not None
    assert kept.data.notes == "second"
    records.delete(world.main, record.id, version=kept.version, reason="Twice.")
    world.clock.instant += PERIODS.deleted
    all_of_it(world)
    assert typed(world, chain) == []
    assert verified(world) == []


def test_searches_of_the_desk_go_and_why_somebody_was_erased_stays(world: World) -> None:
    lists = RecordLists(world.clock, world.units, EventBus())
    lists.export(world.main, Sought(text="petra"), Sheet(SheetKind.CSV), to=BytesIO())
    erased = world.seeded.accounts[1]
    retention(world).erasure.erase(world.main, erased.id, reason="Asked for.")
    world.clock.instant += PERIODS.desk + SECOND
    all_of_it(world)
    with world.units.read() as unit:
        searches = [each.event for each in unit.audit.history(CHAIN)]
    assert [each.changes for each in searches if each.name is EventName.RECORD_EXPORTED] == [{}]
    world.clock.instant += PERIODS.history
    all_of_it(world)
    assert typed(world, f"account:{erased.id}") == ["Asked for."]
    assert verified(world) == []


def test_slices_go_through_all_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wizard.services.retention._SLICE", 2)
    chains = [world.at(Status.CANCELLED, notes=f"note {number}").session_id for number in range(5)]
    open_one = world.staged(notes="under way").session_id
    world.clock.instant += PERIODS.cancelled
    service, slices = retention(world), 1
    while service.run_once():
        slices += 1
    assert slices > 2
    assert [typed(world, chain) for chain in chains] == [[]] * 5
    assert "under way" in typed(world, open_one)


def test_after_a_round_it_rests(world: World) -> None:
    service = retention(world)
    assert not service.run_once()
    mine = world.at(Status.CANCELLED, notes="never mind").session_id
    kept = replace(KEPT, typed=replace(PERIODS, cancelled=SECOND))
    service.kept = kept
    world.clock.instant += timedelta(hours=5)
    assert not service.run_once()
    assert typed(world, mine)
    world.clock.instant += timedelta(hours=1)
    service.run_once()
    assert typed(world, mine) == []


def test_two_workers_at_once_tell_it_once(world: World) -> None:
    mine = world.at(Status.CANCELLED, notes="never mind").session_id
    world.clock.instant += PERIODS.cancelled
    race(lambda: all_of_it(world), lambda: all_of_it(world))
    assert typed(world, mine) == []
    assert sum(int(each.details["values"]) for each in erasures(world, mine)) > 0
    assert len(erasures(world, mine)) == 1
    assert verified(world) == []


# --- Rows --------------------------------------------------------------------------------------------------------


@pytest.fixture
def count(sessions: sessionmaker[Session]) -> Callable[[type[Table]], int]:
    def counted(table: type[Table]) -> int:
        with sessions() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    return counted


def test_codes_and_links_go_after_their_end(world: World, cipher: Cipher, count: Callable[[type[Table]], int]) -> None:
    mine = world.staged()
    links = ResumeLinks(world.clock, world.units, world.registrations, EventBus(), world.orchestrator)
    links.create(world.client, mine.session_id, email="me@example.org")
    links.create(world.client, mine.session_id, email="me@example.org")
    links.revoke(world.staff, mine.session_id, links.of_session(world.staff, mine.session_id)[0].id)
    Proofs(world.clock, world.units, world.registrations, EventBus(), cipher).send_code(world.client, mine.session_id)
    world.clock.instant += KEPT.codes + timedelta(minutes=10)
    all_of_it(world)
    assert (count(CodeRow), count(LinkRow)) == (1, 2)
    world.clock.instant += SECOND
    all_of_it(world)
    assert (count(CodeRow), count(LinkRow)) == (0, 2)
    world.clock.instant += KEPT.links
    all_of_it(world)
    assert count(LinkRow) == 1
    world.clock.instant += LIFETIMES.at_most
    all_of_it(world)
    assert count(LinkRow) == 0


def test_what_is_left_of_mails_goes_but_not_of_one_that_waits(
    world: World, count: Callable[[type[Table]], int]
) -> None:
    with world.units.write() as unit:
        for key in ("sent", "kept", "waits"):
            unit.outbox.add(Message("code", f"{key}@example.org", "en", key), at=world.clock.now())
        # What other systems were told has a period of its own.
        unit.outbox.add(Message("event", "", "", "told", medium=Medium.WEBHOOK), at=world.clock.now())
        (told,) = unit.outbox.claim(world.clock.now(), medium=Medium.WEBHOOK)
        unit.outbox.delivered(told.id, at=world.clock.now())
        claimed = {each.message.key: each for each in unit.outbox.claim(world.clock.now())}
        unit.outbox.delivered(claimed["sent"].id, at=world.clock.now())
        unit.outbox.given_up(claimed["kept"], reason="mail.refused", keep_until=world.clock.now() + 900 * DAY)
        unit.commit()
    world.clock.instant += KEPT.mails
    all_of_it(world)
    assert count(OutboxRow) == 4
    world.clock.instant += SECOND
    all_of_it(world)
    assert count(OutboxRow) == 3


def test_reports_of_files_go_once_what_stood_in_them_is_gone(
    world: World, cipher: Cipher, sessions: sessionmaker[Session], count: Callable[[type[Table]], int]
) -> None:
    desk = Desk(world, cipher, sessions)
    desk.run(row("osot-0000001"), row(BEN, university="nowhere"))
    world.clock.instant += KEPT.reports + SECOND
    all_of_it(world)
    assert (count(BulkJobRow), count(BulkRowRow)) == (1, 2), "what is kept of the rows goes first"
    desk.service().erase_old()
    all_of_it(world)
    assert (count(BulkJobRow), count(BulkRowRow)) == (0, 0)


def test_who_left_the_desk_is_a_user_name_in_the_end(
    world: World, sessions: sessionmaker[Session], count: Callable[[type[Table]], int]
) -> None:
    ann = world.seeded.admin
    with world.units.write() as unit:
        unit.staff.put_identity(StaffIdentity(ann.id, "https://id.example.org", "subject-1", "ann@example.org"))
        unit.second_factors.put(SecondFactor(ann.id, "key", world.clock.now(), 0))
        unit.second_factors.put_recovery(ann.id, ["digest"])
        unit.commit()
    desk = StaffDesk(world.clock, world.units, world.registrations, EventBus(), Passwords())
    desk.disable(world.main, "ann")
    world.clock.instant += KEPT.staff
    all_of_it(world)
    assert (count(SecondFactorRow), count(RecoveryCodeRow)) == (1, 1)
    world.clock.instant += SECOND
    all_of_it(world)
    with world.units.read() as unit:
        former, here = unit.staff.get(ann.id), unit.staff.get(world.seeded.main.id)
        known = unit.staff.by_identity("https://id.example.org", "subject-1")
    assert former is not None
    assert (former.name, former.password_hash, former.active) == ("ann", None, False)
    assert known == former, "the provider's account stays shut out"
    assert (count(SecondFactorRow), count(RecoveryCodeRow)) == (0, 0)
    with sessions() as session:
        assert session.scalars(select(StaffIdentityRow.email)).all() == [None]
    assert here is not None
    assert here.name == "Mia Main"


# --- People ------------------------------------------------------------------------------------------------------


def test_who_has_been_inactive_for_too_long_is_erased(world: World) -> None:
    dee, eli = world.seeded.accounts[3], world.seeded.accounts[4]
    assert KEPT.inactive is not None
    world.clock.instant += KEPT.inactive / 2
    accounts = AccountDesk(world.clock, world.units, world.registrations, EventBus())
    accounts.deactivate(world.staff, eli.id, reason="Moved away.")
    world.clock.instant += KEPT.inactive / 2 + SECOND

    def erased() -> list[str]:
        with world.units.read() as unit:
            return [each.number for each in unit.accounts.page(after=None, limit=9) if each.is_erased]

    all_of_it(world, replace(KEPT, inactive=None))
    assert erased() == []
    all_of_it(world)
    assert erased() == [dee.number], "Eli has not been inactive for that long"
    world.clock.instant += KEPT.inactive / 2
    all_of_it(world)
    assert erased() == [dee.number, eli.number]
    assert verified(world) == []
