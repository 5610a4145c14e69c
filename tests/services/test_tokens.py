"""Tokens of other systems: made once, called with while they live, known by nothing that opens anything."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.services.conftest import World
from wizard.core.actors import Actor, ActorKind, Privilege
from wizard.core.errors import (
    Conflict,
    ExternalServiceError,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    ValidationFailed,
)
from wizard.services.events import EventBus
from wizard.services.ports.calls import Call
from wizard.services.ports.units import UnitOfWork, UnitsOfWork
from wizard.services.tokens import PREFIX, NewToken, Tokens

SYSTEM = Call(Actor.system("command"))
MEMBERSHIP = NewToken("membership", Privilege.MAIN)


@dataclass(frozen=True)
class ReadOnly:
    """A database that takes no writes."""

    units: UnitsOfWork

    def read(self) -> AbstractContextManager[UnitOfWork]:
        return self.units.read()

    def write(self) -> UnitOfWork:
        raise ExternalServiceError("database")


@pytest.fixture
def tokens(world: World) -> Tokens:
    events = EventBus()
    events.subscribe(world.told.append)
    return Tokens(world.clock, world.units, events)


def told(world: World) -> list[str]:
    return [event.name.value for event in world.told]


def test_whoever_has_a_token_calls_under_its_name_and_privilege(tokens: Tokens, world: World) -> None:
    actor = tokens.authenticate(tokens.create(SYSTEM, MEMBERSHIP)).actor
    assert (actor.kind, actor.name, actor.privilege) == (ActorKind.API, "token:membership", Privilege.MAIN)
    assert told(world) == ["token.created"]


def test_an_owners_token_is_bound_to_one_account(tokens: Tokens, world: World) -> None:
    secret = tokens.create(SYSTEM, NewToken("ada", Privilege.OWNER, member_number="OSOT-0000001"))
    assert tokens.authenticate(secret).actor.account_id == world.account.id


@pytest.mark.parametrize(
    "new",
    [
        NewToken("ada", Privilege.OWNER),
        NewToken("membership", Privilege.MAIN, member_number="osot-0000001"),
        NewToken("membership", Privilege.ADMIN, member_number="osot-0000001"),
    ],
)
def test_only_an_owners_token_has_an_account(tokens: Tokens, new: NewToken) -> None:
    with pytest.raises(ValidationFailed) as refused:
        tokens.create(SYSTEM, new)
    assert refused.value.message == "token.account"


def test_an_owners_account_has_to_be_there(tokens: Tokens) -> None:
    with pytest.raises(NotFound):
        tokens.create(SYSTEM, NewToken("nobody", Privilege.OWNER, member_number="osot-9999999"))


@pytest.mark.parametrize("secret", ["", "otw_", "otw_nonsense", "nonsense", "otw_" + "A" * 43])
def test_what_is_no_token_opens_nothing(tokens: Tokens, secret: str) -> None:
    tokens.create(SYSTEM, MEMBERSHIP)
    with pytest.raises(Unauthenticated):
        tokens.authenticate(secret)


def test_a_token_ends_at_its_instant(tokens: Tokens, world: World) -> None:
    ends = world.clock.now() + timedelta(days=1)
    secret = tokens.create(SYSTEM, NewToken("short", Privilege.ADMIN, expires_at=ends))
    world.clock.instant = ends - timedelta(microseconds=1)
    tokens.authenticate(secret)
    world.clock.instant = ends
    with pytest.raises(Unauthenticated):
        tokens.authenticate(secret)


def test_a_token_cannot_end_before_it_begins(tokens: Tokens, world: World) -> None:
    with pytest.raises(ValidationFailed):
        tokens.create(SYSTEM, NewToken("late", Privilege.ADMIN, expires_at=world.clock.now()))


def test_a_revoked_token_opens_nothing_and_is_revoked_once(tokens: Tokens, world: World) -> None:
    secret = tokens.create(SYSTEM, MEMBERSHIP)
    tokens.revoke(SYSTEM, " Membership ")
    with pytest.raises(Unauthenticated):
        tokens.authenticate(secret)
    first = tokens.all(SYSTEM)[0].revoked_at
    world.clock.instant += timedelta(hours=1)
    tokens.revoke(SYSTEM, "membership")
    assert tokens.all(SYSTEM)[0].revoked_at == first
    assert told(world) == ["token.created", "token.revoked"]


def test_what_was_never_there_cannot_be_revoked(tokens: Tokens) -> None:
    with pytest.raises(NotFound):
        tokens.revoke(SYSTEM, "nothing")


def test_a_name_is_given_once_be_it_revoked(tokens: Tokens) -> None:
    tokens.create(SYSTEM, MEMBERSHIP)
    tokens.revoke(SYSTEM, "membership")
    with pytest.raises(Conflict):
        tokens.create(SYSTEM, MEMBERSHIP)


@pytest.mark.parametrize("name", ["", " ", "a b", "ä", "x" * 51, "-x"])
def test_a_name_is_plain(tokens: Tokens, name: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        tokens.create(SYSTEM, NewToken(name, Privilege.ADMIN))
    assert refused.value.message == "token.name"


def test_the_last_use_is_known_within_minutes(tokens: Tokens, world: World) -> None:
    secret = tokens.create(SYSTEM, MEMBERSHIP)
    first = world.clock.now()
    tokens.authenticate(secret)
    world.clock.instant = first + timedelta(minutes=4)
    tokens.authenticate(secret)
    assert tokens.all(SYSTEM)[0].last_used_at == first
    world.clock.instant = first + timedelta(minutes=5)
    tokens.authenticate(secret)
    assert tokens.all(SYSTEM)[0].last_used_at == world.clock.now()


def test_the_database_holds_nothing_to_call_with(tokens: Tokens) -> None:
    secret = tokens.create(SYSTEM, MEMBERSHIP)
    assert secret.startswith(PREFIX)
    assert len(secret) == len(PREFIX) + 43
    assert secret not in repr(tokens.all(SYSTEM))


@pytest.mark.parametrize("actor", [Actor.applicant(), Actor.staff("ann", Privilege.ADMIN)])
def test_tokens_are_for_main_and_commands(tokens: Tokens, actor: Actor) -> None:
    call = Call(actor)
    for refused in (
        lambda: tokens.create(call, MEMBERSHIP),
        lambda: tokens.all(call),
        lambda: tokens.revoke(call, "membership"),
    ):
        with pytest.raises(PermissionDenied):
            refused()


def test_whoever_calls_is_served_though_their_use_cannot_be_noted(tokens: Tokens, world: World) -> None:
    secret = tokens.create(SYSTEM, MEMBERSHIP)
    reading = Tokens(world.clock, ReadOnly(world.units), EventBus())
    assert reading.authenticate(secret).name == "membership"
    assert tokens.all(SYSTEM)[0].last_used_at is None
