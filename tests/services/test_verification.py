"""The verification queue: accepted, asked about, rejected, each once, told to the member, and in the audit trail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.services.conftest import COMPLETE, World
from tests.services.outages import UnitsWithOutage
from tests.support.outbox import waiting
from tests.support.racing import race
from wizard.core.actors import Actor
from wizard.core.errors import (
    Conflict,
    ExternalServiceError,
    NotFound,
    PermissionDenied,
    StaleVersion,
    ValidationFailed,
)
from wizard.core.events import Event
from wizard.core.records import Record, VerificationState, chain_of
from wizard.core.registration import Status
from wizard.services.events import EventBus
from wizard.services.ports.calls import Call, Staging
from wizard.services.ports.messages import Message
from wizard.services.verification import Seen, Verifications
from wizard.services.written import LONGEST_NOTE

ABROAD = {"university": "other", "other_details": "Lund", "country": "SE"}
VERIFIED, ASKED, REJECTED = VerificationState.VERIFIED, VerificationState.ASKED, VerificationState.REJECTED


@pytest.fixture
def verifications(world: World) -> Verifications:
    events = EventBus()
    events.subscribe(world.told.append)
    return Verifications(world.clock, world.units, events)


def made(world: World, number: int = 1, **answers: str) -> Record:
    """A record, by default one that waits."""
    account = world.seeded.accounts[number - 1]
    given = {**COMPLETE, **(answers or ABROAD), "user_business_id": account.number}
    staged = world.orchestrator.stage(world.client, Staging(data=given, account_id=account.id)).registration
    result = world.orchestrator.execute_workflow(world.client, staged.session_id)
    assert result.record is not None
    return result.record


def seen(record: Record) -> Seen:
    return Seen(record.id, record.version, record.number)


def stored(world: World, record: Record) -> Record:
    with world.units.read() as unit:
        found = unit.records.get(record.id)
    assert found is not None
    return found


def decisions(world: World, record: Record) -> list[Event]:
    with world.units.read() as unit:
        assert unit.audit.verify() == []
        events = [row.event for row in unit.audit.history(chain_of(record.id))]
    return [event for event in events if event.name == "record.verified"]


def mails(world: World) -> list[Message]:
    return [mail for mail in waiting(world.units) if mail.kind.startswith("verification")]


def test_those_that_wait_are_listed_oldest_first(world: World, verifications: Verifications) -> None:
    later = made(world, 2)
    world.clock.instant -= timedelta(hours=1)
    earlier = made(world, 1)
    made(world, 3, university="mcmaster")
    page = verifications.page(world.staff)
    assert [(each.record, each.name) for each in page.waiting] == [(earlier, "Ada Applicant"), (later, "Ben Beginner")]
    assert page.following is None
    assert [each.record for each in verifications.page(world.staff, after=earlier.id).waiting] == [later]


def test_the_list_goes_on_behind_a_record_that_was_decided_meanwhile(
    world: World, verifications: Verifications, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wizard.services.verification._PAGE", 1)
    first, second = made(world, 1), made(world, 2)
    page = verifications.page(world.staff)
    oldest = page.waiting[0].record
    verifications.decide(world.staff, seen(oldest), VERIFIED)
    rest = verifications.page(world.staff, after=page.following)
    assert {oldest.id, rest.waiting[0].record.id} == {first.id, second.id}
    assert rest.following is None


def test_accepting_ends_the_wait_and_tells_the_member(world: World, verifications: Verifications) -> None:
    record = made(world)
    world.clock.instant += timedelta(hours=1)
    after = verifications.decide(world.staff, seen(record), VERIFIED, note=" Seen the diploma. ")
    assert stored(world, record) == after
    assert (after.verification.state, after.verification.required) == (VERIFIED, False)
    assert after.verification.reasons == record.verification.reasons
    assert (after.version, after.updated_at) == (record.version + 1, world.clock.now())
    assert after.data == record.data
    assert verifications.page(world.staff).waiting == []
    (mail,) = mails(world)
    assert (mail.kind, mail.recipient, mail.language) == ("verification_outcome", "ada@example.org", "en")
    assert (mail.values["outcome"], mail.values["note"]) == ("verified", ""), "that note stays with the desk"


def test_a_decision_is_in_the_trail_under_the_members_name(world: World, verifications: Verifications) -> None:
    record = made(world)
    verifications.decide(world.main, seen(record), REJECTED, note="No diploma.")
    (event,) = decisions(world, record)
    assert (event.actor, event.privilege, event.record_id) == ("staff:mia", "main", record.id)
    assert dict(event.details) == {"outcome": "rejected", "before": "waiting", "number": record.number}
    assert dict(event.changes) == {"note": (None, "No diploma.")}
    assert world.told[-1].name == "record.verified"


def test_a_question_leaves_the_record_waiting(world: World, verifications: Verifications) -> None:
    record = made(world)
    asked = verifications.decide(world.staff, seen(record), ASKED, note="Which city?")
    assert asked == stored(world, record)
    assert (asked.verification.state, asked.verification.required) == (ASKED, True)
    assert asked.verification.reasons == record.verification.reasons
    assert [each.record for each in verifications.page(world.staff).waiting] == [asked]
    (mail,) = mails(world)
    assert (mail.kind, mail.values["note"]) == ("verification_question", "Which city?")
    again = verifications.decide(world.staff, seen(asked), ASKED, note="And which year?")
    assert len(mails(world)) == 2
    verifications.decide(world.main, seen(again), VERIFIED)
    said = verifications.case(world.staff, record.id).said
    assert [(row.event.details["before"], row.event.details["outcome"]) for row in said] == [
        ("waiting", "asked"),
        ("asked", "asked"),
        ("asked", "verified"),
    ]


def test_what_was_decided_may_be_decided_otherwise(world: World, verifications: Verifications) -> None:
    record = made(world)
    rejected = verifications.decide(world.staff, seen(record), REJECTED, note="Nothing came.")
    accepted = verifications.decide(world.staff, seen(rejected), VERIFIED)
    assert accepted.verification.state is VERIFIED
    with pytest.raises(Conflict, match=r"verification\.state"):
        verifications.decide(world.staff, seen(accepted), ASKED, note="Really?")
    assert stored(world, record) == accepted


def test_a_record_without_a_reason_is_not_decided(world: World, verifications: Verifications) -> None:
    record = made(world, university="mcmaster")
    for state in (VERIFIED, ASKED, REJECTED):
        with pytest.raises(Conflict, match=r"verification\.state"):
            verifications.decide(world.staff, seen(record), state, note="x")


@pytest.mark.parametrize("state", [VERIFIED, ASKED, REJECTED])
def test_pressing_again_changes_nothing(world: World, verifications: Verifications, state: VerificationState) -> None:
    record = made(world)
    once = verifications.decide(world.staff, seen(record), state, note="A note")
    assert verifications.decide(world.staff, seen(record), state, note="A note") == once
    assert len(mails(world)) == len(decisions(world, record)) == 1
    with pytest.raises(StaleVersion):
        verifications.decide(world.main, seen(record), state, note="A note")


def test_of_several_at_once_one_decides(world: World, verifications: Verifications) -> None:
    record = made(world)
    outcome = race(
        *(lambda: verifications.decide(world.staff, seen(record), VERIFIED) for _ in range(3)),
        *(lambda: verifications.decide(world.main, seen(record), REJECTED, note="No") for _ in range(3)),
    )
    assert {result.verification.state for result in outcome.results} == {stored(world, record).verification.state}
    assert {type(error) for error in outcome.errors} == {StaleVersion}
    assert len(mails(world)) == len(decisions(world, record)) == 1


@pytest.mark.parametrize("state", [ASKED, REJECTED])
@pytest.mark.parametrize("note", ["", " \n\0", "x" * (LONGEST_NOTE + 1)])
def test_a_question_and_a_reason_have_to_be_said(
    world: World, verifications: Verifications, state: VerificationState, note: str
) -> None:
    record = made(world)
    with pytest.raises(ValidationFailed) as caught:
        verifications.decide(world.staff, seen(record), state, note=note)
    assert caught.value.problems[0].field == "note"
    assert stored(world, record) == record


def test_of_several_one_that_fails_costs_only_itself(world: World, verifications: Verifications) -> None:
    first, changed, last = (made(world, number) for number in (1, 2, 5))
    verifications.decide(world.main, seen(changed), ASKED, note="Which city?")
    several = [seen(first), seen(changed), Seen("none", 1), seen(last)]
    outcomes = verifications.accept_all(world.staff, several, note="Looked at together.")
    assert [type(each.error) for each in outcomes] == [type(None), StaleVersion, NotFound, type(None)]
    assert [each.seen for each in outcomes] == several
    states = [stored(world, record).verification.state for record in (first, changed, last)]
    assert states == [VERIFIED, ASKED, VERIFIED]
    assert [mail.values["outcome"] for mail in mails(world) if mail.kind == "verification_outcome"] == ["verified"] * 2
    assert decisions(world, first)[0].changes == {"note": (None, "Looked at together.")}


def test_a_database_that_is_down_is_waited_for_once(world: World) -> None:
    units = UnitsWithOutage(world.units, down=True)
    down = Verifications(world.clock, units, EventBus())
    outcomes = down.accept_all(world.staff, [Seen("a", 1), Seen("b", 1)])
    assert [type(each.error) for each in outcomes] == [ExternalServiceError] * 2
    assert units.asked == 1


def test_the_answers_of_an_old_form_do_not_undo_what_the_desk_has_looked_at(
    world: World, verifications: Verifications
) -> None:
    """What a submit that was repeated late brings is older than the decision."""
    registration = world.at(Status.ACCOUNT_LINKED, **ABROAD)
    created = world.orchestrator.create(world.client, registration.session_id).record
    assert created is not None
    decided = verifications.decide(world.staff, seen(created), VERIFIED)
    # Redis lost its last write, and the answers were changed in between.
    now = world.load(registration.session_id)
    world.registrations.save(registration, replacing=now)
    world.orchestrator.update(world.client, registration.session_id, {"notes": "Late."}, version=registration.version)
    result = world.orchestrator.execute_workflow(world.client, registration.session_id)
    assert result.record == decided == stored(world, created)


@pytest.mark.parametrize("proved", [True, False])
def test_it_is_the_desks(world: World, verifications: Verifications, proved: bool) -> None:
    record = made(world)
    call = Call(Actor.applicant("a-session", world.account.id if proved else None))
    for act in (
        lambda: verifications.page(call),
        lambda: verifications.case(call, record.id),
        lambda: verifications.decide(call, seen(record), VERIFIED),
        lambda: verifications.accept_all(call, [seen(record)]),
    ):
        with pytest.raises(PermissionDenied):
            act()
    assert stored(world, record) == record


def test_a_record_that_there_is_not(world: World, verifications: Verifications) -> None:
    for act in (
        lambda: verifications.case(world.staff, "none"),
        lambda: verifications.decide(world.staff, Seen("none", 1), VERIFIED),
    ):
        with pytest.raises(NotFound):
            act()
