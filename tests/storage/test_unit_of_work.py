"""A unit of work: committed as a whole or not at all, and honest about a database that fails."""

from __future__ import annotations

from pathlib import Path
from threading import Event as Signal
from time import monotonic

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from tests.conftest import NOW
from tests.support.new_records import new_record
from tests.support.racing import race
from tests.support.seed import Seeded
from wizard.core.accounts import AccountStatus, MembershipYear
from wizard.core.errors import Conflict, ExternalServiceError
from wizard.core.events import Event, EventName
from wizard.core.records import NewRecord
from wizard.services.ports.messages import Message
from wizard.services.ports.records import RecordTaken
from wizard.services.ports.units import UnitOfWork, UnitsOfWork
from wizard.storage.schema import Instant
from wizard.storage.unit_of_work import SqlUnitsOfWork

YEAR = MembershipYear(ends_on=None, set_by="system:tests", set_at=NOW)


def test_conforms_to_its_contract(units: SqlUnitsOfWork) -> None:
    contract: UnitsOfWork = units
    with contract.read() as unit:
        assert unit.accounts.page(after=None, limit=1) == []


def test_without_commit_nothing_stays(units: SqlUnitsOfWork) -> None:
    with units.write() as uow:
        uow.membership_years.set(YEAR)
    with units.read() as uow:
        assert uow.membership_years.current() is None


def test_error_rolls_all_of_it_back_and_goes_on_unchanged(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    record = new_record(seeded.accounts[0].id)
    with pytest.raises(Conflict, match="stop"):
        write_and_fail(units, record)
    with units.write() as uow:
        assert uow.records.by_session(record.session_id) is None
        assert uow.audit.history("s1") == []
        assert uow.outbox.claim(NOW) == []
    assert_all_of_it_goes_in(units, record)


def write_and_fail(units: SqlUnitsOfWork, record: NewRecord) -> None:
    with units.write() as uow:
        write_everything(uow, record)
        raise Conflict("stop")


def write_everything(uow: UnitOfWork, record: NewRecord) -> None:
    uow.records.add(record)
    uow.audit.append([Event(EventName.EDUCATION_CREATED, NOW, "applicant", "s1")])
    uow.outbox.add(Message(kind="confirmation", recipient="a@example.org", language="en", key="k"), at=NOW)


def assert_all_of_it_goes_in(units: SqlUnitsOfWork, record: NewRecord) -> None:
    with units.write() as uow:
        write_everything(uow, record)
        uow.commit()
    with units.write() as uow:
        assert uow.records.by_session(record.session_id) is not None
        assert len(uow.audit.history("s1")) == 1
        assert len(uow.outbox.claim(NOW)) == 1


def test_fifty_at_once_make_one_record_with_its_event_and_its_mail(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    record = new_record(seeded.accounts[0].id)

    def submit() -> str:
        with units.write() as uow:
            existing = uow.records.by_session(record.session_id)
            if existing is not None:
                return existing.number
            try:
                number = uow.records.add(record).number
            except RecordTaken as taken:
                return taken.rule
            uow.audit.append(
                [Event(EventName.EDUCATION_CREATED, NOW, "a", "s1", session_id="s1", sequence=9, operation_id="o1")]
            )
            uow.outbox.add(Message(kind="confirmation", recipient="a@example.org", language="en", key="k"), at=NOW)
            uow.commit()
            return number

    outcome = race(*[submit] * 50)
    assert outcome.errors == ()
    assert set(outcome.results) <= {"osot-oted-0000001", "session.one_record"}
    with units.write() as uow:
        assert len(uow.audit.history("s1")) == 1
        assert len(uow.outbox.claim(NOW)) == 1
        assert uow.audit.verify() == []


def test_reader_sees_one_picture_while_others_write(units: SqlUnitsOfWork) -> None:
    with units.read() as reading:
        assert reading.membership_years.current() is None
        with units.write() as writing:
            writing.membership_years.set(YEAR)
            writing.commit()
        assert reading.membership_years.current() is None
    with units.read() as reading:
        assert reading.membership_years.current() == YEAR


def test_writers_take_turns_on_sqlite_from_the_start(units: SqlUnitsOfWork) -> None:
    if units.sessions.kw["bind"].dialect.name != "sqlite":
        pytest.skip("PostgreSQL locks rows")
    first_in, second_done = Signal(), Signal()

    def first() -> float:
        with units.write() as uow:
            first_in.set()
            assert not second_done.wait(0.2)
            uow.commit()
        return monotonic()

    def second() -> float:
        first_in.wait()
        with units.write():
            second_done.set()
            return monotonic()

    ended, began = race(first, second).results
    assert began >= ended - 0.05


def test_failing_database_is_reported_on_entering_and_while_using(
    units: SqlUnitsOfWork, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    bind = sessions.kw["bind"]
    if bind.dialect.name != "sqlite":
        pytest.skip("see test_database for PostgreSQL")
    with units.write(), pytest.raises(ExternalServiceError), units.write():
        raise AssertionError("two writers at once")
    with units.read() as uow:
        uow.accounts.page(after=None, limit=1)
        with units.write() as other:
            other.membership_years.set(YEAR)
            other.commit()
        # A reader that goes on to write has read what no longer holds.
        with pytest.raises(ExternalServiceError):
            uow.membership_years.set(YEAR)
    bind.dispose()
    for name in ("units.db", "units.db-wal", "units.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "units.db").mkdir()
    with pytest.raises(ExternalServiceError, match=r"database\.unavailable") as error, units.read():
        raise AssertionError("there is no database")
    assert error.value.service == "database"


def test_full_disk_is_reported_and_leaves_what_was_there(
    units: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    if sessions.kw["bind"].dialect.name != "sqlite":
        pytest.skip("a limit that only SQLite has")
    with sessions() as session:
        pages = session.scalar(text("PRAGMA page_count"))
        session.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(ExternalServiceError):
        fill(units)
    with units.read() as uow:
        assert uow.accounts.page(after=None, limit=1) == []


def fill(units: SqlUnitsOfWork) -> None:
    with units.write() as uow:
        for number in range(2000):
            uow.accounts.add(name="x" * 100, email="x", status=AccountStatus.ACTIVE, language="en", number=f"n{number}")


def test_timestamps_need_a_time_zone() -> None:
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415

    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        Instant().process_bind_param(naive, sqlite.dialect())
    assert Instant().process_bind_param(None, sqlite.dialect()) is None
    assert Instant().process_result_value(None, sqlite.dialect()) is None
    assert Instant().process_result_value(naive, sqlite.dialect()) == NOW
