"""The desk: what staff see, who belongs to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from tests.services.conftest import World
from wizard.core.accounts import StaffIdentity, StaffMember
from wizard.core.actors import Actor, Privilege
from wizard.core.errors import Conflict, NotFound, PermissionDenied, SessionExpired, ValidationFailed
from wizard.core.registration import Status
from wizard.services.events import EventBus
from wizard.services.passwords import Passwords
from wizard.services.ports.calls import Call
from wizard.services.ports.registrations import Selection
from wizard.services.staff import Desk

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
SYSTEM = Call(Actor.system("command"))


@pytest.fixture
def desk(world: World) -> Desk:
    events = EventBus()
    events.subscribe(world.told.append)
    return Desk(world.clock, world.units, world.registrations, events, Passwords(QUICK))


def add(desk: Desk, *, username: str = "new") -> StaffMember:
    return desk.add(
        SYSTEM, username=username, name="Nora New", password="long enough for it", privilege=Privilege.ADMIN
    )


def test_a_username_is_given_once(desk: Desk) -> None:
    add(desk)
    with pytest.raises(Conflict):
        add(desk, username="NEW")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"username": "two words"}, "username.format"),
        ({"name": " "}, "name.required"),
        ({"password": "too short"}, "password.length"),
        ({"password": "x" * 1001}, "password.length"),
        ({"privilege": Privilege.OWNER}, "privilege.choice"),
    ],
)
def test_a_member_has_a_name_a_password_and_a_privilege(
    desk: Desk, wrong: dict[str, str | Privilege], message: str
) -> None:
    right = {"username": "new", "name": "Nora", "password": "long enough for it", "privilege": Privilege.MAIN}
    with pytest.raises(ValidationFailed) as caught:
        desk.add(SYSTEM, **{**right, **wrong})  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_the_members_are_listed(world: World, desk: Desk) -> None:
    assert {member.username for member in desk.members(world.main)} == {"ann", "mia"}


def test_only_main_and_the_system_see_to_the_members(world: World, desk: Desk) -> None:
    with pytest.raises(PermissionDenied):
        desk.members(world.staff)
    with pytest.raises(PermissionDenied):
        desk.disable(world.staff, "mia")
    with pytest.raises(PermissionDenied):
        desk.add(world.staff, username="x", name="X", password="long enough for it", privilege=Privilege.MAIN)


def test_who_comes_and_who_goes_is_in_the_audit_trail(world: World, desk: Desk) -> None:
    member = add(desk, username="new")
    desk.disable(world.main, "new")
    assert world.trail(f"staff:{member.id}") == ["staff.added", "staff.disabled"]
    assert [event.actor for event in world.told[-2:]] == ["system:command", "staff:mia"]


def test_two_members_who_are_one_person_become_one(world: World, desk: Desk) -> None:
    former, member = add(desk, username="ann-2"), world.seeded.admin
    known = StaffIdentity(former.id, "https://id.example", "1", "ann@x.example")
    with world.units.write() as unit:
        unit.staff.put_identity(known)
        unit.commit()
    assert desk.connect(world.main, "ANN", "ann-2") == member
    with world.units.write() as unit:
        assert unit.staff.by_identity("https://id.example", "1") == member
        assert unit.staff.identity_of(member.id) == replace(known, staff_id=member.id)
        assert unit.staff.get(former.id) == replace(former, active=False, epoch=1)
    assert world.trail(f"staff:{former.id}")[-1] == "staff.disabled"
    assert world.trail(f"staff:{member.id}") == ["staff.connected"]
    assert world.told[-1].details == {"staff": member.id, "from": former.id}


def test_who_cannot_be_connected(world: World, desk: Desk) -> None:
    with pytest.raises(PermissionDenied):
        desk.connect(world.staff, "ann", "mia")
    for one, other in (("ann", "nobody"), ("nobody", "ann"), ("ann", "ann")):
        with pytest.raises(NotFound, match=r"staff\.unknown"):
            desk.connect(SYSTEM, one, other)
    with pytest.raises(NotFound, match=r"staff\.no_identity"):
        desk.connect(SYSTEM, "ann", "mia")


def test_nobody_is_disabled_who_is_not_there(desk: Desk) -> None:
    with pytest.raises(NotFound, match=r"staff\.unknown"):
        desk.disable(SYSTEM, "nobody")


# --- Registrations ---------------------------------------------------------------------------------------------


def test_the_desk_lists_registrations_by_status(world: World, desk: Desk) -> None:
    staged = world.staged()
    world.clock.instant += timedelta(minutes=1)
    validated = world.at(Status.VALIDATED)
    everything = desk.sessions(world.staff).registrations
    assert [each.session_id for each in everything] == [validated.session_id, staged.session_id]
    assert [each.session_id for each in desk.sessions(SYSTEM, Selection(status=Status.STAGED)).registrations] == [
        staged.session_id
    ]
    counts = desk.counts(world.staff)
    assert (counts[Status.STAGED], counts[Status.VALIDATED]) == (1, 1)


def test_the_desk_finds_a_members_registrations(world: World, desk: Desk) -> None:
    first = world.staged()
    world.clock.instant += timedelta(minutes=1)
    second = world.at(Status.VALIDATED)
    world.staged(user_business_id="osot-0000002")
    page = desk.sessions(world.staff, member_number=" OSOT-0000001 ")
    assert [each.session_id for each in page.registrations] == [second.session_id, first.session_id]
    assert page.cursor is None


def test_what_has_expired_is_not_listed(world: World, desk: Desk) -> None:
    registration = world.staged()
    world.clock.instant = registration.expires_at
    assert desk.sessions(world.staff).registrations == ()
    assert desk.sessions(world.staff, member_number="osot-0000001").registrations == ()


def test_helping_is_in_the_audit_trail(world: World, desk: Desk) -> None:
    registration = world.staged()
    desk.open(world.staff, registration.session_id)
    assert world.trail(registration.session_id)[-1] == "session.resumed"
    world.clock.instant = registration.expires_at
    with pytest.raises(SessionExpired):
        desk.open(world.staff, registration.session_id)


def test_registrations_are_the_desks_to_see(world: World, desk: Desk) -> None:
    registration = world.staged()
    call = world.applicant(registration.session_id, proved=world.account)
    with pytest.raises(PermissionDenied):
        desk.sessions(call)
    with pytest.raises(PermissionDenied):
        desk.counts(call)
    with pytest.raises(PermissionDenied):
        desk.open(call, registration.session_id)
