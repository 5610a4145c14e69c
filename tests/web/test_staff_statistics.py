"""The page of statistics: charts, each with a sentence and a table, for the period asked for."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient

from tests.services.test_statistics import recorded
from tests.support.desk import page, sign_in
from tests.support.seed import Seeded
from wizard.storage.unit_of_work import SqlUnitsOfWork

STATISTICS = "/staff/statistics"


@pytest.fixture
def desk(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.admin)
    return client


def table(soup: BeautifulSoup, chart: str) -> dict[str, str]:
    rows = soup.select(f"#{chart} tbody tr")
    return {row.select("th")[0].get_text(): row.select("td")[0].get_text() for row in rows}


def test_nothing_to_count_is_said(desk: FlaskClient) -> None:
    drawn = page(desk.get(STATISTICS))
    assert len(drawn.select("figure.chart")) == 8
    assert drawn.get_text().count("There is nothing to count yet") == 8


def test_each_chart_has_a_sentence_and_a_table(desk: FlaskClient, app_units: SqlUnitsOfWork) -> None:
    recorded(app_units, 12, university="toronto")
    recorded(app_units, 7, university="western")
    recorded(app_units, 2, university="queens")
    drawn = page(desk.get(STATISTICS))
    assert table(drawn, "schools") == {
        "University of Toronto": "12",
        "McMaster University": "0",
        "University of Ottawa": "0",
        "Another school": "0",
        "Not a university": "0",
        "Queen’s University": "fewer than five",
        "Western University": "not shown",
    }
    assert table(drawn, "new_graduated") == {"2026": "21"}
    block = drawn.select_one("section[aria-labelledby=schools-title]")
    assert block is not None
    assert "Of 21 records that are not private" in block.get_text()
    assert len(block.select("svg .chart-bar")) == 1
    assert '2"' not in [text.get_text() for text in block.select("svg text")]


def test_too_few_to_be_shown_is_said(desk: FlaskClient, app_units: SqlUnitsOfWork) -> None:
    recorded(app_units, 3)
    drawn = page(desk.get(STATISTICS))
    schools = drawn.select_one("#schools")
    assert schools is not None
    assert "too few registrations" in schools.get_text()
    assert "3" not in schools.get_text()


def test_a_period_is_kept_in_its_fields(desk: FlaskClient) -> None:
    drawn = page(desk.get(f"{STATISTICS}?first=2026-09-01&last=2026-09-30"))
    assert "From 1 September 2026 to 30 September 2026" in drawn.get_text()
    values = {field["name"]: field["value"] for field in drawn.select(".period input[type=date]")}
    assert values == {"first": "2026-09-01", "last": "2026-09-30"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("first=yesterday", "Enter a day"),
        ("first=2026-02-30&last=2026-03-01", "Enter a day"),
        ("first=2026-10-02&last=2026-10-01", "has to be before"),
        ("first=2030-01-01", "has to be before"),
    ],
)
def test_a_period_that_is_none_is_refused_with_a_reason(desk: FlaskClient, asked: str, said: str) -> None:
    answer = desk.get(f"{STATISTICS}?{asked}")
    drawn = page(answer)
    assert answer.status_code == 422
    assert said in drawn.select_one("#error-summary").get_text()  # type: ignore[union-attr]
    assert drawn.select_one("#first[aria-invalid=true]") is not None


@pytest.mark.parametrize("asked", ["first=0001-01-01", "last=9999-12-31", "first=2000-01-01&last=9999-12-31"])
def test_far_away_days_are_brought_near(desk: FlaskClient, asked: str) -> None:
    assert desk.get(f"{STATISTICS}?{asked}").status_code == 200
