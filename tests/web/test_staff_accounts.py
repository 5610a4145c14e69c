"""The desk's page of accounts that wait: approved or refused, by both privileges."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from tests.support.applicant import filled, one, text
from tests.support.desk import page, send, sign_in
from tests.support.outbox import waiting
from tests.support.seed import Seeded
from wizard.core.accounts import Account, AccountStatus
from wizard.core.clock import FixedClock
from wizard.storage.unit_of_work import SqlUnitsOfWork

LIST = "/staff/accounts/waiting"
EACH = "/staff/accounts"


@pytest.fixture
def desk(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.admin)
    return client


def pending(app_seeded: Seeded) -> Account:
    return app_seeded.accounts[2]


def status(units: SqlUnitsOfWork, account: Account) -> AccountStatus:
    with units.read() as unit:
        found = unit.accounts.get(account.id)
    assert found is not None
    return found.status


def test_those_that_wait_are_listed_with_all_that_the_desk_needs(desk: FlaskClient, app_seeded: Seeded) -> None:
    soup = page(desk.get(LIST))
    (row,) = soup.select("table.accounts tbody tr")
    account = pending(app_seeded)
    for told in (account.name, account.email, account.number, "23 November 2026"):
        assert told in row.text
    assert one(soup, ".masthead a[aria-current]")["href"] == EACH


def test_an_account_is_approved(desk: FlaskClient, app_seeded: Seeded, app_units: SqlUnitsOfWork) -> None:
    form = one(page(desk.get(LIST)), "table.accounts form")
    answer = desk.post(str(form["action"]), data=filled(form), follow_redirects=True)
    assert "The account is active" in text(page(answer), "[role=status]")
    assert "No account waits" in answer.text
    assert status(app_units, pending(app_seeded)) is AccountStatus.ACTIVE
    (mail,) = waiting(app_units)
    assert (mail.kind, mail.recipient, mail.values["decision"]) == ("account_decision", "cam@example.org", "active")


def test_an_account_is_refused_with_a_reason(desk: FlaskClient, app_seeded: Seeded, app_units: SqlUnitsOfWork) -> None:
    link = one(page(desk.get(LIST)), "table.accounts a[href$=refuse]")
    form = one(page(desk.get(str(link["href"]))), "form#typing")
    answer = desk.post(str(form["action"]), data={**filled(form), "reason": "You have one already."})
    assert answer.headers["Location"] == f"{LIST}?done=refused"
    assert status(app_units, pending(app_seeded)) is AccountStatus.INACTIVE
    assert waiting(app_units)[0].values["reason"] == "You have one already."


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 501])
def test_a_refusal_needs_a_reason_that_can_be_read(
    desk: FlaskClient, app_seeded: Seeded, app_units: SqlUnitsOfWork, reason: str
) -> None:
    place = f"{EACH}/{pending(app_seeded).id}/refuse"
    answer = send(desk, place, {"reason": reason}, of=place)
    assert answer.status_code == 422
    assert one(page(answer), "#error-summary a")["href"] == "#reason"
    assert reason in answer.text
    assert status(app_units, pending(app_seeded)) is AccountStatus.PENDING


def test_what_a_colleague_has_decided_is_not_undone(desk: FlaskClient, app_seeded: Seeded) -> None:
    place = f"{EACH}/{pending(app_seeded).id}"
    assert send(desk, f"{place}/approve", of=LIST).status_code == 303
    assert send(desk, f"{place}/approve", of=LIST).status_code == 303
    answer = send(desk, f"{place}/refuse", {"reason": "No"}, of=LIST)
    assert answer.status_code == 422
    assert "decided on this account already" in answer.text


def test_the_list_goes_page_by_page_oldest_first(
    desk: FlaskClient, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    with app_units.write() as unit:
        for number in range(30):
            clock.instant += timedelta(minutes=1)
            new = {"name": f"Person {number:02}", "email": f"p{number}@example.org"}
            unit.accounts.add(**new, status=AccountStatus.PENDING, language="en", number=None)
        unit.commit()
    clock.instant -= timedelta(minutes=30)
    first = page(desk.get(LIST))
    names = [cell.text for cell in first.select("tbody th")]
    assert names == ["Cam Pending", *(f"Person {number:02}" for number in range(24))]
    second = page(desk.get(str(one(first, "a[rel=next]")["href"])))
    assert [cell.text for cell in second.select("tbody th")] == [f"Person {number:02}" for number in range(24, 30)]
    assert second.select("a[rel=next]") == []


def test_only_the_desk_sees_it(client: FlaskClient, app_seeded: Seeded, app_units: SqlUnitsOfWork) -> None:
    place = f"{EACH}/{pending(app_seeded).id}"
    for address in (LIST, f"{place}/refuse"):
        assert client.get(address).headers["Location"].startswith("/staff/sign-in")
    assert send(client, f"{place}/approve").status_code == 401
    assert status(app_units, pending(app_seeded)) is AccountStatus.PENDING


def test_an_address_by_itself_shows_the_list(desk: FlaskClient, app_seeded: Seeded) -> None:
    assert desk.get(f"{EACH}/{pending(app_seeded).id}/approve").headers["Location"] == LIST


def test_an_account_that_there_is_not(desk: FlaskClient) -> None:
    for action in ("approve", "refuse"):
        assert send(desk, f"{EACH}/none/{action}", {"reason": "x"}, of=LIST).status_code == 404
    assert page(desk.get(f"{LIST}?after=none")).select("tbody tr") == []
