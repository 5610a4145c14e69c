"""Codes that prove an account, and links to continue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.conftest import NOW
from tests.support.racing import race
from tests.support.seed import Seeded
from wizard.core.accounts import LinkKind, ProofCode, ResumeLink
from wizard.core.errors import ExternalServiceError
from wizard.storage.repositories.links import SqlLinks
from wizard.storage.unit_of_work import SqlUnitsOfWork

CODE = ProofCode(
    id="c1", session_id="s1", account_id=None, digest="d1", expires_at=NOW + timedelta(minutes=10), tries_left=5
)


def link(name: str, *, session_id: str = "s1", kind: LinkKind = LinkKind.APPLICANT) -> ResumeLink:
    return ResumeLink(
        id=name,
        session_id=session_id,
        digest=f"digest of {name}",
        kind=kind,
        created_at=NOW,
        expires_at=NOW + timedelta(days=14),
        created_by="applicant",
    )


def replace_code(units: SqlUnitsOfWork, code: ProofCode) -> None:
    with units.write() as uow:
        uow.codes.replace(code)
        uow.commit()


def spend(units: SqlUnitsOfWork, code: ProofCode) -> bool:
    with units.write() as uow:
        spent = uow.codes.spend_try(code)
        uow.commit()
    return spent


def add(units: SqlUnitsOfWork, *links: ResumeLink, keep: int = 5) -> None:
    with units.write() as uow:
        for each in links:
            uow.links.add(each, keep=keep)
        uow.commit()


def live(units: SqlUnitsOfWork, session_id: str = "s1") -> list[str]:
    with units.read() as uow:
        return [each.id for each in uow.links.of_session(session_id) if each.opens(NOW)]


# --- Codes ------------------------------------------------------------------------------------------------


def test_code_comes_back_and_goes(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    code = replace(CODE, account_id=seeded.accounts[0].id)
    replace_code(units, code)
    with units.write() as uow:
        assert uow.codes.of_session("s1") == code
        assert uow.codes.of_session("s2") is None
        uow.codes.remove("s1")
        assert uow.codes.of_session("s1") is None


def test_new_code_makes_the_one_before_void(units: SqlUnitsOfWork) -> None:
    newer = replace(CODE, id="c2", digest="d2")
    replace_code(units, CODE)
    replace_code(units, newer)
    assert not spend(units, CODE)
    assert spend(units, newer)


def test_codes_replaced_at_once_leave_one(units: SqlUnitsOfWork) -> None:
    outcome = race(*(lambda n=n: replace_code(units, replace(CODE, id=f"c{n}")) for n in range(5)))
    assert outcome.errors == ()
    with units.read() as uow:
        assert uow.codes.of_session("s1") is not None


def test_five_tries_and_no_more_from_however_many_threads(units: SqlUnitsOfWork) -> None:
    replace_code(units, CODE)
    outcome = race(*(lambda: spend(units, CODE) for _ in range(9)))
    assert sorted(outcome.results) == [False] * 4 + [True] * 5


# --- Links ------------------------------------------------------------------------------------------------


def test_link_comes_back_as_it_was_written(units: SqlUnitsOfWork) -> None:
    first = link("a", kind=LinkKind.STAFF)
    add(units, first)
    with units.read() as uow:
        assert uow.links.hold("a") == first
        assert uow.links.by_digest("digest of a") == first
        assert uow.links.hold("b") is None
        assert uow.links.by_digest("b") is None
        assert uow.links.of_session("s2") == []


def test_newest_few_stay_live(units: SqlUnitsOfWork) -> None:
    add(units, *(link(name) for name in "abcdefg"), link("other", session_id="s2"), keep=5)
    assert live(units) == ["g", "f", "e", "d", "c"]
    assert live(units, "s2") == ["other"]
    with units.read() as uow:
        assert [each.id for each in uow.links.of_session("s1")] == list("gfedcba")


def test_expired_and_revoked_links_do_not_count_among_the_newest(units: SqlUnitsOfWork) -> None:
    add(units, link("a"), replace(link("b"), expires_at=NOW), link("c"))
    with units.write() as uow:
        uow.links.revoke(link("c"), at=NOW)
        uow.commit()
    add(units, link("d"), keep=2)
    assert live(units) == ["d", "a"]


def test_links_added_at_once_are_counted_together(units: SqlUnitsOfWork) -> None:
    add(units, *(link(f"old{n}") for n in range(5)))
    outcome = race(*(lambda n=n: add(units, link(f"new{n}")) for n in range(5)))
    assert outcome.errors == ()
    assert sorted(live(units)) == [f"new{n}" for n in range(5)]


@pytest.mark.postgres
@pytest.mark.parametrize(
    "change", [lambda links: links.add(link("new"), keep=5), lambda links: links.hold("old")], ids=["add", "hold"]
)
def test_who_adds_or_holds_a_link_waits_for_whoever_adds_one(
    units: SqlUnitsOfWork, change: Callable[[SqlLinks], object]
) -> None:
    if units.sessions.kw["bind"].dialect.name != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    add(units, link("old"))
    with units.write() as one, units.write() as other:
        one.links.add(link("newer"), keep=5)
        other._session.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(ExternalServiceError):
            change(other.links)


def test_uses_are_counted_from_all_threads(units: SqlUnitsOfWork) -> None:
    add(units, link("a"))

    def use() -> None:
        with units.write() as uow:
            uow.links.used(link("a"), at=NOW)
            uow.commit()

    assert race(*[use] * 4).errors == ()
    with units.read() as uow:
        used = uow.links.hold("a")
    assert used is not None
    assert (used.times_used, used.last_used_at) == (4, NOW)


def test_revoking_again_changes_nothing(units: SqlUnitsOfWork) -> None:
    add(units, link("a"))
    with units.write() as uow:
        uow.links.revoke(link("a"), at=NOW)
        uow.links.revoke(link("a"), at=NOW + timedelta(days=1))
        revoked = uow.links.hold("a")
    assert revoked is not None
    assert revoked.revoked_at == NOW
