"""Records after they were created: by privilege, under the same rules, with every change in the trail."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from tests.services.conftest import World
from wizard.core.accounts import MembershipYear
from wizard.core.actors import Actor, ActorKind
from wizard.core.choices import EducationCategory
from wizard.core.errors import (
    Conflict,
    NotFound,
    PermissionDenied,
    RuleViolated,
    StaleVersion,
    ValidationFailed,
    WizardError,
)
from wizard.core.records import Record, Verification, VerificationState
from wizard.core.registration import Status
from wizard.core.rules import DEFAULT_COTO_PATTERN
from wizard.services.audit import AuditDrain
from wizard.services.checking import Checking
from wizard.services.events import EventBus
from wizard.services.ports.calls import Call
from wizard.services.records import RecordService


@pytest.fixture
def records(world: World) -> RecordService:
    events = EventBus()
    events.subscribe(world.told.append)
    checking = Checking(world.clock, world.units, DEFAULT_COTO_PATTERN, verify_discounts=False)
    return RecordService(world.units, checking, events)


def made(world: World, **answers: str | None) -> Record:
    registration = world.at(Status.EDUCATION_CREATED, **answers)
    AuditDrain(world.clock, world.units, world.registrations).drain(registration)
    with world.units.read() as unit:
        record = unit.records.by_session(registration.session_id)
    assert record is not None
    return record


def owner(world: World, position: int = 0) -> Call:
    return world.applicant("any", proved=world.seeded.accounts[position])


def refusals(error: WizardError) -> list[str]:
    return [problem.message for problem in error.problems]


def test_the_owner_and_the_desk_read_a_record(world: World, records: RecordService) -> None:
    record = made(world)
    for call in (owner(world), world.staff, world.main):
        assert records.read(call, record.id) == record


def test_others_are_not_even_told_whether_there_is_one(world: World, records: RecordService) -> None:
    record = made(world)
    for call in (owner(world, 1), world.applicant("any"), Call(Actor(ActorKind.API, "token:x"))):
        for record_id in (record.id, str(uuid4())):
            with pytest.raises(PermissionDenied, match=r"privilege\.read"):
                records.read(call, record_id)


def test_the_desk_is_told_that_there_is_none(world: World, records: RecordService) -> None:
    with pytest.raises(NotFound, match=r"record\.unknown"):
        records.read(world.staff, str(uuid4()))


@pytest.mark.parametrize("who", ["owner", "staff", "main"])
def test_a_correction_runs_rules_and_category_again(world: World, records: RecordService, who: str) -> None:
    record = made(world)
    assert record.category is EducationCategory.NEW_GRADUATED
    call = {"owner": owner(world), "staff": world.staff, "main": world.main}[who]
    changes = {"graduation_year": "2019", "coto_status": "general", "coto_registration": " ab12 "}
    corrected = records.correct(call, record.id, changes, version=record.version)
    assert corrected.category is EducationCategory.GRADUATED
    assert corrected.data.coto_registration == "AB12"
    assert corrected.version == record.version + 1
    assert (corrected.number, corrected.account_id) == (record.number, record.account_id)
    assert records.read(call, record.id) == corrected


def test_a_correction_is_in_the_trail_before_and_after(world: World, records: RecordService) -> None:
    record = made(world)
    records.correct(world.staff, record.id, {"graduation_year": "2019", "notes": "Seen."}, version=record.version)
    with world.units.read() as unit:
        (row,) = unit.audit.history(f"record:{record.id}")
    assert (row.event.name.value, row.event.actor, row.event.record_id) == ("record.updated", "staff:ann", record.id)
    assert dict(row.event.changes) == {"graduation_year": ("2026", "2019"), "notes": (None, "Seen.")}
    assert dict(row.event.details) == {"category_before": "new_graduated", "category_after": "graduated"}
    assert world.told[-1].name.value == "record.updated"


def test_no_change_is_no_new_version(world: World, records: RecordService) -> None:
    record = made(world)
    assert records.correct(world.staff, record.id, {"country": " CA "}, version=record.version) == record
    assert world.trail(f"record:{record.id}") == []


def test_a_stale_version_is_refused(world: World, records: RecordService) -> None:
    record = made(world)
    records.correct(world.staff, record.id, {"notes": "First."}, version=record.version)
    with pytest.raises(StaleVersion):
        records.correct(world.main, record.id, {"notes": "Second."}, version=record.version)


@pytest.mark.parametrize(
    ("changes", "error", "rules"),
    [
        ({"university": None}, ValidationFailed, ["university.required"]),
        ({"country": "FR"}, RuleViolated, ["university_country.alignment"]),
        ({"coto_status": "general"}, RuleViolated, ["coto_registration.required"]),
        ({"user_business_id": "osot-0000002"}, Conflict, ["account.member_number"]),
        ({"user_business_id": None}, ValidationFailed, ["user_business_id.required"]),
        ({"privilege": "main"}, ValidationFailed, ["field.unknown"]),
    ],
)
def test_what_breaks_a_rule_is_refused(
    world: World, records: RecordService, changes: dict[str, str | None], error: type[WizardError], rules: list[str]
) -> None:
    record = made(world)
    with pytest.raises(error) as caught:
        records.correct(world.main, record.id, changes, version=record.version)
    assert refusals(caught.value) == rules
    assert records.read(world.main, record.id) == record


def test_the_member_number_may_be_written_otherwise(world: World, records: RecordService) -> None:
    record = made(world)
    changes = {"user_business_id": "OSOT-0000001"}
    assert (
        records.correct(world.main, record.id, changes, version=record.version).data.user_business_id == "OSOT-0000001"
    )


def test_a_coto_number_of_another_record_is_refused(world: World, records: RecordService) -> None:
    registered = {"coto_status": "general", "coto_registration": "AB12"}
    made(world, user_business_id="osot-0000002", **registered)
    record = made(world)
    with pytest.raises(Conflict) as caught:
        records.correct(world.staff, record.id, registered, version=record.version)
    assert refusals(caught.value) == ["coto_registration.unique"]


def test_a_coto_number_taken_at_the_last_moment_is_refused_as_well(
    world: World, records: RecordService, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = {"coto_status": "general", "coto_registration": "AB12"}
    made(world, user_business_id="osot-0000002", **registered)
    record = made(world)
    monkeypatch.setattr("wizard.services.records.failures", lambda _outcomes: ())
    with pytest.raises(Conflict) as caught:
        records.correct(world.staff, record.id, registered, version=record.version)
    assert refusals(caught.value) == ["coto_registration.unique"]


def test_the_category_is_decided_by_the_membership_year_of_now(world: World, records: RecordService) -> None:
    record = made(world)
    with world.units.write() as unit:
        unit.membership_years.set(MembershipYear(date(2026, 11, 22), "staff:mia", world.clock.now()))
        unit.commit()
    corrected = records.correct(world.staff, record.id, {"notes": "Looked at."}, version=record.version)
    assert corrected.rationale.codes == ("membership_year_ended",)


ABROAD = {"university": "other", "other_details": "Elsewhere", "country": "FR"}


def verified(world: World, record: Record) -> Record:
    """The record after the desk has looked at it."""
    checking = Checking(world.clock, world.units, DEFAULT_COTO_PATTERN, verify_discounts=False)
    with world.units.write() as unit:
        done = unit.records.correct(
            record,
            data=record.data,
            decision=checking.category(record.data, unit),
            verification=Verification(VerificationState.VERIFIED, record.verification.reasons),
            at=world.clock.now(),
        )
        unit.commit()
    return done


def test_a_new_reason_brings_a_record_before_the_desk(world: World, records: RecordService) -> None:
    record = made(world)
    corrected = records.correct(owner(world), record.id, ABROAD, version=record.version)
    assert corrected.verification == Verification.because_of(
        ("verification.international_education", "verification.unlisted_university")
    )


def test_what_was_verified_stays_so_when_the_desk_corrects_it(world: World, records: RecordService) -> None:
    record = verified(world, made(world, **ABROAD))
    corrected = records.correct(world.staff, record.id, {"notes": "A typo."}, version=record.version)
    assert corrected.verification == record.verification


def test_what_was_verified_is_verified_again_when_its_owner_changes_it(world: World, records: RecordService) -> None:
    record = verified(world, made(world, **ABROAD))
    corrected = records.correct(owner(world), record.id, {"other_details": "Another"}, version=record.version)
    assert corrected.verification.state is VerificationState.WAITING


def test_without_reasons_there_is_nothing_to_verify(world: World, records: RecordService) -> None:
    record = verified(world, made(world, **ABROAD))
    home = {"university": "toronto", "other_details": None, "country": "CA"}
    corrected = records.correct(world.staff, record.id, home, version=record.version)
    assert corrected.verification == Verification(VerificationState.NOT_REQUIRED)
    again = records.correct(world.staff, record.id, {"notes": "Fine."}, version=corrected.version)
    assert again.verification == Verification(VerificationState.NOT_REQUIRED)


def test_main_deletes_a_record(world: World, records: RecordService) -> None:
    record = made(world)
    records.delete(world.main, record.id, reason="Entered twice.")
    with pytest.raises(NotFound):
        records.read(world.main, record.id)
    with world.units.read() as unit:
        (row,) = unit.audit.history(f"record:{record.id}")
    assert row.event.name.value == "record.deleted"
    assert dict(row.event.details) == {"number": record.number}
    assert dict(row.event.changes) == {"reason": (None, "Entered twice.")}
    assert made(world).number != record.number


def test_nobody_else_deletes_one(world: World, records: RecordService) -> None:
    record = made(world)
    for call in (owner(world), world.staff):
        with pytest.raises(PermissionDenied, match=r"privilege\.delete"):
            records.delete(call, record.id, reason="No.")


@pytest.mark.parametrize("reason", ["", " \n\0\x1d", "x" * 501])
def test_a_deletion_needs_a_reason(world: World, records: RecordService, reason: str) -> None:
    record = made(world)
    with pytest.raises(ValidationFailed):
        records.delete(world.main, record.id, reason=reason)
    assert records.read(world.main, record.id) == record


def test_what_nobody_sees_of_a_reason_is_not_kept(world: World, records: RecordService) -> None:
    record = made(world)
    records.delete(world.main, record.id, reason="Entered\0 twice:\n\tby us.\x1d")
    with world.units.read() as unit:
        (row,) = unit.audit.history(f"record:{record.id}")
    assert dict(row.event.changes) == {"reason": (None, "Entered twice:\n\tby us.")}


def test_a_record_that_was_changed_since_is_not_deleted(world: World, records: RecordService) -> None:
    record = made(world)
    records.correct(world.staff, record.id, {"notes": "Wait."}, version=record.version)
    with pytest.raises(StaleVersion):
        records.delete(world.main, record.id, reason="Entered twice.", version=record.version)
    records.delete(world.main, record.id, reason="Entered twice.", version=record.version + 1)


def test_the_same_correction_sent_twice_is_one(world: World, records: RecordService) -> None:
    record = made(world)
    first = records.correct(world.staff, record.id, {"notes": "Seen."}, version=record.version)
    assert records.correct(world.staff, record.id, {"notes": "Seen."}, version=record.version) == first


def test_the_history_is_that_of_registration_and_record(world: World, records: RecordService) -> None:
    record = made(world)
    records.correct(world.staff, record.id, {"notes": "Seen."}, version=record.version)
    seen = records.with_history(world.staff, record.id)
    assert seen.record is not None
    assert (seen.record.number, seen.account) == (record.number, world.account)
    names = [event.name.value for event in seen.history]
    assert names == [
        "education.staged",
        "education.validated",
        "education.category_determined",
        "education.account_linked",
        "education.created",
        "record.updated",
    ]


def test_of_a_deleted_record_its_history_is_left(world: World, records: RecordService) -> None:
    record = made(world)
    records.delete(world.main, record.id, reason="Entered twice.")
    seen = records.with_history(world.staff, record.id)
    assert (seen.record, seen.account) == (None, None)
    assert [event.name.value for event in seen.history] == ["education.created", "record.deleted"]
    assert dict(seen.history[-1].changes) == {"reason": (None, "Entered twice.")}


def test_the_history_is_for_the_desk(world: World, records: RecordService) -> None:
    record = made(world)
    for call in (owner(world), world.applicant("any")):
        with pytest.raises(PermissionDenied):
            records.with_history(call, record.id)
    with pytest.raises(NotFound):
        records.with_history(world.staff, str(uuid4()))
    with pytest.raises(PermissionDenied):
        records.to_be_deleted(world.staff, record.id)
    assert records.to_be_deleted(world.main, record.id) == record
