"""What tests of the pages do again and again: tokens, signing in, registrations to look at, a database that is down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.databases import engine_of
from tests.support.seed import PASSWORD
from wizard.config import Settings
from wizard.core.accounts import StaffMember
from wizard.core.actors import Actor, Privilege
from wizard.core.records import Record
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call, Staging

SYSTEM = Call(Actor.system("tests"))
ANSWERS: dict[str, str | None] = {
    "user_business_id": "osot-0000001",
    "degree_type": "masters",
    "university": "mcmaster",
    "country": "CA",
    "graduation_year": "2026",
    "coto_status": "pending",
    "access_modifier": "private",
}


def page(response: TestResponse) -> BeautifulSoup:
    return BeautifulSoup(response.text, "html.parser")


def token(client: FlaskClient, path: str = "/staff/sign-in") -> str:
    """A CSRF token of the client's session, from any page that has a form."""
    found = page(client.get(path, follow_redirects=True)).select_one("input[name=csrf_token]")
    assert found is not None
    return str(found["value"])


def send(
    client: FlaskClient, path: str, values: Mapping[str, str] | None = None, *, of: str = "/staff/sign-in"
) -> TestResponse:
    """Send a form with a token that is right."""
    return client.post(path, data={"csrf_token": token(client, of), **(values or {})})


def sign_in(client: FlaskClient, member: StaffMember) -> None:
    answer = send(client, "/staff/sign-in", {"username": member.username, "password": PASSWORD})
    assert answer.status_code == 303, answer.text


def staged(services: Services, *, email: str | None = None, **answers: str | None) -> str:
    """A registration with all answers, or with others; its session id."""
    staging = Staging(data={**ANSWERS, **answers}, contact_email=email)
    return services.orchestrator.stage(SYSTEM, staging).registration.session_id


def recorded(services: Services, **answers: str | None) -> Record:
    """The record of a registration with all answers, or with others, submitted by `main`."""
    main, session_id = Call(Actor.staff("mia", Privilege.MAIN)), staged(services, **answers)
    services.orchestrator.review(main, session_id)
    services.orchestrator.link_account(main, session_id)
    record = services.orchestrator.execute_workflow(main, session_id).record
    assert record is not None
    return record


def own(client: FlaskClient, session_id: str) -> None:
    """Let a client's browser open a registration."""
    with client.session_transaction() as session:
        session[f"registration:{session_id}"] = "2026-11-23T15:00:00+00:00"


@contextmanager
def database_down(app: Flask, settings: Settings) -> Iterator[None]:
    """The file of the database is not there to be opened."""
    path, away = settings.data_dir / "wizard.db", settings.data_dir / "away.db"
    engine_of(app).dispose()
    path.rename(away)
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()
        away.rename(path)


@contextmanager
def second_factor_required(app: Flask) -> Iterator[None]:
    """Staff need an authenticator app for as long as this lasts."""
    services, settings = app.extensions["wizard"], app.extensions["wizard_settings"]
    strict = replace(services.sign_in, requires_second_factor=True)
    app.extensions["wizard"] = replace(services, sign_in=strict)
    app.extensions["wizard_settings"] = settings.model_copy(update={"staff_totp_required": True})
    try:
        yield
    finally:
        app.extensions.update(wizard=services, wizard_settings=settings)
