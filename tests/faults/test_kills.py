"""The real server killed between any two steps of the journey: nothing that a page had accepted is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.journey import reach_confirm
from tests.support.postgres import Postgres
from tests.support.serving import Graduate, Page, Served, hidden_values, serving
from tests.support.waiting import wait_for

SUBMITS = 50


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    environ = {}
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        environ["WIZARD_DATABASE_URL"] = postgres.url(postgres.create())
    with serving(tmp_path, environ) as served:
        yield served


@pytest.fixture
def own_served(tmp_path: Path) -> Iterator[Served]:
    """A server of the test's own, to kill."""
    with serving(tmp_path) as served:
        yield served


def number_on(page: Page) -> str:
    """The record number on a receipt."""
    number = page.html.find(string=lambda text: text is not None and "osot-oted-" in text)
    assert number is not None, page.html.get_text(" ", strip=True)
    return str(number).strip()


def restart_web(served: Served) -> None:
    served.kill_web()
    served.start()


def restart_valkey(served: Served) -> None:
    """Kill Valkey; the server starts it again by itself."""
    served.kill_valkey()
    wait_for(served.is_ready, what="recovery")


@pytest.mark.parametrize("kill", [restart_web, restart_valkey])
def test_kill_between_any_two_steps_loses_nothing_accepted(own_served: Served, kill: Callable[[Served], None]) -> None:
    graduate = Graduate(own_served.url)
    confirm = reach_confirm(own_served, graduate, between=lambda: kill(own_served))
    receipt = graduate.fill(confirm, declaration="y")
    kill(own_served)
    assert receipt.url.endswith("/complete")
    again = graduate.get(receipt.url)
    assert number_on(again) == number_on(receipt) == "osot-oted-0000001"


def test_fifty_submits_to_two_workers_at_once_make_one_record(served: Served) -> None:
    graduate = Graduate(served.url)
    confirm = reach_confirm(served, graduate)
    values = {**hidden_values(confirm.form), "declaration": "y"}

    def submit(_number: int) -> str:
        twin = Graduate(served.url)
        for cookie in graduate.cookies:
            twin.cookies.set_cookie(cookie)
        page = twin.post(str(confirm.form.get("action") or confirm.url), values)
        assert page.status == 200, page.html.get_text(" ", strip=True)
        return number_on(page)

    with ThreadPoolExecutor(max_workers=10) as pool:
        numbers = set(pool.map(submit, range(SUBMITS)))
    assert len(numbers) == 1
