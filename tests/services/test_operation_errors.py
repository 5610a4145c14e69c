"""Every error code against every operation: either a way to bring it about, or a reason why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import pytest

from tests.services.conftest import COMPLETE, World
from tests.services.outages import UnitsWithOutage
from wizard.core.accounts import MembershipYear
from wizard.core.errors import ErrorCode, ExternalServiceError, WizardError
from wizard.core.events import Event, EventName
from wizard.core.registration import Registration, Status
from wizard.core.results import OperationResult
from wizard.core.workflow import Operation
from wizard.services.events import EventBus
from wizard.services.ports.calls import Call, Staging

Scenario = Callable[[World], OperationResult]
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Never:
    """Why an operation never answers a code."""

    reason: str


NO_SESSION = Never("it starts a session and needs none")
EDGE = Never("decided before the services are called: who is signed in, how often, and what nobody foresaw")
ANY_STATE = Never("it fits every state of a session")
READS = Never("it reads, and judges nothing")
FORM_IS_STORED = Never("only well-formed answers are ever stored")
NO_RULES = Never("it runs no business rule")
NOT_SHARED = Never("it is no change that another could stand in the way of")
ANYBODY = Never("whoever may know of a session may do it")
REPORTS = Never("failed rules are its answer, not an error")
NO_DATABASE = Never("with Redis up it needs no database")


def _stage_malformed(world: World) -> OperationResult:
    return world.orchestrator.stage(world.client, Staging(data={"country": "nowhere"}))


def _stage_stale(world: World) -> OperationResult:
    session_id = world.staged().session_id
    return world.orchestrator.stage(world.client, Staging(data={"country": "FR"}), session_id=session_id)


def _stage_created(world: World) -> OperationResult:
    session_id = world.at(Status.WORKFLOW_COMPLETED).session_id
    return world.orchestrator.stage(world.client, Staging(data=COMPLETE), session_id=session_id)


def _stage_foreign(world: World) -> OperationResult:
    session_id = world.staged().session_id
    return world.orchestrator.stage(world.applicant(UNKNOWN), Staging(data=COMPLETE), session_id=session_id)


def _update(world: World, registration: Registration, changes: dict[str, str | None], version: int) -> OperationResult:
    return world.orchestrator.update(world.client, registration.session_id, changes, version=version)


def _link_unproved(world: World) -> OperationResult:
    session_id = world.at(Status.CATEGORY_DETERMINED).session_id
    return world.orchestrator.link_account(world.applicant(session_id), session_id)


def _link_with_database_down(world: World) -> OperationResult:
    session_id = world.at(Status.CATEGORY_DETERMINED).session_id
    _outage(world)
    return world.orchestrator.link_account(world.client, session_id)


def _validate_with_database_down(world: World) -> OperationResult:
    session_id = world.staged().session_id
    _outage(world)
    return world.orchestrator.validate(world.client, session_id)


def _decide_with_database_down(world: World) -> OperationResult:
    session_id = world.at(Status.VALIDATED).session_id
    _outage(world)
    return world.orchestrator.determine_category(world.client, session_id)


def _create_with_database_down(world: World) -> OperationResult:
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    _outage(world)
    return world.orchestrator.create(world.client, session_id)


def _execute_with_database_down(world: World) -> OperationResult:
    session_id = world.at(Status.VALIDATED).session_id
    _outage(world)
    return world.orchestrator.execute_workflow(world.client, session_id)


def _taken_coto_number(world: World, status: Status) -> Registration:
    mine = world.at(status, coto_status="general", coto_registration="AB12")
    world.at(
        Status.WORKFLOW_COMPLETED, user_business_id="osot-0000002", coto_status="general", coto_registration="AB12"
    )
    return mine


def _create_conflict(world: World) -> OperationResult:
    return world.orchestrator.create(world.client, _taken_coto_number(world, Status.ACCOUNT_LINKED).session_id)


def _execute_conflict(world: World) -> OperationResult:
    mine = _taken_coto_number(world, Status.STAGED)
    return world.orchestrator.execute_workflow(world.client, mine.session_id, account_id=world.account.id)


def _link_conflict(world: World) -> OperationResult:
    session_id = world.at(Status.CATEGORY_DETERMINED).session_id
    return world.orchestrator.link_account(world.client, session_id, world.seeded.accounts[1].id)


def _link_inactive(world: World) -> OperationResult:
    registration = world.at(Status.CATEGORY_DETERMINED, user_business_id="osot-0000004")
    return world.orchestrator.link_account(world.client, registration.session_id)


def _create_against_a_rule_of_today(world: World) -> OperationResult:
    # Chosen in 2026 as the furthest year ahead; an older rule set would have let it pass.
    registration = world.at(Status.ACCOUNT_LINKED)
    broken = registration.with_data(registration.data.with_changes({"country": "FR"})).with_outcomes(())
    decision = registration.validation.decision
    assert decision is not None
    linked = broken.with_category(decision)
    world.registrations.save(linked, replacing=world.load(registration.session_id))
    return world.orchestrator.create(world.client, registration.session_id)


def _execute_rule(world: World) -> OperationResult:
    session_id = world.staged(coto_status="general").session_id
    return world.orchestrator.execute_workflow(world.client, session_id, account_id=world.account.id)


def _execute_missing(world: World) -> OperationResult:
    return world.orchestrator.execute_workflow(world.client, world.at(Status.PENDING).session_id)


def _execute_by_admin(world: World) -> OperationResult:
    return world.orchestrator.execute_workflow(world.staff, world.at(Status.ACCOUNT_LINKED).session_id)


def _extend_at_the_end(world: World) -> OperationResult:
    session_id = world.staged().session_id
    world.orchestrator.extend(world.client, session_id, ttl_seconds=30 * 86400)
    return world.orchestrator.extend(world.client, session_id)


def _cancel_created(world: World) -> OperationResult:
    return world.orchestrator.cancel(world.client, world.at(Status.WORKFLOW_COMPLETED).session_id)


def _cancel_with_database_down(world: World) -> OperationResult:
    # Whether its record is there only the database knows.
    session_id = world.staged().session_id
    _outage(world)
    return world.orchestrator.cancel(world.client, session_id)


def _at(status: Status, act: Callable[[World, Call, str], OperationResult]) -> Scenario:
    return lambda world: act(world, world.client, world.at(status).session_id)


def _unknown(act: Callable[[World, Call, str], OperationResult]) -> Scenario:
    return lambda world: act(world, world.client, UNKNOWN)


ACTS: dict[Operation, Callable[[World, Call, str], OperationResult]] = {
    Operation.UPDATE: lambda w, call, sid: w.orchestrator.update(call, sid, {"country": "FR"}, version=1),
    Operation.VALIDATE: lambda w, call, sid: w.orchestrator.validate(call, sid),
    Operation.DETERMINE_CATEGORY: lambda w, call, sid: w.orchestrator.determine_category(call, sid),
    Operation.LINK_ACCOUNT: lambda w, call, sid: w.orchestrator.link_account(call, sid),
    Operation.CREATE: lambda w, call, sid: w.orchestrator.create(call, sid),
    Operation.EXECUTE_WORKFLOW: lambda w, call, sid: w.orchestrator.execute_workflow(call, sid),
    Operation.GET: lambda w, call, sid: w.orchestrator.get(call, sid),
    Operation.EXTEND: lambda w, call, sid: w.orchestrator.extend(call, sid),
    Operation.CANCEL: lambda w, call, sid: w.orchestrator.cancel(call, sid),
}
V, B, W, C = (
    ErrorCode.VALIDATION_ERROR,
    ErrorCode.BUSINESS_RULE_VIOLATION,
    ErrorCode.WORKFLOW_STATE_INVALID,
    ErrorCode.CONFLICT,
)
P, N, X = ErrorCode.PERMISSION_DENIED, ErrorCode.NOT_FOUND, ErrorCode.EXTERNAL_SERVICE_ERROR

TABLE: dict[Operation, dict[ErrorCode, Scenario | Never]] = {
    Operation.STAGE: {
        V: _stage_malformed,
        B: NO_RULES,
        W: _stage_created,
        C: _stage_stale,
        P: ANYBODY,
        N: _stage_foreign,
        X: NO_DATABASE,
    },
    Operation.UPDATE: {
        V: lambda world: _update(world, world.staged(), {"country": "nowhere"}, 1),
        B: NO_RULES,
        W: _at(Status.WORKFLOW_COMPLETED, ACTS[Operation.UPDATE]),
        C: lambda world: _update(world, world.staged(), {"country": "FR"}, 7),
        P: ANYBODY,
        N: _unknown(ACTS[Operation.UPDATE]),
        X: NO_DATABASE,
    },
    Operation.VALIDATE: {
        V: REPORTS,
        B: REPORTS,
        W: _at(Status.WORKFLOW_COMPLETED, ACTS[Operation.VALIDATE]),
        C: REPORTS,
        P: ANYBODY,
        N: _unknown(ACTS[Operation.VALIDATE]),
        X: _validate_with_database_down,
    },
    Operation.DETERMINE_CATEGORY: {
        V: FORM_IS_STORED,
        B: NO_RULES,
        W: _at(Status.STAGED, ACTS[Operation.DETERMINE_CATEGORY]),
        C: NOT_SHARED,
        P: ANYBODY,
        N: _unknown(ACTS[Operation.DETERMINE_CATEGORY]),
        X: _decide_with_database_down,
    },
    Operation.LINK_ACCOUNT: {
        V: FORM_IS_STORED,
        B: _link_inactive,
        W: _at(Status.VALIDATED, ACTS[Operation.LINK_ACCOUNT]),
        C: _link_conflict,
        P: _link_unproved,
        N: _unknown(ACTS[Operation.LINK_ACCOUNT]),
        X: _link_with_database_down,
    },
    Operation.CREATE: {
        V: FORM_IS_STORED,
        B: _create_against_a_rule_of_today,
        W: _at(Status.CATEGORY_DETERMINED, ACTS[Operation.CREATE]),
        C: _create_conflict,
        P: lambda world: world.orchestrator.create(world.staff, world.at(Status.ACCOUNT_LINKED).session_id),
        N: _unknown(ACTS[Operation.CREATE]),
        X: _create_with_database_down,
    },
    Operation.EXECUTE_WORKFLOW: {
        V: _execute_missing,
        B: _execute_rule,
        W: _at(Status.CANCELLED, ACTS[Operation.EXECUTE_WORKFLOW]),
        C: _execute_conflict,
        P: _execute_by_admin,
        N: _unknown(ACTS[Operation.EXECUTE_WORKFLOW]),
        X: _execute_with_database_down,
    },
    Operation.GET: {
        V: READS,
        B: READS,
        W: ANY_STATE,
        C: READS,
        P: ANYBODY,
        N: _unknown(ACTS[Operation.GET]),
        X: NO_DATABASE,
    },
    Operation.EXTEND: {
        V: FORM_IS_STORED,
        B: _extend_at_the_end,
        W: _at(Status.WORKFLOW_COMPLETED, ACTS[Operation.EXTEND]),
        C: NOT_SHARED,
        P: ANYBODY,
        N: _unknown(ACTS[Operation.EXTEND]),
        X: NO_DATABASE,
    },
    Operation.CANCEL: {
        V: FORM_IS_STORED,
        B: NO_RULES,
        W: _cancel_created,
        C: NOT_SHARED,
        P: ANYBODY,
        N: _unknown(ACTS[Operation.CANCEL]),
        X: _cancel_with_database_down,
    },
}
FAILURES = {EventName.OPERATION_FAILED, EventName.ACCESS_DENIED, EventName.CREATION_FAILED}
AT_THE_EDGE = {ErrorCode.UNAUTHENTICATED, ErrorCode.RATE_LIMITED, ErrorCode.INTERNAL_ERROR}
CELLS = [
    pytest.param(operation, code, scenario, id=f"{operation}-{code}")
    for operation, row in TABLE.items()
    for code, scenario in row.items()
    if not isinstance(scenario, Never)
]


class Unreachable:
    """A store whose Redis is down."""

    def __getattr__(self, name: str) -> Callable[..., Registration]:
        def refuse(*_args: object, **_kwargs: object) -> Registration:
            raise ExternalServiceError("redis")

        return refuse


def test_the_table_is_whole() -> None:
    assert set(TABLE) == set(Operation)
    for row in TABLE.values():
        assert set(row) == set(ErrorCode) - AT_THE_EDGE


@pytest.mark.parametrize(("operation", "code", "scenario"), CELLS)
def test_operation_answers_the_code(world: World, operation: Operation, code: ErrorCode, scenario: Scenario) -> None:
    with pytest.raises(WizardError) as caught:
        scenario(world)
    assert caught.value.code is code
    assert all(problem.message for problem in caught.value.problems)
    if code not in {ErrorCode.NOT_FOUND, ErrorCode.VALIDATION_ERROR}:
        result = caught.value.result
        assert result is not None, operation
        assert not result.success
        assert result.errors == caught.value.problems
        assert result.metadata.operation_id


@pytest.mark.parametrize("operation", list(ACTS))
def test_operation_with_redis_down_is_an_external_service_error(world: World, operation: Operation) -> None:
    object.__setattr__(world.orchestrator.runner, "registrations", Unreachable())
    with pytest.raises(ExternalServiceError) as caught:
        ACTS[operation](world, world.client, UNKNOWN)
    assert caught.value.retry_after > 0


def test_data_steps_need_no_database_and_the_trail_catches_up(world: World) -> None:
    outage = _outage(world)
    registration = world.staged()
    world.orchestrator.update(world.client, registration.session_id, {"country": "US"}, version=1)
    waiting = world.load(registration.session_id)
    assert [event.name.value for event in waiting.events] == ["education.staged", "education.updated"]
    outage.down = False
    world.clock.instant = world.clock.instant.replace(minute=30)
    world.orchestrator.update(world.client, registration.session_id, {"notes": "Hello"}, version=2)
    assert world.trail(registration.session_id) == ["education.staged", "education.updated", "education.updated"]
    world.orchestrator.update(world.client, registration.session_id, {"notes": "Again"}, version=3)
    assert len(world.load(registration.session_id).events) == 1


def test_creation_that_failed_is_kept_flagged_and_can_be_repeated(world: World) -> None:
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    outage = _outage(world)
    with pytest.raises(ExternalServiceError):
        world.orchestrator.execute_workflow(world.client, session_id)
    failed = world.load(session_id)
    assert failed.status is Status.CREATION_FAILED
    assert failed.data.degree_type == "masters"
    outage.down = False
    world.clock.instant = world.clock.instant.replace(minute=30)
    result = world.orchestrator.execute_workflow(world.client, session_id)
    assert result.record is not None
    assert world.trail(session_id)[-3:] == ["education.creation_failed", "education.created", "workflow.completed"]


def test_category_is_not_guessed_while_the_membership_year_cannot_be_read(world: World) -> None:
    session_id = world.at(Status.VALIDATED).session_id
    outage = _outage(world)
    with pytest.raises(ExternalServiceError):
        world.orchestrator.determine_category(world.client, session_id)
    assert world.load(session_id).validation.decision is None
    outage.down = False
    with world.units.write() as unit:
        unit.membership_years.set(MembershipYear(date(2027, 9, 30), "staff:mia", world.clock.now()))
        unit.commit()
    assert world.orchestrator.determine_category(world.client, session_id).success


def test_refusals_reach_the_logs_even_with_the_database_down(world: World) -> None:
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    _outage(world)
    told: list[Event] = world.told
    with pytest.raises(WizardError):
        world.orchestrator.create(world.staff, session_id)
    assert told[-1].name.value == "access.denied"


def _outage(world: World) -> UnitsWithOutage:
    """Take the database away from the orchestrator; the test's own look-ups keep it."""
    outage = UnitsWithOutage(world.units, down=True)
    runner, checking, transitions = (
        world.orchestrator.runner,
        world.orchestrator.checking,
        world.orchestrator.transitions,
    )
    for holder in (runner.drain, checking, transitions, transitions.creation):
        object.__setattr__(holder, "units", outage)
    assert isinstance(runner.events, EventBus)
    return outage


def test_a_submit_waits_for_a_dead_database_once(world: World) -> None:
    session_id = world.at(Status.ACCOUNT_LINKED).session_id
    outage = _outage(world)
    with pytest.raises(ExternalServiceError):
        world.orchestrator.execute_workflow(world.client, session_id)
    assert outage.asked == 1


@pytest.mark.parametrize(("operation", "code", "scenario"), CELLS)
def test_whatever_fails_is_told_of_once(
    world: World, operation: Operation, code: ErrorCode, scenario: Scenario
) -> None:
    """As `access.denied`, `education.creation_failed` or `operation.failed`; never of a stranger’s guess."""
    with pytest.raises(WizardError) as caught:
        scenario(world)
    told = [event for event in world.told if event.name in FAILURES]
    if code is ErrorCode.NOT_FOUND:
        assert not told
        return
    (event,) = told
    assert event.name is _expected(operation, code)
    assert event.operation_id
    assert event.session_id == event.chain
    # To begin with what is there already is to change it.
    done = Operation.UPDATE if operation is Operation.STAGE and code is not ErrorCode.VALIDATION_ERROR else operation
    assert event.details.get("operation", done) == done
    assert caught.value.problems[0].message in " ".join(event.details.values())


@pytest.mark.parametrize(("operation", "code", "scenario"), CELLS)
def test_refusals_are_in_the_trail(world: World, operation: Operation, code: ErrorCode, scenario: Scenario) -> None:
    with pytest.raises(WizardError):
        scenario(world)
    told = [event for event in world.told if event.name in FAILURES]
    for event in told if code not in {ErrorCode.EXTERNAL_SERVICE_ERROR, ErrorCode.VALIDATION_ERROR} else ():
        assert event.session_id is not None
        assert world.trail(event.session_id).count(event.name.value) == 1, operation


def _expected(operation: Operation, code: ErrorCode) -> EventName:
    if code is ErrorCode.PERMISSION_DENIED:
        return EventName.ACCESS_DENIED
    if code is ErrorCode.EXTERNAL_SERVICE_ERROR and operation is Operation.CREATE:
        return EventName.CREATION_FAILED
    return EventName.OPERATION_FAILED


def test_redis_down_is_told_of_where_anybody_listens(world: World) -> None:
    object.__setattr__(world.orchestrator.runner, "registrations", Unreachable())
    with pytest.raises(ExternalServiceError):
        world.orchestrator.stage(world.client, Staging(data=COMPLETE))
    with pytest.raises(ExternalServiceError):
        world.orchestrator.validate(world.client, UNKNOWN)
    assert [(event.name.value, event.details["reason"]) for event in world.told] == [
        ("operation.failed", "redis.unavailable")
    ] * 2


def test_a_decision_waits_for_a_dead_database_once(world: World) -> None:
    session_id = world.at(Status.VALIDATED).session_id
    outage = _outage(world)
    with pytest.raises(ExternalServiceError):
        world.orchestrator.determine_category(world.client, session_id)
    assert outage.asked == 1
