"""What the journey costs Redis: two round trips for a page, three for a step that is submitted, counted one by one."""

from __future__ import annotations

import pytest
from flask import Flask
from redis import Redis

from tests.support.applicant import DATA_STEPS, Applicant, filled
from tests.support.roundtrips import counted
from tests.support.seed import Seeded
from wizard.storage.unit_of_work import SqlUnitsOfWork

PAGE, SUBMITTED = 2, 3
# Something else than is stored: an answer that is there already is not written again.
CHANGED: dict[str, dict[str, str]] = {
    "identity": {"email": "new@example.org"},
    "education": {"degree_type": "doctorate"},
    "coto": {"coto_status": "student"},
    "privacy": {"notes": "Changed"},
}


@pytest.fixture
def applicant(app: Flask, app_seeded: Seeded) -> Applicant:
    assert app_seeded.accounts
    return Applicant(app.test_client()).start()


@pytest.fixture
def redis(app: Flask) -> Redis:
    client: Redis = app.extensions["wizard_stores"].redis
    return client


def page_costs(applicant: Applicant, redis: Redis, step: str) -> int:
    with counted(redis) as trips:
        answer = applicant.client.get(applicant.address(step))
    assert answer.status_code == 200, step
    return trips.count


def submitting_costs(applicant: Applicant, redis: Redis, step: str, **values: str) -> int:
    form = applicant.soup(step).select_one("main form[method=post]")
    assert form is not None
    with counted(redis) as trips:
        answer = applicant.client.post(str(form["action"]), data={**filled(form), **values})
    assert answer.status_code == 303, (step, answer.text)
    return trips.count


def test_every_page_and_every_step_submitted_costs_few_round_trips(
    applicant: Applicant, app_units: SqlUnitsOfWork, redis: Redis
) -> None:
    pages, submitted = {}, {}
    applicant.answer()
    for step in DATA_STEPS:
        pages[step] = page_costs(applicant, redis, step)
        submitted[step] = submitting_costs(applicant, redis, step, **CHANGED[step])
    for step in ("review", "category"):
        pages[step] = page_costs(applicant, redis, step)
        submitted[step] = submitting_costs(applicant, redis, step)
    # Sending and trying a code are limited by browser, address and target, and cost more for that.
    pages["account"] = page_costs(applicant, redis, "account")
    applicant.prove(app_units)
    pages["confirm"] = page_costs(applicant, redis, "confirm")
    submitted["confirm"] = submitting_costs(applicant, redis, "confirm", declaration="y")
    pages["complete"] = page_costs(applicant, redis, "complete")
    assert {step: trips for step, trips in pages.items() if trips > PAGE} == {}
    assert {step: trips for step, trips in submitted.items() if trips > SUBMITTED} == {}
    assert all(submitted[step] == SUBMITTED for step in (*DATA_STEPS, "review", "confirm")), submitted
