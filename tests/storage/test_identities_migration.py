"""The migration for staff of an identity provider, on a database that has staff already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from tests.support.databases import database_app, engine_of, sqlite_url
from tests.support.postgres import Postgres
from wizard.config import Settings
from wizard.storage import database
from wizard.storage.schema import Table

STAFF, FACTORS = Table.metadata.tables["staff"], Table.metadata.tables["second_factors"]
IDENTITIES = Table.metadata.tables["staff_identities"]
ANN = {"id": "1", "username": "ann", "username_key": "ann", "name": "Ann", "password_hash": "$argon2id$…"}
BEFORE, HERE = "0006", "0007"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def older(request: pytest.FixtureRequest, tmp_path: Path, plain_settings: Settings) -> Iterator[Flask]:
    """A database as it was before, with somebody who has an authenticator app."""
    if request.param == "sqlite":
        url = sqlite_url(tmp_path / "older.db")
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.url(postgres.create())
    with database_app(plain_settings.model_copy(update={"database_url": url})) as app:
        to(app, BEFORE)
        with engine_of(app).begin() as connection:
            connection.execute(insert(STAFF).values(**ANN, privilege="main", active=True, epoch=3))
            at = datetime(2026, 11, 23, tzinfo=UTC)
            connection.execute(insert(FACTORS).values(staff_id="1", sealed=b"x", added_at=at, last_step=1))
        yield app


def to(app: Flask, revision: str) -> None:
    alembic = database.alembic(app)
    with app.app_context():
        if revision == BEFORE and database_has(app, "staff_identities"):
            alembic.downgrade(revision)
        else:
            alembic.upgrade(revision)


def database_has(app: Flask, table: str) -> bool:
    from sqlalchemy import inspect  # noqa: PLC0415

    return bool(inspect(engine_of(app)).has_table(table))


def hashes(app: Flask) -> dict[str, str | None]:
    with engine_of(app).connect() as connection:
        return {row.id: row.password_hash for row in connection.execute(select(STAFF.c.id, STAFF.c.password_hash))}


def test_whoever_is_there_keeps_password_and_app_and_others_need_none(older: Flask) -> None:
    database.migrate(older)
    assert hashes(older) == {"1": "$argon2id$…"}
    bob = {"id": "2", "username": "bob", "username_key": "bob", "name": "Bob", "password_hash": None}
    identity = {"issuer": "https://id.example", "subject": "b-1", "email": None}
    with engine_of(older).begin() as connection:
        assert connection.execute(select(FACTORS.c.staff_id)).all() == [("1",)]
        connection.execute(insert(STAFF).values(**bob, privilege="admin", active=True, epoch=0))
        connection.execute(insert(IDENTITIES).values(staff_id="2", **identity))
    assert hashes(older) == {"1": "$argon2id$…", "2": None}
    for taken in ({"staff_id": "1", **identity}, {"staff_id": "2", **identity, "subject": "b-2"}):
        with pytest.raises(IntegrityError), engine_of(older).begin() as connection:
            connection.execute(insert(IDENTITIES).values(**taken))
    with pytest.raises(IntegrityError), engine_of(older).begin() as connection:
        connection.execute(insert(IDENTITIES).values(staff_id="nobody", **{**identity, "subject": "b-3"}))


def test_and_back(older: Flask) -> None:
    to(older, HERE)
    with engine_of(older).begin() as connection:
        connection.execute(
            insert(STAFF).values(
                **{**ANN, "id": "2", "username": "bob", "username_key": "bob", "password_hash": None},
                privilege="admin",
                active=True,
                epoch=0,
            )
        )
    to(older, BEFORE)
    # Whoever had no password still has none: nothing hashes to this.
    assert hashes(older) == {"1": "$argon2id$…", "2": "!"}
    with engine_of(older).begin() as connection, pytest.raises(IntegrityError):
        connection.execute(text("UPDATE staff SET password_hash = NULL"))
