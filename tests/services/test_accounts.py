"""Member accounts: added one by one, and from files as spreadsheets write them."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from tests.services.conftest import World
from wizard.core.accounts import Account, AccountStatus
from wizard.core.actors import Actor
from wizard.core.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from wizard.services.accounts import AccountService, ImportReport, NewAccount, RejectedRow
from wizard.services.events import EventBus
from wizard.services.ports.calls import Call

SYSTEM = Call(Actor.system("command"))
NEW = NewAccount("Zoé New", "zoe@example.org")


@pytest.fixture
def accounts(world: World) -> AccountService:
    events = EventBus()
    events.subscribe(world.told.append)
    return AccountService(world.clock, world.units, events)


def all_of(accounts: AccountService) -> list[Account]:
    return list(accounts.page(SYSTEM, limit=1000))


def added_since(world: World, accounts: AccountService) -> list[tuple[str, str]]:
    before = {account.id for account in world.seeded.accounts}
    return [(account.number, account.name) for account in all_of(accounts) if account.id not in before]


def test_an_account_is_added_under_the_next_number(world: World, accounts: AccountService) -> None:
    account = accounts.add(SYSTEM, NEW)
    assert account == Account(
        account.id, "osot-0000006", "Zoé New", "zoe@example.org", AccountStatus.ACTIVE, language="en"
    )
    assert accounts.get(world.staff, account.id) == account
    assert world.trail(f"account:{account.id}") == ["account.created"]
    assert "zoe@" not in repr(world.told[-1])


def test_an_account_is_added_under_its_own_number_once(accounts: AccountService) -> None:
    new = replace(NEW, number="M-1", status=AccountStatus.PENDING, language="fr")
    account = accounts.add(SYSTEM, new)
    assert (account.number, account.status, account.language) == ("M-1", AccountStatus.PENDING, "fr")
    with pytest.raises(Conflict):
        accounts.add(SYSTEM, replace(new, number="m-1"))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"email": "no address"}, "email"),
        ({"email": "x@example.org\nBcc: y@example.org"}, "email"),
        ({"language": "de"}, "language"),
        ({"number": "with space"}, "number"),
    ],
)
def test_a_malformed_account_is_refused(accounts: AccountService, wrong: dict[str, str], field: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        accounts.add(SYSTEM, replace(NEW, **wrong))  # type: ignore[arg-type]
    assert [problem.field for problem in caught.value.problems] == [field]


def test_an_account_that_is_not_there(accounts: AccountService) -> None:
    with pytest.raises(NotFound, match=r"account\.unknown"):
        accounts.get(SYSTEM, "made-up")


def test_accounts_come_page_by_page(world: World, accounts: AccountService) -> None:
    first = accounts.page(world.staff, limit=2)
    second = accounts.page(world.staff, after=first[-1].number, limit=2)
    assert [account.number for account in (*first, *second)] == [f"osot-000000{number}" for number in range(1, 5)]


def test_accounts_are_the_desks_and_the_systems(world: World, accounts: AccountService) -> None:
    call = world.applicant("any", proved=world.account)
    with pytest.raises(PermissionDenied):
        accounts.get(call, world.account.id)
    with pytest.raises(PermissionDenied):
        accounts.page(call)
    with pytest.raises(PermissionDenied):
        accounts.add(call, NEW)
    with pytest.raises(PermissionDenied):
        accounts.import_csv(call, b"name,email\n")


# --- Files -----------------------------------------------------------------------------------------------------


def test_good_rows_go_in_and_bad_ones_are_named(world: World, accounts: AccountService) -> None:
    content = (
        b"number,name,email,status,language\n"
        b"A-1,Anna,anna@example.org,,\n"
        b"A 2,Bert,bert@example.org,active,en\n"
        b",Carla,no address,active,en\n"
        b",Dora,dora@example.org,asleep,en\n"
        b"\n"
        b",Emil,emil@example.org,PENDING,FR\n"
        b",,frida,active,de\n"
        b"A-1,Somebody Else,else@example.org,,\n"
    )
    moved: list[None] = []
    report = accounts.import_csv(SYSTEM, content, on_row=lambda: moved.append(None))
    assert (report.added, report.known) == (2, 0)
    assert report.rejected == (
        RejectedRow(3, "number", "user_business_id.format"),
        RejectedRow(4, "email", "email.format"),
        RejectedRow(5, "status", "status.choice"),
        RejectedRow(8, "name", "name.format"),
        RejectedRow(8, "email", "email.format"),
        RejectedRow(8, "language", "language.choice"),
        RejectedRow(9, "number", "account.number_taken"),
    )
    assert added_since(world, accounts) == [("A-1", "Anna"), ("osot-0000006", "Emil")]
    assert len(moved) == 7


def test_the_same_file_twice_adds_nothing(world: World, accounts: AccountService) -> None:
    content = b"number,name,email\nA-1,Anna,anna@example.org\n,Bert,bert@example.org\n,bert,BERT@example.org\n"
    assert accounts.import_csv(SYSTEM, content) == ImportReport(2, 1, ())
    assert accounts.import_csv(SYSTEM, content) == ImportReport(0, 3, ())
    assert len(added_since(world, accounts)) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("heading", ["name,email", "Name ; E ;EMAIL"])
def test_spreadsheets_write_as_they_like(world: World, accounts: AccountService, encoding: str, heading: str) -> None:
    row = "Zoé Lefèvre;x;zoe@example.org" if ";" in heading else "Zoé Lefèvre,zoe@example.org"
    content = f"{heading}\r\n{row}\r\n".encode(encoding)
    assert accounts.import_csv(SYSTEM, content) == ImportReport(1, 0, ())
    assert added_since(world, accounts) == [("osot-0000006", "Zoé Lefèvre")]


def test_bytes_that_are_no_text_of_any_kind_are_read_all_the_same(accounts: AccountService) -> None:
    report = accounts.import_csv(SYSTEM, b"name,email\n\x81\x8d,zoe@example.org\n")
    assert report.rejected == (RejectedRow(2, "name", "name.format"),)


@pytest.mark.parametrize("content", [b"", b"\n", b"name;mail\n", b'"name,email\n'])
def test_a_file_without_the_columns_is_refused_whole(accounts: AccountService, content: bytes) -> None:
    with pytest.raises(ValidationFailed):
        accounts.import_csv(SYSTEM, content)


def test_the_refusal_names_the_missing_columns(accounts: AccountService) -> None:
    with pytest.raises(ValidationFailed) as caught:
        accounts.import_csv(SYSTEM, b"name,mail\n")
    (problem,) = caught.value.problems
    assert (problem.message, dict(problem.params)) == ("csv.columns", {"missing": "email"})


@pytest.mark.parametrize("row", ["Anna,anna@example.org,more", '"Anna"x,anna@example.org'])
def test_a_row_that_is_no_csv_costs_that_row_only(accounts: AccountService, row: str) -> None:
    content = f"name,email\n{row}\nBert,bert@example.org,,\n".encode()
    report = accounts.import_csv(SYSTEM, content)
    assert report == ImportReport(1, 0, (RejectedRow(2, "", "csv.row"),))


def test_a_short_row_lacks_what_it_lacks(accounts: AccountService) -> None:
    report = accounts.import_csv(SYSTEM, b"email,name\nanna@example.org\n")
    assert report.rejected == (RejectedRow(2, "name", "name.format"),)


def test_many_accounts_are_known_without_their_numbers(
    accounts: AccountService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wizard.services.accounts._PAGE", 2)
    assert accounts.import_csv(SYSTEM, b"name,email\nEli Extra,eli@example.org\n") == ImportReport(0, 1, ())


def test_a_cell_of_any_size_is_a_row_of_its_own_trouble(accounts: AccountService) -> None:
    huge = "x" * (csv.field_size_limit() + 1)
    report = accounts.import_csv(SYSTEM, f"name,email\n{huge},a@example.org\nBert,bert@example.org\n".encode())
    assert (report.added, [row.row for row in report.rejected]) == (1, [2])
