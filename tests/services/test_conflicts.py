"""Conflicts: seen by the desk, decided by `main`, once, whatever is lost in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.services.conftest import COMPLETE, LIFETIMES, World
from tests.services.outages import Killed, StoreWithMoment
from tests.support.outbox import waiting
from tests.support.racing import race
from wizard.core.actors import Actor
from wizard.core.errors import (
    Conflict,
    NotFound,
    PermissionDenied,
    RuleViolated,
    StaleVersion,
    ValidationFailed,
    WizardError,
    WorkflowStateInvalid,
)
from wizard.core.events import Event
from wizard.core.records import Record, VerificationState, chain_of
from wizard.core.registration import Registration, Status
from wizard.core.rules import DEFAULT_COTO_PATTERN
from wizard.services.audit import AuditDrain
from wizard.services.checking import Checking
from wizard.services.conflicts import Conflicts
from wizard.services.events import EventBus
from wizard.services.ports.calls import Call, Staging
from wizard.services.ports.messages import Message
from wizard.services.records import RecordService
from wizard.services.runner import Runner
from wizard.services.verification import Seen, Verifications
from wizard.services.written import LONGEST_REASON

WHY = "It is one person."
GENERAL = {"coto_status": "general", "coto_registration": "G1234567"}
ABROAD = {"university": "other", "other_details": "Lund", "country": "SE"}


@pytest.fixture
def conflicts(world: World) -> Conflicts:
    return built(world)


def built(world: World) -> Conflicts:
    events = EventBus()
    events.subscribe(world.told.append)
    checking = Checking(world.clock, world.units, DEFAULT_COTO_PATTERN, verify_discounts=False)
    drain = AuditDrain(world.clock, world.units, world.registrations)
    runner = Runner(world.clock, world.registrations, drain, events, LIFETIMES)
    return Conflicts(world.units, world.registrations, runner, RecordService(world.units, checking, events))


def recorded(world: World, number: int = 1, /, **answers: str) -> Record:
    """A record of an account."""
    account = world.seeded.accounts[number - 1]
    given = {**COMPLETE, **answers, "user_business_id": account.number}
    staged = world.orchestrator.stage(world.client, Staging(data=given, account_id=account.id)).registration
    record = world.orchestrator.execute_workflow(world.client, staged.session_id).record
    assert record is not None
    return record


def flagged(world: World, number: int = 1, /, **answers: str) -> Registration:
    """A registration that another record stands in the way of."""
    account = world.seeded.accounts[number - 1]
    staging = Staging(data={**COMPLETE, **answers, "user_business_id": account.number}, language="fr")
    session_id = world.orchestrator.stage(world.client, staging).registration.session_id
    world.orchestrator.review(world.staff, session_id)
    found = world.load(session_id)
    assert found.flag is not None
    return found


def stored(world: World, record: Record) -> Record:
    with world.units.read() as unit:
        found = unit.records.get(record.id)
    assert found is not None
    return found


def resolved(world: World, session_id: str) -> list[Event]:
    with world.units.read() as unit:
        assert unit.audit.verify() == []
        events = [row.event for row in unit.audit.history(session_id)]
    return [event for event in events if event.name == "conflict.resolved"]


def mails(world: World) -> list[Message]:
    return [mail for mail in waiting(world.units) if mail.kind == "conflict_outcome"]


# What the desk sees.


def test_flagged_registrations_are_listed(world: World, conflicts: Conflicts) -> None:
    recorded(world)
    mine = flagged(world)
    world.staged(user_business_id="osot-0000002")
    assert [each.session_id for each in conflicts.page(world.staff).registrations] == [mine.session_id]
    world.clock.instant = mine.expires_at
    assert conflicts.page(world.staff).registrations == ()


def test_a_members_second_registration_is_compared_with_the_record(world: World, conflicts: Conflicts) -> None:
    record = recorded(world)
    found = conflicts.compare(world.staff, flagged(world, **ABROAD).session_id)
    assert (found.existing, found.holder, found.account) == (record, None, world.account)
    assert found.beside == record
    assert found.differing == {"university", "other_details", "country"}


def test_a_coto_number_of_somebody_else_leads_to_the_record_that_has_it(world: World, conflicts: Conflicts) -> None:
    record = recorded(world, 2, **GENERAL)
    found = conflicts.compare(world.staff, flagged(world, 1, **GENERAL).session_id)
    assert (found.existing, found.holder, found.beside) == (None, record, record)
    assert found.differing == {"user_business_id"}


def test_both_at_once_are_told_apart(world: World, conflicts: Conflicts) -> None:
    own, other = recorded(world, 1), recorded(world, 2, **GENERAL)
    found = conflicts.compare(world.staff, flagged(world, 1, **GENERAL).session_id)
    assert (found.existing, found.holder, found.beside) == (own, other, own)


# Keeping.


def test_keeping_cancels_the_registration_and_tells_its_applicant(world: World, conflicts: Conflicts) -> None:
    record, mine = recorded(world), flagged(world, **ABROAD)
    result = conflicts.keep(world.main, mine.session_id, version=mine.version, reason=f" {WHY} ")
    assert result.registration.status is world.load(mine.session_id).status is Status.CANCELLED
    assert stored(world, record) == record
    (mail,) = mails(world)
    assert (mail.recipient, mail.language) == ("ada@example.org", "fr")
    assert dict(mail.values) == {
        "name": "Ada Applicant",
        "outcome": "kept",
        "number": record.number,
        "reason": WHY,
    }
    assert conflicts.page(world.staff).registrations == ()


def test_a_decision_is_in_the_trail_with_its_reason(world: World, conflicts: Conflicts) -> None:
    record, mine = recorded(world), flagged(world)
    conflicts.keep(world.main, mine.session_id, version=mine.version, reason=WHY)
    (event,) = resolved(world, mine.session_id)
    assert (event.actor, event.privilege, event.record_id) == ("staff:mia", "main", record.id)
    told = {"outcome": "kept", "rule": "user_business_id.unique", "record": record.id, "number": record.number}
    assert dict(event.details) == told
    assert event.changes == {"reason": (None, WHY)}
    assert world.trail(mine.session_id)[-2:] == ["session.cancelled", "conflict.resolved"]
    assert [each.name for each in world.told[-2:]] == ["session.cancelled", "conflict.resolved"]


def test_somebody_elses_record_is_not_named_to_the_applicant(world: World, conflicts: Conflicts) -> None:
    recorded(world, 2, **GENERAL)
    mine = flagged(world, 1, **GENERAL)
    conflicts.keep(world.main, mine.session_id, version=mine.version, reason=WHY)
    assert [(mail.recipient, mail.values["number"]) for mail in mails(world)] == [("ada@example.org", "")]


@pytest.mark.parametrize(("email", "expected"), [("me@example.org", ["me@example.org"]), (None, [])])
def test_without_an_account_the_address_for_links_is_told(
    world: World, conflicts: Conflicts, email: str | None, expected: list[str]
) -> None:
    recorded(world, 2, **GENERAL)
    staging = Staging(data={**COMPLETE, **GENERAL, "user_business_id": "nobody"}, contact_email=email)
    mine = world.orchestrator.stage(world.client, staging).registration
    world.orchestrator.review(world.staff, mine.session_id)
    conflicts.keep(world.main, mine.session_id, version=mine.version, reason=WHY)
    assert [mail.recipient for mail in mails(world)] == expected


# Replacing.


def test_replacing_gives_the_record_the_answers_of_the_registration(world: World, conflicts: Conflicts) -> None:
    record, mine = recorded(world), flagged(world, **ABROAD)
    result = conflicts.replace(
        world.main, mine.session_id, version=mine.version, record_version=record.version, reason=WHY
    )
    after = stored(world, record)
    assert result.record == after
    assert after.data == mine.data
    assert (after.id, after.number, after.version) == (record.id, record.number, record.version + 1)
    assert after.verification.reasons == ("verification.international_education", "verification.unlisted_university")
    assert after.verification.state is VerificationState.WAITING
    ended = world.load(mine.session_id)
    assert (ended.status, ended.record_id, ended.record_number) == (
        Status.WORKFLOW_COMPLETED,
        record.id,
        record.number,
    )
    assert ended.data.user_business_id is None
    (mail,) = mails(world)
    assert (mail.values["outcome"], mail.values["number"]) == ("replaced", record.number)


def test_replacing_is_in_both_trails(world: World, conflicts: Conflicts) -> None:
    record, mine = recorded(world), flagged(world, **ABROAD)
    conflicts.replace(world.main, mine.session_id, version=mine.version, record_version=1, reason=WHY)
    assert world.trail(mine.session_id)[-2:] == ["conflict.resolved", "workflow.completed"]
    assert resolved(world, mine.session_id)[0].details["outcome"] == "replaced"
    with world.units.read() as unit:
        (event,) = [row.event for row in unit.audit.history(chain_of(record.id))]
    assert (event.name, event.actor) == ("record.updated", "staff:mia")
    assert event.changes["country"] == ("CA", "SE")
    assert "record.updated" in [each.name for each in world.told]


def test_what_was_verified_is_not_so_with_other_answers(world: World, conflicts: Conflicts) -> None:
    record = recorded(world, **ABROAD)
    verifications = Verifications(world.clock, world.units, EventBus())
    verified = verifications.decide(world.staff, Seen(record.id, 1), VerificationState.VERIFIED)
    mine = flagged(world, **{**ABROAD, "other_details": "Uppsala"})
    conflicts.replace(world.main, mine.session_id, version=1, record_version=verified.version, reason=WHY)
    assert stored(world, record).verification.state is VerificationState.WAITING


def test_the_same_answers_leave_the_record_as_it_is(world: World, conflicts: Conflicts) -> None:
    record, mine = recorded(world), flagged(world)
    conflicts.replace(world.main, mine.session_id, version=1, record_version=1, reason=WHY)
    assert stored(world, record) == record
    assert world.load(mine.session_id).status is Status.WORKFLOW_COMPLETED


def test_the_rules_hold_for_what_replaces(world: World, conflicts: Conflicts) -> None:
    record, other = recorded(world, 1), recorded(world, 2, **GENERAL)
    mine = flagged(world, 1, **GENERAL)
    with pytest.raises(Conflict) as caught:
        conflicts.replace(world.main, mine.session_id, version=1, record_version=1, reason=WHY)
    assert [problem.message for problem in caught.value.problems] == ["coto_registration.unique"]
    assert (stored(world, record), stored(world, other)) == (record, other)
    assert world.load(mine.session_id) == mine
    incomplete = flagged(world, 1)
    world.orchestrator.update(world.client, incomplete.session_id, {"country": "FR"}, version=1)
    world.registrations.save(
        replace(world.load(incomplete.session_id), flag="account.one_record"),
        replacing=world.load(incomplete.session_id),
    )
    with pytest.raises(RuleViolated):
        conflicts.replace(world.main, incomplete.session_id, version=2, record_version=1, reason=WHY)


def test_somebody_elses_record_is_never_replaced(world: World, conflicts: Conflicts) -> None:
    record = recorded(world, 2, **GENERAL)
    mine = flagged(world, 1, **GENERAL)
    with pytest.raises(Conflict, match=r"conflict\.others_record"):
        conflicts.replace(world.main, mine.session_id, version=1, record_version=1, reason=WHY)
    assert stored(world, record) == record


# Decided on what was seen, and once.


def test_what_changed_since_it_was_seen_is_looked_at_again(world: World, conflicts: Conflicts) -> None:
    record, mine = recorded(world), flagged(world)
    acts: tuple[Callable[[], object], ...] = (
        lambda: conflicts.keep(world.main, mine.session_id, version=7, reason=WHY),
        lambda: conflicts.replace(world.main, mine.session_id, version=7, record_version=1, reason=WHY),
        lambda: conflicts.replace(world.main, mine.session_id, version=1, record_version=7, reason=WHY),
    )
    for act in acts:
        with pytest.raises(StaleVersion):
            act()
    assert (stored(world, record), world.load(mine.session_id)) == (record, mine)
    assert mails(world) == []


def test_deciding_again_changes_nothing(world: World, conflicts: Conflicts) -> None:
    recorded(world)
    one, two = flagged(world), flagged(world)
    for _ in range(3):
        conflicts.keep(world.main, one.session_id, version=1, reason=WHY)
        conflicts.replace(world.main, two.session_id, version=1, record_version=1, reason=WHY)
    assert len(mails(world)) == 2
    assert len(resolved(world, one.session_id)) == len(resolved(world, two.session_id)) == 1
    with pytest.raises(WorkflowStateInvalid):
        conflicts.replace(world.main, one.session_id, version=1, record_version=1, reason=WHY)
    with pytest.raises(WorkflowStateInvalid):
        conflicts.keep(world.main, two.session_id, version=1, reason=WHY)


def test_of_several_at_once_one_decides(world: World, conflicts: Conflicts) -> None:
    record, mine = recorded(world), flagged(world, **ABROAD)
    outcome = race(
        *(lambda: conflicts.keep(world.main, mine.session_id, version=1, reason=WHY) for _ in range(3)),
        *(
            lambda: conflicts.replace(world.main, mine.session_id, version=1, record_version=1, reason=WHY)
            for _ in range(3)
        ),
    )
    assert all(isinstance(error, WizardError) for error in outcome.errors)
    (event,) = resolved(world, mine.session_id)
    assert len(mails(world)) == 1
    is_replaced = event.details["outcome"] == "replaced"
    assert world.load(mine.session_id).status is (Status.WORKFLOW_COMPLETED if is_replaced else Status.CANCELLED)
    assert (stored(world, record) != record) == is_replaced


@pytest.mark.parametrize("first", ["kept", "replaced"])
@pytest.mark.parametrize("second", ["kept", "replaced"])
def test_what_was_decided_before_a_crash_is_brought_to_its_end(world: World, first: str, second: str) -> None:
    def killed() -> None:
        raise Killed

    record, mine = recorded(world), flagged(world, **ABROAD)
    real = world.registrations
    world.registrations = StoreWithMoment(real, before_save=killed)
    with pytest.raises(Killed):
        decide(built(world), world, mine, first)
    world.registrations = real
    assert world.load(mine.session_id) == mine
    decide(built(world), world, mine, second)
    ended = world.load(mine.session_id)
    assert ended.status is (Status.CANCELLED if first == "kept" else Status.WORKFLOW_COMPLETED)
    assert ended.record_id == (None if first == "kept" else record.id)
    assert [event.details["outcome"] for event in resolved(world, mine.session_id)] == [first]
    assert [mail.values["outcome"] for mail in mails(world)] == [first]


def decide(conflicts: Conflicts, world: World, mine: Registration, outcome: str) -> None:
    if outcome == "kept":
        conflicts.keep(world.main, mine.session_id, version=1, reason=WHY)
    else:
        conflicts.replace(world.main, mine.session_id, version=1, record_version=1, reason=WHY)


def test_an_answer_that_comes_at_the_same_moment_is_not_lost_unseen(world: World) -> None:
    """Before the decision it is a stale version; the decision itself stands."""
    recorded(world)
    mine = flagged(world)
    conflicts = built(world)
    world.orchestrator.update(world.client, mine.session_id, {"notes": "Wait!"}, version=1)
    with pytest.raises(StaleVersion):
        conflicts.keep(world.main, mine.session_id, version=1, reason=WHY)
    assert world.load(mine.session_id).data.notes == "Wait!"


# When it is over.


def test_a_registration_whose_way_is_free_is_taken_off_the_list(world: World, conflicts: Conflicts) -> None:
    other = recorded(world, 2, **GENERAL)
    mine = flagged(world, 1, **GENERAL)
    with pytest.raises(Conflict, match=r"conflict\.stands"):
        conflicts.release(world.staff, mine.session_id)
    conflicts.records.correct(world.staff, other.id, {"coto_registration": "G7654321"}, version=1)
    assert not conflicts.compare(world.staff, mine.session_id).stands
    with pytest.raises(Conflict, match=r"conflict\.over"):
        conflicts.keep(world.main, mine.session_id, version=1, reason=WHY)
    for _ in range(2):
        conflicts.release(world.staff, mine.session_id)
    after = world.load(mine.session_id)
    assert (after.flag, after.data, after.errors) == (None, mine.data, ())
    assert conflicts.page(world.staff).registrations == ()
    assert [event.details["outcome"] for event in resolved(world, mine.session_id)] == ["released"]
    assert [mail.values["outcome"] for mail in mails(world)] == ["released"]
    record = world.orchestrator.execute_workflow(world.main, mine.session_id, account_id=world.account.id).record
    assert record is not None


def test_a_record_of_its_own_is_not_in_its_way(world: World, conflicts: Conflicts) -> None:
    """The process died between record and document: submitting again is what ends it."""
    before = world.at(Status.ACCOUNT_LINKED)
    world.orchestrator.create(world.client, before.session_id)
    lost = replace(before, flag="account.one_record")
    world.registrations.save(lost, replacing=world.load(before.session_id))
    assert not conflicts.compare(world.staff, before.session_id).stands
    with pytest.raises(Conflict, match=r"conflict\.over"):
        conflicts.keep(world.main, before.session_id, version=1, reason=WHY)


# Who may.


def test_admin_sees_and_does_not_decide(world: World, conflicts: Conflicts) -> None:
    record, mine = recorded(world), flagged(world)
    assert conflicts.compare(world.staff, mine.session_id).stands
    acts: tuple[Callable[[], object], ...] = (
        lambda: conflicts.keep(world.staff, mine.session_id, version=1, reason=WHY),
        lambda: conflicts.replace(world.staff, mine.session_id, version=1, record_version=1, reason=WHY),
    )
    for act in acts:
        with pytest.raises(PermissionDenied, match=r"privilege\.main"):
            act()
    assert (stored(world, record), world.load(mine.session_id)) == (record, mine)


@pytest.mark.parametrize("proved", [True, False])
def test_it_is_the_desks(world: World, conflicts: Conflicts, proved: bool) -> None:
    recorded(world)
    mine = flagged(world)
    call = Call(Actor.applicant(mine.session_id, world.account.id if proved else None))
    acts: tuple[Callable[[], object], ...] = (
        lambda: conflicts.page(call),
        lambda: conflicts.compare(call, mine.session_id),
        lambda: conflicts.keep(call, mine.session_id, version=1, reason=WHY),
        lambda: conflicts.replace(call, mine.session_id, version=1, record_version=1, reason=WHY),
        lambda: conflicts.release(call, mine.session_id),
    )
    for act in acts:
        with pytest.raises(PermissionDenied):
            act()
    assert world.load(mine.session_id) == mine


@pytest.mark.parametrize("reason", ["", " \n\0", "x" * (LONGEST_REASON + 1)])
def test_a_reason_is_needed(world: World, conflicts: Conflicts, reason: str) -> None:
    recorded(world)
    mine = flagged(world)
    acts: tuple[Callable[[], object], ...] = (
        lambda: conflicts.keep(world.main, mine.session_id, version=1, reason=reason),
        lambda: conflicts.replace(world.main, mine.session_id, version=1, record_version=1, reason=reason),
    )
    for act in acts:
        with pytest.raises(ValidationFailed) as caught:
            act()
        assert caught.value.problems[0].field == "reason"


def test_a_registration_that_there_is_not(world: World, conflicts: Conflicts) -> None:
    with pytest.raises(NotFound):
        conflicts.compare(world.staff, "0b6f8a52-6d0a-4a5e-9f0e-0d5a8f2f7c11")
