"""Accounts at the desk: found by how number, name or address begin, looked at whole, opened and closed with a trace."""

from __future__ import annotations

import pytest

from tests.services.conftest import World
from tests.support.racing import race
from wizard.core.accounts import Account, AccountStatus
from wizard.core.actors import Actor
from wizard.core.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from wizard.core.registration import Status
from wizard.services.account_desk import AccountDesk
from wizard.services.events import EventBus
from wizard.services.ports.calls import Call
from wizard.services.written import LONGEST_REASON


@pytest.fixture
def desk(world: World) -> AccountDesk:
    events = EventBus()
    events.subscribe(world.told.append)
    return AccountDesk(world.clock, world.units, world.registrations, events)


def add(world: World, name: str, email: str = "some@example.org", number: str | None = None) -> Account:
    with world.units.write() as unit:
        account = unit.accounts.add(name=name, email=email, status=AccountStatus.ACTIVE, language="en", number=number)
        unit.commit()
    return account


def names(world: World, desk: AccountDesk, sought: str) -> list[str]:
    return [each.name for each in desk.page(world.staff, sought=sought).accounts]


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("ada", ["Ada Applicant"]),
        (" APPLI ", ["Ada Applicant"]),
        ("appli ad", ["Ada Applicant"]),
        ("pplicant", []),
        ("ben@", ["Ben Beginner"]),
        ("BEN@EXAMPLE.ORG", ["Ben Beginner"]),
        ("example.org", []),
        ("OSOT-0000003", ["Cam Pending"]),
        ("osot-000000", ["Ada Applicant", "Ben Beginner", "Cam Pending", "Dee Inactive", "Eli Extra"]),
        ("%", []),
        ("osot_", []),
        ("noe", ["Noé d’Été-Œuvre"]),
        ("ÉTÉ", []),
        ("d’été", ["Noé d’Été-Œuvre"]),
        ("oeuvre", ["Noé d’Été-Œuvre"]),
        ("ada ben", []),
        ("@", []),
        ("a\0da", ["Ada Applicant"]),
    ],
)
def test_they_are_found_by_how_they_begin(world: World, desk: AccountDesk, sought: str, found: list[str]) -> None:
    add(world, "Noé d’Été-Œuvre", "n.o@example.org", number="X_1%")
    assert names(world, desk, sought) == found


def test_what_means_something_to_the_database_means_itself(world: World, desk: AccountDesk) -> None:
    add(world, "Odd Number", number="X_1")
    add(world, "Plain Number", number="XA1")
    assert names(world, desk, "x_") == ["Odd Number"]


def test_the_list_goes_page_by_page(world: World, desk: AccountDesk) -> None:
    for number in range(60):
        add(world, f"Person {number:02}")
    seen, after = [], None
    while True:
        page = desk.page(world.staff, sought="person", after=after)
        seen += [each.name for each in page.accounts]
        after = page.following
        if after is None:
            break
    assert seen == [f"Person {number:02}" for number in range(60)]
    assert page.waiting == 1


def test_by_status(world: World, desk: AccountDesk) -> None:
    found = desk.page(world.staff, status=AccountStatus.INACTIVE).accounts
    assert [each.name for each in found] == ["Dee Inactive"]


def test_one_has_all_that_belongs_to_it(world: World, desk: AccountDesk) -> None:
    done = world.at(Status.WORKFLOW_COMPLETED)
    under_way = world.staged()
    view = desk.view(world.staff, world.account.id)
    assert view.account == world.account
    assert view.record is not None
    assert view.record.session_id == done.session_id
    assert [each.session_id for each in view.registrations] == [under_way.session_id]
    assert view.history == []
    world.clock.instant = under_way.expires_at
    assert desk.view(world.staff, world.account.id).registrations == []
    with pytest.raises(NotFound):
        desk.view(world.staff, "none")


def test_closing_and_opening_are_in_the_trail_with_before_and_after(world: World, desk: AccountDesk) -> None:
    account_id = world.account.id
    for _ in range(2):
        assert desk.deactivate(world.staff, account_id, reason=" Left. ").status is AccountStatus.INACTIVE
    for _ in range(2):
        assert desk.activate(world.main, account_id).status is AccountStatus.ACTIVE
    history = desk.view(world.staff, account_id).history
    assert [(each.name, each.actor, each.privilege) for each in history] == [
        ("account.updated", "staff:ann", "admin"),
        ("account.updated", "staff:mia", "main"),
    ]
    assert dict(history[0].changes) == {"status": ("active", "inactive"), "reason": (None, "Left.")}
    assert dict(history[1].changes) == {"status": ("inactive", "active")}
    assert "Left." not in repr([each.details for each in history])
    assert len(world.told) == 2
    with world.units.read() as unit:
        assert unit.audit.verify() == []


def test_of_several_at_once_one_closes_it(world: World, desk: AccountDesk) -> None:
    outcome = race(*(lambda: desk.deactivate(world.staff, world.account.id, reason="Left.") for _ in range(4)))
    assert outcome.errors == ()
    assert len(desk.view(world.staff, world.account.id).history) == 1


@pytest.mark.parametrize("reason", ["", " \n\0", "x" * (LONGEST_REASON + 1)])
def test_closing_needs_a_reason(world: World, desk: AccountDesk, reason: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        desk.deactivate(world.staff, world.account.id, reason=reason)
    assert caught.value.problems[0].field == "reason"


def test_one_that_waits_is_approved_or_refused_instead(world: World, desk: AccountDesk) -> None:
    waiting = world.seeded.accounts[2].id
    with pytest.raises(Conflict, match=r"account\.waits"):
        desk.activate(world.staff, waiting)
    with pytest.raises(Conflict, match=r"account\.waits"):
        desk.deactivate(world.staff, waiting, reason="x")
    with pytest.raises(NotFound):
        desk.activate(world.staff, "none")
    assert desk.view(world.staff, waiting).account.status is AccountStatus.PENDING


@pytest.mark.parametrize("proved", [True, False])
def test_it_is_the_desks(world: World, desk: AccountDesk, proved: bool) -> None:
    account_id = world.account.id
    call = Call(Actor.applicant("a-session", account_id if proved else None))
    for act in (
        lambda: desk.page(call),
        lambda: desk.view(call, account_id),
        lambda: desk.activate(call, account_id),
        lambda: desk.deactivate(call, account_id, reason="No"),
    ):
        with pytest.raises(PermissionDenied):
            act()
