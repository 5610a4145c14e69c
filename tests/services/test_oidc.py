"""Signing in with a provider, as the service sees it: two at once, and what is in the trail."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from tests.services.conftest import World
from tests.support.racing import race
from wizard.core.accounts import StaffMember
from wizard.core.actors import Actor, Privilege
from wizard.core.claims import PrivilegeRule, Strength
from wizard.core.errors import Unauthenticated
from wizard.core.events import EventName
from wizard.services.events import EventBus
from wizard.services.oidc import OidcSignIn
from wizard.services.ports.calls import Call
from wizard.services.ports.identities import Identity, Pending

NOBODY = Call(Actor.system("sign-in"), "request-6")
PENDING = Pending("state", "nonce", "verifier")
ISSUER = "https://id.example"


@dataclass
class Vouching:
    """What a provider has said; asking it is for others to test (tests/storage/test_oidc.py)."""

    people: dict[str, Identity] = field(default_factory=dict)

    def begin(self, *, choosing: bool = False) -> tuple[str, Pending]:
        return f"{ISSUER}?{choosing}", PENDING

    def identify(self, pending: Pending, code: str) -> Identity:
        assert pending is PENDING
        if code not in self.people:
            raise Unauthenticated("oidc.over")
        return self.people[code]

    def is_issuer(self, named: str | None) -> bool:
        return named in {None, ISSUER}

    def way_out(self, id_token: str) -> str | None:
        return f"{ISSUER}?{id_token}"


def person(subject: str, *roles: str, **claims: object) -> Identity:
    return Identity(ISSUER, subject, {"sub": subject, "roles": list(roles), **claims})


@pytest.fixture
def vouching() -> Vouching:
    return Vouching({"maya": person("1", "lead", name="Maya Main", preferred_username="maya", email="m@x.example")})


@pytest.fixture
def oidc(world: World, vouching: Vouching) -> OidcSignIn:
    events = EventBus()
    events.subscribe(world.told.append)
    rule = PrivilegeRule("roles", admin=frozenset({"desk"}), main=frozenset({"lead"}))
    return OidcSignIn(world.clock, world.units, events, vouching, rule, Strength(amr=frozenset()))


def finish(oidc: OidcSignIn, code: str = "maya") -> StaffMember:
    return oidc.finish(NOBODY, PENDING, code)[0]


def refused(oidc: OidcSignIn, code: str = "maya") -> str:
    with pytest.raises(Unauthenticated) as error:
        finish(oidc, code)
    return error.value.message


def test_a_sign_in_begins_at_the_provider(oidc: OidcSignIn) -> None:
    assert oidc.begin() == (f"{ISSUER}?False", PENDING)
    assert oidc.begin(choosing=True) == (f"{ISSUER}?True", PENDING)


def test_somebody_new_becomes_a_member(oidc: OidcSignIn, world: World) -> None:
    member = finish(oidc)
    assert (member.username, member.name, member.privilege, member.epoch) == ("maya", "Maya Main", Privilege.MAIN, 0)
    with world.units.read() as unit:
        assert unit.staff.get(member.id) == member
        identity = unit.staff.identity_of(member.id)
    assert identity is not None
    assert (identity.issuer, identity.subject, identity.email) == (ISSUER, "1", "m@x.example")
    assert world.trail(f"staff:{member.id}") == ["staff.added", "staff.signed_in"]
    assert [event.name.value for event in world.told] == ["staff.added", "staff.signed_in"]
    assert world.told[-1].changes == {"name": (None, "Maya Main"), "email": (None, "m@x.example")}


def test_the_same_again_changes_nothing(oidc: OidcSignIn, world: World) -> None:
    assert finish(oidc) == finish(oidc)
    assert world.told[-1].changes == {}
    assert world.told[-1].details == {"staff": finish(oidc).id, "with": "oidc"}


def test_what_the_provider_says_now_holds(oidc: OidcSignIn, vouching: Vouching, world: World) -> None:
    before = finish(oidc)
    vouching.people["maya"] = person("1", "desk", name="Maya Married", email="m@x.example")
    after = finish(oidc)
    assert after == replace(before, name="Maya Married", privilege=Privilege.ADMIN)
    with world.units.read() as unit:
        assert unit.staff.get(before.id) == after
    event = world.told[-1]
    assert (event.privilege, event.changes) == ("admin", {"name": ("Maya Main", "Maya Married")})
    assert event.details == {"staff": before.id, "with": "oidc", "privilege_before": "main", "privilege": "admin"}


def test_whoever_says_no_name_is_called_something(oidc: OidcSignIn, vouching: Vouching) -> None:
    vouching.people = {"bare": person("2", "desk"), "mail": person("3", "desk", email="sam@x.example")}
    assert (finish(oidc, "bare").username, finish(oidc, "bare").name) == ("staff", "staff")
    assert (finish(oidc, "mail").username, finish(oidc, "mail").name) == ("sam", "sam@x.example")


def test_a_name_that_is_no_longer_said_stays(oidc: OidcSignIn, vouching: Vouching, world: World) -> None:
    member = finish(oidc)
    vouching.people["maya"] = person("1", "lead")
    assert finish(oidc) == member
    assert world.told[-1].changes == {"email": ("m@x.example", None)}


def test_the_same_subject_of_another_provider_is_somebody_else(oidc: OidcSignIn, vouching: Vouching) -> None:
    member = finish(oidc)
    vouching.people["other"] = replace(vouching.people["maya"], issuer="https://other.example")
    other = finish(oidc, "other")
    assert (other.id != member.id, other.username) == (True, "maya-2")


def test_two_tabs_of_somebody_new_make_one_member(oidc: OidcSignIn, world: World) -> None:
    outcome = race(*(lambda: finish(oidc) for _ in range(4)))
    assert not outcome.errors
    with world.units.read() as unit:
        assert [each.username for each in unit.staff.all()] == ["ann", "maya", "mia"]


def test_two_of_one_name_at_once_are_two(oidc: OidcSignIn, vouching: Vouching, world: World) -> None:
    vouching.people["maia"] = person("4", "desk", preferred_username="maya")
    outcome = race(lambda: finish(oidc), lambda: finish(oidc, "maia"))
    assert not outcome.errors
    with world.units.read() as unit:
        assert {each.username for each in unit.staff.all()} == {"ann", "maya", "maya-2", "mia"}


def test_refusals_are_told_with_their_reason(oidc: OidcSignIn, vouching: Vouching, world: World) -> None:
    vouching.people["nora"] = person("5", "mail")
    assert refused(oidc, "nora") == "oidc.no_privilege"
    assert refused(oidc, "used") == "oidc.over"
    assert oidc.failed(NOBODY, "oidc.cancelled").message == "oidc.cancelled"
    strict = replace(oidc, strength=Strength(amr=frozenset({"mfa"})))
    assert refused(strict) == "oidc.second_factor"
    reasons = [event.details["reason"] for event in world.told]
    assert reasons == ["oidc.no_privilege", "oidc.over", "oidc.cancelled", "oidc.second_factor"]
    assert {event.name for event in world.told} == {EventName.STAFF_SIGN_IN_FAILED}
    assert world.trail("staff:unknown") == ["staff.sign_in_failed"] * 4
    with world.units.read() as unit:
        assert len(unit.staff.all()) == 2


def test_whose_privilege_is_gone_is_signed_out_everywhere(oidc: OidcSignIn, vouching: Vouching, world: World) -> None:
    member = finish(oidc)
    vouching.people["maya"] = person("1")
    assert refused(oidc) == "oidc.no_privilege"
    with world.units.read() as unit:
        current = unit.staff.get(member.id)
    assert current == replace(member, epoch=1)
    assert world.trail(f"staff:{member.id}")[-1] == "staff.sign_in_failed"


def test_a_weak_sign_in_ends_no_other(oidc: OidcSignIn, world: World) -> None:
    member = finish(oidc)
    assert refused(replace(oidc, strength=Strength(acr=frozenset({"gold"})))) == "oidc.second_factor"
    with world.units.read() as unit:
        assert unit.staff.get(member.id) == member


def test_whoever_was_disabled_stays_out(oidc: OidcSignIn, world: World) -> None:
    member = finish(oidc)
    with world.units.write() as unit:
        unit.staff.update(replace(member, active=False, epoch=7))
        unit.commit()
    assert refused(oidc) == "oidc.disabled"
    with world.units.read() as unit:
        assert unit.staff.get(member.id) == replace(member, active=False, epoch=7)
