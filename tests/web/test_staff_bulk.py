"""The desk's pages for bulk registration: loaded, looked at, started, followed, and what comes back."""

from __future__ import annotations

from io import BytesIO

import pytest
from bs4 import Tag
from flask.testing import FlaskClient
from openpyxl.reader.excel import load_workbook
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from tests.support.applicant import one
from tests.support.desk import page, send, sign_in, token
from tests.support.seed import Seeded
from wizard.core.accounts import StaffMember
from wizard.core.actors import Actor
from wizard.services.bundle import Services
from wizard.services.ports.bulk import BulkJob, JobState, RowState
from wizard.services.ports.calls import Call
from wizard.services.tables import MOST_BYTES

BULK = "/staff/bulk"
FILE = b"""\
Member number,Degree,University,Country,Graduation year,COTO status,Access,Shoe size
osot-0000001,masters,McMaster,CA,2026,pending,private,42
osot-0000002,masters,=nowhere,CA,2026,pending,private,43
osot-0000003,masters,McMaster,,2026,pending,private,44
"""


UNLISTED = "This school is not on the list. Write “other”, and the school’s name in other_details."


@pytest.fixture
def main(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.main)
    return client


def load(client: FlaskClient, content: bytes = FILE, *, name: str = "graduates.csv") -> TestResponse:
    values = {"csrf_token": token(client, BULK), "file": FileStorage(BytesIO(content), name)}
    # Built here: what the client spools to a file by itself it never closes.
    boundary, body = encode_multipart(values)
    return client.post(BULK, data=body, content_type=f"multipart/form-data; boundary={boundary}")


def work(services: Services) -> None:
    while services.bulk.workers.run_once():
        pass


def newest(services: Services, member: StaffMember) -> BulkJob:
    return services.bulk.jobs(Call(Actor.staff(member.username, member.privilege)))[0]


@pytest.fixture
def job(main: FlaskClient, services: Services, app_seeded: Seeded) -> str:
    """The address of a file that is checked."""
    assert load(main).status_code == 303
    work(services)
    return f"{BULK}/{newest(services, app_seeded.main).id}"


def words(tag: Tag) -> str:
    return " ".join(tag.get_text(" ").split())


def cells(answer: TestResponse) -> dict[str, list[str]]:
    """By the row's number: the member number, the state, the outcome."""
    rows = page(answer).select("tbody tr")
    return {words(one(row, "th")): [words(cell) for cell in row.select("td")] for row in rows}


# --- Loading ---------------------------------------------------------------------------------------------------


def test_a_file_is_loaded_and_followed_to_the_end_of_its_check(
    main: FlaskClient, services: Services, app_seeded: Seeded
) -> None:
    answer = load(main)
    address = f"{BULK}/{newest(services, app_seeded.main).id}"
    assert answer.headers["Location"] == f"{address}?done=loaded"
    under_way = page(main.get(address))
    bar = one(under_way, "progress")
    assert (bar["max"], bar["value"]) == ("3", "0")
    assert one(under_way, "#progress")["data-hx-get"] == f"{address}/progress"
    # Without scripts the same page is asked for again.
    assert one(under_way, f'p a[href="{address}"]').text == "See how far it is now"
    fragment = main.get(f"{address}/progress")
    assert "HX-Refresh" not in fragment.headers
    assert one(page(fragment), "progress")["max"] == "3"
    work(services)
    assert main.get(f"{address}/progress").headers["HX-Refresh"] == "true"
    assert not page(main.get(address)).select("progress")


def test_what_would_come_of_each_row_is_shown_before_anything_is_written(main: FlaskClient, job: str) -> None:
    answer = main.get(job)
    assert cells(answer) == {
        "2": ["osot-0000001", "Can go in", "New Graduate"],
        "3": [
            "osot-0000002",
            "Rejected",
            UNLISTED,
        ],
        "4": ["osot-0000003", "Incomplete", "The row has no country, for example CA."],
    }
    assert "Shoe size" in answer.text
    assert list(cells(main.get(f"{job}?state=rejected"))) == ["3"]
    assert list(cells(main.get(f"{job}?after=3"))) == ["4"]
    assert list(cells(main.get(f"{job}?after=x&state=y"))) == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "Choose a file that is not empty."),
        (b"name\nAda\n", "The file has no column user_business_id."),
        (b"PK\x03\x04", "neither a CSV nor an Excel"),
        (b"x" * (MOST_BYTES + 1), "more than 10 MB"),
    ],
    ids=["empty", "columns", "kind", "size"],
)
def test_a_file_that_cannot_be_read_is_refused(main: FlaskClient, content: bytes, told: str) -> None:
    answer = load(main, content)
    assert answer.status_code == 422
    assert told in words(one(page(answer), "#file-error"))
    assert one(page(answer), '#error-summary a[href="#file"]')
    assert not page(answer).select("tbody tr")


def test_a_body_that_is_far_too_long_is_not_read(main: FlaskClient) -> None:
    assert load(main, b"x" * (MOST_BYTES + 128 * 1024)).status_code == 413


def test_the_template_can_be_loaded_as_it_is_filled_in(main: FlaskClient) -> None:
    answer = main.get(f"{BULK}/template?kind=xlsx")
    assert answer.headers["Content-Disposition"] == "attachment; filename=registrations.xlsx"
    sheet = load_workbook(BytesIO(answer.data)).active
    assert sheet is not None
    assert [cell.value for cell in sheet[1]][:2] == ["user_business_id", "email"]
    assert main.get(f"{BULK}/template").data.decode("utf-8-sig").startswith("user_business_id,email,")


# --- Going in --------------------------------------------------------------------------------------------------


def test_good_rows_go_in_and_the_others_come_back(
    main: FlaskClient, job: str, services: Services, app_seeded: Seeded
) -> None:
    answer = send(main, f"{job}/start", of=job)
    assert answer.headers["Location"] == f"{job}?done=started"
    work(services)
    after = main.get(job)
    assert cells(after)["2"] == ["No longer kept", "Record made", "osot-oted-0000001 New Graduate"]
    record = main.get(str(one(page(after), "tbody a")["href"]))
    assert "Record osot-oted-0000001" in record.text
    assert "osot-0000001" in record.text
    assert newest(services, app_seeded.main).state is JobState.DONE
    with send(main, f"{job}/rejected", {"kind": "csv"}, of=job) as back:
        file = back.data
    assert back.headers["Content-Disposition"] == "attachment; filename=rejected-rows.csv"
    lines = file.decode("utf-8-sig").splitlines()
    assert lines[1].startswith("3,university,")
    assert ",'=nowhere," in lines[1]
    assert load(main, file).status_code == 303
    with send(main, f"{job}/rejected", {"kind": "xlsx"}, of=job) as workbook:
        assert workbook.data.startswith(b"PK")
    listed = cells(main.get(BULK))
    assert listed["graduates.csv"][2:] == ["3", "0", "Being checked"] or listed["graduates.csv"][2:] == [
        "3",
        "1",
        "Done",
    ]


def test_the_people_of_incomplete_rows_are_invited_where_it_is_asked_for(
    main: FlaskClient, job: str, services: Services, app_seeded: Seeded
) -> None:
    assert one(page(main.get(job)), "#invite")
    send(main, f"{job}/start", {"invite": "y"}, of=job)
    work(services)
    assert newest(services, app_seeded.main).count(RowState.INVITED) == 1
    after = main.get(job)
    assert cells(after)["4"] == ["No longer kept", "Link sent", "See the registration"]
    registration = main.get(str(one(page(after), "tbody a[href*=sessions]")["href"]))
    assert "osot-0000003" in registration.text


def test_a_record_that_has_been_deleted_is_no_link(
    main: FlaskClient, job: str, services: Services, app_seeded: Seeded
) -> None:
    send(main, f"{job}/start", of=job)
    work(services)
    call = Call(Actor.staff("mia", app_seeded.main.privilege))
    record_id = str(one(page(main.get(job)), "tbody a")["href"]).rpartition("/")[2]
    record = services.records.read(call, record_id)
    services.records.delete(call, record_id, version=record.version, reason="A test.")
    after = main.get(job)
    assert cells(after)["2"][2] == "osot-oted-0000001 New Graduate"
    assert not page(after).select("tbody a")


def test_a_file_can_be_discarded(main: FlaskClient, job: str, services: Services, app_seeded: Seeded) -> None:
    assert send(main, f"{job}/discard", of=job).headers["Location"] == f"{job}?done=discarded"
    after = main.get(job)
    assert "osot-0000002" not in after.text
    assert not page(after).select("form[action$=start], form[action$=rejected], form[action$=discard]")
    assert newest(services, app_seeded.main).state is JobState.DISCARDED
    assert "It is still being checked".lower() in send(main, f"{job}/start", of=BULK).text.lower()


# --- By whom ---------------------------------------------------------------------------------------------------

POSTED = ("", "/start", "/rejected", "/discard")


def test_admin_does_none_of_it(client: FlaskClient, app_seeded: Seeded, services: Services) -> None:
    by_main = Call(Actor.staff("mia", app_seeded.main.privilege))
    mine = services.bulk.load(by_main, "x.csv", FILE)
    work(services)
    sign_in(client, app_seeded.admin)
    assert not page(client.get("/staff/")).select(f'a[href="{BULK}"]')
    address = f"{BULK}/{mine.id}"
    for path in (BULK, f"{BULK}/template", address, f"{address}/progress"):
        assert client.get(path).status_code == 403, path
    values = {"csrf_token": token(client, "/staff/sessions"), "file": (BytesIO(FILE), "x.csv")}
    assert client.post(BULK, data=values, content_type="multipart/form-data").status_code == 403
    for path in POSTED[1:]:
        assert send(client, address + path, of="/staff/sessions").status_code == 403, path
    assert services.bulk.job(by_main, mine.id).state is JobState.CHECKED


@pytest.mark.usefixtures("app_seeded")
def test_nobody_else_does_any_of_it(client: FlaskClient) -> None:
    for path in (BULK, f"{BULK}/template", f"{BULK}/abc", f"{BULK}/abc/progress"):
        assert client.get(path).headers["Location"].startswith("/staff/sign-in"), path


def test_a_file_that_is_not_there_is_not_found(main: FlaskClient) -> None:
    for path in ("", "/progress"):
        assert main.get(f"{BULK}/abc{path}").status_code == 404
    for path in POSTED[1:]:
        assert send(main, f"{BULK}/abc{path}", of=BULK).status_code == 404
        assert main.get(f"{BULK}/abc{path}").status_code == 303
