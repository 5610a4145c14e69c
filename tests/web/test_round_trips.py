"""What the journey costs Redis: one round trip for a page, two or three for a step submitted, counted one by one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import event

from tests.conftest import PATIENCE, SECRET_KEYS
from tests.support.api import ApiClient
from tests.support.applicant import DATA_STEPS, Applicant, filled, newest_code
from tests.support.databases import engine_of
from tests.support.desk import ANSWERS, SYSTEM, recorded, sign_in, staged
from tests.support.roundtrips import counted
from tests.support.seed import Seeded
from wizard import create_app
from wizard.config import Settings, variable
from wizard.core.actors import Actor, Privilege
from wizard.core.clock import FixedClock
from wizard.core.errors import Conflict, WorkflowStateInvalid
from wizard.core.registration import Status
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call
from wizard.services.ports.registrations import PageAhead, PageAsked, Selection
from wizard.storage.unit_of_work import SqlUnitsOfWork

# Browser's session and registration come together.
PAGE, SUBMITTED = 1, 2
# With the limits for sending a code; with the browser's new cookie for entering it.
ACCOUNT = 3
# Of a whole workflow through the API: what it asks the database, and Redis.
STATEMENTS, WHOLE = 19, 4
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
    pages["account"] = page_costs(applicant, redis, "account")
    sent = submitting_costs(applicant, redis, "account")
    entered = submitting_costs(applicant, redis, "account", code=newest_code(app_units))
    pages["confirm"] = page_costs(applicant, redis, "confirm")
    submitted["confirm"] = submitting_costs(applicant, redis, "confirm", declaration="y")
    pages["complete"] = page_costs(applicant, redis, "complete")
    assert set(pages.values()) == {PAGE}, pages
    assert submitted == {step: PAGE if step == "category" else SUBMITTED for step in submitted}
    assert (sent, entered) == (ACCOUNT, ACCOUNT)


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def asks(_to: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(engine_of(app), "before_cursor_execute", asks)
    yield asked
    event.remove(engine_of(app), "before_cursor_execute", asks)


def test_a_data_step_asks_the_database_nothing_and_is_in_the_trail_soon(
    settings: Settings, app_seeded: Seeded, app_units: SqlUnitsOfWork, clock: FixedClock
) -> None:
    assert app_seeded.accounts
    # So long that nothing is written while we look.
    served = create_app(settings.model_copy(update={"audit_delay": 5.0}), clock=clock)
    applicant = Applicant(served.test_client()).start()
    with statements(served) as asked:
        applicant.answer()
    assert asked == []
    session_id = applicant.address("review").split("/")[-2]
    with app_units.read() as unit:
        assert unit.audit.history(session_id) == []
    served.extensions["wizard"].recorder.stop()
    with app_units.read() as unit:
        names = [row.event.name.value for row in unit.audit.history(session_id)]
    assert names == ["education.staged", *3 * ["education.updated"]]
    engine_of(served).dispose()


def test_a_whole_workflow_reads_in_one_transaction_and_writes_in_another(
    app: Flask, app_seeded: Seeded, redis: Redis, services: Services
) -> None:
    main = ApiClient.made(app.test_client(), services, Privilege.MAIN)
    session_id = main.staged()["sessionId"]
    with statements(app) as asked, counted(redis) as trips:
        done = main.on("execute-workflow", session_id, {"accountId": app_seeded.accounts[0].id})
    assert done.status_code == 200
    begun = [each for each in asked if each.startswith("BEGIN")]
    assert begun == ["BEGIN", "BEGIN", "BEGIN IMMEDIATE"], "the token; what the steps look at; the record"
    assert len(asked) - len(begun) <= STATEMENTS
    # Two for the limits, the document read, the document written.
    assert trips.count == WHOLE


_WALKS = """
from tests.support.applicant import Applicant
from wizard import create_app

applicant = Applicant(create_app().test_client()).start().answer()
print(applicant.address("review").split("/")[-2])
"""


def test_a_process_that_ends_has_recorded_what_it_answered(
    settings: Settings, app_seeded: Seeded, app_units: SqlUnitsOfWork
) -> None:
    assert app_seeded.accounts
    environ = {"DATA_DIR": str(settings.data_dir), "REDIS_URL": str(settings.redis_url), "AUDIT_DELAY": "5"}
    environ |= {"DATABASE_URL": settings.database_url, "SECRET_KEYS": ",".join(SECRET_KEYS), "PATIENCE": str(PATIENCE)}
    walked = subprocess.run(
        [sys.executable, "-c", _WALKS],
        env=os.environ | {variable(name.lower()): value for name, value in environ.items()},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        timeout=120,
    )
    assert walked.returncode == 0, walked.stderr
    with app_units.read() as unit:
        names = [row.event.name.value for row in unit.audit.history(walked.stdout.splitlines()[-1])]
    assert names == ["education.staged", *3 * ["education.updated"]]


def test_pages_about_several_registrations_cost_no_more_for_each(applicant: Applicant, redis: Redis) -> None:
    for _ in range(4):
        applicant.start().answer("identity")
    costs = {}
    for address in ("/", "/finish", applicant.address("link"), applicant.address("cancel"), "/resume/nothing"):
        with counted(redis) as trips:
            applicant.client.get(address)
        costs[address] = trips.count
    assert {address: cost for address, cost in costs.items() if cost > 2} == {}


def test_more_time_and_a_link_cost_as_little(applicant: Applicant, redis: Redis) -> None:
    applicant.answer()
    costs = {}
    for tail, values in {"extend": {}, "link": {"email": "ada@example.org"}, "cancel": {"confirm": "yes"}}.items():
        data = {"csrf_token": applicant.token(), **values}
        with counted(redis) as trips:
            assert applicant.client.post(applicant.address(tail), data=data).status_code == 303
        costs[tail] = trips.count
    assert {tail: cost for tail, cost in costs.items() if cost > 3} == {}


def test_a_wrong_code_costs_little_too(applicant: Applicant, app_units: SqlUnitsOfWork, redis: Redis) -> None:
    applicant.answer()
    for step in ("review", "category", "account"):
        submitting_costs(applicant, redis, step)
    wrong = f"{(int(newest_code(app_units)) + 1) % 10**6:06}"
    token = applicant.token()
    with counted(redis) as trips:
        answer = applicant.client.post(applicant.address("account"), data={"csrf_token": token, "code": wrong})
    assert answer.status_code == 422
    assert trips.count <= ACCOUNT


def test_no_page_of_the_desk_costs_more_than_two(
    client: FlaskClient, app: Flask, app_seeded: Seeded, services: Services, redis: Redis
) -> None:
    sign_in(client, app_seeded.main)
    record = recorded(services)
    flagged = staged(services)
    main = Call(Actor.staff("mia", Privilege.MAIN))
    services.orchestrator.review(main, flagged)
    with suppress(Conflict, WorkflowStateInvalid):
        services.orchestrator.link_account(main, flagged)
    known = {
        "session_id": flagged,
        "record_id": record.id,
        "account_id": record.account_id,
        "job_id": services.bulk.load_values(SYSTEM, [ANSWERS]).id,
    }
    # Whose registrations they are stands in the database only, so they are looked for once the account is known.
    more = {"staff.account": 3}
    costs = {}
    with app.test_request_context():
        addresses = {
            rule.endpoint: url_for(rule.endpoint, _external=False, **{name: known[name] for name in rule.arguments})
            for rule in app.url_map.iter_rules()
            if rule.endpoint.startswith("staff.") and "GET" in (rule.methods or ()) and rule.arguments <= known.keys()
        }
    # The first page with a form after signing in gives the session its token.
    client.get("/staff/")
    for endpoint, address in addresses.items():
        with counted(redis) as trips:
            client.get(address)
        costs[endpoint] = trips.count
    assert len(costs) > 40
    assert {endpoint: cost for endpoint, cost in costs.items() if cost > more.get(endpoint, 2)} == {}


def test_a_list_that_is_not_the_one_read_ahead_is_read(services: Services) -> None:
    session_id = staged(services)
    other = PageAhead(PageAsked(Selection(status=Status.CANCELLED)), ())
    page = services.desk.sessions(replace(SYSTEM, page_ahead=other))
    assert [each.session_id for each in page.registrations] == [session_id]
