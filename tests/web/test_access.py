"""Who acts, and which registrations a browser may open."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask, session

from tests.support.seed import Seeded
from tests.support.valkey import Valkey
from wizard.core.actors import Actor, Privilege
from wizard.core.errors import ExternalServiceError, NotFound, Unauthenticated
from wizard.services.ports.cookies import new_cookie
from wizard.web import access, signing_in
from wizard.web.session_ids import is_session_id

SESSION = "0b6f8a52-6d0a-4a5e-9f0e-0d5a8f2f7c11"
OTHER = "6d1f0c3e-53f1-4c9c-8b0e-0d0f6f2c7a22"


@pytest.fixture
def _visit(app: Flask) -> Iterator[None]:
    """A request of a browser that has been granted nothing."""
    with app.test_request_context():
        yield


def sid() -> str:
    found: str = getattr(session, "sid")  # noqa: B009 - Flask's type does not know it
    return found


pytestmark = pytest.mark.usefixtures("_visit")


def test_nobody_owns_anything_at_first() -> None:
    assert not access.owns(SESSION)
    assert access.current_call(SESSION).actor == Actor.applicant()
    assert access.current_call().actor == Actor.applicant()
    with pytest.raises(NotFound, match=r"session\.unknown"):
        access.require_access(SESSION)


def test_a_granted_registration_is_this_browsers_and_no_other_is() -> None:
    access.grant_registration(SESSION)
    access.require_access(SESSION)
    assert access.current_call(SESSION).actor == Actor.applicant(SESSION)
    assert session[f"registration:{SESSION}"] == "2026-11-23T15:00:00+00:00"
    with pytest.raises(NotFound):
        access.require_access(OTHER)


def test_a_proof_makes_an_owner_of_that_account_in_that_registration() -> None:
    access.grant_registration(SESSION)
    access.grant_registration(OTHER)
    access.grant_proof(SESSION, "an-account")
    actor = access.current_call(SESSION).actor
    assert (actor.privilege, actor.account_id) == (Privilege.OWNER, "an-account")
    assert access.current_call(OTHER).actor.privilege is None


def test_a_proof_alone_opens_nothing() -> None:
    access.grant_proof(SESSION, "an-account")
    assert access.current_call(SESSION).actor == Actor.applicant()


def test_every_grant_changes_the_cookie(app_seeded: Seeded) -> None:
    seen = {sid()}
    changes: tuple[Callable[[], None], ...] = (
        lambda: access.grant_registration(SESSION),
        lambda: access.grant_proof(SESSION, "an-account"),
        lambda: signing_in.sign_in(app_seeded.main, by_two=False),
        signing_in.sign_out,
    )
    for change in changes:
        change()
        assert sid() not in seen
        seen.add(sid())


def test_what_is_forgotten_is_gone_whole(app_seeded: Seeded) -> None:
    signing_in.sign_in(app_seeded.main, by_two=False)
    access.grant_registration(SESSION)
    access.grant_proof(SESSION, "an-account")
    access.grant_help(SESSION)
    access.grant_registration(OTHER)
    access.forget_registration(SESSION)
    assert not access.owns(SESSION)
    assert access.proved_account(SESSION) is None
    assert access.owns(OTHER)


def test_help_comes_before_owning(app_seeded: Seeded) -> None:
    access.grant_registration(SESSION)
    signing_in.sign_in(app_seeded.admin, by_two=False)
    assert access.current_call(SESSION).actor == Actor.applicant(SESSION)
    access.grant_help(SESSION)
    assert access.current_call(SESSION).actor == Actor.staff("ann", Privilege.ADMIN)
    access.stop_helping(SESSION)
    assert access.current_call(SESSION).actor == Actor.applicant(SESSION)


def test_staff_call_as_themselves_at_the_desk(app_seeded: Seeded) -> None:
    with pytest.raises(Unauthenticated, match="sign_in"):
        access.staff_call()
    signing_in.sign_in(app_seeded.main, by_two=False)
    assert access.staff_call().actor == access.current_call().actor == Actor.staff("mia", Privilege.MAIN)


def test_help_needs_a_sign_in(app_seeded: Seeded) -> None:
    signing_in.sign_in(app_seeded.main, by_two=False)
    access.grant_help(SESSION)
    signing_in.sign_out()
    assert not access.owns(SESSION)
    session[f"helping:{SESSION}"] = "1"
    with pytest.raises(Unauthenticated):
        access.require_access(SESSION)


def test_a_sign_in_without_its_time_is_none(app_seeded: Seeded) -> None:
    session["staff"], session["staff_epoch"] = app_seeded.main.id, app_seeded.main.epoch
    assert access.signed_in_staff() is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SESSION, True),
        (OTHER, True),
        (SESSION.upper(), False),
        (SESSION.replace("-", ""), False),
        (f"{{{SESSION}}}", False),
        ("c232ab00-9414-11ec-b3c8-9f6bdeced846", False),
        ("00000000-0000-0000-0000-000000000000", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_a_session_id_is_a_uuid4_as_we_write_it(text: str, expected: bool) -> None:
    assert is_session_id(text) is expected


def test_only_main_makes_records_for_others(app_seeded: Seeded) -> None:
    assert access.may_create(app_seeded.main)
    assert not access.may_create(app_seeded.admin)
    assert not access.may_create(None)


def test_without_redis_nothing_is_granted_or_refused(app: Flask, valkey: Valkey) -> None:
    asks: tuple[Callable[[], object], ...] = (
        lambda: access.owns(SESSION),
        lambda: access.current_call(SESSION),
        access.signed_in_staff,
        lambda: access.grant_registration(SESSION),
    )
    valkey.server.stop()
    try:
        with app.test_request_context(headers={"Cookie": f"wizard={new_cookie()}"}):
            for ask in asks:
                with pytest.raises(ExternalServiceError):
                    ask()
    finally:
        valkey.server.start()
