"""The operations on a registration, on real stores (02-workflow)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.services.conftest import COMPLETE, LIFETIMES, World, build
from wizard.core.accounts import MembershipYear
from wizard.core.actors import Actor, ActorKind, Privilege
from wizard.core.choices import EducationCategory
from wizard.core.education import EducationData
from wizard.core.errors import (
    Conflict,
    ErrorCode,
    NotFound,
    PermissionDenied,
    RuleViolated,
    SessionExpired,
    StaleVersion,
    ValidationFailed,
    WorkflowStateInvalid,
)
from wizard.core.records import VerificationState
from wizard.core.registration import Channel, Registration, Status
from wizard.core.rules import CONFLICT_RULES, Outcome
from wizard.core.workflow import Operation
from wizard.services.events import EventBus
from wizard.services.ports.calls import Call, Staging

SID = "5b0c1c8e-3c39-4d53-9a3c-27f9b1a6d001"


def test_stage_with_nothing_starts_a_pending_registration(world: World) -> None:
    result = world.orchestrator.stage(world.client, Staging(channel=Channel.API))
    assert result.success
    assert result.registration.status is Status.PENDING
    assert result.registration.version == 1
    assert result.registration.expires_at == world.clock.now() + LIFETIMES.after_change
    assert result.next_step is Operation.UPDATE
    assert result.metadata.actor == "token:membership"


def test_stage_with_all_required_data_is_staged(world: World) -> None:
    registration = world.staged()
    assert registration.status is Status.STAGED
    assert registration.progress.percent == 20
    assert world.trail(registration.session_id) == ["education.staged"]


def test_stage_normalises_what_is_given(world: World) -> None:
    registration = world.staged(
        coto_status="general", coto_registration="  ab12 ", university="other", other_details=" Elsewhere "
    )
    assert registration.data.coto_registration == "AB12"
    assert registration.data.other_details == "Elsewhere"


def test_stage_refuses_a_malformed_answer_and_stores_nothing(world: World) -> None:
    with pytest.raises(ValidationFailed) as caught:
        world.orchestrator.stage(
            world.applicant(SID), Staging(data={"user_business_id": "no spaces", "country": "XX"}), session_id=SID
        )
    assert [problem.message for problem in caught.value.problems] == ["country.choice", "user_business_id.format"]
    assert world.registrations.load(SID) is None


def test_stage_twice_with_the_same_answers_is_one_registration(world: World) -> None:
    staging = Staging(data={"user_business_id": "osot-0000001"})
    first = world.orchestrator.stage(world.applicant(SID), staging, session_id=SID)
    second = world.orchestrator.stage(world.applicant(SID), staging, session_id=SID)
    assert second.registration == first.registration


def test_stage_in_a_second_tab_with_other_answers_is_stale(world: World) -> None:
    call = world.applicant(SID)
    world.orchestrator.stage(call, Staging(data={"user_business_id": "osot-0000001"}), session_id=SID)
    with pytest.raises(StaleVersion) as caught:
        world.orchestrator.stage(call, Staging(data={"user_business_id": "osot-0000002"}), session_id=SID)
    assert caught.value.result is not None
    assert caught.value.result.registration.data.user_business_id == "osot-0000001"


def test_update_counts_the_version_and_keeps_the_rest(world: World) -> None:
    registration = world.at(Status.PENDING)
    result = world.orchestrator.update(world.client, registration.session_id, {"country": "FR"}, version=1)
    assert result.registration.version == 2
    assert result.registration.data == EducationData(user_business_id="osot-0000001", country="FR")


def test_what_was_read_ahead_serves_until_something_is_written(world: World) -> None:
    stored = world.at(Status.PENDING)
    call = replace(world.client, read_ahead={stored.session_id: stored})
    world.orchestrator.update(call, stored.session_id, {"country": "FR"}, version=1)
    assert world.orchestrator.get(call, stored.session_id).registration.data.country == "FR"


def test_what_was_read_ahead_is_not_written_over_what_came_after(world: World) -> None:
    stored = world.at(Status.PENDING)
    call = replace(world.client, read_ahead={stored.session_id: stored})
    world.orchestrator.update(world.client, stored.session_id, {"country": "FR"}, version=1)
    with pytest.raises(StaleVersion):
        world.orchestrator.update(call, stored.session_id, {"country": "DE"}, version=1)
    assert world.load(stored.session_id).data.country == "FR"


def test_what_was_read_ahead_opens_nothing_to_strangers(world: World) -> None:
    stored = world.at(Status.PENDING)
    stranger = replace(world.applicant(SID), read_ahead={stored.session_id: stored})
    with pytest.raises(NotFound):
        world.orchestrator.get(stranger, stored.session_id)


def with_address(world: World, address: str) -> Registration:
    staging = Staging(data={"user_business_id": "osot-0000001"}, contact_email=address)
    return world.orchestrator.stage(world.client, staging).registration


def test_an_address_put_in_elsewhere_meanwhile_is_not_overwritten(world: World) -> None:
    session_id = with_address(world, "").session_id
    world.orchestrator.update(world.client, session_id, {}, version=1, contact_email="a@example.org", contact_seen="")
    with pytest.raises(StaleVersion):
        world.orchestrator.update(
            world.client, session_id, {}, version=1, contact_email="b@example.org", contact_seen=""
        )
    kept = world.orchestrator.update(
        world.client, session_id, {"country": "FR"}, version=1, contact_email="", contact_seen=""
    )
    assert kept.registration.contact_email == "a@example.org"


def test_an_address_is_removed_by_whoever_saw_it(world: World) -> None:
    session_id = with_address(world, "a@example.org").session_id
    removed = world.orchestrator.update(
        world.client, session_id, {}, version=1, contact_email="", contact_seen="a@example.org"
    )
    assert removed.registration.contact_email is None


def test_an_address_is_in_the_trail_before_and_after(world: World) -> None:
    session_id = with_address(world, "a@example.org").session_id
    world.orchestrator.update(world.client, session_id, {}, version=1, contact_email="b@example.org")
    with world.units.read() as unit:
        changes = unit.audit.history(session_id)[-1].event.changes
    assert changes == {"contact_email": ("a@example.org", "b@example.org")}


def test_the_address_of_a_second_first_answer_is_kept(world: World) -> None:
    data = {"user_business_id": "osot-0000001"}
    call = world.applicant(SID)
    world.orchestrator.stage(call, Staging(data=data), session_id=SID)
    world.orchestrator.stage(call, Staging(data=data, contact_email="a@example.org"), session_id=SID)
    assert world.load(SID).contact_email == "a@example.org"


def test_a_registration_speaks_the_language_that_its_applicant_reads_now(world: World) -> None:
    stored = world.at(Status.PENDING)
    assert stored.language == "en"
    call = replace(world.applicant(stored.session_id), language="fr")
    world.orchestrator.update(call, stored.session_id, {"country": "FR"}, version=1)
    assert world.load(stored.session_id).language == "fr"
    world.orchestrator.update(world.staff, stored.session_id, {"country": "DE"}, version=2)
    assert world.load(stored.session_id).language == "fr"


def test_update_from_a_version_long_gone_is_refused_with_what_is_saved(world: World) -> None:
    session_id = world.at(Status.PENDING).session_id
    world.orchestrator.update(world.client, session_id, {"country": "FR"}, version=1)
    with pytest.raises(StaleVersion) as caught:
        world.orchestrator.update(world.client, session_id, {"country": "DE"}, version=1)
    assert caught.value.result is not None
    assert caught.value.result.registration.data.country == "FR"


def test_update_from_a_stale_version_with_what_is_saved_already_succeeds(world: World) -> None:
    session_id = world.at(Status.PENDING).session_id
    world.orchestrator.update(world.client, session_id, {"country": "FR"}, version=1)
    again = world.orchestrator.update(world.client, session_id, {"country": "FR"}, version=1)
    assert again.success
    assert again.registration.version == 2


def test_update_drops_what_no_longer_applies_where_asked_to(world: World) -> None:
    registration = world.staged(coto_status="general", coto_registration="AB12")
    dropped = world.orchestrator.update(
        world.client,
        registration.session_id,
        {"coto_status": "pending", "coto_registration": "AB12"},
        version=1,
        drop_inapplicable=True,
    )
    assert dropped.registration.data.coto_registration is None


def test_update_of_the_contact_address_is_no_change_of_version(world: World) -> None:
    session_id = world.at(Status.PENDING).session_id
    given = world.orchestrator.update(world.client, session_id, {}, version=1, contact_email="a@example.org")
    assert (given.registration.contact_email, given.registration.version) == ("a@example.org", 1)
    taken = world.orchestrator.update(world.client, session_id, {}, version=1, contact_email="")
    assert taken.registration.contact_email is None


def test_update_after_the_decision_takes_it_back(world: World) -> None:
    registration = world.at(Status.CATEGORY_DETERMINED)
    updated = world.orchestrator.update(world.client, registration.session_id, {"graduation_year": "2020"}, version=1)
    assert updated.registration.status is Status.STAGED
    assert updated.registration.validation.decision is None


def test_update_after_linking_keeps_the_account_unless_the_number_changes(world: World) -> None:
    registration = world.at(Status.ACCOUNT_LINKED)
    world.orchestrator.update(world.client, registration.session_id, {"graduation_year": "2025"}, version=1)
    again = world.orchestrator.review(world.client, registration.session_id)
    assert again.registration.status is Status.ACCOUNT_LINKED
    world.orchestrator.update(world.client, registration.session_id, {"user_business_id": "osot-0000002"}, version=2)
    other = world.orchestrator.review(world.client, registration.session_id)
    assert other.registration.status is Status.CATEGORY_DETERMINED
    assert other.registration.account_id is None


def test_validate_reports_failures_without_raising(world: World) -> None:
    registration = world.staged(coto_status="general", country="FR")
    result = world.orchestrator.validate(world.client, registration.session_id)
    assert not result.success
    assert result.registration.status is Status.STAGED
    assert {problem.message for problem in result.errors} == {
        "coto_registration.required",
        "university_country.alignment",
    }
    assert {problem.code for problem in result.errors} == {ErrorCode.BUSINESS_RULE_VIOLATION}


def test_validate_of_an_unfinished_registration_says_what_is_missing(world: World) -> None:
    result = world.orchestrator.validate(world.client, world.at(Status.PENDING).session_id)
    assert not result.success
    assert result.registration.status is Status.PENDING
    assert "degree_type.required" in {problem.message for problem in result.errors}


def test_validate_carries_warnings(world: World) -> None:
    registration = world.staged(university="other", other_details="Dalhousie")
    result = world.orchestrator.validate(world.client, registration.session_id)
    assert result.success
    assert [warning.message for warning in result.warnings] == ["verification.unlisted_university"]


def test_validate_again_changes_nothing(world: World) -> None:
    registration = world.at(Status.ACCOUNT_LINKED)
    again = world.orchestrator.validate(world.client, registration.session_id)
    assert again.registration == world.load(registration.session_id)
    assert again.registration.status is Status.ACCOUNT_LINKED


@pytest.mark.parametrize("rule", ["user_business_id.unique", "account.one_record", "coto_registration.unique"])
def test_validate_tells_a_stranger_nothing_of_other_records(world: World, rule: str) -> None:
    world.at(Status.WORKFLOW_COMPLETED, coto_status="general", coto_registration="AB12")
    staging = Staging(data={**COMPLETE, "coto_status": "general", "coto_registration": "AB12"})
    world.orchestrator.stage(world.applicant(SID), staging, session_id=SID)
    result = world.orchestrator.validate(world.applicant(SID), SID)
    assert result.success
    outcomes = {outcome.rule: outcome.outcome for outcome in result.registration.validation.outcomes}
    assert outcomes[rule] is Outcome.NOT_CHECKED


def test_validate_tells_the_desk_of_other_records_and_flags_the_registration(world: World) -> None:
    world.at(Status.WORKFLOW_COMPLETED, coto_status="general", coto_registration="AB12")
    second = world.staged(user_business_id="OSOT-0000001", coto_status="general", coto_registration="AB12")
    result = world.orchestrator.validate(world.staff, second.session_id)
    assert {problem.message for problem in result.errors} == {"user_business_id.unique", "coto_registration.unique"}
    assert result.registration.flag == "user_business_id.unique"
    assert result.registration.expires_at == world.clock.now() + LIFETIMES.once_linked


def test_what_the_desk_was_told_of_other_records_the_unproved_applicant_is_not_shown(world: World) -> None:
    world.at(Status.WORKFLOW_COMPLETED, coto_status="general", coto_registration="AB12")
    staging = Staging(data={**COMPLETE, "coto_status": "general", "coto_registration": "AB12"})
    world.orchestrator.stage(world.applicant(SID), staging, session_id=SID)
    world.orchestrator.validate(world.staff, SID)
    told = world.orchestrator.get(world.staff, SID).registration
    shown = world.orchestrator.get(world.applicant(SID), SID).registration
    assert {problem.message for problem in told.errors} == {"user_business_id.unique", "coto_registration.unique"}
    assert (shown.errors, shown.flag) == ((), None)
    outcomes = {outcome.rule: outcome.outcome for outcome in shown.validation.outcomes}
    assert {outcomes.pop(rule) for rule in CONFLICT_RULES} == {Outcome.NOT_CHECKED}
    assert outcomes == {each.rule: each.outcome for each in told.validation.outcomes if each.rule in outcomes}
    assert world.load(SID) == told, "only what is shown differs"


def test_determine_category_decides_from_the_membership_year(world: World) -> None:
    registration = world.at(Status.CATEGORY_DETERMINED)
    decision = registration.validation.decision
    assert decision is not None
    assert decision.category is EducationCategory.NEW_GRADUATED
    assert decision.membership_ends == date(2027, 9, 30)
    assert registration.progress.percent == 60


def test_review_validates_and_decides_at_once(world: World) -> None:
    registration = world.staged()
    result = world.orchestrator.review(world.client, registration.session_id)
    assert result.registration.status is Status.CATEGORY_DETERMINED
    assert world.trail(registration.session_id) == [
        "education.staged",
        "education.validated",
        "education.category_determined",
    ]


def test_review_again_changes_nothing(world: World) -> None:
    registration = world.at(Status.CATEGORY_DETERMINED)
    again = world.orchestrator.review(world.client, registration.session_id)
    assert again.registration.revision == world.load(registration.session_id).revision
    assert world.trail(registration.session_id).count("education.category_determined") == 1


def test_review_of_a_broken_registration_keeps_its_failures(world: World) -> None:
    registration = world.staged(coto_status="general")
    result = world.orchestrator.review(world.client, registration.session_id)
    assert not result.success
    assert world.load(registration.session_id).errors[0].message == "coto_registration.required"


def test_link_account_by_the_proved_applicant(world: World) -> None:
    registration = _decided_by_applicant(world)
    call = world.applicant(SID, proved=world.account)
    result = world.orchestrator.link_account(call, SID, world.account.id)
    assert result.registration.status is Status.ACCOUNT_LINKED
    outcomes = {check.rule: check.outcome for check in result.checks}
    assert outcomes.pop("coto_registration.unique") is Outcome.NOT_CHECKED
    assert set(outcomes.values()) == {Outcome.PASSED}
    assert registration.account_id is None
    again = world.orchestrator.link_account(call, SID, world.account.id)
    assert again.registration == world.load(SID)


def test_link_account_unproved_says_no_more_than_no(world: World) -> None:
    _decided_by_applicant(world)
    for account_id in (world.account.id, "no-such-account", None):
        with pytest.raises(PermissionDenied) as caught:
            world.orchestrator.link_account(world.applicant(SID), SID, account_id)
        assert [problem.message for problem in caught.value.problems] == ["account.privilege"]


def test_link_account_answers_a_stranger_none_of_the_other_checks(world: World) -> None:
    _decided_by_applicant(world)
    other = world.applicant(SID, proved=world.seeded.accounts[1])
    for call in (world.applicant(SID), other):
        answers = []
        for account_id in (world.account.id, "no-such-account"):
            with pytest.raises(PermissionDenied) as caught:
                world.orchestrator.link_account(call, SID, account_id)
            assert caught.value.result is not None
            answers.append({check.rule: check.outcome for check in caught.value.result.checks})
        assert answers[0] == answers[1]
        assert answers[0].pop("account.privilege") is Outcome.FAILED
        assert set(answers[0].values()) == {Outcome.NOT_CHECKED}


@pytest.mark.parametrize("account_id", [None, "no-such-account"])
def test_link_account_tells_the_desk_that_there_is_no_such_account(world: World, account_id: str | None) -> None:
    registration = world.at(Status.CATEGORY_DETERMINED, user_business_id="nobody-has-this")
    with pytest.raises(RuleViolated) as caught:
        world.orchestrator.link_account(world.staff, registration.session_id, account_id)
    assert [problem.message for problem in caught.value.problems] == ["account.accessible"]


def test_link_account_refuses_an_inactive_account(world: World) -> None:
    registration = world.at(Status.CATEGORY_DETERMINED, user_business_id="osot-0000004")
    with pytest.raises(RuleViolated, match=r"account\.accessible"):
        world.orchestrator.link_account(world.staff, registration.session_id)


def test_link_account_takes_a_pending_account(world: World) -> None:
    registration = world.at(Status.CATEGORY_DETERMINED, user_business_id="osot-0000003")
    assert world.orchestrator.link_account(world.staff, registration.session_id).success


def test_link_account_to_another_members_account_is_a_conflict(world: World) -> None:
    registration = world.at(Status.CATEGORY_DETERMINED)
    with pytest.raises(Conflict) as caught:
        world.orchestrator.link_account(world.staff, registration.session_id, world.seeded.accounts[1].id)
    assert [problem.message for problem in caught.value.problems] == ["account.member_number"]


def test_link_account_that_has_a_record_keeps_and_flags_the_registration(world: World) -> None:
    waiting = _decided_by_applicant(world)
    world.at(Status.WORKFLOW_COMPLETED)
    call = world.applicant(SID, proved=world.account)
    with pytest.raises(Conflict) as caught:
        world.orchestrator.link_account(call, SID, world.account.id)
    assert {problem.message for problem in caught.value.problems} == {"account.one_record", "user_business_id.unique"}
    kept = world.load(SID)
    assert kept.flag == "account.one_record"
    assert kept.data == waiting.data
    assert kept.expires_at == world.clock.now() + LIFETIMES.once_linked


def test_create_writes_record_audit_and_mail_in_one(world: World) -> None:
    registration = world.at(Status.ACCOUNT_LINKED)
    result = world.orchestrator.create(world.client, registration.session_id)
    assert result.created_now
    assert result.registration.status is Status.EDUCATION_CREATED
    assert result.record is not None
    assert result.record.number == "osot-oted-0000001"
    assert result.record.category is EducationCategory.NEW_GRADUATED
    assert result.record.data == registration.data
    assert result.events == ("education.created",)
    assert world.trail(registration.session_id)[-1] == "education.created"
    with world.units.write() as unit:
        (claimed,) = unit.outbox.claim(world.clock.now())
        assert claimed.message.kind == "confirmation"
        assert claimed.message.recipient == world.account.email


def test_create_again_answers_the_same_record(world: World) -> None:
    registration = world.at(Status.ACCOUNT_LINKED)
    first = world.orchestrator.create(world.client, registration.session_id)
    second = world.orchestrator.create(world.client, registration.session_id)
    assert second.record == first.record
    assert not second.created_now
    assert world.trail(registration.session_id).count("education.created") == 1


def test_create_needs_main_or_the_proved_applicant(world: World) -> None:
    registration = world.at(Status.ACCOUNT_LINKED)
    with pytest.raises(PermissionDenied):
        world.orchestrator.create(world.staff, registration.session_id)
    assert world.trail(registration.session_id)[-1] == "access.denied"
    assert world.orchestrator.create(world.main, registration.session_id).success


def test_create_by_an_unproved_browser_that_resumed_is_refused(world: World) -> None:
    _decided_by_applicant(world)
    world.orchestrator.link_account(world.applicant(SID, proved=world.account), SID, world.account.id)
    with pytest.raises(PermissionDenied):
        world.orchestrator.create(world.applicant(SID), SID)
    assert world.orchestrator.create(world.applicant(SID, proved=world.account), SID).success


def test_create_after_the_membership_year_was_closed_goes_back_to_the_category(world: World) -> None:
    registration = world.at(Status.ACCOUNT_LINKED)
    _membership_year_ends(world, date(2026, 11, 22))
    with pytest.raises(Conflict, match=r"category\.changed"):
        world.orchestrator.create(world.client, registration.session_id)
    again = world.load(registration.session_id)
    assert again.status is Status.CATEGORY_DETERMINED
    assert again.validation.decision is not None
    assert again.validation.decision.category is EducationCategory.GRADUATED
    accepted = world.orchestrator.execute_workflow(world.client, registration.session_id)
    assert accepted.record is not None
    assert accepted.record.category is EducationCategory.GRADUATED


def test_submit_closes_what_it_makes_and_shows_the_same_again(world: World) -> None:
    registration = world.at(Status.ACCOUNT_LINKED)
    submitted = world.orchestrator.submit(world.client, registration.session_id, version=registration.version)
    assert submitted.registration.status is Status.WORKFLOW_COMPLETED
    again = world.orchestrator.submit(world.client, registration.session_id, version=registration.version)
    assert again.record == submitted.record


def test_submit_pressed_twice_does_not_skip_a_category_that_was_not_shown(world: World) -> None:
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    _membership_year_ends(world, date(2026, 11, 22))
    with pytest.raises(Conflict, match=r"category\.changed"):
        world.orchestrator.submit(world.client, session_id, version=1)
    with pytest.raises(WorkflowStateInvalid):
        world.orchestrator.submit(world.client, session_id, version=1)
    assert world.load(session_id).status is Status.CATEGORY_DETERMINED


def test_submit_of_answers_that_were_changed_in_another_tab_is_refused(world: World) -> None:
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    world.orchestrator.update(world.client, session_id, {"notes": "Changed"}, version=1)
    with pytest.raises(WorkflowStateInvalid):
        world.orchestrator.submit(world.client, session_id, version=1)
    world.orchestrator.review(world.client, session_id)
    with pytest.raises(StaleVersion):
        world.orchestrator.submit(world.client, session_id, version=1)
    assert world.orchestrator.submit(world.client, session_id, version=2).record is not None


def test_create_for_a_number_taken_meanwhile_is_a_conflict_and_flags(world: World) -> None:
    first = world.at(Status.ACCOUNT_LINKED, coto_status="general", coto_registration="AB12")
    world.at(
        Status.WORKFLOW_COMPLETED,
        user_business_id="osot-0000002",
        coto_status="general",
        coto_registration="AB12",
    )
    with pytest.raises(Conflict) as caught:
        world.orchestrator.create(world.client, first.session_id)
    assert [problem.message for problem in caught.value.problems] == ["coto_registration.unique"]
    assert world.load(first.session_id).flag == "coto_registration.unique"


def test_create_puts_warned_records_into_the_verification_queue(world: World) -> None:
    registration = world.at(Status.ACCOUNT_LINKED, university="not_applicable", country="FR")
    record = world.orchestrator.create(world.client, registration.session_id).record
    assert record is not None
    assert record.verification.state is VerificationState.WAITING
    assert record.verification.reasons == ("verification.international_education",)


def test_execute_workflow_from_staging_to_the_tombstone(world: World) -> None:
    registration = world.staged()
    result = world.orchestrator.execute_workflow(world.client, registration.session_id, account_id=world.account.id)
    assert [step.step for step in result.steps] == [
        Operation.VALIDATE,
        Operation.DETERMINE_CATEGORY,
        Operation.LINK_ACCOUNT,
        Operation.CREATE,
    ]
    assert all(step.success for step in result.steps)
    closed = world.load(registration.session_id)
    assert closed.status is Status.WORKFLOW_COMPLETED
    assert closed.data == EducationData()
    assert closed.events == ()
    assert closed.record_number == "osot-oted-0000001"
    assert world.trail(registration.session_id) == [
        "education.staged",
        "education.validated",
        "education.category_determined",
        "education.account_linked",
        "education.created",
        "workflow.completed",
    ]
    again = world.orchestrator.execute_workflow(world.client, registration.session_id)
    assert again.record == result.record


def test_execute_workflow_uses_the_account_of_staging(world: World) -> None:
    staged = world.orchestrator.stage(world.client, Staging(data=COMPLETE, account_id=world.account.id))
    assert world.orchestrator.execute_workflow(world.client, staged.registration.session_id).success


@pytest.mark.parametrize(
    ("answers", "account", "stops_at", "rule"),
    [
        ({"coto_status": "general"}, True, Operation.VALIDATE, "coto_registration.required"),
        ({}, False, Operation.LINK_ACCOUNT, "account.required"),
        ({"degree_type": None}, True, Operation.UPDATE, "degree_type.required"),
    ],
)
def test_execute_workflow_stops_at_the_first_failure_and_says_which(
    world: World, answers: dict[str, str | None], account: bool, stops_at: Operation, rule: str
) -> None:
    registration = world.staged(**answers)
    account_id = world.account.id if account else None
    with pytest.raises((RuleViolated, ValidationFailed)) as caught:
        world.orchestrator.execute_workflow(world.client, registration.session_id, account_id=account_id)
    assert caught.value.result is not None
    last = caught.value.result.steps[-1]
    assert (last.step, last.success) == (stops_at, False)
    assert [problem.message for problem in last.errors] == [rule]


def test_execute_workflow_closes_what_create_left_open(world: World) -> None:
    registration = world.at(Status.EDUCATION_CREATED)
    result = world.orchestrator.execute_workflow(world.client, registration.session_id)
    assert result.registration.status is Status.WORKFLOW_COMPLETED
    assert result.record is not None
    assert world.trail(registration.session_id)[-2:] == ["education.created", "workflow.completed"]


def test_get_shows_it_to_its_applicant_the_desk_and_its_client_only(world: World) -> None:
    registration = world.staged()
    session_id = registration.session_id
    for call in (world.client, world.staff, world.main, world.applicant(session_id)):
        assert world.orchestrator.get(call, session_id).registration == registration
    stranger = world.applicant(SID)
    owner_token = Call(Actor(ActorKind.API, "token:other", Privilege.OWNER, account_id=world.account.id))
    for call in (stranger, owner_token):
        with pytest.raises(NotFound):
            world.orchestrator.get(call, session_id)


def test_get_by_an_owner_token_of_the_linked_account(world: World) -> None:
    registration = world.at(Status.ACCOUNT_LINKED)
    owner_token = Call(Actor(ActorKind.API, "token:other", Privilege.OWNER, account_id=world.account.id))
    assert world.orchestrator.get(owner_token, registration.session_id).success


def test_expiry_is_decided_by_the_clock_and_told_to_the_owner_only(world: World) -> None:
    registration = world.staged()
    world.clock.instant = registration.expires_at - timedelta(seconds=1)
    assert world.orchestrator.get(world.client, registration.session_id).success
    world.clock.instant = registration.expires_at
    with pytest.raises(SessionExpired):
        world.orchestrator.get(world.client, registration.session_id)
    with pytest.raises(NotFound) as caught:
        world.orchestrator.get(world.applicant(SID), registration.session_id)
    assert not isinstance(caught.value, SessionExpired)


def test_extend_gives_the_time_again_up_to_the_greatest_age(world: World) -> None:
    registration = world.staged()
    session_id = registration.session_id
    world.clock.instant += timedelta(hours=20)
    extended = world.orchestrator.extend(world.client, session_id).registration
    assert extended.expires_at == world.clock.now() + LIFETIMES.after_change
    longer = world.orchestrator.extend(world.client, session_id, ttl_seconds=40 * 86400).registration
    assert longer.expires_at == registration.created_at + LIFETIMES.at_most
    with pytest.raises(RuleViolated, match=r"extend\.maximum_age"):
        world.orchestrator.extend(world.client, session_id)


def test_prolong_lets_it_live_fourteen_days(world: World) -> None:
    prolonged = world.orchestrator.prolong(world.client, world.staged().session_id).registration
    assert prolonged.expires_at == world.clock.now() + LIFETIMES.once_linked


def test_cancel_leaves_a_tombstone_without_personal_data(world: World) -> None:
    registration = world.at(Status.ACCOUNT_LINKED)
    world.orchestrator.cancel(world.client, registration.session_id)
    tombstone = world.load(registration.session_id)
    assert tombstone.status is Status.CANCELLED
    assert (tombstone.data, tombstone.contact_email, tombstone.account_id) == (EducationData(), None, None)
    assert tombstone.events == ()
    assert world.orchestrator.cancel(world.client, registration.session_id).success
    assert world.trail(registration.session_id).count("session.cancelled") == 1


def test_staff_on_the_applicants_behalf_leave_actor_and_subject_in_the_trail(world: World) -> None:
    registration = world.at(Status.PENDING)
    world.orchestrator.update(world.staff, registration.session_id, {"country": "FR"}, version=1)
    with world.units.read() as unit:
        row = unit.audit.history(registration.session_id)[-1]
    assert row.event.actor == "staff:ann"
    assert row.event.privilege == Privilege.ADMIN
    assert row.event.session_id == registration.session_id
    assert row.event.request_id == "request-2"
    assert row.event.changes == {"country": (None, "FR")}


def test_subscribers_hear_each_event_once_and_a_failing_one_breaks_nothing(world: World) -> None:
    def fail(_event: object) -> None:
        raise ValueError("a subscriber of no use")

    world.orchestrator.runner.events.subscribe(fail)
    registration = world.at(Status.WORKFLOW_COMPLETED)
    assert [event.name.value for event in world.told] == world.trail(registration.session_id)


def _decided_by_applicant(world: World) -> Registration:
    world.orchestrator.stage(world.applicant(SID), Staging(data=COMPLETE), session_id=SID)
    return world.orchestrator.review(world.applicant(SID), SID).registration


def _membership_year_ends(world: World, ends_on: date) -> None:
    with world.units.write() as unit:
        set_at = world.clock.now() + timedelta(seconds=1)
        unit.membership_years.set(MembershipYear(ends_on, "staff:mia", set_at))
        unit.commit()


def test_create_for_an_account_closed_meanwhile_is_refused(world: World) -> None:
    registration = world.at(Status.ACCOUNT_LINKED)
    stored = world.load(registration.session_id)
    inactive = world.seeded.accounts[3].id
    world.registrations.save(replace(stored, account_id=inactive), replacing=stored)
    with pytest.raises(RuleViolated, match=r"account\.accessible"):
        world.orchestrator.create(world.client, registration.session_id)


@pytest.mark.parametrize(
    ("year", "reasons"),
    [("2028", ("verification.discount",)), ("2026", ("verification.discount",)), ("2010", ())],
)
def test_discounts_can_be_put_before_the_desk(world: World, year: str, reasons: tuple[str, ...]) -> None:
    registration = world.at(Status.ACCOUNT_LINKED, graduation_year=year)
    strict = build(world.clock, world.registrations, world.units, EventBus(), verify_discounts=True)
    record = strict.create(world.client, registration.session_id).record
    assert record is not None
    assert record.verification.reasons == reasons


def test_refusals_while_the_database_rests_wait_for_nobody(world: World) -> None:
    registration = world.at(Status.ACCOUNT_LINKED)
    drain = world.orchestrator.runner.drain
    drain._closed_until = world.clock.now() + timedelta(seconds=1)
    with pytest.raises(PermissionDenied):
        world.orchestrator.create(world.staff, registration.session_id)
    assert world.told[-1].name.value == "access.denied"


def test_proof_of_one_account_tells_nothing_of_another_members_record(world: World) -> None:
    world.at(Status.WORKFLOW_COMPLETED, user_business_id="osot-0000002")
    call = world.applicant(SID, proved=world.account)
    world.orchestrator.stage(call, Staging(data=COMPLETE), session_id=SID)
    world.orchestrator.review(call, SID)
    world.orchestrator.link_account(call, SID, world.account.id)
    world.orchestrator.update(call, SID, {"user_business_id": "osot-0000002"}, version=1)
    result = world.orchestrator.review(call, SID)
    outcomes = {outcome.rule: outcome.outcome for outcome in result.registration.validation.outcomes}
    assert outcomes["user_business_id.unique"] is Outcome.NOT_CHECKED


def test_a_workflow_that_ends_in_a_refusal_keeps_what_was_done_before_it(world: World) -> None:
    registration = world.staged()
    with pytest.raises(PermissionDenied) as refused:
        world.orchestrator.execute_workflow(world.staff, registration.session_id, account_id=world.account.id)
    assert refused.value.result is not None
    steps = [(step.step.value, step.success) for step in refused.value.result.steps]
    assert steps[-2:] == [("link_account", True), ("create", False)]
    assert world.load(registration.session_id).status is Status.ACCOUNT_LINKED
    assert world.trail(registration.session_id)[-2:] == ["education.account_linked", "access.denied"]
