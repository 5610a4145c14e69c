"""The audit trail: exactly once, in order, and nobody changes it unnoticed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, literal_column, select, text, update
from sqlalchemy.event import listen, remove
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from tests.conftest import NOW, SECRET_KEYS
from tests.support.databases import unguard
from tests.support.racing import race
from tests.support.waiting import wait_for
from wizard.core.clock import FixedClock
from wizard.core.errors import ExternalServiceError
from wizard.core.events import Event, EventName
from wizard.storage.crypto import Cipher
from wizard.storage.trail_tables import AuditEventRow, AuditHeadRow, AuditValueRow
from wizard.storage.unit_of_work import SqlUnitsOfWork

CHANGES = {"user_business_id": (None, "osot-0000001"), "notes": ("before", None)}


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def encrypting(request: pytest.FixtureRequest) -> bool:
    """With the personal columns encrypted, all of it is the same."""
    return bool(request.param)


def event(sequence: int | None = None, *, chain: str = "s1", **changes: Any) -> Event:  # noqa: ANN401
    values: dict[str, Any] = {
        "name": EventName.EDUCATION_UPDATED,
        "at": NOW + timedelta(microseconds=sequence or 0),
        "actor": "applicant",
        "chain": chain,
        "session_id": None if sequence is None else chain,
        "sequence": sequence,
        "operation_id": None if sequence is None else "operation",
        "details": {"fields": "notes"},
    }
    return Event(**values | changes)


def append(units: SqlUnitsOfWork, *events: Event) -> int:
    with units.write() as uow:
        new = uow.audit.append(events)
        uow.commit()
    return new


def verify(units: SqlUnitsOfWork) -> list[str]:
    with units.read() as uow:
        return list(uow.audit.verify())


# --- Writing and reading ----------------------------------------------------------------------------------


def test_event_comes_back_as_it_was_written(units: SqlUnitsOfWork) -> None:
    full = event(
        1, privilege="owner", record_id="r1", operation_id="o1", request_id="q1", changes=CHANGES, details={"a": "é"}
    )
    assert append(units, full, event(2)) == 2
    with units.read() as uow:
        rows = uow.audit.history("s1")
        assert uow.audit.history("elsewhere") == []
    assert [row.position for row in rows] == [1, 2]
    assert [row.event for row in rows] == [full, event(2)]
    assert rows[0].id < rows[1].id


def test_many_are_written_at_once_and_numbered_in_their_order(
    units: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    many = [event(number, chain=f"s{number % 3}", changes=CHANGES) for number in range(1, 31)]
    added = []

    def asks(_to: object, _cursor: object, statement: str, *_: object) -> None:
        added.append(statement.partition(" (")[0])

    with sessions() as session:
        engine = session.get_bind()
    listen(engine, "before_cursor_execute", asks)
    append(units, *many)
    remove(engine, "before_cursor_execute", asks)
    assert [added.count(f"INSERT INTO {name}") for name in ("audit_events", "audit_values", "audit_heads")] == [1, 1, 1]
    with units.read() as uow:
        rows = sorted(uow.audit.history("s0", "s1", "s2"), key=lambda row: row.id)
    assert [row.event for row in rows] == many


@pytest.mark.parametrize("written", ['"', "\\", "{}", "null", "", "\u2028\t\r\n", "𝔘é", "\\u0041", "%s :name"])
def test_any_text_comes_back_as_it_was_written(units: SqlUnitsOfWork, written: str) -> None:
    odd = event(
        1, actor=written, details={written: written}, changes={"notes": (written, None), "other": (None, written)}
    )
    append(units, odd)
    with units.read() as uow:
        assert [row.event for row in uow.audit.history("s1")] == [odd]
    assert verify(units) == []


def test_events_are_recorded_once(units: SqlUnitsOfWork) -> None:
    assert append(units, event(1), event(2)) == 2
    assert append(units, event(1), event(2), event(3), event(3)) == 1
    assert append(units, event(3, name=EventName.EDUCATION_VALIDATED)) == 1
    with units.read() as uow:
        assert [row.event.sequence for row in uow.audit.history("s1")] == [1, 2, 3, 3]
    assert verify(units) == []


def test_missing_are_those_that_are_not_there_by_session_sequence_and_name(units: SqlUnitsOfWork) -> None:
    append(units, event(1), event(3))
    late = [event(2), event(3, name=EventName.EDUCATION_VALIDATED), event(4)]
    with units.read() as uow:
        assert uow.audit.missing([event(1), *late[:2], event(3), late[2]]) == tuple(late)
        assert uow.audit.missing([]) == ()


def test_events_without_a_number_are_each_recorded(units: SqlUnitsOfWork) -> None:
    assert append(units, event(chain="staff:ann"), event(chain="staff:ann")) == 2
    assert append(units, event(chain="staff:ann")) == 1
    assert verify(units) == []


def test_nothing_to_append_is_nothing(units: SqlUnitsOfWork) -> None:
    assert append(units) == 0
    assert verify(units) == []


def test_rolled_back_events_leave_no_trace(units: SqlUnitsOfWork) -> None:
    append(units, event(1))
    with units.write() as uow:
        uow.audit.append([event(2), event(1, chain="s2")])
    assert verify(units) == []
    assert append(units, event(2), event(1, chain="s2")) == 2
    assert verify(units) == []


def test_threads_that_append_the_same_at_once_record_it_once(units: SqlUnitsOfWork) -> None:
    events = [event(number) for number in range(1, 6)]
    outcome = race(*(lambda: append(units, *events) for _ in range(6)))
    assert outcome.errors == ()
    assert sorted(outcome.results) == [0, 0, 0, 0, 0, 5]
    assert verify(units) == []


def test_threads_that_begin_and_grow_chains_at_once_make_no_forks(units: SqlUnitsOfWork) -> None:
    def runner(number: int) -> int:
        return append(
            units,
            *(event(number, chain=f"s{number % 3}") for _ in range(2)),
            event(chain="shared", changes=CHANGES),
            event(chain=f"own{number}"),
        )

    outcome = race(*(lambda number=number: runner(number) for number in range(1, 9)))
    assert outcome.errors == ()
    assert sum(outcome.results) == 8 * 3
    with units.read() as uow:
        assert [row.position for row in uow.audit.history("shared")] == list(range(1, 9))
    assert verify(units) == []


@pytest.mark.postgres
def test_who_begins_a_chain_locks_the_count_of_chains_before_any_other(
    units: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    append(units, event(1))
    head, root = (select(AuditHeadRow).where(AuditHeadRow.chain == chain).with_for_update() for chain in ("s1", ""))
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with ThreadPoolExecutor(1) as pool, sessions() as holder, sessions() as other:
        if holder.get_bind().dialect.name != "postgresql":
            pytest.skip("SQLite has one writer at a time")
        holder.scalars(head).one()
        appending = pool.submit(append, units, event(2), event(1, chain="z-new"))
        wait_for(lambda: bool(other.scalar(waiting)))
        # It waits with the root in hand: nobody who holds the root will ever wait for it.
        with pytest.raises(ExternalServiceError):
            other.execute(root.with_for_update(nowait=True))
        holder.rollback()
        assert appending.result() == 2


def test_same_event_cannot_be_written_twice_whatever_the_code_does(
    units: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    append(units, event(1))
    with sessions() as session:
        row = session.scalars(select(AuditEventRow)).one()
        copy = {column.name: getattr(row, column.name) for column in AuditEventRow.__table__.columns}
        for moved in ({"position": 2}, {"sequence": 2}):
            with pytest.raises(IntegrityError), session.begin_nested():
                session.add(AuditEventRow(**copy | {"id": -1} | moved))


def test_a_number_given_anew_after_redis_lost_a_write_hides_nothing(units: SqlUnitsOfWork) -> None:
    append(units, event(1), event(2, operation_id="lost", details={"fields": "notes"}))
    assert append(units, event(2, operation_id="next", details={"fields": "country"})) == 1
    assert append(units, event(2, operation_id="lost"), event(2, operation_id="next")) == 0
    with units.read() as uow:
        assert [row.event.operation_id for row in uow.audit.history("s1")] == ["operation", "lost", "next"]


# --- Personal values --------------------------------------------------------------------------------------


def test_values_lie_apart_and_their_erasure_leaves_the_chain_whole(
    units: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    append(units, event(1, changes=CHANGES), event(2))
    with sessions() as session:
        row = session.scalars(select(AuditEventRow).where(AuditEventRow.sequence == 1)).one()
        assert set(row.changes) == set(CHANGES)
        assert "osot" not in str([getattr(row, column.name) for column in AuditEventRow.__table__.columns])
        session.execute(delete(AuditValueRow).where(AuditValueRow.field == "user_business_id"))
        session.commit()
    assert verify(units) == ["Chain s1: row 1, the value of user_business_id is missing, and nobody was erased."]
    # An erasure of another chain allows nothing.
    erased: dict[str, Any] = {"name": EventName.PERSON_ERASED, "details": {"account": "a1"}}
    append(units, event(1, chain="s2", **erased))
    assert len(verify(units)) == 1
    append(units, event(3, **erased), event(4, changes=CHANGES))
    assert verify(units) == []
    with sessions() as session:
        session.execute(delete(AuditValueRow).where(AuditValueRow.field == "notes"))
        session.commit()
    assert verify(units) == ["Chain s1: row 4, the value of notes is missing, and nobody was erased."]
    with units.read() as uow:
        assert uow.audit.history("s1")[0].event.changes == {}


def test_same_value_has_another_digest_each_time(units: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    append(units, event(1, changes=CHANGES), event(2, changes=CHANGES))
    with sessions() as session:
        first, second = session.scalars(select(AuditEventRow.changes))
    assert first["notes"] != second["notes"]


OTHER_VALUES = [{"after": "osot-0000002"}, {"before": ""}, {"salt": "00"}, {"field": "degree_type"}]


@pytest.mark.parametrize("change", OTHER_VALUES)
def test_changed_value_is_found(units: SqlUnitsOfWork, sessions: sessionmaker[Session], change: dict[str, str]) -> None:
    append(units, event(1), event(2, changes={"user_business_id": (None, "osot-0000001")}))
    with sessions() as session:
        session.execute(update(AuditValueRow).values(change))
        session.commit()
    field = change.get("field", "user_business_id")
    changed = [f"Chain s1: row 2, the value of {field} was changed."]
    gone = ["Chain s1: row 2, the value of user_business_id is missing, and nobody was erased."]
    assert verify(units) == changed + (gone if "field" in change else [])


# --- Tampering --------------------------------------------------------------------------------------------


@pytest.fixture
def trail(units: SqlUnitsOfWork) -> SqlUnitsOfWork:
    """Two chains of four rows."""
    for chain in ("s1", "s2"):
        append(units, *(event(number, chain=chain, changes=CHANGES) for number in range(1, 5)))
    return units


@pytest.fixture
def sqlite_trail(trail: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> SqlUnitsOfWork:
    with sessions() as session:
        if session.get_bind().dialect.name != "sqlite":
            pytest.skip("PostgreSQL refuses what is not of a column's kind")
    return trail


def tamper(sessions: sessionmaker[Session], *statements: Any) -> None:  # noqa: ANN401
    with sessions() as session:
        unguard(session.connection())
        for statement in statements:
            session.execute(statement)
        session.commit()


def values_of(*rows: Any) -> Any:  # noqa: ANN401
    """Take away the values of some rows."""
    return delete(AuditValueRow).where(AuditValueRow.event_id.in_(select(AuditEventRow.id).where(*rows)))


def row(position: int, chain: str = "s1") -> tuple[Any, Any]:
    return AuditEventRow.chain == chain, AuditEventRow.position == position


OTHER: dict[str, Any] = {
    "name": EventName.EDUCATION_STAGED,
    "at": datetime(2020, 1, 1, tzinfo=NOW.tzinfo),
    "actor": "staff:ann",
    "privilege": "main",
    "session_id": "other",
    "sequence": 77,
    "record_id": "r2",
    "operation_id": "o2",
    "request_id": "q2",
    "details": {"fields": "country"},
    "changes": {},
    "mac": "00" * 32,
}


@pytest.mark.parametrize("column", [*OTHER, "previous", "key_id"])
def test_changed_column_is_found(trail: SqlUnitsOfWork, sessions: sessionmaker[Session], column: str) -> None:
    tamper(
        sessions,
        update(AuditEventRow).where(*row(2)).values({column: OTHER.get(column, "else")}),
    )
    found = verify(trail)
    assert found
    assert all("Chain s1: row 2" in sentence or "Chain s1: row 3" in sentence for sentence in found)


# What SQLite takes in any column; PostgreSQL knows what a time and JSON are.
RUBBISH = [
    ("at", "'yesterday'"),
    ("at", "7"),
    ("details", "'x'"),
    ("changes", "'[1]'"),
    ("details", "'{\"a\": 1}'"),
    ("details", "x'ff'"),
    ("actor", "x'ff'"),
    ("sequence", "'one'"),
    ("name", "'unheard.of'"),
    ("mac", "'é'"),
    ("previous", "x'00'"),
]


@pytest.mark.parametrize(("column", "rubbish"), RUBBISH)
def test_what_cannot_be_read_is_named_and_stops_nothing(
    sqlite_trail: SqlUnitsOfWork, sessions: sessionmaker[Session], column: str, rubbish: str
) -> None:
    rubbish_in = update(AuditEventRow).where(*row(2)).values({column: literal_column(rubbish)})
    tamper(sessions, rubbish_in)
    tamper(sessions, update(AuditEventRow).where(*row(3, "s2")).values(actor="else"))
    found = verify(sqlite_trail)
    assert any(sentence.startswith("Chain s1: row 2") for sentence in found)
    assert "Chain s2: row 3 was changed or moved." in found
    with sqlite_trail.read() as uow:
        assert len(uow.audit.history("s1")) == 4


def test_whatever_stands_in_heads_and_values_stops_nothing(
    sqlite_trail: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    tamper(
        sessions,
        text("UPDATE audit_heads SET length = 'x'"),
        text("UPDATE audit_values SET salt = x'00', before = x'ff' WHERE field = 'notes'"),
    )
    found = verify(sqlite_trail)
    assert "The head of all chains was changed." in found
    assert "Chain s1: the length in its head cannot be read." in found
    assert "Chain s2: row 4, the value of notes was changed." in found


def test_name_and_json_that_are_none_of_ours_are_found_on_both(
    trail: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    tamper(
        sessions,
        update(AuditEventRow).where(*row(2)).values(name="unheard.of"),
        update(AuditEventRow).where(*row(3)).values(details=["x"]),
    )
    assert verify(trail) == [
        "Chain s1: row 2 was changed or moved.",
        "Chain s1: row 3 was changed: its details cannot be read.",
    ]
    with trail.read() as uow:
        assert [each.event.name.value for each in uow.audit.history("s1")][1] == "unheard.of"


def test_every_column_of_a_row_is_covered() -> None:
    columns = {column.name for column in AuditEventRow.__table__.columns}
    assert columns - {"id", "chain", "position"} == {*OTHER, "previous", "key_id"}


def test_removed_row_is_found(trail: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    tamper(sessions, values_of(*row(2)), delete(AuditEventRow).where(*row(2)))
    assert verify(trail) == ["Chain s1: row 2 is missing."]


def test_removed_first_rows_are_found(trail: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    gone = AuditEventRow.position <= 2
    tamper(
        sessions,
        values_of(gone, AuditEventRow.chain == "s2"),
        delete(AuditEventRow).where(gone, AuditEventRow.chain == "s2"),
    )
    assert verify(trail) == ["Chain s2: rows 1 to 2 are missing."]


def test_removed_row_with_the_others_moved_up_is_found(trail: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    moves = [update(AuditEventRow).where(*row(position)).values(position=position - 1) for position in (3, 4)]
    tamper(sessions, values_of(*row(2)), delete(AuditEventRow).where(*row(2)), *moves)
    assert verify(trail) == [
        "Chain s1: row 2 does not follow the one before it.",
        "Chain s1: row 2 was changed or moved.",
        "Chain s1: row 3 was changed or moved.",
        "Chain s1: cut off, row 4 is missing at its end.",
    ]


def test_reordered_rows_are_found(trail: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    places = [(2, 99), (3, 2), (99, 3)]
    tamper(sessions, *(update(AuditEventRow).where(*row(here)).values(position=there) for here, there in places))
    found = verify(trail)
    assert "Chain s1: row 2 was changed or moved." in found
    assert "Chain s1: row 3 was changed or moved." in found


def test_row_moved_to_another_chain_is_found(trail: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    tamper(sessions, update(AuditEventRow).where(*row(4)).values(chain="s2", position=5))
    found = verify(trail)
    assert "Chain s1: cut off, row 4 is missing at its end." in found
    assert "Chain s2: row 5 was changed or moved." in found
    assert "Chain s2: row 5 is not accounted for by its head." in found


def test_cut_off_rows_are_found(trail: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    cut = AuditEventRow.position > 2
    tamper(
        sessions,
        values_of(cut, AuditEventRow.chain == "s1"),
        delete(AuditEventRow).where(cut, AuditEventRow.chain == "s1"),
    )
    assert verify(trail) == ["Chain s1: cut off, rows 3 to 4 are missing at its end."]


def test_all_rows_cut_off_are_found(trail: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    tamper(sessions, values_of(AuditEventRow.chain == "s1"), delete(AuditEventRow).where(AuditEventRow.chain == "s1"))
    assert verify(trail) == ["Chain s1: cut off, rows 1 to 4 are missing at its end."]


def test_head_made_to_fit_a_cut_is_found(trail: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        last = session.scalar(select(AuditEventRow.mac).where(*row(3)))
    tamper(
        sessions,
        values_of(*row(4)),
        delete(AuditEventRow).where(*row(4)),
        update(AuditHeadRow).where(AuditHeadRow.chain == "s1").values(length=3, last=last),
    )
    assert verify(trail) == ["Chain s1: its head was changed."]


def test_head_that_names_another_row_is_found(trail: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    tamper(sessions, update(AuditHeadRow).where(AuditHeadRow.chain == "s1").values(last="00"))
    assert verify(trail) == [
        "Chain s1: its head was changed.",
        "Chain s1: its last row is not the one that its head names.",
    ]


def test_head_replaced_by_that_of_another_chain_is_found(
    trail: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    with sessions() as session:
        other = session.scalars(select(AuditHeadRow).where(AuditHeadRow.chain == "s2")).one()
        genuine = {name: getattr(other, name) for name in ("length", "last", "key_id", "mac")}
    tamper(sessions, update(AuditHeadRow).where(AuditHeadRow.chain == "s1").values(genuine))
    assert verify(trail) == [
        "Chain s1: its head was changed.",
        "Chain s1: its last row is not the one that its head names.",
    ]


def test_values_swapped_between_rows_are_found(trail: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        values = session.scalars(
            select(AuditValueRow).join(AuditEventRow).where(AuditEventRow.chain == "s1", AuditValueRow.field == "notes")
        ).all()
        first, second = (each.event_id for each in values[:2])
    with sessions() as session:
        salts = {each.event_id: each.salt for each in values}
        for here, salt in ((first, salts[second]), (second, salts[first])):
            session.execute(
                update(AuditValueRow)
                .where(AuditValueRow.event_id == here, AuditValueRow.field == "notes")
                .values(salt=salt)
            )
        session.commit()
    assert verify(trail) == [
        "Chain s1: row 1, the value of notes was changed.",
        "Chain s1: row 2, the value of notes was changed.",
    ]


def test_removed_head_is_found(trail: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    tamper(sessions, delete(AuditHeadRow).where(AuditHeadRow.chain == "s2"))
    assert verify(trail) == ["Chain number 2 is missing as a whole.", "Chain s2: its head is missing."]


@pytest.mark.parametrize(("chain", "ordinal"), [("s1", 1), ("s2", 2)])
def test_chain_removed_as_a_whole_is_found(
    trail: SqlUnitsOfWork, sessions: sessionmaker[Session], chain: str, ordinal: int
) -> None:
    tamper(
        sessions,
        values_of(AuditEventRow.chain == chain),
        delete(AuditEventRow).where(AuditEventRow.chain == chain),
        delete(AuditHeadRow).where(AuditHeadRow.chain == chain),
    )
    assert verify(trail) == [f"Chain number {ordinal} is missing as a whole."]


CHANGES_REFUSED = [
    update(AuditEventRow).values(actor="somebody else"),
    delete(AuditEventRow).where(AuditEventRow.chain == "s3"),
    delete(AuditHeadRow),
]


@pytest.mark.parametrize("change", CHANGES_REFUSED, ids=str)
def test_database_itself_refuses_to_change_what_is_written(
    trail: SqlUnitsOfWork,
    sessions: sessionmaker[Session],
    change: Any,  # noqa: ANN401
) -> None:
    # Without values, so that nothing else refuses first.
    append(trail, event(1, chain="s3"), event(2, chain="s3"))
    with sessions() as session, pytest.raises(IntegrityError, match="the audit trail is append-only"):
        session.execute(change)
    assert verify(trail) == []


@pytest.mark.postgres
@pytest.mark.parametrize("table", ["audit_events CASCADE", "audit_heads"])
def test_database_itself_refuses_to_empty_the_trail(
    trail: SqlUnitsOfWork, sessions: sessionmaker[Session], table: str
) -> None:
    with sessions() as session:
        if session.get_bind().dialect.name != "postgresql":
            pytest.skip("SQLite has no TRUNCATE")
        with pytest.raises(IntegrityError, match="the audit trail is append-only"):
            session.execute(text(f"TRUNCATE {table}"))
    assert verify(trail) == []


def test_trail_that_was_emptied_is_found_then_and_for_good(
    trail: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    tamper(sessions, delete(AuditValueRow), delete(AuditEventRow), delete(AuditHeadRow))
    assert verify(trail) == ["The head of all chains is missing."]
    append(trail, event(5), event(1, chain="s3"))
    begun_anew = "The head of all chains was missing for a while: chains from before may be missing as a whole."
    assert verify(trail) == [begun_anew]


def test_chains_go_on_where_only_the_count_of_them_was_removed(
    trail: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    tamper(sessions, delete(AuditHeadRow).where(AuditHeadRow.chain == ""))
    append(trail, event(1, chain="s3"))
    assert len(verify(trail)) == 1


def test_rows_cut_off_under_a_head_of_before_are_found_by_what_was_noted_elsewhere(
    trail: SqlUnitsOfWork, sessions: sessionmaker[Session]
) -> None:
    with sessions() as session:
        head = session.scalars(select(AuditHeadRow).where(AuditHeadRow.chain == "s1")).one()
        before = {column.name: getattr(head, column.name) for column in AuditHeadRow.__table__.columns}
    append(trail, event(5), event(6))
    with trail.read() as uow:
        noted = uow.audit.heads()
    assert [(each.chain, each.length) for each in noted] == [("s1", 6), ("s2", 4)]
    append(trail, event(7))
    with trail.read() as uow:
        assert uow.audit.departures(noted) == []
    cut = delete(AuditEventRow).where(AuditEventRow.chain == "s1", AuditEventRow.position > before["length"])
    tamper(sessions, cut, update(AuditHeadRow).where(AuditHeadRow.chain == "s1").values(before))
    assert verify(trail) == [], "all of it was signed once"
    with trail.read() as uow:
        assert uow.audit.departures(noted) == ["Chain s1: row 6 is not the one that was noted."]


def test_changed_or_removed_count_of_chains_is_found(trail: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    tamper(sessions, update(AuditHeadRow).where(AuditHeadRow.chain == "").values(length=1))
    assert verify(trail) == ["The head of all chains was changed."]
    tamper(sessions, delete(AuditHeadRow).where(AuditHeadRow.chain == ""))
    assert verify(trail) == ["The head of all chains is missing."]


# --- Keys -------------------------------------------------------------------------------------------------


def test_rotated_keys_leave_the_trail_whole(
    trail: SqlUnitsOfWork, sessions: sessionmaker[Session], clock: FixedClock
) -> None:
    rotated = SqlUnitsOfWork(sessions, Cipher(("a-new-key-0123456789-abcdefghijklmnopqrst", *SECRET_KEYS)), clock)
    assert verify(rotated) == []
    append(rotated, event(5))
    assert verify(rotated) == []
    # Who does not have the new key sees what it signed as unknown, not as changed.
    assert verify(trail) == [
        "Chain s1: row 5 is signed with a key that is not among the secret keys.",
        "Chain s1: its head is signed with a key that is not among the secret keys.",
    ]


def test_without_the_keys_nothing_can_be_signed_anew(
    trail: SqlUnitsOfWork, sessions: sessionmaker[Session], clock: FixedClock
) -> None:
    forger = SqlUnitsOfWork(sessions, Cipher(("somebody-elses-key-0123456789-abcdefghij",)), clock)
    append(forger, event(5))
    with sessions() as session:
        genuine = session.scalar(select(AuditEventRow.key_id).where(*row(1)))
    tamper(sessions, update(AuditEventRow).values(key_id=genuine), update(AuditHeadRow).values(key_id=genuine))
    assert verify(trail) == ["Chain s1: row 5 was changed or moved.", "Chain s1: its head was changed."]


def test_event_equal_but_for_its_time_zone_is_the_same(units: SqlUnitsOfWork) -> None:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    append(units, replace(event(1), at=NOW.astimezone(ZoneInfo("America/Toronto"))))
    assert verify(units) == []
