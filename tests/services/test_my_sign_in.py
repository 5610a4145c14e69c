"""What members of the desk change about their own sign-in, and what `main` takes away from others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from argon2 import PasswordHasher
from pyotp import TOTP

from tests.services.conftest import World
from wizard.core.actors import Actor, ActorKind, Privilege
from wizard.core.errors import Conflict, NotFound, PermissionDenied, Unauthenticated, ValidationFailed
from wizard.services.authenticator import new_key
from wizard.services.events import EventBus
from wizard.services.my_sign_in import Codes, MySignIn
from wizard.services.passwords import Passwords
from wizard.services.ports.calls import Call
from wizard.services.sign_in import Half, Lacking, SignIn

QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
SYSTEM = Call(Actor.system("command"))
NEW = "another password, a long one"


@pytest.fixture
def mine(world: World) -> MySignIn:
    events = EventBus()
    events.subscribe(world.told.append)
    return MySignIn(world.clock, world.units, events, passwords=QUICK)


@pytest.fixture
def sign_in(world: World) -> SignIn:
    return SignIn(world.clock, world.units, EventBus(), passwords=QUICK)


def set_up(mine: MySignIn, world: World) -> Codes:
    key = new_key()
    return mine.set_up(world.staff, key, code=TOTP(key).at(world.clock.now()), password=world.seeded.password)[1]


def lacking(sign_in: SignIn, world: World, password: str | None = None) -> Lacking:
    return sign_in.password(SYSTEM, "ann", password or world.seeded.password)[1]


def test_an_app_is_set_up_and_removed(world: World, mine: MySignIn, sign_in: SignIn) -> None:
    assert (mine.standing(world.staff).since, mine.standing(world.staff).recovery_left) == (None, 0)
    set_up(mine, world)
    standing = mine.standing(world.staff)
    assert (standing.since, standing.recovery_left) == (world.clock.now(), 10)
    assert lacking(sign_in, world) is Lacking.CODE
    mine.remove(world.staff, password=world.seeded.password)
    assert (mine.standing(world.staff).since, mine.standing(world.staff).recovery_left) == (None, 0)
    assert lacking(sign_in, world) is Lacking.NOTHING
    names = [event.name.value for event in world.told]
    assert names == ["staff.totp_enabled", "staff.totp_disabled"]
    assert {event.actor for event in world.told} == {"staff:ann"}


def test_another_app_takes_the_place_of_the_first(world: World, mine: MySignIn, sign_in: SignIn) -> None:
    (old, *_), (new, *_) = set_up(mine, world), set_up(mine, world)
    half = Half.of(sign_in.password(SYSTEM, "ann", world.seeded.password)[0])
    with pytest.raises(Unauthenticated):
        sign_in.code(SYSTEM, half, old)
    assert sign_in.code(SYSTEM, half, new).username == "ann"


def test_new_recovery_codes_make_the_old_void(world: World, mine: MySignIn, sign_in: SignIn) -> None:
    old = set_up(mine, world)
    member, codes = mine.renew_recovery_codes(world.staff, password=world.seeded.password)
    assert not {*old} & {*codes}
    with pytest.raises(Unauthenticated):
        sign_in.code(SYSTEM, Half.of(member), old[0])
    sign_in.code(SYSTEM, Half.of(member), codes[0])
    assert mine.standing(world.staff).recovery_left == 9


def test_a_wrong_code_sets_nothing_up(world: World, mine: MySignIn) -> None:
    key = new_key()
    with pytest.raises(ValidationFailed, match=r"second_factor\.set_up"):
        mine.set_up(world.staff, key, code="000000", password=world.seeded.password)
    assert mine.standing(world.staff).since is None


def test_the_password_is_changed(world: World, mine: MySignIn, sign_in: SignIn) -> None:
    mine.change_password(world.staff, password=world.seeded.password, new=NEW)
    assert lacking(sign_in, world, NEW) is Lacking.NOTHING
    with pytest.raises(Unauthenticated):
        lacking(sign_in, world)
    with pytest.raises(ValidationFailed, match=r"password\.length"):
        mine.change_password(world.staff, password=NEW, new="too short")


def changes(world: World, mine: MySignIn, password: str) -> dict[str, Callable[[Call], object]]:
    key = new_key()
    code = TOTP(key).at(world.clock.now())
    return {
        "set up": lambda call: mine.set_up(call, key, code=code, password=password),
        "renew": lambda call: mine.renew_recovery_codes(call, password=password),
        "change": lambda call: mine.change_password(call, password=password, new=NEW),
        "remove": lambda call: mine.remove(call, password=password),
    }


def test_each_takes_the_password(world: World, mine: MySignIn) -> None:
    set_up(mine, world)
    before = world.trail(f"staff:{world.seeded.admin.id}")
    for change in changes(world, mine, "not this one").values():
        with pytest.raises(ValidationFailed, match=r"password\.wrong"):
            change(world.staff)
    after = world.trail(f"staff:{world.seeded.admin.id}")
    assert after == [*before, *["staff.sign_in_failed"] * 4]


def test_each_signs_out_everywhere_else(world: World, mine: MySignIn, sign_in: SignIn) -> None:
    password = world.seeded.password
    for name in ("set up", "renew", "change"):
        member = sign_in.password(SYSTEM, "ann", password)[0]
        changes(world, mine, password)[name](world.staff)
        assert sign_in.member(member.id, member.epoch) is None
        password = NEW if name == "change" else password
    member = sign_in.password(SYSTEM, "ann", password)[0]
    current = mine.remove(world.staff, password=password)
    assert sign_in.member(member.id, member.epoch) is None
    assert sign_in.member(current.id, current.epoch) == current


def test_signing_out_everywhere(world: World, mine: MySignIn, sign_in: SignIn) -> None:
    member, other = world.seeded.admin, world.seeded.main
    mine.sign_out_everywhere(world.staff)
    assert sign_in.member(member.id, member.epoch) is None
    assert sign_in.member(other.id, other.epoch) == other
    assert world.trail(f"staff:{member.id}") == ["staff.signed_out_everywhere"]


def test_nobody_else_has_a_sign_in_to_change(world: World, mine: MySignIn) -> None:
    strangers = (
        SYSTEM,
        world.client,
        world.applicant("session"),
        Call(Actor.staff("nobody", Privilege.MAIN)),
        # A token is not somebody, however it is called.
        Call(Actor(ActorKind.API, "staff:ann", Privilege.MAIN)),
    )
    for stranger in strangers:
        for change in (*changes(world, mine, world.seeded.password).values(), mine.standing, mine.sign_out_everywhere):
            with pytest.raises(PermissionDenied):
                change(stranger)


def test_without_an_app_there_is_nothing_to_remove_or_renew(world: World, mine: MySignIn) -> None:
    for change in (mine.remove, mine.renew_recovery_codes):
        with pytest.raises(NotFound, match=r"second_factor\.none"):
            change(world.staff, password=world.seeded.password)


def test_what_is_required_is_replaced_but_not_removed(world: World) -> None:
    mine = MySignIn(world.clock, world.units, EventBus(), requires_second_factor=True, passwords=QUICK)
    set_up(mine, world)
    set_up(mine, world)
    with pytest.raises(Conflict, match=r"second_factor\.required"):
        mine.remove(world.staff, password=world.seeded.password)


def test_who_has_lost_it_is_helped_by_main(world: World, mine: MySignIn, sign_in: SignIn) -> None:
    set_up(mine, world)
    with pytest.raises(PermissionDenied):
        mine.reset(world.staff, "ann")
    member = sign_in.password(SYSTEM, "ann", world.seeded.password)[0]
    mine.reset(world.main, " ANN ")
    assert sign_in.member(member.id, member.epoch) is None
    assert lacking(sign_in, world) is Lacking.NOTHING
    assert (world.told[-1].name.value, world.told[-1].actor) == ("staff.totp_disabled", "staff:mia")
    with pytest.raises(NotFound, match=r"second_factor\.none"):
        mine.reset(SYSTEM, "ann")
    with pytest.raises(NotFound, match=r"staff\.unknown"):
        mine.reset(SYSTEM, "nobody")
