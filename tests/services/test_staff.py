"""The desk: who signs in, what they see, who belongs to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest
from argon2 import PasswordHasher

from tests.services.conftest import World
from wizard.core.accounts import StaffMember
from wizard.core.actors import Actor, Privilege
from wizard.core.errors import Conflict, NotFound, PermissionDenied, SessionExpired, Unauthenticated, ValidationFailed
from wizard.core.registration import Status
from wizard.services.events import EventBus
from wizard.services.ports.calls import Call
from wizard.services.staff import Desk

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
STRONGER = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
NOBODY = Call(Actor.applicant(), "request-5")
SYSTEM = Call(Actor.system("command"))


class CountingHasher(PasswordHasher):
    """Counts the verifications, which are what a sign-in takes its time for."""

    verified: int = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - as argon2 has it
        self.verified += 1
        return super().verify(hash, password)


def desk_of(world: World, hasher: PasswordHasher = QUICK) -> Desk:
    events = EventBus()
    events.subscribe(world.told.append)
    return Desk(world.clock, world.units, world.registrations, events, hasher)


@pytest.fixture
def desk(world: World) -> Desk:
    return desk_of(world)


def add(desk: Desk, *, username: str = "new") -> StaffMember:
    return desk.add(
        SYSTEM, username=username, name="Nora New", password="long enough for it", privilege=Privilege.ADMIN
    )


@pytest.mark.parametrize("username", ["ann", " Ann "])
def test_staff_sign_in_with_their_password(world: World, desk: Desk, username: str) -> None:
    member = desk.sign_in(NOBODY, username, world.seeded.password)
    assert member == world.seeded.admin
    event = world.told[-1]
    assert (event.name.value, event.actor, event.privilege) == ("staff.signed_in", "staff:ann", "admin")
    assert event.request_id == "request-5"
    assert world.trail(f"staff:{member.id}") == ["staff.signed_in"]


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ann", "wrong"),
        ("ann", "pass\ud800word"),
        ("ann", "x" * 100_000),
        ("nobody", "correct horse battery staple"),
        ("nobody\x00", "correct horse battery staple"),
        ("", ""),
    ],
)
def test_all_else_is_refused_alike(world: World, desk: Desk, username: str, password: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        desk.sign_in(NOBODY, username, password)
    assert str(caught.value) == "sign_in.wrong"
    event = world.told[-1]
    assert (event.name.value, event.actor) == ("staff.sign_in_failed", "applicant")
    assert event.details["staff"] == (world.seeded.admin.id if username == "ann" else "unknown")


def test_what_was_typed_is_not_recorded(world: World, desk: Desk) -> None:
    with pytest.raises(Unauthenticated):
        desk.sign_in(NOBODY, "my secret password", "oops")
    assert "secret password" not in repr(world.told)


@pytest.mark.parametrize("username", ["ann", "nobody"])
def test_an_unknown_user_costs_the_same_work(world: World, username: str) -> None:
    hasher = CountingHasher(time_cost=1, memory_cost=8, parallelism=1)
    desk = desk_of(world, hasher)
    for tries in (1, 2):
        with pytest.raises(Unauthenticated):
            desk.sign_in(NOBODY, username, "wrong")
        assert hasher.verified == tries


def test_a_disabled_member_is_refused_with_the_right_password(world: World, desk: Desk) -> None:
    desk.disable(world.main, "ann")
    with pytest.raises(Unauthenticated):
        desk.sign_in(NOBODY, "ann", world.seeded.password)


def test_a_hash_of_older_parameters_is_renewed_at_sign_in(world: World, desk: Desk) -> None:
    renewed = desk_of(world, STRONGER).sign_in(NOBODY, "ann", world.seeded.password)
    assert renewed.password_hash != world.seeded.admin.password_hash
    assert desk.member(renewed.id, renewed.epoch) == renewed
    assert desk_of(world, STRONGER).sign_in(NOBODY, "ann", world.seeded.password) == renewed


def test_a_member_is_there_under_their_epoch_until_disabled(world: World, desk: Desk) -> None:
    admin = world.seeded.admin
    assert desk.member(admin.id, admin.epoch) == admin
    assert desk.member(admin.id, admin.epoch + 1) is None
    assert desk.member("made-up", 0) is None
    disabled = desk.disable(SYSTEM, "ANN")
    assert desk.member(admin.id, admin.epoch) is None
    assert desk.member(admin.id, disabled.epoch) is None


def test_a_new_member_signs_in(desk: Desk) -> None:
    add(desk, username=" New ")
    assert desk.sign_in(NOBODY, "new", "long enough for it").name == "Nora New"


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
    assert [each.session_id for each in desk.sessions(SYSTEM, status=Status.STAGED).registrations] == [
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
    narrowed = desk.sessions(world.staff, member_number="osot-0000001", status=Status.STAGED)
    assert [each.session_id for each in narrowed.registrations] == [first.session_id]


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
