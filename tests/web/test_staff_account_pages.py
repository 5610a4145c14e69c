"""The desk's pages for accounts: the list, one of them, added, imported, opened and closed."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, update
from sqlalchemy import text as text_of_sql
from werkzeug.test import TestResponse

from tests.support.applicant import filled, one, text
from tests.support.databases import engine_of, unguard
from tests.support.desk import page, recorded, send, sign_in, staged, token
from tests.support.seed import Seeded
from wizard.core.accounts import Account, AccountStatus
from wizard.core.actors import Actor, Privilege
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call
from wizard.storage.trail_tables import AuditEventRow, AuditValueRow
from wizard.storage.unit_of_work import SqlUnitsOfWork
from wizard.web.staff.new_accounts import MOST_ROWS

MAIN_CALL = Call(Actor.staff("mia", Privilege.MAIN))
LIST, ADD, IMPORT = "/staff/accounts", "/staff/accounts/new", "/staff/accounts/import"


@pytest.fixture
def desk(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.admin)
    return client


def account(units: SqlUnitsOfWork, number: str) -> Account | None:
    with units.read() as unit:
        return unit.accounts.by_number(number)


def status(units: SqlUnitsOfWork, mine: Account) -> AccountStatus:
    found = account(units, mine.number)
    assert found is not None
    return found.status


def names(answer: TestResponse) -> list[str]:
    return [str(cell.text) for cell in page(answer).select("tbody td[data-label=Name]")]


# --- The list --------------------------------------------------------------------------------------------------


def test_all_are_listed_with_the_way_to_those_that_wait(desk: FlaskClient) -> None:
    answer = desk.get(LIST)
    assert names(answer) == ["Ada Applicant", "Ben Beginner", "Cam Pending", "Dee Inactive", "Eli Extra"]
    assert one(page(answer), "a[href$=waiting]").text == "One waits for approval"
    assert names(desk.get(f"{LIST}?status=inactive")) == ["Dee Inactive"]


def test_a_search_is_sent_and_stands_in_no_address(desk: FlaskClient) -> None:
    assert one(page(desk.get(LIST)), "form#typing")["method"] == "post"
    answer = send(desk, LIST, {"sought": " BEGINNER "}, of=LIST)
    assert names(answer) == ["Ben Beginner"]
    assert one(page(answer), "#sought")["value"] == "BEGINNER"
    assert not [link for link in page(answer).select("a[href]") if "BEGINNER" in str(link["href"])]
    assert "There are no such accounts" in send(desk, LIST, {"sought": "zoe"}, of=LIST).text


def test_a_long_list_goes_page_by_page_searched_too(desk: FlaskClient, app_units: SqlUnitsOfWork) -> None:
    with app_units.write() as unit:
        for number in range(30):
            new = {"name": f"Person {number:02}", "email": f"p{number}@example.org", "language": "en"}
            unit.accounts.add(**new, status=AccountStatus.ACTIVE, number=None)
        unit.commit()
    first = desk.get(LIST)
    second = desk.get(str(one(page(first), "a[rel=next]")["href"]))
    assert [*names(first)[5:], *names(second)] == [f"Person {number:02}" for number in range(30)]
    found = send(desk, LIST, {"sought": "person"}, of=LIST)
    further = one(page(found), "main form:has([name=after])")
    rest = desk.post(LIST, data=filled(further))
    assert [*names(found), *names(rest)] == [f"Person {number:02}" for number in range(30)]
    assert page(rest).select("form:has([name=after])") == []


# --- One -------------------------------------------------------------------------------------------------------


def test_one_shows_what_belongs_to_it(desk: FlaskClient, app_seeded: Seeded, services: Services) -> None:
    session_id = staged(services)
    mine = app_seeded.accounts[0]
    soup = page(desk.get(str(one(page(desk.get(LIST)), "tbody tr:first-child th a")["href"])))
    for told in (mine.name, mine.email, mine.number, "Active", "None yet", "English"):
        assert told in text(soup, "main")
    assert soup.select(f"a[href='/staff/sessions/{session_id}']")
    made = recorded(services)
    soup = page(desk.get(f"{LIST}/{mine.id}"))
    assert one(soup, f"a[href='/staff/records/{made.id}']").text == made.number
    assert len(soup.select("dl.state a[href^='/staff/sessions/']")) == 1
    assert desk.get(f"{LIST}/none").status_code == 404


def test_it_is_closed_with_a_reason_and_opened_again(
    desk: FlaskClient, app_seeded: Seeded, app_units: SqlUnitsOfWork
) -> None:
    mine = app_seeded.accounts[0]
    place = f"{LIST}/{mine.id}"
    closing = str(one(page(desk.get(place)), "a[href$=deactivate]")["href"])
    refused = send(desk, closing, {"reason": " "}, of=closing)
    assert refused.status_code == 422
    assert one(page(refused), "#error-summary a")["href"] == "#reason"
    soup = page(desk.get(send(desk, closing, {"reason": "Moved away."}, of=closing).headers["Location"]))
    assert status(app_units, mine) is AccountStatus.INACTIVE
    assert "inactive" in text(soup, "[role=status]")
    history = text(soup, "table.history")
    for told in ("ann", "Account changed", "Active", "Inactive", "Moved away."):
        assert told in history
    form = one(soup, "form[action$='/activate']")
    soup = page(desk.post(str(form["action"]), data=filled(form), follow_redirects=True))
    assert status(app_units, mine) is AccountStatus.ACTIVE
    assert len(soup.select("table.history tbody tr")) == 2


def test_one_that_waits_is_approved_or_refused(desk: FlaskClient, app_seeded: Seeded) -> None:
    waiting = f"{LIST}/{app_seeded.accounts[2].id}"
    soup = page(desk.get(waiting))
    assert soup.select("form[action$='/approve']")
    assert soup.select("a[href$='/refuse']")
    for action in ("activate", "deactivate"):
        answer = send(desk, f"{waiting}/{action}", {"reason": "x"}, of=LIST)
        assert answer.status_code == 422
        assert "Approve or refuse it instead" in answer.text
    assert desk.get(f"{waiting}/activate").headers["Location"] == waiting


# --- Added -----------------------------------------------------------------------------------------------------


def test_one_is_added(desk: FlaskClient, app_units: SqlUnitsOfWork) -> None:
    form = one(page(desk.get(ADD)), "form#typing")
    typed = {**filled(form), "name": " Zoé ", "email": "zoe@example.org", "number": "Z-1", "language": "fr"}
    soup = page(desk.post(ADD, data=typed, follow_redirects=True))
    assert "Account Z-1" in text(soup, "h1")
    assert "Account made" in text(soup, "table.history")
    added = account(app_units, "z-1")
    assert added is not None
    assert (added.name, added.language, added.status) == ("Zoé", "fr", AccountStatus.ACTIVE)


def test_what_is_wrong_stands_beside_its_field(desk: FlaskClient) -> None:
    typed = {"name": "", "email": "half@", "number": "no number!", "language": "de"}
    answer = send(desk, ADD, typed, of=ADD)
    assert answer.status_code == 422
    soup = page(answer)
    for name in typed:
        assert one(soup, f"#{name}-error").text
    assert one(soup, "#email")["value"] == "half@"
    taken = send(desk, ADD, {"name": "A", "email": "a@b.ca", "number": "OSOT-0000001", "language": "en"}, of=ADD)
    assert "Another account has this member number" in text(page(taken), "#number-error")


# --- Imported --------------------------------------------------------------------------------------------------


def load(desk: FlaskClient, content: bytes, name: str = "accounts.csv") -> TestResponse:
    values = {"csrf_token": token(desk, IMPORT), "file": (BytesIO(content), name)}
    return desk.post(IMPORT, data=values, content_type="multipart/form-data")


def test_a_file_goes_in_and_what_does_not_is_told(desk: FlaskClient, app_units: SqlUnitsOfWork) -> None:
    content = (
        "number;name;email;status\n"
        "N-1;Noé Été;noe@example.org;\n"
        "osot-0000001;Somebody Else;else@example.org;\n"
        ";Half;half@;\n"
        ";Odd;odd@example.org;sleeping\n"
        ';Ada <b>;ada2@example.org;"\n'
    )
    answer = load(desk, content.encode("cp1252"))
    assert answer.status_code == 422
    soup = page(answer)
    assert "One account was added." in text(soup, "[role=status]")
    rows = [[cell.text.strip() for cell in row.select("th, td")] for row in soup.select("tbody tr")]
    assert [row[:2] for row in rows] == [["3", "number"], ["4", "email"], ["5", "status"], ["6", ""]]
    assert all(row[2].endswith(".") for row in rows)
    added = account(app_units, "n-1")
    assert added is not None
    assert added.name == "Noé Été"


def test_the_same_file_twice_adds_nothing(desk: FlaskClient) -> None:
    content = b"name,email\nZoe,zoe@example.org\nYan,yan@example.org\n"
    assert "2 accounts were added." in load(desk, content).text
    again = load(desk, content)
    assert again.status_code == 200
    assert "2 were there already." in again.text
    assert len(names(send(desk, LIST, {"sought": "zoe"}, of=LIST))) == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "Choose a file"),
        (b"first,last\nA,B\n", "no column named name, email"),
        (b"\x00\x01\x02", "no column named"),
        (b"name,email\n" + b"A,a@example.org\n" * (MOST_ROWS + 1), "2001 rows"),
    ],
)
def test_a_file_that_cannot_be_read_adds_nothing(desk: FlaskClient, content: bytes, told: str) -> None:
    answer = load(desk, content)
    assert answer.status_code == 422
    assert told in text(page(answer), "#file-error")
    assert one(page(answer), "#error-summary a")["href"] == "#file"


def test_a_file_may_be_larger_than_any_form_but_not_without_end(desk: FlaskClient) -> None:
    wide = b"name,email,note\n" + b"".join(b"Zoe,zoe%d@example.org,%s\n" % (row, b"x" * 100_000) for row in range(3))
    assert load(desk, wide).status_code == 200
    endless = desk.post(IMPORT, data=b"x" * 2_000_000, content_type="multipart/form-data; boundary=x")
    assert endless.status_code == 413
    assert send(desk, LIST, {"sought": "x" * 100_000}, of=LIST).status_code == 413


def test_without_a_file_nothing_happens(desk: FlaskClient) -> None:
    assert send(desk, IMPORT, of=IMPORT).status_code == 422


# --- Who -------------------------------------------------------------------------------------------------------


def test_only_the_desk_sees_them(client: FlaskClient, app_seeded: Seeded, app_units: SqlUnitsOfWork) -> None:
    mine = app_seeded.accounts[0]
    place = f"{LIST}/{mine.id}"
    for address in (LIST, ADD, IMPORT, place, f"{place}/deactivate"):
        assert client.get(address).headers["Location"].startswith("/staff/sign-in")
    for address in (LIST, ADD, IMPORT, f"{place}/activate", f"{place}/deactivate"):
        assert send(client, address, {"reason": "x"}).status_code == 401
    assert status(app_units, mine) is AccountStatus.ACTIVE


# --- A person erased ---------------------------------------------------------------------------------------------


def test_main_erases_a_person_with_a_reason_and_the_number_typed(
    desk: FlaskClient, app_seeded: Seeded, app_units: SqlUnitsOfWork, services: Services
) -> None:
    mine = app_seeded.accounts[0]
    recorded(services)
    place = f"{LIST}/{mine.id}"
    erasing = f"{place}/erase"
    assert not page(desk.get(place)).select("a[href$=erase]")
    assert desk.get(erasing).status_code == 403
    sign_in(desk, app_seeded.main)
    assert one(page(desk.get(place)), "a[href$=erase]")["href"] == erasing
    assert mine.name in text(page(desk.get(erasing)), "main")
    for values, wrong in (
        ({}, {"reason", "number"}),
        ({"reason": "Asked for.", "number": "osot-0000002"}, {"number"}),
        ({"reason": " ", "number": mine.number}, {"reason"}),
        ({"reason": "x" * 501, "number": mine.number}, {"reason"}),
    ):
        refused = send(desk, erasing, values, of=erasing)
        assert refused.status_code == 422
        assert {str(link["href"]) for link in page(refused).select("[role=alert] a")} == {f"#{name}" for name in wrong}
    assert status(app_units, mine) is AccountStatus.ACTIVE
    done = send(desk, erasing, {"reason": "Asked for.", "number": " OSOT-0000001 "}, of=erasing)
    assert done.status_code == 303
    shown = page(desk.get(done.headers["Location"]))
    assert "erased" in text(shown, "[role=status]")
    assert "Person erased" in text(shown, "dl.state")
    assert "Person erased" in text(shown, "table.history")
    assert not [told for told in (mine.name, mine.email) if told in shown.get_text()]
    assert not shown.select("form[action$=activate]")
    assert mine.name not in desk.get(LIST).text
    assert "was erased" in send(desk, f"{place}/activate", of=place).text


def test_main_downloads_all_that_is_held_about_a_person(
    desk: FlaskClient, app_seeded: Seeded, services: Services
) -> None:
    mine = app_seeded.accounts[0]
    number = recorded(services).number
    place = f"{LIST}/{mine.id}"
    exporting = f"{place}/export"
    assert not page(desk.get(place)).select("a[href$=export]")
    assert desk.get(exporting).status_code == 403
    sign_in(desk, app_seeded.main)
    assert one(page(desk.get(place)), "a[href$=export]")["href"] == exporting
    asked = page(desk.get(exporting))
    assert mine.name in text(asked, "main")
    assert one(asked, "main form")["action"] == exporting
    answer = send(desk, exporting, of=exporting)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"] == f"attachment; filename={mine.number}.json"
    assert "no-store" in answer.headers["Cache-Control"]
    held = json.loads(answer.data)
    assert (held["account"]["email"], held["record"]["number"]) == (mine.email, number)
    assert "downloaded" in text(page(desk.get(place)), "table.history")


def test_a_history_with_an_event_of_no_name_is_shown(
    desk: FlaskClient, app_seeded: Seeded, app: Flask, services: Services
) -> None:
    mine = app_seeded.accounts[0]
    services.account_desk.deactivate(MAIN_CALL, mine.id, reason="Left.")
    with engine_of(app).begin() as connection:
        unguard(connection)
        connection.execute(update(AuditEventRow).values(name="unheard.of"))
    shown = desk.get(f"{LIST}/{mine.id}")
    assert shown.status_code == 200
    assert "unheard.of" in shown.text
    with engine_of(app).begin() as connection:
        connection.execute(text_of_sql("UPDATE audit_events SET details = 'x', at = 'yesterday'"))
    assert desk.get(f"{LIST}/{mine.id}").status_code == 200
    with engine_of(app).begin() as connection:
        # What is left is compared with what events may say.
        connection.execute(delete(AuditValueRow))
        connection.execute(delete(AuditEventRow))
