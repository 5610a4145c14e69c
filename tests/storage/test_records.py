"""Records: what goes in comes out, and the database lets nothing in twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from tests.support.new_records import CREATED, DECISION, education, new_record
from tests.support.racing import race
from tests.support.seed import Seeded
from wizard.core.category import CategoryDecision, Rationale
from wizard.core.choices import EducationCategory
from wizard.core.errors import Conflict, StaleVersion
from wizard.core.records import NewRecord, Record, Verification, VerificationState
from wizard.core.rules import Holdings
from wizard.services.ports.records import RecordTaken
from wizard.storage.tables import RecordRow
from wizard.storage.unit_of_work import SqlUnitsOfWork

LATER = CREATED + timedelta(hours=1)


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def encrypting(request: pytest.FixtureRequest) -> bool:
    """With the personal columns encrypted, all of it is the same."""
    return bool(request.param)


def add(units: SqlUnitsOfWork, record: NewRecord) -> Record:
    with units.write() as uow:
        added = uow.records.add(record)
        uow.commit()
    return added


def test_record_comes_back_as_it_was_written(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    data = education(university="other", other_details="École d’ergothérapie", notes="Line one\nLine two")
    new = new_record(seeded.accounts[0].id, data=data)
    added = add(units, new)
    with units.read() as uow:
        assert uow.records.get(new.id) == added
        assert uow.records.by_session(new.session_id) == added
    assert added.number == "osot-oted-0000001"
    assert added.data == data
    assert added.declared_at == new.declared_at
    assert added.updated_at == new.created_at
    assert added.version == 1
    assert (added.category, added.rationale, added.verification) == (new.category, new.rationale, new.verification)


def test_unknown_record_is_none(units: SqlUnitsOfWork) -> None:
    with units.read() as uow:
        assert uow.records.get("none") is None
        assert uow.records.by_session("none") is None


# --- One of each ------------------------------------------------------------------------------------------


def same_session(first: NewRecord, second: NewRecord) -> NewRecord:
    return replace(second, session_id=first.session_id)


def same_account(first: NewRecord, second: NewRecord) -> NewRecord:
    return replace(second, account_id=first.account_id)


def same_member_number(first: NewRecord, second: NewRecord) -> NewRecord:
    number = (first.data.user_business_id or "").upper()
    return replace(second, data=second.data.with_changes({"user_business_id": number}))


def same_coto_number(first: NewRecord, second: NewRecord) -> NewRecord:
    number = first.data.coto_registration
    return replace(second, data=second.data.with_changes({"coto_registration": number}))


def same_all(first: NewRecord, second: NewRecord) -> NewRecord:
    return replace(first, id=second.id)


def same_record(first: NewRecord, _second: NewRecord) -> NewRecord:
    return first


def same_numbers(first: NewRecord, second: NewRecord) -> NewRecord:
    return replace(second, data=first.data)


Alike = Callable[[NewRecord, NewRecord], NewRecord]
ALIKE = [
    (same_session, "session.one_record"),
    (same_account, "account.one_record"),
    (same_member_number, "user_business_id.unique"),
    (same_coto_number, "coto_registration.unique"),
    (same_all, "session.one_record"),
    (same_record, "session.one_record"),
    (same_numbers, "user_business_id.unique"),
]


@pytest.mark.parametrize(("alike", "rule"), ALIKE)
def test_second_of_its_kind_is_refused_by_its_rule(
    units: SqlUnitsOfWork, seeded: Seeded, alike: Alike, rule: str
) -> None:
    first, other = new_record(seeded.accounts[0].id), new_record(seeded.accounts[1].id)
    add(units, first)
    with units.write() as uow:
        with pytest.raises(RecordTaken) as taken:
            uow.records.add(alike(first, other))
        assert taken.value.rule == rule
        # The transaction goes on, and the number was not used up.
        assert uow.records.add(replace(other, id="another")).number == "osot-oted-0000002"
        uow.commit()


@pytest.mark.parametrize(("alike", "rule"), ALIKE)
def test_racing_for_the_same_exactly_one_wins(units: SqlUnitsOfWork, seeded: Seeded, alike: Alike, rule: str) -> None:
    records = [new_record(account.id) for account in seeded.accounts]
    contenders = [records[0], *(alike(records[0], other) for other in records[1:])]
    outcome = race(*(lambda record=record: add(units, record) for record in contenders))
    assert [type(error) for error in outcome.errors] == [RecordTaken] * 4
    # Among the losers two may also meet in another column, as where each raced for the first one's account.
    assert {error.rule for error in outcome.errors if isinstance(error, RecordTaken)} == {rule}
    assert [record.number for record in outcome.results] == ["osot-oted-0000001"]


def test_many_without_coto_number_do_not_stand_in_each_others_way(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    for account in seeded.accounts:
        add(units, new_record(account.id, data=education(coto_status="student", coto_registration=None)))


def test_broken_constraint_that_is_no_rule_stays_what_it_is(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    first = new_record(seeded.accounts[0].id)
    add(units, first)
    with units.write() as uow, pytest.raises(IntegrityError):
        uow.records.add(new_record("no such account"))
    with units.write() as uow, pytest.raises(IntegrityError):
        uow.records.add(new_record(seeded.accounts[1].id, data=education(university="hogwarts")))
    with units.write() as uow, pytest.raises(IntegrityError):
        uow.records.add(new_record(seeded.accounts[1].id, id=first.id))


# --- Numbers ----------------------------------------------------------------------------------------------


def test_numbers_are_given_out_once_to_threads_at_once(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    records = [new_record(account.id) for account in seeded.accounts]
    outcome = race(*(lambda record=record: add(units, record) for record in records))
    assert outcome.errors == ()
    assert sorted(record.number for record in outcome.results) == [f"osot-oted-{n:07}" for n in range(1, 6)]


def test_number_of_a_deleted_record_never_comes_again(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    first = add(units, new_record(seeded.accounts[0].id))
    with units.write() as uow:
        uow.records.delete(first)
        uow.commit()
    again = add(units, new_record(seeded.accounts[0].id))
    assert (first.number, again.number) == ("osot-oted-0000001", "osot-oted-0000002")


def test_number_of_a_transaction_rolled_back_is_not_lost(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    with units.write() as uow:
        uow.records.add(new_record(seeded.accounts[0].id))
    assert add(units, new_record(seeded.accounts[0].id)).number == "osot-oted-0000001"


# --- Correcting and deleting ------------------------------------------------------------------------------


def correct(units: SqlUnitsOfWork, record: Record, **changes: str | None) -> Record:
    with units.write() as uow:
        corrected = uow.records.correct(
            record,
            data=record.data.with_changes(changes),
            decision=CategoryDecision(EducationCategory.GRADUATED, Rationale(("graduated",)), None),
            verification=Verification(VerificationState.VERIFIED, ()),
            at=LATER,
        )
        uow.commit()
    return corrected


def test_correction_changes_the_data_and_counts_the_version(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    record = add(units, new_record(seeded.accounts[0].id))
    corrected = correct(units, record, graduation_year="2001")
    assert corrected.data == record.data.with_changes({"graduation_year": "2001"})
    assert corrected.category is EducationCategory.GRADUATED
    assert corrected.rationale == Rationale(("graduated",))
    assert corrected.verification == Verification(VerificationState.VERIFIED, ())
    assert (corrected.version, corrected.updated_at, corrected.created_at) == (2, LATER, record.created_at)
    with units.read() as uow:
        assert uow.records.get(record.id) == corrected


def test_correction_sees_itself_in_the_same_transaction(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    with units.write() as uow:
        record = uow.records.add(new_record(seeded.accounts[0].id))
        held = uow.records.get(record.id)
        changed = uow.records.correct(
            record, data=education(), decision=DECISION, verification=record.verification, at=LATER
        )
        assert held == record
        assert uow.records.get(record.id) == changed


def test_stale_correction_and_deletion_are_refused(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    record = add(units, new_record(seeded.accounts[0].id))
    correct(units, record, notes="first")
    with pytest.raises(StaleVersion) as stale:
        correct(units, record, notes="second")
    assert stale.value.problems[0].params == {"seen": "1", "current": "2"}
    with units.write() as uow, pytest.raises(StaleVersion):
        uow.records.delete(record)


def test_correction_of_a_deleted_record_is_a_conflict(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    record = add(units, new_record(seeded.accounts[0].id))
    with units.write() as uow:
        uow.records.delete(record)
        uow.commit()
    with pytest.raises(Conflict, match=r"record\.gone"):
        correct(units, record, notes="late")
    with units.write() as uow, pytest.raises(Conflict, match=r"record\.gone"):
        uow.records.delete(record)


def test_racing_corrections_one_wins(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    record = add(units, new_record(seeded.accounts[0].id))
    outcome = race(*(lambda note=note: correct(units, record, notes=note) for note in ("a", "b", "c", "d")))
    assert len(outcome.results) == 1
    assert [type(error) for error in outcome.errors] == [StaleVersion] * 3


def test_correction_to_a_number_of_another_record_is_refused(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    one, other = (add(units, new_record(account.id)) for account in seeded.accounts[:2])
    with pytest.raises(RecordTaken) as taken:
        correct(units, one, coto_registration=other.data.coto_registration)
    assert taken.value.rule == "coto_registration.unique"
    with pytest.raises(RecordTaken) as taken:
        correct(units, one, user_business_id=other.data.user_business_id)
    assert taken.value.rule == "user_business_id.unique"


# --- What others hold -------------------------------------------------------------------------------------


def test_holdings_name_what_others_have(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    ada, ben = seeded.accounts[:2]
    record = add(units, new_record(ada.id))
    shouted = record.data.with_changes({"user_business_id": (record.data.user_business_id or "").upper()})
    with units.read() as uow:
        holdings = uow.records.holdings
        assert holdings(shouted, account_id=ada.id, session_id="mine") == Holdings(
            member_number_taken=True, coto_registration_taken=True, account_has_record=True
        )
        number_only = shouted.with_changes({"coto_registration": None})
        assert holdings(number_only, account_id=None, session_id=None) == Holdings(member_number_taken=True)
        assert holdings(education(), account_id=ada.id, session_id=None) == Holdings(account_has_record=True)
        assert holdings(education(), account_id=ben.id, session_id=None) == Holdings()


def test_holdings_leave_out_the_sessions_own_record(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    record = add(units, new_record(seeded.accounts[0].id))
    with units.read() as uow:
        own = uow.records.holdings(record.data, account_id=record.account_id, session_id=record.session_id)
    assert own == Holdings()


def test_holdings_of_nothing_ask_nothing(units: SqlUnitsOfWork) -> None:
    nothing = education(user_business_id=None, coto_registration=None)
    with units.read() as uow:
        assert uow.records.holdings(nothing, account_id=None, session_id=None) == Holdings()


def test_slugs_are_guarded_by_the_database(
    units: SqlUnitsOfWork, seeded: Seeded, sessions: sessionmaker[Session]
) -> None:
    record = add(units, new_record(seeded.accounts[0].id))
    wrong = {
        "degree_type": "x",
        "university": "x",
        "coto_status": "x",
        "access_modifier": "x",
        "category": "x",
        "verification_state": "x",
        "country": "CAN",
        "version": 0,
    }
    for column, value in wrong.items():
        with sessions() as session, pytest.raises(IntegrityError):
            session.execute(update(RecordRow).where(RecordRow.id == record.id).values({column: value}))
