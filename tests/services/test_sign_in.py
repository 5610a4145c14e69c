"""Signing in to the desk: the password, and the second factor beside it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

import pytest
from argon2 import PasswordHasher
from pyotp import TOTP

from tests.conftest import SECRET_KEYS
from tests.services.conftest import World
from tests.support.racing import race
from wizard.core.accounts import StaffMember
from wizard.core.actors import Actor, Privilege
from wizard.core.errors import Unauthenticated, ValidationFailed
from wizard.services.authenticator import new_key
from wizard.services.events import EventBus
from wizard.services.my_sign_in import MySignIn
from wizard.services.passwords import Passwords
from wizard.services.ports.calls import Call
from wizard.services.sign_in import Half, Lacking, SignIn
from wizard.services.staff import Desk
from wizard.storage.crypto import Cipher
from wizard.storage.tables import RecoveryCodeRow, SecondFactorRow
from wizard.storage.unit_of_work import SqlUnitsOfWork

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
STRONGER = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
NOBODY = Call(Actor.applicant(), "request-5")
SYSTEM = Call(Actor.system("command"))
STEP = timedelta(seconds=30)


class CountingHasher(PasswordHasher):
    """Counts the verifications, which are what a sign-in takes its time for."""

    verified: int = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - as argon2 has it
        self.verified += 1
        return super().verify(hash, password)


def sign_in_of(
    world: World, hasher: PasswordHasher = QUICK, *, required: bool = False, units: SqlUnitsOfWork | None = None
) -> SignIn:
    events = EventBus()
    events.subscribe(world.told.append)
    return SignIn(world.clock, units or world.units, events, required, Passwords(hasher))


@pytest.fixture
def sign_in(world: World) -> SignIn:
    return sign_in_of(world)


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world.clock, world.units, world.registrations, EventBus(), Passwords(QUICK))


@dataclass
class Phone:
    """An app with Ann's key, and the recovery codes on paper; the first code is used up."""

    world: World
    key: str
    member: StaffMember
    recovery: tuple[str, ...]

    def shows(self, *, steps: int = 0) -> str:
        """What the app shows, some steps on."""
        return TOTP(self.key).at(self.world.clock.now() + steps * STEP)

    @property
    def half(self) -> Half:
        return Half.of(self.member)


@pytest.fixture
def phone(world: World) -> Phone:
    mine, key = MySignIn(world.clock, world.units, EventBus(), passwords=Passwords(QUICK)), new_key()
    code = TOTP(key).at(world.clock.now())
    member, recovery = mine.set_up(world.staff, key, code=code, password=world.seeded.password)
    return Phone(world, key, member, recovery)


def let_in(sign_in: SignIn, phone: Phone, typed: str) -> bool:
    with suppress(Unauthenticated):
        return sign_in.code(NOBODY, phone.half, typed) == phone.member
    return False


# --- The password -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("username", ["ann", " Ann "])
def test_staff_sign_in_with_their_password(world: World, sign_in: SignIn, username: str) -> None:
    member, lacking = sign_in.password(NOBODY, username, world.seeded.password)
    assert (member, lacking) == (world.seeded.admin, Lacking.NOTHING)
    event = world.told[-1]
    assert (event.name.value, event.actor, event.privilege) == ("staff.signed_in", "staff:ann", "admin")
    assert event.request_id == "request-5"
    assert world.trail(f"staff:{member.id}") == ["staff.signed_in"]


def test_where_no_passwords_are_taken_none_lets_in(world: World, sign_in: SignIn, phone: Phone) -> None:
    strict = replace(sign_in, takes_passwords=False)
    with pytest.raises(Unauthenticated, match=r"sign_in\.wrong"):
        strict.password(NOBODY, "mia", world.seeded.password)
    # Nor does what was begun with one before.
    with pytest.raises(Unauthenticated, match=r"sign_in$"):
        strict.code(NOBODY, phone.half, phone.shows(steps=1))
    assert let_in(sign_in, phone, phone.shows(steps=1))


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
def test_all_else_is_refused_alike(world: World, sign_in: SignIn, username: str, password: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        sign_in.password(NOBODY, username, password)
    assert str(caught.value) == "sign_in.wrong"
    event = world.told[-1]
    assert (event.name.value, event.actor) == ("staff.sign_in_failed", "applicant")
    assert event.details["staff"] == (world.seeded.admin.id if username == "ann" else "unknown")


def test_what_was_typed_is_not_recorded(world: World, sign_in: SignIn) -> None:
    with pytest.raises(Unauthenticated):
        sign_in.password(NOBODY, "my secret password", "oops")
    assert "secret password" not in repr(world.told)


@pytest.mark.parametrize("username", ["ann", "nobody"])
def test_an_unknown_user_costs_the_same_work(world: World, username: str) -> None:
    hasher = CountingHasher(time_cost=1, memory_cost=8, parallelism=1)
    sign_in = sign_in_of(world, hasher)
    for tries in (1, 2):
        with pytest.raises(Unauthenticated):
            sign_in.password(NOBODY, username, "wrong")
        assert hasher.verified == tries


def test_a_disabled_member_is_refused_with_the_right_password(world: World, sign_in: SignIn, desk: Desk) -> None:
    desk.disable(world.main, "ann")
    with pytest.raises(Unauthenticated):
        sign_in.password(NOBODY, "ann", world.seeded.password)


def test_a_hash_of_older_parameters_is_renewed_at_sign_in(world: World, sign_in: SignIn) -> None:
    renewed, _ = sign_in_of(world, STRONGER).password(NOBODY, "ann", world.seeded.password)
    assert renewed.password_hash != world.seeded.admin.password_hash
    assert sign_in.member(renewed.id, renewed.epoch) == renewed
    assert sign_in_of(world, STRONGER).password(NOBODY, "ann", world.seeded.password)[0] == renewed


def test_a_member_is_there_under_their_epoch_until_disabled(world: World, sign_in: SignIn, desk: Desk) -> None:
    admin = world.seeded.admin
    assert sign_in.member(admin.id, admin.epoch) == admin
    assert sign_in.member(admin.id, admin.epoch + 1) is None
    assert sign_in.member("made-up", 0) is None
    disabled = desk.disable(SYSTEM, "ANN")
    assert sign_in.member(admin.id, admin.epoch) is None
    assert sign_in.member(admin.id, disabled.epoch) is None


def test_a_new_member_signs_in(sign_in: SignIn, desk: Desk) -> None:
    desk.add(SYSTEM, username=" New ", name="Nora New", password="long enough for it", privilege=Privilege.ADMIN)
    assert sign_in.password(NOBODY, "new", "long enough for it")[0].name == "Nora New"


# --- The second factor -------------------------------------------------------------------------------------------


def test_with_an_app_the_password_is_half(world: World, sign_in: SignIn, phone: Phone) -> None:
    before = len(world.trail(f"staff:{phone.member.id}"))
    member, lacking = sign_in.password(NOBODY, "ann", world.seeded.password)
    assert (member, lacking) == (phone.member, Lacking.CODE)
    assert len(world.trail(f"staff:{member.id}")) == before
    world.clock.instant += STEP
    assert sign_in.code(NOBODY, phone.half, phone.shows()) == phone.member
    assert world.trail(f"staff:{member.id}")[before:] == ["staff.signed_in"]
    assert (world.told[-1].actor, world.told[-1].privilege) == ("staff:ann", "admin")


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_clock_may_be_one_step_off(world: World, sign_in: SignIn, phone: Phone, steps: int) -> None:
    world.clock.instant += 5 * STEP
    assert let_in(sign_in, phone, phone.shows(steps=steps))


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_clock_may_not_be_two_steps_off(world: World, sign_in: SignIn, phone: Phone, steps: int) -> None:
    world.clock.instant += 5 * STEP
    assert not let_in(sign_in, phone, phone.shows(steps=steps))


def test_a_code_is_taken_once_and_none_before_it_after_it(world: World, sign_in: SignIn, phone: Phone) -> None:
    assert not let_in(sign_in, phone, phone.shows())  # It has set the app up.
    world.clock.instant += 5 * STEP
    assert let_in(sign_in, phone, phone.shows())
    assert not let_in(sign_in, phone, phone.shows())
    assert not let_in(sign_in, phone, phone.shows(steps=-1))
    assert let_in(sign_in, phone, phone.shows(steps=1))


def test_of_many_at_once_one_gets_in_with_a_code(world: World, phone: Phone) -> None:
    world.clock.instant += STEP
    typed = phone.shows()
    outcome = race(*(lambda: sign_in_of(world).code(NOBODY, phone.half, typed) for _ in range(4)))
    assert len(outcome.results) == 1
    assert [str(error) for error in outcome.errors] == ["sign_in.code"] * 3


@pytest.mark.parametrize(
    "typed", ["", "12345", "abcdef", "\ud800", "x" * 10_000, "\uff11\uff12\uff13\uff14\uff15\uff16"]
)
def test_nonsense_is_refused_and_noted(world: World, sign_in: SignIn, phone: Phone, typed: str) -> None:
    assert not let_in(sign_in, phone, typed)
    with pytest.raises(Unauthenticated, match=r"sign_in\.code"):
        sign_in.code(NOBODY, phone.half, typed)
    event = world.told[-1]
    assert (event.name.value, event.details) == (
        "staff.sign_in_failed",
        {"staff": phone.member.id, "with": "second_factor"},
    )


def test_a_code_may_be_typed_in_groups(world: World, sign_in: SignIn, phone: Phone) -> None:
    world.clock.instant += STEP
    shown = phone.shows()
    assert let_in(sign_in, phone, f" {shown[:3]} {shown[3:]}")


def test_who_has_changed_since_the_password_begins_again(
    world: World, sign_in: SignIn, phone: Phone, desk: Desk
) -> None:
    world.clock.instant += STEP
    desk.disable(SYSTEM, "ann")
    for half in (phone.half, Half("made-up", 0, "x"), Half.of(world.seeded.main)):
        with pytest.raises(Unauthenticated) as caught:
            sign_in.code(NOBODY, half, phone.shows())
        assert caught.value.message == "sign_in"


def test_a_recovery_code_works_once(world: World, sign_in: SignIn, phone: Phone) -> None:
    first, second, *others = phone.recovery
    assert len({*phone.recovery}) == len(others) + 2 == 10
    assert let_in(sign_in, phone, first)
    assert world.trail(f"staff:{phone.member.id}")[-2:] == ["staff.recovery_used", "staff.signed_in"]
    assert not let_in(sign_in, phone, first)
    # However it was written down.
    assert let_in(sign_in, phone, f" {second.upper().replace('0', 'O').replace('1', 'l').replace('-', ' ')} ")


def test_of_many_at_once_one_gets_in_with_a_recovery_code(world: World, phone: Phone) -> None:
    outcome = race(*(lambda: sign_in_of(world).code(NOBODY, phone.half, phone.recovery[0]) for _ in range(4)))
    assert len(outcome.results) == 1


def test_a_recovery_code_is_only_its_owners(world: World, sign_in: SignIn, phone: Phone) -> None:
    mine, key = MySignIn(world.clock, world.units, EventBus(), passwords=Passwords(QUICK)), new_key()
    mia, _ = mine.set_up(world.main, key, code=TOTP(key).at(world.clock.now()), password=world.seeded.password)
    with pytest.raises(Unauthenticated):
        sign_in.code(NOBODY, Half.of(mia), phone.recovery[0])


# --- At rest -----------------------------------------------------------------------------------------------------


def test_neither_key_nor_codes_are_readable_in_the_database(units: SqlUnitsOfWork, phone: Phone) -> None:
    stored = rows(units)
    assert phone.key.encode() not in stored
    assert all(code.encode() not in stored and code.replace("-", "").encode() not in stored for code in phone.recovery)


def rows(units: SqlUnitsOfWork) -> bytes:
    with units.sessions() as session:
        factors = [(row.staff_id, row.sealed, row.last_step) for row in session.query(SecondFactorRow)]
        codes = [(row.staff_id, row.digest) for row in session.query(RecoveryCodeRow)]
    return b"|".join(
        part if isinstance(part, bytes) else str(part).encode() for row in (*factors, *codes) for part in row
    )


def under(units: SqlUnitsOfWork, *keys: str) -> SqlUnitsOfWork:
    return SqlUnitsOfWork(units.sessions, Cipher(keys), units.clock)


def test_keys_are_rotated_by_signing_in(world: World, units: SqlUnitsOfWork, phone: Phone) -> None:
    newest = "rotated-in-0123456789-abcdefghijklmnopqrstuvwxyz"
    world.clock.instant += STEP
    assert let_in(sign_in_of(world, units=under(units, newest, *SECRET_KEYS)), phone, phone.shows())
    world.clock.instant += STEP
    assert let_in(sign_in_of(world, units=under(units, newest)), phone, phone.shows())


def test_when_the_secret_is_gone_a_recovery_code_helps(world: World, units: SqlUnitsOfWork, phone: Phone) -> None:
    world.clock.instant += STEP
    sign_in = sign_in_of(world, units=under(units, "another-0123456789-abcdefghijklmnopqrstuvwxyz"))
    assert not let_in(sign_in, phone, phone.shows())
    assert let_in(sign_in, phone, phone.recovery[0])


# --- Required ----------------------------------------------------------------------------------------------------


def test_where_it_is_required_it_is_set_up_right_after_the_password(world: World) -> None:
    sign_in, key = sign_in_of(world, required=True), new_key()
    member, lacking = sign_in.password(NOBODY, "ann", world.seeded.password)
    assert lacking is Lacking.SET_UP
    assert world.trail(f"staff:{member.id}") == []
    with pytest.raises(ValidationFailed, match=r"second_factor\.set_up"):
        sign_in.set_up(NOBODY, Half.of(member), key, "000000")
    current, codes = sign_in.set_up(NOBODY, Half.of(member), key, TOTP(key).at(world.clock.now()))
    assert len(codes) == 10
    assert world.trail(f"staff:{member.id}") == ["staff.totp_enabled", "staff.signed_in"]
    assert sign_in.member(member.id, member.epoch) is None
    assert sign_in.member(current.id, current.epoch) == current
    assert sign_in.password(NOBODY, "ann", world.seeded.password)[1] is Lacking.CODE


def test_who_has_one_cannot_go_round_it_by_setting_up_another(world: World, phone: Phone) -> None:
    key = new_key()
    with pytest.raises(Unauthenticated):
        sign_in_of(world, required=True).set_up(NOBODY, phone.half, key, TOTP(key).at(world.clock.now()))
