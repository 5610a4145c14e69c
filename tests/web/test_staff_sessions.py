"""The list of registrations: filtered, searched, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.desk import SYSTEM, page, send, sign_in, staged
from tests.support.roundtrips import counted
from tests.support.seed import Seeded
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services

LIST = "/staff/sessions"


@pytest.fixture
def desk(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.admin)
    return client


def listed(client: FlaskClient, address: str = LIST) -> list[str]:
    """The session ids in the table."""
    links = page(client.get(address)).select("tbody th a")
    return [str(link["href"]).rpartition("/")[2] for link in links]


def test_an_empty_list_says_so(desk: FlaskClient) -> None:
    assert "There are no such registrations" in desk.get(LIST).text


def test_newest_changes_come_first_with_all_that_matters(
    desk: FlaskClient, services: Services, clock: FixedClock
) -> None:
    older = staged(services, user_business_id="osot-0000001")
    clock.instant += timedelta(minutes=10)
    newer = staged(services, user_business_id="osot-0000002", notes=None, coto_status=None)
    assert listed(desk) == [newer, older]
    cells = [cell.get_text(" ", strip=True) for cell in page(desk.get(LIST)).select("tbody tr:first-child > *")]
    assert cells == ["osot-0000002", "Incomplete", "College (COTO)", *cells[3:4], "24 hours", "Web"]
    assert "23 November 2026, 10:10" in cells[3]


def test_a_status_can_be_shown_alone(desk: FlaskClient, services: Services) -> None:
    complete, incomplete = staged(services), staged(services, coto_status=None)
    services.orchestrator.review(SYSTEM, complete)
    assert listed(desk, f"{LIST}?status=category_determined") == [complete]
    assert listed(desk, f"{LIST}?status=pending") == [incomplete]
    assert sorted(listed(desk, f"{LIST}?status=nonsense")) == sorted([complete, incomplete])


def test_the_filters_say_how_many_there_are(desk: FlaskClient, services: Services) -> None:
    staged(services)
    staged(services, coto_status=None)
    filters = page(desk.get(f"{LIST}?status=pending")).select(".filters a")
    counts = {link.get_text(" ", strip=True) for link in filters}
    assert {"All 2", "Incomplete 1", "All answers given 1"} <= counts
    (current,) = [link for link in filters if link.get("aria-current")]
    assert "Incomplete" in current.get_text()


def test_a_member_number_is_searched_for_without_being_in_an_address(desk: FlaskClient, services: Services) -> None:
    wanted = staged(services, user_business_id="osot-0000007")
    staged(services, user_business_id="osot-0000008")
    answer = send(desk, LIST, {"member_number": " OSOT-0000007 "}, of=LIST)
    assert answer.status_code == 200
    drawn = page(answer)
    assert [str(link["href"]).rpartition("/")[2] for link in drawn.select("tbody th a")] == [wanted]
    assert not [link for link in drawn.select("a[href], form[action]") if "0000007" in str(link.attrs)]


def test_a_search_for_nothing_shows_all(desk: FlaskClient, services: Services) -> None:
    staged(services)
    assert len(page(send(desk, LIST, {"member_number": "  "}, of=LIST)).select("tbody tr")) == 1


def test_pages_lead_on_to_all(desk: FlaskClient, services: Services, clock: FixedClock) -> None:
    made = []
    for number in range(30):
        clock.instant += timedelta(seconds=1)
        made.append(staged(services, user_business_id=f"osot-{number:07}"))
    first = page(desk.get(f"{LIST}?status=staged"))
    following = first.select_one("a[rel=next]")
    assert following is not None
    seen = listed(desk, f"{LIST}?status=staged") + listed(desk, str(following["href"]))
    assert seen == made[::-1]
    assert page(desk.get(str(following["href"]))).select_one("a[rel=next]") is None


@pytest.mark.parametrize("cursor", ["nonsense", "", "1:2:3", "%00", "9" * 400])
def test_a_cursor_that_is_none_breaks_nothing(desk: FlaskClient, services: Services, cursor: str) -> None:
    staged(services)
    assert desk.get(f"{LIST}?cursor={cursor}").status_code in {200, 404, 422}


def test_an_expired_registration_is_not_listed(
    client: FlaskClient, services: Services, clock: FixedClock, app_seeded: Seeded
) -> None:
    staged(services)
    clock.instant += timedelta(hours=23)
    living = staged(services, user_business_id="osot-0000002")
    clock.instant += timedelta(hours=1)
    sign_in(client, app_seeded.admin)
    assert listed(client) == [living]


def test_a_cancelled_registration_is_not_called_incomplete(desk: FlaskClient, services: Services) -> None:
    session_id = staged(services)
    services.orchestrator.cancel(SYSTEM, session_id)
    cells = [cell.get_text(" ", strip=True) for cell in page(desk.get(LIST)).select("tbody tr:first-child > *")]
    assert cells[:3] == ["Erased", "Cancelled", ""]
    shown = page(desk.get(f"{LIST}/{session_id}"))
    assert "that is over" in shown.select_one("h1").get_text()  # type: ignore[union-attr]
    assert "Step" not in [term.get_text() for term in shown.select(".state dt")]


def test_the_list_is_narrowed_down_by_what_its_address_says(
    client: FlaskClient, services: Services, clock: FixedClock, app_seeded: Seeded
) -> None:
    old = staged(services, graduation_year=None)
    clock.instant += timedelta(hours=2)
    new = staged(services, graduation_year=None)
    other = staged(services, coto_status=None)
    desk = client
    sign_in(desk, app_seeded.admin)
    assert listed(desk, f"{LIST}?step=education") == [new, old]
    assert listed(desk, f"{LIST}?step=education&age=1h") == [old]
    assert listed(desk, f"{LIST}?step=education&channel=web&status=pending") == [new, old]
    assert listed(desk, f"{LIST}?channel=bulk") == []
    assert listed(desk, f"{LIST}?rule=account.one_record") == []
    assert listed(desk, f"{LIST}?stuck=any") == listed(desk, f"{LIST}?stuck=repeated") == []
    assert sorted(listed(desk, f"{LIST}?step=x&age=x&channel=x&rule=x&stuck=x&expiring=x")) == sorted([old, new, other])


def test_what_was_chosen_stays_chosen(desk: FlaskClient, services: Services) -> None:
    staged(services, graduation_year=None)
    drawn = page(desk.get(f"{LIST}?status=pending&step=education&age=1d"))
    assert [option["value"] for option in drawn.select(".narrowing option[selected]")] == ["education", "1d"]
    assert [each["value"] for each in drawn.select(".narrowing input[type=hidden]")] == ["pending"]
    assert drawn.select_one("details.narrowing[open]") is not None
    (chosen,) = drawn.select(".filters a[aria-current]")
    assert "Incomplete" in chosen.get_text()
    assert "Education (1)" in drawn.select_one("#step").get_text()  # type: ignore[union-attr]


def test_what_is_about_to_expire_comes_soonest_first(
    client: FlaskClient, services: Services, clock: FixedClock, app_seeded: Seeded
) -> None:
    first = staged(services)
    clock.instant += timedelta(hours=1)
    second = staged(services)
    clock.instant += timedelta(hours=18)
    third = staged(services)
    desk = client
    sign_in(desk, app_seeded.admin)
    assert listed(desk, f"{LIST}?expiring=1") == [first, second]
    assert third in listed(desk)


def test_a_page_far_down_costs_what_the_first_one_costs(
    desk: FlaskClient, services: Services, clock: FixedClock, app: Flask
) -> None:
    for number in range(80):
        clock.instant += timedelta(seconds=1)
        staged(services, user_business_id=f"osot-{number:07}")
    desk.get(LIST)
    address, costs = f"{LIST}?status=staged", []
    for _ in range(4):
        with counted(app.extensions["wizard_stores"].redis) as trips:
            drawn = page(desk.get(address))
        costs.append(trips.count)
        following = drawn.select_one("a[rel=next]")
        address = str(following["href"]) if following else ""
    assert (costs, address) == ([2, 2, 2, 2], ""), "the browser's session with counts and positions, the documents"
