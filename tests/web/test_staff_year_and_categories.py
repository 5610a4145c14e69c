"""The desk's pages for the membership year and for the category refresh."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient

from tests.support.applicant import filled, one, text
from tests.support.desk import SYSTEM, page, send, sign_in
from tests.support.new_records import education, new_record
from tests.support.seed import MEMBERSHIP_ENDS, Seeded
from wizard.core.accounts import AccountStatus
from wizard.core.choices import EducationCategory
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services
from wizard.storage.unit_of_work import SqlUnitsOfWork

YEAR, RUNS = "/staff/membership-year", "/staff/category-refresh"
PREVIEW, RUN = f"{RUNS}/preview", f"{RUNS}/run"


@pytest.fixture
def desk(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.admin)
    return client


@pytest.fixture
def main(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.main)
    return client


def students(units: SqlUnitsOfWork, many: int) -> list[str]:
    """Records of students who have graduated this year."""
    ids = []
    with units.write() as unit:
        for _ in range(many):
            new = {"name": "A", "email": "a@example.org", "language": "en"}
            account = unit.accounts.add(**new, status=AccountStatus.ACTIVE, number=None)
            data = education(user_business_id=account.number, coto_status="pending", coto_registration=None)
            record = new_record(account.id, data=data, category=EducationCategory.STUDENT)
            ids.append(unit.records.add(record).id)
        unit.commit()
    return ids


def category(units: SqlUnitsOfWork, record_id: str) -> EducationCategory:
    with units.read() as unit:
        record = unit.records.get(record_id)
    assert record is not None
    return record.category


# --- The membership year ---------------------------------------------------------------------------------------


def test_the_last_day_is_shown_with_its_history(desk: FlaskClient) -> None:
    soup = page(desk.get(YEAR))
    assert "runs to 30 September 2027" in text(soup, ".lead")
    assert one(soup, "#ends_on")["value"] == "2027-09-30"
    (row,) = soup.select("table tbody tr")
    assert "1 October 2026" in row.text


def test_the_last_day_is_set(desk: FlaskClient, services: Services) -> None:
    form = one(page(desk.get(YEAR)), "form#typing")
    answer = desk.post(YEAR, data={**filled(form), "ends_on": "2028-09-30"}, follow_redirects=True)
    assert services.membership.current_end() == date(2028, 9, 30)
    soup = page(answer)
    assert one(soup, "[role=status] a")["href"] == PREVIEW
    assert "ann" in soup.select("table tbody tr")[0].text
    assert len(soup.select("table tbody tr")) == 2


@pytest.mark.parametrize("typed", ["", "soon", "2027-02-30", "2207-09-30"])
def test_what_is_no_day_is_refused_and_kept(desk: FlaskClient, services: Services, typed: str) -> None:
    answer = send(desk, YEAR, {"ends_on": typed}, of=YEAR)
    assert answer.status_code == 422
    soup = page(answer)
    assert one(soup, "#error-summary a")["href"] == "#ends_on"
    assert one(soup, "#ends_on")["value"] == typed
    assert services.membership.current_end() == MEMBERSHIP_ENDS


def test_the_year_is_closed_by_a_button_of_its_own(desk: FlaskClient, services: Services) -> None:
    form = one(page(desk.get(YEAR)), f"form[action='{YEAR}/close']")
    soup = page(desk.post(f"{YEAR}/close", data=filled(form), follow_redirects=True))
    assert services.membership.current_end() is None
    assert "No membership year is set" in text(soup, ".lead")
    assert soup.select(f"form[action='{YEAR}/close']") == []
    assert desk.get(f"{YEAR}/close").headers["Location"] == YEAR


def test_a_year_that_is_over_is_said_to_be(desk: FlaskClient, services: Services) -> None:
    services.membership.set(SYSTEM, date(2026, 11, 22))
    assert "ended on 22 November 2026" in text(page(desk.get(YEAR)), ".lead")
    services.membership.set(SYSTEM, date(2026, 11, 23))
    assert "runs to 23 November 2026" in text(page(desk.get(YEAR)), ".lead")


# --- The category refresh --------------------------------------------------------------------------------------


def test_looking_counts_and_lists_and_changes_nothing(desk: FlaskClient, app_units: SqlUnitsOfWork) -> None:
    ids = students(app_units, 60)
    soup = page(desk.get(PREVIEW))
    counts, listed = soup.select("table")
    assert [cell.text for cell in counts.select("tbody tr > *")] == ["Student", "New Graduate", "60"]
    assert len(listed.select("tbody tr")) == 50
    rest = page(desk.get(str(one(soup, "a[rel=next]")["href"])))
    assert len(rest.select("table")[1].select("tbody tr")) == 10
    assert {category(app_units, each) for each in ids} == {EducationCategory.STUDENT}
    assert "There has been no run yet" in desk.get(RUNS).text


def test_main_moves_them(main: FlaskClient, app_units: SqlUnitsOfWork) -> None:
    (mine,) = students(app_units, 1)
    form = one(page(main.get(PREVIEW)), f"form[action='{RUN}']")
    soup = page(main.post(RUN, data=filled(form), follow_redirects=True))
    assert category(app_units, mine) is EducationCategory.NEW_GRADUATED
    assert "Every record has the category" in text(soup, "[role=status]")
    (row,) = soup.select("table tbody tr")
    for told in ("mia", "Student to New Graduate: 1", "30 September 2027"):
        assert told in row.text
    assert "Every record has the category that holds today" in main.get(PREVIEW).text
    with app_units.read() as unit:
        (event,) = [each.event for each in unit.audit.history(f"record:{mine}")]
    assert (event.name, event.actor, event.privilege) == ("record.category_changed", "staff:mia", "main")
    assert event.request_id


def test_admin_looks_only(desk: FlaskClient, app_units: SqlUnitsOfWork) -> None:
    (mine,) = students(app_units, 1)
    assert page(desk.get(PREVIEW)).select(f"form[action='{RUN}']") == []
    assert send(desk, RUN, of=RUNS).status_code == 403
    assert category(app_units, mine) is EducationCategory.STUDENT
    assert "There has been no run yet" in desk.get(RUNS).text


def test_what_one_press_does_not_end_a_worker_does(
    main: FlaskClient, app_units: SqlUnitsOfWork, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wizard.services.refresh.BATCH", 1)
    ids = students(app_units, 12)
    soup = page(
        main.post(RUN, data=filled(one(page(main.get(PREVIEW)), f"form[action='{RUN}']")), follow_redirects=True)
    )
    assert "follows in the background" in text(soup, "[role=status]")
    assert "Under way" in soup.select("table tbody tr")[0].text
    while services.refresh.run_due():
        pass
    assert {category(app_units, each) for each in ids} == {EducationCategory.NEW_GRADUATED}
    assert "Under way" not in main.get(RUNS).text


def test_the_runs_of_the_worker_are_listed_newest_first(
    desk: FlaskClient, services: Services, clock: FixedClock
) -> None:
    services.refresh.run_due()
    clock.instant += timedelta(days=1)
    services.refresh.run_due()
    sign_in(desk, services.desk.members(SYSTEM)[0])
    rows = page(desk.get(RUNS)).select("table tbody tr")
    assert ["24 November" in rows[0].text, "23 November" in rows[1].text] == [True, True]
    assert all("the service itself" in row.text and "None" in row.text for row in rows)


@pytest.mark.usefixtures("app_seeded")
def test_only_the_desk_sees_them(client: FlaskClient) -> None:
    for address in (YEAR, RUNS, PREVIEW):
        assert client.get(address).headers["Location"].startswith("/staff/sign-in")
    for address in (YEAR, f"{YEAR}/close", RUN):
        assert send(client, address).status_code == 401


def test_an_address_by_itself_shows_the_runs(desk: FlaskClient) -> None:
    assert desk.get(RUN).headers["Location"] == RUNS
