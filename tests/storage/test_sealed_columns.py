"""Personal columns: sealed where the setting asks for it, read and found whatever it says, rewritten after a change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import JSON, String, select, text, type_coerce, update

from tests.conftest import NOW, SECRET_KEYS
from tests.support.databases import database_app, sessions_of
from tests.support.new_records import DECISION, education, new_record
from tests.support.racing import race
from wizard.config import Settings
from wizard.core.accounts import Account, AccountStatus
from wizard.core.clock import FixedClock
from wizard.core.events import Event, EventName
from wizard.core.records import Record, Verification
from wizard.services.ports.record_lists import Sought
from wizard.services.ports.records import RecordTaken
from wizard.storage.crypto import Cipher, Undecipherable
from wizard.storage.personal import IN_THE_OPEN, Nobodys
from wizard.storage.personal import TABLES as PLACES
from wizard.storage.repositories.personal_columns import TABLES, sealed_columns
from wizard.storage.schema import Table
from wizard.storage.sealed_columns import MARK, Sealed
from wizard.storage.tables import AccountRow, RecordRow
from wizard.storage.trail_tables import AuditValueRow
from wizard.storage.unit_of_work import SqlUnitsOfWork

# The database was made with the first.
OLD, NEW = SECRET_KEYS[0], "tests-newer-0123456789-abcdefghijklmnopqrstuvwxyz"
# The setting, and the secrets, newest first.
Way = tuple[bool, tuple[str, ...]]
OFF: Way = (False, (OLD,))
ON: Way = (True, (OLD,))
ON_WITH_NEW: Way = (True, (NEW, OLD))
OFF_WITH_NEW: Way = (False, (NEW, OLD))
WAYS = (OFF_WITH_NEW, ON_WITH_NEW)
NAME, EMAIL, SCHOOL, NOTES, COTO = (
    "Petra Planted-Zoë",
    "Petra@Planted.example",
    "Elsewhere College",
    "A\nnote",
    "PLANT1",
)
TYPED = {"notes": (None, "typed once"), "user_business_id": (None, "P-1"), "search": (None, "petra")}


@dataclass
class Site:
    """One database, as processes of different settings see it."""

    settings: Settings
    url: str
    stack: ExitStack = field(default_factory=ExitStack)

    def units(self, way: Way) -> SqlUnitsOfWork:
        on, keys = way
        chosen = {"database_url": self.url, "encrypt_columns": on, "secret_keys": keys}
        app = self.stack.enter_context(database_app(self.settings.model_copy(update=chosen)))
        return SqlUnitsOfWork(sessions_of(app), Cipher(keys), FixedClock(NOW))

    def stored(self) -> list[str]:
        """Every text that stands in a column which may be sealed."""
        with self.units(OFF).read() as unit:
            found = [unit._session.execute(_raw(table)).all() for table in TABLES.values()]
        return [value for rows in found for row in rows for value in row if value]


def _raw(table: type[Table]) -> Any:  # noqa: ANN401 - a SELECT of as many columns
    return select(*(type_coerce(column, String) for column in sealed_columns(table)))


@pytest.fixture
def site(plain_settings: Settings, database_url: str) -> Iterator[Site]:
    site = Site(plain_settings, database_url)
    with site.stack:
        yield site


def planted(units: SqlUnitsOfWork, number: str = "P-1", **changes: str | None) -> tuple[Account, Record]:
    """An account, its record, and what was typed on the way."""
    with units.write() as unit:
        account = unit.accounts.add(name=NAME, email=EMAIL, status=AccountStatus.ACTIVE, language="en", number=number)
        answers = {"university": "other", "other_details": SCHOOL, "notes": NOTES, "coto_registration": COTO}
        record = unit.records.add(new_record(account.id, data=education(**{**answers, **changes})))
        unit.audit.append([_typed(record)])
        unit.commit()
    return account, record


def _typed(record: Record) -> Event:
    return Event(
        name=EventName.EDUCATION_STAGED,
        at=NOW,
        actor="applicant",
        chain=record.session_id,
        session_id=record.session_id,
        sequence=1,
        operation_id="operation",
        changes=TYPED,
    )


def rotated(units: SqlUnitsOfWork, limit: int = 2) -> list[int]:
    """Rewrite everything slice by slice; how many rows of each table had to be left."""
    left = []
    for table in TABLES:
        after, total = None, 0
        while True:
            with units.write() as unit:
                done = unit.personal_columns.rewrite(table, after=after, limit=limit)
                unit.commit()
            total, after = total + done.left, done.last
            if after is None:
                break
        left.append(total)
    return left


def otherwise(units: SqlUnitsOfWork) -> list[int]:
    with units.read() as unit:
        return [each.otherwise for each in unit.personal_columns.standing()]


def lost(units: SqlUnitsOfWork) -> list[int]:
    with units.read() as unit:
        return [each.lost for each in unit.personal_columns.standing()]


def check_read(units: SqlUnitsOfWork, account: Account, record: Record) -> None:
    """All of it is there, is found, and is as it was written."""
    with units.read() as unit:
        assert unit.accounts.get(account.id) == account
        assert unit.records.get(record.id) == record
        assert list(unit.accounts.of_email(" petra@PLANTED.example")) == [account]
        for sought in ("planted", "Petra zoe", EMAIL, "p-1"):
            found = unit.accounts.search(sought, status=None, after=None, limit=9)
            assert [each.id for each in found] == [account.id], sought
        for known in filter(None, ("petra planted", COTO.lower(), record.data.user_business_id)):
            listed = unit.record_lists.found(Sought(text=known), before=None, limit=9)
            assert [each.record for each in listed] == [record], known
        assert unit.records.holdings(record.data, account_id=None, session_id=None).coto_registration_taken
        assert [row.id for row in unit.records.of_any(coto_registration=[COTO, "OTHER"])] == [record.id]
        (row,) = unit.audit.history(record.session_id)
        assert row.event.changes == TYPED
        assert unit.audit.verify() == []


# --- What is written, and what is read --------------------------------------------------------------------


def test_nothing_personal_stands_in_the_columns(site: Site) -> None:
    units = site.units(ON)
    check_read(units, *planted(units))
    stored = site.stored()
    in_the_open = [value for value in stored if not value.startswith(MARK)]
    # Member numbers are looked for in what was ever typed, as they are in accounts and records.
    assert in_the_open == ["P-1"]
    for value in (NAME, EMAIL, SCHOOL, NOTES, COTO, "planted", "petra", "typed once"):
        assert not any(value.casefold() in each.casefold() for each in stored)


def test_every_sealed_column_is_known_to_the_rotation() -> None:
    sealed = {
        table.name
        for table in Table.metadata.tables.values()
        if any(isinstance(column.type, Sealed) for column in table.columns)
    }
    assert sealed == set(TABLES)


def test_every_text_of_a_person_is_sealed_or_in_the_open_for_a_reason() -> None:
    decided = [each for columns in IN_THE_OPEN.values() for each in columns]
    texts = {
        f"{table.name}.{column.name}"
        for table in Table.metadata.tables.values()
        if not isinstance(PLACES[table.name], Nobodys)
        for column in table.columns
        # A sealed one is neither: its type is ours.
        if isinstance(column.type, String | JSON)
    }
    assert sorted(decided) == sorted(texts)


@pytest.mark.parametrize("written", [OFF, ON])
@pytest.mark.parametrize("way", WAYS)
def test_what_was_written_before_a_change_is_read_and_found(site: Site, written: Way, way: Way) -> None:
    account, record = planted(site.units(written))
    check_read(site.units(way), account, record)


def test_of_what_is_sealed_a_part_finds_nothing(site: Site) -> None:
    account, record = planted(site.units(OFF))
    sealing = site.units(ON)
    with sealing.read() as unit:
        found = unit.accounts.search("plant", status=None, after=None, limit=9)
        schools = unit.record_lists.found(Sought(text="elsewhere coll"), before=None, limit=9)
    assert ([each.id for each in found], [each.record.id for each in schools]) == ([account.id], [record.id])
    rotated(sealing)
    with sealing.read() as unit:
        for sought in ("plant", "e", "enc", "petra elsewhere", "…"):
            assert unit.accounts.search(sought, status=None, after=None, limit=9) == [], sought
        for sought in ("plant", "e", "enc", "elsewhere", "elsewhere coll", "a", "="):
            assert unit.record_lists.found(Sought(text=sought), before=None, limit=9) == [], sought


def test_a_text_that_looks_sealed_is_sealed_whatever_the_setting(site: Site) -> None:
    units = site.units(OFF)
    sly = f"{MARK}00000000:AAAA"
    with units.write() as unit:
        account = unit.accounts.add(name=sly, email=sly, status=AccountStatus.ACTIVE, language="en", number=None)
        unit.commit()
    with units.read() as unit:
        assert unit.accounts.get(account.id) == account
        assert list(unit.accounts.of_email(sly)) == [account]


def test_a_text_opens_in_its_own_column_alone(site: Site) -> None:
    units = site.units(ON)
    account, _ = planted(units)
    with units.write() as unit:
        raw = text("UPDATE accounts SET name = (SELECT email FROM accounts)")
        unit._session.execute(raw)
        unit.commit()
    with units.read() as unit, pytest.raises(Undecipherable):
        unit.accounts.get(account.id)


@pytest.mark.parametrize("content", ["", "AAAA", "no base64", "é"])
@pytest.mark.parametrize("column", ["name", "coto_registration"])
def test_what_is_nothing_of_ours_does_not_open(column: str, content: str) -> None:
    cipher = Cipher([OLD])
    kind = {"name": AccountRow.name, "coto_registration": RecordRow.coto_registration}[column].type
    assert isinstance(kind, Sealed)
    for key_id in (cipher.key_ids[0], "00000000"):
        with pytest.raises(Undecipherable):
            kind.read(cipher, f"{MARK}{key_id}:{content}")


# --- One record for a COTO number -------------------------------------------------------------------------


@pytest.mark.parametrize(("written", "way"), [(OFF, ON), (ON, OFF), (ON, ON_WITH_NEW), (ON, OFF_WITH_NEW)])
def test_a_coto_number_is_one_records_however_it_was_written(site: Site, written: Way, way: Way) -> None:
    _, first = planted(site.units(written))
    units = site.units(way)
    with pytest.raises(RecordTaken, match=r"coto_registration\.unique"):
        planted(units, "P-2")
    _, other = planted(units, "P-3", coto_registration="PLANT3")
    with units.write() as unit, pytest.raises(RecordTaken, match=r"coto_registration\.unique"):
        corrected(unit, other, coto_registration=COTO)
    with units.write() as unit:
        assert corrected(unit, first, notes="Other notes").data.coto_registration == COTO
        unit.commit()


def test_a_record_of_this_very_session_is_told_first(site: Site) -> None:
    account, first = planted(site.units(OFF))
    again = replace(new_record(account.id, data=first.data), session_id=first.session_id)
    with site.units(ON).write() as unit, pytest.raises(RecordTaken, match=r"session\.one_record"):
        unit.records.add(again)


def test_of_processes_of_different_settings_one_makes_the_record(site: Site) -> None:
    ways = (OFF_WITH_NEW, ON_WITH_NEW, (True, (OLD, NEW)), (False, (OLD, NEW)))
    units = [site.units(way) for way in ways]
    outcome = race(*(lambda each=each, n=n: planted(each, f"P-{n}") for n, each in enumerate(units)))
    assert [type(error) for error in outcome.errors] == [RecordTaken] * 3
    assert len(outcome.results) == 1


def corrected(unit: Any, record: Record, **changes: str | None) -> Record:  # noqa: ANN401 - a unit of work
    made: Record = unit.records.correct(
        record,
        data=record.data.with_changes(changes),
        decision=DECISION,
        verification=Verification.because_of(()),
        at=NOW,
    )
    return made


# --- Rewriting --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ways", [(OFF, ON), (ON, ON_WITH_NEW), (ON, OFF_WITH_NEW), (OFF, ON, ON_WITH_NEW, OFF_WITH_NEW)]
)
def test_everything_is_rewritten_as_the_setting_and_the_newest_secret_have_it(site: Site, ways: Sequence[Way]) -> None:
    account, record = planted(site.units(ways[0]))
    assert otherwise(site.units(ways[0])) == [0, 0, 0]
    for way in ways[1:]:
        units = site.units(way)
        assert otherwise(units) == [1, 1, 3]
        assert rotated(units) == [0, 0, 0]
        assert otherwise(units) == [0, 0, 0]
        check_read(units, account, record)
    on, keys = ways[-1]
    begins = f"{MARK}{Cipher(keys).key_ids[0]}:"
    assert {value.startswith(begins) for value in site.stored() if value != "P-1"} == {on}
    # Nothing needs the older secrets any more.
    with site.units((on, keys[:1])).read() as unit:
        assert unit.accounts.get(account.id) == account
        assert unit.records.get(record.id) == record


def test_a_rewriting_goes_on_where_it_was_stopped(site: Site) -> None:
    units = site.units(OFF)
    for number in range(5):
        planted(units, f"P-{number}", coto_registration=f"PLANT{number}")
    sealing = site.units(ON)
    with sealing.write() as unit:
        done = unit.personal_columns.rewrite("accounts", after=None, limit=2)
        unit.commit()
    assert (done.looked_at, done.left, done.last is None) == (2, 0, False)
    assert otherwise(sealing) == [3, 5, 15]
    assert rotated(sealing) == [0, 0, 0]
    assert otherwise(sealing) == [0, 0, 0]


def test_two_at_once_do_no_harm(site: Site) -> None:
    for number in range(8):
        planted(site.units(OFF), f"P-{number}", coto_registration=f"PLANT{number}")
    units = [site.units(ON), site.units(ON)]
    outcome = race(*(lambda each=each: rotated(each, limit=3) for each in units))
    assert outcome.errors == ()
    assert outcome.results == ([0, 0, 0], [0, 0, 0])
    assert otherwise(units[0]) == [0, 0, 0]


def test_what_has_no_secret_any_more_is_left_and_told(site: Site) -> None:
    _, record = planted(site.units(ON))
    account, _ = planted(site.units((True, (NEW,))), "P-9", coto_registration="PLANT9")
    units = site.units((True, (NEW,)))
    assert lost(units) == [1, 1, 3]
    assert rotated(units) == [1, 1, 3]
    with units.read() as unit:
        assert unit.accounts.get(account.id) == account
        told = unit.audit.verify()
        (row,) = unit.audit.history(record.session_id)
    assert any("the value of notes was changed" in each for each in told)
    # It is shown as it stands there, for the others of the history are to be read.
    assert str(row.event.changes["notes"][1]).startswith(MARK)
    # Nothing was made worse: with the secret back all of it opens.
    assert lost(site.units(ON_WITH_NEW)) == [0, 0, 0]
    assert rotated(site.units(ON_WITH_NEW)) == [0, 0, 0]


def test_a_number_that_two_records_hold_is_left_and_the_others_go_on(site: Site) -> None:
    """Only somebody who writes to the database gets there, or two processes of different settings at one instant."""
    plain, sealing = site.units(OFF), site.units(ON)
    planted(plain)
    _, other = planted(sealing, "P-2", coto_registration="PLANT2")
    planted(plain, "P-3", coto_registration="PLANT3")
    with sealing.write() as unit:
        unit._session.execute(update(RecordRow).where(RecordRow.id == other.id).values(coto_registration=COTO))
        unit.commit()
    assert rotated(sealing) == [0, 1, 0]
    assert otherwise(sealing) == [0, 1, 0]


def test_an_erased_account_stays_empty(site: Site) -> None:
    account, _ = planted(site.units(OFF))
    with site.units(ON).write() as unit:
        assert unit.erasures.empty(account.id)
        unit.commit()
    rotated(site.units(ON))
    with site.units(ON).read() as unit:
        found = unit.accounts.get(account.id)
        raw = unit._session.execute(text("SELECT name, name_key, email, email_key FROM accounts")).one()
    assert found is not None
    assert found.is_erased
    assert tuple(raw) == ("", "", "", "")


def test_what_is_no_text_is_read_as_it_stands() -> None:
    """SQLite takes anything; whoever looks through the trail is told of it there."""
    kind = AuditValueRow.after.type
    assert isinstance(kind, Sealed)
    assert kind.read(Cipher([OLD]), b"bytes") == b"bytes"  # type: ignore[arg-type, comparison-overlap]
