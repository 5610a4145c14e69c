"""Accounts and their numbers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import NOW
from tests.support.racing import race
from tests.support.seed import Seeded
from wizard.core.accounts import Account, AccountStatus
from wizard.core.clock import FixedClock
from wizard.core.errors import Conflict
from wizard.storage.unit_of_work import SqlUnitsOfWork


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def encrypting(request: pytest.FixtureRequest) -> bool:
    """With the personal columns encrypted, all of it is the same."""
    return bool(request.param)


def add(units: SqlUnitsOfWork, number: str | None = None) -> Account:
    with units.write() as uow:
        account = uow.accounts.add(
            name="Zoë Ångström", email="zoe@example.org", status=AccountStatus.ACTIVE, language="fr", number=number
        )
        uow.commit()
    return account


def test_account_comes_back_as_it_was_written(units: SqlUnitsOfWork) -> None:
    account = add(units)
    with units.read() as uow:
        assert uow.accounts.get(account.id) == account
        assert uow.accounts.get("none") is None
        assert uow.accounts.by_number("none") is None
    assert (account.number, account.name, account.language) == ("osot-0000001", "Zoë Ångström", "fr")


def test_numbers_are_compared_without_regard_to_case(units: SqlUnitsOfWork) -> None:
    account = add(units, "Abc_9")
    with units.read() as uow:
        assert uow.accounts.by_number("aBC_9") == account
    with pytest.raises(Conflict, match=r"account\.number_taken") as conflict:
        add(units, "ABC_9")
    assert conflict.value.problems[0].field == "number"


def test_issued_numbers_skip_those_given_by_hand(units: SqlUnitsOfWork) -> None:
    for taken in ("osot-0000001", "OSOT-0000003", "osot-0000004"):
        add(units, taken)
    assert [add(units).number for _ in range(3)] == ["osot-0000002", "osot-0000005", "osot-0000006"]


def test_issued_numbers_skip_a_whole_import(units: SqlUnitsOfWork) -> None:
    with units.write() as uow:
        for number in range(1, 40):
            uow.accounts.add(
                name="x", email="x@example.org", status=AccountStatus.ACTIVE, language="en", number=f"osot-{number:07}"
            )
        uow.commit()
    assert add(units).number == "osot-0000040"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(st.none() | st.integers(1, 30), max_size=8))
def test_given_and_issued_numbers_never_meet(units: SqlUnitsOfWork, wanted: list[int | None]) -> None:
    with units.write() as uow:
        numbers = []
        for value in wanted:
            number = None if value is None else f"osot-{value:07}"
            try:
                account = uow.accounts.add(
                    name="x", email="x@example.org", status=AccountStatus.ACTIVE, language="en", number=number
                )
            except Conflict:
                assert number in numbers
            else:
                numbers.append(account.number)
        assert len(set(numbers)) == len(numbers)


def test_threads_at_once_get_a_number_each(units: SqlUnitsOfWork) -> None:
    given = ["osot-0000002", "osot-0000005", "OSOT-0000005"]
    outcome = race(*(lambda number=number: add(units, number) for number in [*given, *[None] * 6]))
    numbers = [account.number.lower() for account in outcome.results]
    assert len(set(numbers)) == len(numbers)
    # Of the three given ones any may come after an issued one has taken it; the issued ones all get theirs.
    assert {type(error) for error in outcome.errors} == {Conflict}
    assert {f"osot-{number:07}" for number in range(1, 7)} <= set(numbers)


def test_page_goes_by_number(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    add(units, "A-10")
    add(units, "a_10")
    add(units, "A-2")
    with units.read() as uow:
        first = uow.accounts.page(after=None, limit=4)
        second = uow.accounts.page(after=first[-1].number, limit=9)
        assert uow.accounts.page(after=second[-1].number, limit=9) == []
    assert [account.number for account in first] == ["A-10", "A-2", "a_10", "osot-0000001"]
    assert list(second) == list(seeded.accounts[1:])


def test_accounts_are_found_by_address_however_it_is_written(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    with units.write() as uow:
        for status in (AccountStatus.INACTIVE, AccountStatus.PENDING):
            uow.accounts.add(name="x", email="ÉVE@example.org", status=status, language="en", number=None)
        uow.commit()
    with units.read() as uow:
        assert list(uow.accounts.of_email(" ADA@Example.ORG")) == [seeded.accounts[0]]
        # Decomposed, as some keyboards type it; what can be used comes first.
        found = uow.accounts.of_email("e\u0301ve@example.org")
        assert list(uow.accounts.of_email("nobody@example.org")) == []
    assert [account.status for account in found] == [AccountStatus.PENDING, AccountStatus.INACTIVE]


def test_an_address_at_once_from_many_places_gets_one_account(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    def come() -> tuple[Account, bool]:
        with units.write() as uow:
            came = uow.accounts.add_for_email(
                name="Zoë", email="zoe@example.org", status=AccountStatus.PENDING, language="en"
            )
            uow.commit()
        return came

    outcome = race(*[come] * 6)
    assert outcome.errors == ()
    assert {account.number for account, _ in outcome.results} == {"osot-0000006"}
    assert sorted(is_new for _, is_new in outcome.results) == [False] * 5 + [True]
    assert len(seeded.accounts) == 5


def test_those_that_wait_come_oldest_first(units: SqlUnitsOfWork, clock: FixedClock) -> None:
    added = []
    for minutes in (3, 1, 2, 1):
        clock.instant = NOW + timedelta(minutes=minutes)
        with units.write() as uow:
            added.append(
                uow.accounts.add(
                    name="x", email="x@example.org", status=AccountStatus.PENDING, language="en", number=None
                )
            )
            uow.commit()
    oldest = sorted((added[1], added[3]), key=lambda account: account.id)
    with units.write() as uow:
        first = uow.accounts.waiting(after=None, limit=2)
        assert uow.accounts.decide(oldest[1].id, AccountStatus.ACTIVE)
        second = uow.accounts.waiting(after=oldest[1].id, limit=2)
        assert not uow.accounts.decide(oldest[1].id, AccountStatus.INACTIVE)
    assert [each.account for each in first] == oldest
    assert [each.account for each in second] == [added[2], added[0]]
    assert [each.since - NOW for each in second] == [timedelta(minutes=2), timedelta(minutes=3)]
