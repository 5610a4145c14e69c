"""Coming back to a registration whose time is over: told kindly, however late, and never begun with again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from redis import Redis

from tests.support.applicant import Applicant, parsed, text
from tests.support.desk import sign_in
from tests.support.seed import Seeded
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services
from wizard.storage.stored_values import key_of
from wizard.storage.unit_of_work import SqlUnitsOfWork

PLACES = ("", "identity", "education", "review", "account", "complete", "cancel", "link")


@pytest.fixture
def applicant(client: FlaskClient, app_seeded: Seeded) -> Applicant:
    assert app_seeded.accounts
    return Applicant(client).start()


def pass_over(services: Services, clock: FixedClock) -> None:
    """A day later, the clean-up having been there."""
    clock.instant += timedelta(hours=25)
    assert services.housekeeping.run_once().expired == 1


@pytest.mark.parametrize("forgotten", [False, True], ids=["cleaned up", "forgotten by Redis"])
def test_it_says_that_the_time_is_over_and_takes_no_answers(
    applicant: Applicant, services: Services, clock: FixedClock, redis_client: Redis, forgotten: bool
) -> None:
    applicant.answer("identity", "education")
    token = applicant.token()
    pass_over(services, clock)
    if forgotten:
        redis_client.delete(key_of(applicant.session_id))
    for place in PLACES:
        answer = applicant.client.get(applicant.address(place).rstrip("/"))
        assert answer.status_code == 410, place
        assert "The time for this registration is over" in text(parsed(answer), "h1")
    typed = {"csrf_token": token, "user_business_id": "osot-0000002", "email": "new@example.org"}
    for place in ("identity", "extend", "review"):
        answer = applicant.client.post(applicant.address(place), data=typed)
        assert answer.status_code == 410, place
        assert "osot-0000002" in answer.text
    assert services.orchestrator.runner.registrations.page().registrations == ()  # type: ignore[attr-defined]


def test_a_start_without_answers_can_be_gone_on_with_for_a_day(applicant: Applicant, clock: FixedClock) -> None:
    clock.instant += timedelta(hours=23)
    assert applicant.soup("identity")
    clock.instant += timedelta(hours=2)
    applicant.soup("identity", expect=410)


def test_a_completed_one_tells_its_record_number(
    applicant: Applicant, services: Services, clock: FixedClock, app_units: SqlUnitsOfWork
) -> None:
    applicant.answer().decide()
    assert applicant.submit("category").status_code == 303
    assert applicant.prove(app_units).declare().status_code == 303
    number = text(applicant.soup("complete"), "#receipt-number")
    pass_over(services, clock)
    said = applicant.soup("complete", expect=410)
    assert number in text(said, "main")
    assert "Your education is registered" in text(said, "main")


def test_staff_who_helped_cannot_begin_with_it_again(
    applicant: Applicant, redis_client: Redis, app_seeded: Seeded
) -> None:
    applicant.answer()
    desk = Applicant(applicant.client.application.test_client(), applicant.session_id)
    sign_in(desk.client, app_seeded.main)
    place = f"/staff/sessions/{applicant.session_id}"
    form = parsed(desk.client.get(place)).select_one(f"form[action='{place}/open'] input[name=csrf_token]")
    assert form is not None
    assert desk.client.post(f"{place}/open", data={"csrf_token": str(form["value"])}).status_code == 303
    redis_client.delete(key_of(applicant.session_id))
    desk.soup("identity", expect=410)
