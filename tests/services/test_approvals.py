"""What the desk decides of accounts that wait: once, told to the person, and in the audit trail."""

from __future__ import annotations

import pytest

from tests.services.conftest import World
from tests.support.outbox import waiting
from tests.support.racing import race
from wizard.core.accounts import AccountStatus
from wizard.core.actors import Actor
from wizard.core.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from wizard.services.approvals import Approvals
from wizard.services.events import EventBus
from wizard.services.ports.calls import Call
from wizard.services.written import LONGEST_REASON


@pytest.fixture
def approvals(world: World) -> Approvals:
    events = EventBus()
    events.subscribe(world.told.append)
    return Approvals(world.clock, world.units, events)


def status(world: World, account_id: str) -> AccountStatus:
    with world.units.read() as unit:
        account = unit.accounts.get(account_id)
    assert account is not None
    return account.status


def test_those_that_wait_are_listed(world: World, approvals: Approvals) -> None:
    page = approvals.page(world.staff)
    assert [each.account for each in page.waiting] == [world.seeded.accounts[2]]
    assert page.waiting[0].since == world.clock.now()
    assert page.following is None


def test_approving_is_in_the_trail_under_the_members_name(world: World, approvals: Approvals) -> None:
    account = approvals.approve(world.staff, world.seeded.accounts[2].id)
    assert account.status is status(world, account.id) is AccountStatus.ACTIVE
    with world.units.read() as unit:
        (event,) = [row.event for row in unit.audit.history(f"account:{account.id}")]
        assert unit.audit.verify() == []
    assert (event.name, event.actor, event.privilege) == ("account.updated", "staff:ann", "admin")
    assert dict(event.details) == {"account": account.id, "status": "active"}
    assert dict(event.changes) == {"status": ("pending", "active")}
    assert [each.name for each in world.told] == ["account.updated"]


def test_refusing_says_why(world: World, approvals: Approvals) -> None:
    account = approvals.refuse(world.main, world.seeded.accounts[2].id, reason=" Not a graduate. ")
    assert status(world, account.id) is AccountStatus.INACTIVE
    (mail,) = waiting(world.units)
    assert (mail.recipient, mail.values["reason"]) == (account.email, "Not a graduate.")
    with world.units.read() as unit:
        (event,) = [row.event for row in unit.audit.history(f"account:{account.id}")]
    assert event.changes["reason"] == (None, "Not a graduate.")
    assert "Not a graduate." not in repr(event.details)


def test_repeating_changes_nothing(world: World, approvals: Approvals) -> None:
    account_id = world.seeded.accounts[2].id
    for _ in range(3):
        assert approvals.approve(world.staff, account_id).status is AccountStatus.ACTIVE
    assert len(waiting(world.units)) == len(world.told) == 1


def test_of_two_at_once_one_decides(world: World, approvals: Approvals) -> None:
    account_id = world.seeded.accounts[2].id
    outcome = race(
        *(lambda: approvals.approve(world.staff, account_id) for _ in range(3)),
        *(lambda: approvals.refuse(world.main, account_id, reason="No") for _ in range(3)),
    )
    assert {account.status for account in outcome.results} == {status(world, account_id)}
    assert {type(error) for error in outcome.errors} == {Conflict}
    assert len(waiting(world.units)) == 1


@pytest.mark.parametrize("reason", ["", " \n\0", "x" * (LONGEST_REASON + 1)])
def test_a_reason_is_needed(world: World, approvals: Approvals, reason: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        approvals.refuse(world.staff, world.seeded.accounts[2].id, reason=reason)
    assert caught.value.problems[0].field == "reason"


def test_accounts_that_do_not_wait_are_left_alone(world: World, approvals: Approvals) -> None:
    with pytest.raises(NotFound):
        approvals.approve(world.staff, "none")
    with pytest.raises(Conflict, match=r"account\.decided"):
        approvals.refuse(world.staff, world.account.id, reason="No")
    with pytest.raises(Conflict, match=r"account\.decided"):
        approvals.approve(world.staff, world.seeded.accounts[3].id)
    assert waiting(world.units) == []


@pytest.mark.parametrize("proved", [True, False])
def test_it_is_the_desks(world: World, approvals: Approvals, proved: bool) -> None:
    account = world.seeded.accounts[2]
    call = Call(Actor.applicant("a-session", account.id if proved else None))
    for act in (
        lambda: approvals.page(call),
        lambda: approvals.approve(call, account.id),
        lambda: approvals.refuse(call, account.id, reason="No"),
    ):
        with pytest.raises(PermissionDenied):
            act()
    assert status(world, account.id) is AccountStatus.PENDING
