"""The migration for the desk, on a database that has accounts already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert, select

from tests.support.databases import database_app, engine_of, sqlite_url
from tests.support.postgres import Postgres
from wizard.config import Settings
from wizard.core.spelling import folded
from wizard.storage import database
from wizard.storage.schema import Table

NAMES = ("Noé d’Été-Œuvre", "ADA Applicant", "O'Brien  Søren", "李 明")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def older(request: pytest.FixtureRequest, tmp_path: Path, plain_settings: Settings) -> Iterator[Flask]:
    """A database as it was before."""
    if request.param == "sqlite":
        url = sqlite_url(tmp_path / "older.db")
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.url(postgres.create())
    with database_app(plain_settings.model_copy(update={"database_url": url})) as app:
        alembic = database.alembic(app)
        with app.app_context():
            alembic.upgrade("0002")
        yield app


def test_the_names_that_are_there_can_be_searched_for(older: Flask) -> None:
    accounts = Table.metadata.tables["accounts"]
    at = datetime(2026, 11, 23, tzinfo=UTC)
    others = {"email": "", "email_key": "", "status": "active", "language": "en", "created_at": at}
    rows = [{"id": name, "number": name, "number_key": name, "name": name, **others} for name in NAMES]
    with engine_of(older).begin() as connection:
        connection.execute(insert(accounts), rows)
    database.migrate(older)
    with engine_of(older).connect() as connection:
        kept = {row.name: row.name_key for row in connection.execute(select(accounts.c.name, accounts.c.name_key))}
    assert kept == {name: folded(name) for name in NAMES}
