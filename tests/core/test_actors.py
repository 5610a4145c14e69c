import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.actors import Action, Actor, ActorKind, Privilege, may, require, require_desk, require_main
from wizard.core.errors import PermissionDenied

MINE, OTHERS = "account-1", "account-2"
UNKNOWN = Actor.applicant("session-1")
OWNER = Actor.applicant("session-1", proved_account=MINE)
ADMIN = Actor.staff("ada", Privilege.ADMIN)
MAIN = Actor.staff("max", Privilege.MAIN)
SYSTEM = Actor.system("housekeeping")
OWNER_TOKEN = Actor(ActorKind.API, "token:portal", Privilege.OWNER, account_id=MINE)
UNBOUND_TOKEN = Actor(ActorKind.API, "token:loose", Privilege.OWNER)
ADMIN_TOKEN = Actor(ActorKind.API, "token:mailing", Privilege.ADMIN)
MAIN_TOKEN = Actor(ActorKind.API, "token:membership", Privilege.MAIN)

# 01-domain, Accounts, privileges and linking: create, read, change, delete on one's own account and on another.
_, R, C, X = "create", "read", "change", "delete"
PRIVILEGES: list[tuple[Actor, str, set[str]]] = [
    (OWNER, MINE, {_, R, C}),
    (OWNER, OTHERS, set()),
    (OWNER_TOKEN, MINE, {_, R, C}),
    (OWNER_TOKEN, OTHERS, set()),
    (ADMIN, OTHERS, {R, C}),
    (ADMIN_TOKEN, OTHERS, {R, C}),
    (MAIN, OTHERS, {_, R, C, X}),
    (MAIN_TOKEN, OTHERS, {_, R, C, X}),
    (UNKNOWN, MINE, set()),
    (UNBOUND_TOKEN, MINE, set()),
    (SYSTEM, MINE, set()),
]


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(("actor", "account", "allowed"), PRIVILEGES)
def test_privilege_allows_what_the_table_says(actor: Actor, account: str, allowed: set[str], action: Action) -> None:
    assert may(actor, action, account) is (action in allowed)
    if action in allowed:
        require(actor, action, account)
    else:
        with pytest.raises(PermissionDenied) as refusal:
            require(actor, action, account)
        assert refusal.value.problems[0].message == f"privilege.{action}"
        assert refusal.value.problems[0].params == {"action": action}


@pytest.mark.parametrize("action", Action)
def test_owner_without_an_account_owns_nothing(action: Action) -> None:
    assert not may(UNBOUND_TOKEN, action, None)
    assert not may(OWNER, action, None)


@pytest.mark.parametrize(
    ("actor", "is_desk", "is_main"),
    [
        (UNKNOWN, False, False),
        (OWNER, False, False),
        (OWNER_TOKEN, False, False),
        (ADMIN, True, False),
        (ADMIN_TOKEN, True, False),
        (MAIN, True, True),
        (MAIN_TOKEN, True, True),
        (SYSTEM, False, False),
    ],
)
def test_desk_is_admin_and_main(*, actor: Actor, is_desk: bool, is_main: bool) -> None:
    assert actor.is_desk is is_desk
    for check, allowed in ((require_desk, is_desk), (require_main, is_main)):
        if allowed:
            check(actor)
        else:
            with pytest.raises(PermissionDenied):
                check(actor)


@pytest.mark.parametrize(
    ("actor", "sees"),
    [
        # They would tell a stranger who is a member.
        (UNKNOWN, False),
        (UNBOUND_TOKEN, False),
        (SYSTEM, False),
        (OWNER, True),
        (ADMIN, True),
        (MAIN, True),
        (ADMIN_TOKEN, True),
        (MAIN_TOKEN, True),
    ],
)
def test_conflict_rules_answer_only_those_who_may_know(*, actor: Actor, sees: bool) -> None:
    assert actor.may_learn_of_conflicts(OWNER.account_id) is sees


def test_conflict_rules_answer_an_owner_for_the_linked_account_only() -> None:
    assert not OWNER.may_learn_of_conflicts(None)
    assert not OWNER.may_learn_of_conflicts("another-account")
    assert not UNKNOWN.may_learn_of_conflicts(None)


@pytest.mark.parametrize(
    ("actor", "kind", "name", "privilege"),
    [
        (UNKNOWN, "applicant", "applicant", None),
        (OWNER, "applicant", "applicant", "owner"),
        (ADMIN, "staff", "staff:ada", "admin"),
        (SYSTEM, "system", "system:housekeeping", None),
    ],
)
def test_actor_says_who_acts(actor: Actor, kind: str, name: str, privilege: str | None) -> None:
    assert (actor.kind, actor.name, actor.privilege) == (kind, name, privilege)


@given(st.sampled_from(Action), st.sampled_from([UNKNOWN, OWNER, ADMIN, MAIN, SYSTEM]), st.text(max_size=5))
def test_main_may_whatever_anybody_may(action: Action, actor: Actor, account: str) -> None:
    if may(actor, action, account):
        assert may(MAIN, action, account)
