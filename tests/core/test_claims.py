"""What an identity provider says, and the privilege that follows."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.core.accounts import free_username, username_like, username_of
from wizard.core.actors import Privilege
from wizard.core.claims import PrivilegeRule, Strength, text_of

MAIN, ADMIN = Privilege.MAIN, Privilege.ADMIN


def rule(claim: str) -> PrivilegeRule:
    return PrivilegeRule(claim, admin=frozenset({"desk"}), main=frozenset({"lead", "head"}))


@pytest.mark.parametrize(
    ("claim", "claims", "privilege"),
    [
        # Entra ID's app roles, and the groups of others: a list, or a text where there is one.
        ("roles", {"roles": ["x", "desk"]}, ADMIN),
        ("roles", {"roles": ["desk", "head"]}, MAIN),
        ("roles", {"roles": "lead"}, MAIN),
        ("roles", {"roles": []}, None),
        ("roles", {"roles": ["Desk", "desk "]}, None),
        ("roles", {"roles": "a lead"}, None),
        ("roles", {}, None),
        # Keycloak's, inside another.
        ("realm_access.roles", {"realm_access": {"roles": ["desk"]}}, ADMIN),
        ("realm_access.roles", {"realm_access": ["roles"]}, None),
        ("realm_access.roles", {"realm_access.roles": ["lead"]}, MAIN),
        ("resource_access.ot.wizard.roles", {"resource_access": {"ot.wizard": {"roles": ["lead"]}}}, MAIN),
        ("resource_access.ot.wizard.roles", {"resource_access": {"ot": {"wizard": {"roles": ["desk"]}}}}, ADMIN),
        # Auth0's, named by an address.
        ("https://a.example/roles", {"https://a.example/roles": ["desk"]}, ADMIN),
        # What is no text says nothing.
        ("roles", {"roles": {"desk": True}}, None),
        ("roles", {"roles": [True, 5, None, ["desk"]]}, None),
        ("roles", {"roles": 5}, None),
        ("roles", {"roles": None}, None),
        # Google Workspace has neither: its people are named by their addresses, which it has verified.
        ("email", {"email": "desk", "email_verified": True}, ADMIN),
        ("email", {"email": "desk", "email_verified": False}, None),
        ("email", {"email": "desk", "email_verified": "true"}, None),
        ("email", {"email": "desk"}, None),
    ],
)
def test_the_claim_decides(claim: str, claims: dict[str, Any], privilege: Privilege | None) -> None:
    assert rule(claim).privilege(claims) is privilege


@pytest.mark.parametrize(
    ("acr", "amr", "claims", "suffices"),
    [
        (set(), set(), {}, True),
        ({"gold"}, set(), {"acr": "gold"}, True),
        ({"gold"}, set(), {"acr": "silver"}, False),
        ({"gold"}, set(), {"acr": ["gold"]}, False),
        ({"gold"}, set(), {}, False),
        (set(), {"mfa", "otp"}, {"amr": ["pwd", "otp"]}, True),
        (set(), {"mfa"}, {"amr": "mfa"}, True),
        (set(), {"mfa"}, {"amr": ["pwd"]}, False),
        (set(), {"mfa"}, {}, False),
        ({"gold"}, {"mfa"}, {"acr": "gold", "amr": ["pwd"]}, False),
    ],
)
def test_how_somebody_signed_in(acr: set[str], amr: set[str], claims: dict[str, Any], *, suffices: bool) -> None:
    assert Strength(frozenset(acr), frozenset(amr)).suffices(claims) is suffices


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"name": "Maya Main"}, "Maya Main"),
        ({"name": "  Maya\n\tMain "}, "Maya Main"),
        ({"name": "Maya\x00\ud800 \u202eMain"}, "Maya Main"),
        ({"name": "\x00", "email": "m@x.example"}, "m@x.example"),
        ({"name": "  ", "email": "m@x.example"}, "m@x.example"),
        ({"name": 5, "email": ["m"]}, ""),
        ({"name": "x" * 30}, "x" * 20),
        ({}, ""),
    ],
)
def test_a_text_is_one_line(claims: dict[str, Any], text: str) -> None:
    assert text_of(claims, "name", "email", most=20) == text


@pytest.mark.parametrize(
    ("suggested", "username"),
    [
        ("maya.main", "maya.main"),
        ("Maya.Main@association.example", "maya.main"),
        ("Zoé d’Été", "zoedete"),
        ("-.maya", "maya"),
        ("李明", "staff"),
        ("", "staff"),
        ("a" * 80, "a" * 40),
    ],
)
def test_a_user_name_is_made_of_what_is_suggested(suggested: str, username: str) -> None:
    assert username_like(suggested) == username
    assert username_of(username) == username


def test_a_user_name_that_somebody_has_is_numbered() -> None:
    assert free_username("maya", frozenset()) == "maya"
    assert free_username("maya", frozenset({"maya", "maya-2", "maya-4"})) == "maya-3"
    assert username_of(free_username("a" * 40, frozenset({"a" * 40}))) == "a" * 40 + "-2"
