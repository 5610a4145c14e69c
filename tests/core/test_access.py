"""Which records a token reads: every privilege with every access modifier, its own account's and others'."""

from __future__ import annotations

import pytest

from tests.support.new_records import education, record
from wizard.core.access import require_record, scope_of
from wizard.core.actors import Action, Actor, ActorKind, Privilege
from wizard.core.errors import PermissionDenied

OWN, OTHER = "account-1", "account-2"


def token(privilege: Privilege) -> Actor:
    return Actor(ActorKind.API, "token:t", privilege, OWN if privilege is Privilege.OWNER else None)


def allowed(actor: Actor, action: Action, account_id: str, modifier: str) -> bool:
    try:
        require_record(actor, action, record(account_id, data=education(access_modifier=modifier)))
    except PermissionDenied:
        return False
    return True


@pytest.mark.parametrize(
    ("privilege", "read"),
    [
        (Privilege.OWNER, {"public"}),
        (Privilege.ADMIN, {"public", "protected"}),
        (Privilege.MAIN, {"public", "protected", "private"}),
    ],
)
def test_the_access_modifier_decides_what_a_token_reads_of_others(privilege: Privilege, read: set[str]) -> None:
    actor = token(privilege)
    for modifier in ("public", "protected", "private"):
        assert allowed(actor, Action.READ, OTHER, modifier) == (modifier in read)


def test_an_owners_token_reads_and_changes_its_own_record_whatever_its_access_modifier() -> None:
    actor = token(Privilege.OWNER)
    for modifier in ("public", "protected", "private"):
        assert allowed(actor, Action.READ, OWN, modifier)
        assert allowed(actor, Action.CHANGE, OWN, modifier)
        assert not allowed(actor, Action.CHANGE, OTHER, modifier)
        assert not allowed(actor, Action.DELETE, OWN, modifier)


def test_what_a_token_may_not_read_it_may_not_change() -> None:
    assert allowed(token(Privilege.ADMIN), Action.CHANGE, OTHER, "protected")
    assert not allowed(token(Privilege.ADMIN), Action.CHANGE, OTHER, "private")
    assert not allowed(token(Privilege.ADMIN), Action.DELETE, OTHER, "public")
    assert allowed(token(Privilege.MAIN), Action.DELETE, OTHER, "private")


def test_people_are_not_bound_by_it() -> None:
    assert scope_of(Actor.staff("ann", Privilege.ADMIN)) is None
    assert allowed(Actor.staff("ann", Privilege.ADMIN), Action.READ, OTHER, "private")


def test_a_record_that_is_not_there_is_the_desks_to_know_of() -> None:
    require_record(token(Privilege.ADMIN), Action.READ, None)
    with pytest.raises(PermissionDenied):
        require_record(token(Privilege.OWNER), Action.READ, None)


def test_somebody_without_a_privilege_reads_nothing() -> None:
    actor = Actor(ActorKind.API, "anonymous")
    assert scope_of(actor) is None
    assert not allowed(actor, Action.READ, OTHER, "public")
