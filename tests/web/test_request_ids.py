"""One id from the proxy to the log to the audit trail, also where a worker does later what a request asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from structlog.typing import EventDict
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.support.applicant import Applicant, filled, one
from tests.support.desk import database_down, page, sign_in, token
from tests.support.seed import Seeded
from tests.web.test_staff_year_and_categories import PREVIEW, RUN, students
from wizard.config import Settings
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services
from wizard.storage.trail_tables import AuditEventRow
from wizard.storage.unit_of_work import SqlUnitsOfWork
from wizard.web.requests import HEADER

BULK = "/staff/bulk"
ROWS = b"""\
Member number,Degree,University,Country,Graduation year,COTO status,Access
osot-0000001,masters,McMaster,CA,2026,pending,private
osot-0000002,masters,McMaster,CA,2026,pending,private
"""


@pytest.fixture
def lines() -> Iterator[list[EventDict]]:
    with capture_logs(processors=[merge_contextvars]) as lines:
        yield lines


@pytest.fixture
def applicant(app: Flask, app_seeded: Seeded) -> Applicant:
    assert app_seeded.accounts
    return Applicant(app.test_client())


@pytest.fixture
def main(client: FlaskClient, app_seeded: Seeded) -> FlaskClient:
    sign_in(client, app_seeded.main)
    return client


def logged(lines: list[EventDict], request_id: str) -> set[str]:
    """What the log says under an id."""
    return {str(line["event"]) for line in lines if line.get("request_id") == request_id}


def audited(units: SqlUnitsOfWork, request_id: str) -> list[str]:
    """The events of the audit trail that an id brought about."""
    with units.sessions() as session:
        asked = select(AuditEventRow.name).where(AuditEventRow.request_id == request_id).order_by(AuditEventRow.id)
        return list(session.scalars(asked))


def send(applicant: Applicant, step: str, request_id: str, **values: str) -> int:
    """A step, sent through a proxy that gave the request an id."""
    form = applicant.soup(step).select_one("main form[method=post]")
    assert form is not None
    data = {**filled(form), **values}
    answer = applicant.client.post(applicant.address(step), data=data, headers={HEADER: request_id})
    assert answer.headers[HEADER] == request_id
    return answer.status_code


def test_from_the_proxy_to_the_log_to_the_audit_trail(
    applicant: Applicant, app_units: SqlUnitsOfWork, lines: list[EventDict]
) -> None:
    applicant.start()
    assert send(applicant, "identity", "edge-identity-01", user_business_id="osot-0000001") == 303
    assert logged(lines, "edge-identity-01") == {"education.staged", "request"}
    assert audited(app_units, "edge-identity-01") == ["education.staged"]


def test_what_waited_for_the_database_is_recorded_under_its_own_request(
    app: Flask,
    applicant: Applicant,
    app_units: SqlUnitsOfWork,
    services: Services,
    settings: Settings,
    clock: FixedClock,
) -> None:
    applicant.start().answer("identity")
    with database_down(app, settings):
        assert send(applicant, "education", "edge-education-02", university="mcmaster", graduation_year="2026") == 303
    assert audited(app_units, "edge-education-02") == []
    clock.instant += timedelta(minutes=1)
    services.housekeeping.run_once()
    assert audited(app_units, "edge-education-02") == ["education.updated"]


def test_a_mail_is_delivered_under_the_request_that_wrote_it(
    applicant: Applicant, services: Services, app_units: SqlUnitsOfWork, lines: list[EventDict]
) -> None:
    applicant.start().answer().decide()
    assert send(applicant, "account", "edge-account-03") == 303
    assert audited(app_units, "edge-account-03") == ["code.sent"]
    lines.clear()
    services.mails.deliver_due()
    assert logged(lines, "edge-account-03") == {"mail.written", "outbox.delivered"}


def test_a_worker_registers_rows_under_the_request_that_started_them(
    main: FlaskClient, services: Services, app_units: SqlUnitsOfWork, lines: list[EventDict]
) -> None:
    values = {"csrf_token": token(main, BULK), "file": FileStorage(BytesIO(ROWS), "rows.csv")}
    boundary, body = encode_multipart(values)
    kind = f"multipart/form-data; boundary={boundary}"
    loaded = main.post(BULK, data=body, content_type=kind, headers={HEADER: "edge-loaded-04"})
    assert audited(app_units, "edge-loaded-04") == ["bulk.loaded"]
    work(services)
    address = urlsplit(loaded.headers["Location"]).path
    started = main.post(
        f"{address}/start", data={"csrf_token": token(main, address)}, headers={HEADER: "edge-started-05"}
    )
    assert started.status_code == 303, started.text
    lines.clear()
    work(services)
    names = audited(app_units, "edge-started-05")
    assert (names[0], names[-1]) == ("bulk.started", "bulk.completed")
    assert names.count("education.created") == 2
    assert {"education.created", "bulk.completed"} <= logged(lines, "edge-started-05")


def work(services: Services) -> None:
    while services.bulk.workers.run_once():
        pass


def test_a_worker_moves_records_under_the_request_that_began_it(
    main: FlaskClient, services: Services, app_units: SqlUnitsOfWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wizard.services.refresh.BATCH", 1)
    moved = students(app_units, 12)
    form = one(page(main.get(PREVIEW)), f"form[action='{RUN}']")
    main.post(RUN, data=filled(form), headers={HEADER: "edge-refresh-06"})
    assert 0 < len(audited(app_units, "edge-refresh-06")) < len(moved)
    while services.refresh.run_due():
        pass
    assert audited(app_units, "edge-refresh-06") == ["record.category_changed"] * len(moved)
