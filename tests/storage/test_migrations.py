"""Migrations run while the release before them serves: nothing it needs goes, and nobody is held up for long.

The rule is in docs/operations.md; it holds for every migration behind `BEFORE_THE_FIRST_RELEASE`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event, inspect, text

from tests.support.databases import database_app, engine_of, sqlite_url
from tests.support.waiting import wait_for
from wizard.config import Settings
from wizard.core.errors import ExternalServiceError
from wizard.storage import database
from wizard.storage.postgresql import LOCK_TIMEOUT

BEFORE_THE_FIRST_RELEASE = "0013"
# As the code of the first migration writes them, with nothing that came later.
ROWS = (
    """INSERT INTO accounts (id, number, number_key, name, email, status, language, created_at)
    VALUES (:id, :id, :id, 'Vera', 'vera@example.org', 'active', 'en', '2026-11-23 15:00:00+00:00')""",
    """INSERT INTO staff (id, username, username_key, name, password_hash, privilege, active, epoch)
    VALUES (:id, :id, :id, 'Mia', '$argon2id$', 'main', true, 0)""",
    """INSERT INTO outbox (id, key, kind, language, sealed, state, attempts, created_at, due_at)
    VALUES (:id, :id, 'code', 'en', '1', 'waiting', 0, '2026-11-23 15:00:00+00:00', '2026-11-23 15:00:00+00:00')""",
    """INSERT INTO education_records (id, number, account_id, session_id, user_business_id, user_business_key,
    degree_type, university, country, graduation_year, coto_status, access_modifier, category, category_codes,
    category_params, verification_state, verification_reasons, declaration_version, declared_at, created_by,
    created_at, updated_at, version)
    VALUES (:id, :id, :id, :id, :id, :id, 'masters', 'mcmaster', 'CA', '2026', 'pending', 'private', 'graduated', '[]',
    '{}', 'not_required', '[]', '1', '2026-11-23 15:00:00+00:00', 'applicant',
    '2026-11-23 15:00:00+00:00', '2026-11-23 15:00:00+00:00', 1)""",
    """INSERT INTO audit_events (chain, position, name, at, actor, details, changes, previous, key_id, mac)
    VALUES (:id, 1, 'education.staged', '2026-11-23 15:00:00+00:00', 'applicant', '{}', '{}', '', '', '')""",
)
READS = (
    "SELECT id, number, number_key, name, email, status, language, created_at FROM accounts WHERE id = :id",
    "SELECT id, username, username_key, name, password_hash, privilege, active, epoch FROM staff WHERE id = :id",
    "SELECT id, key, kind, language, sealed, state, attempts, created_at, due_at FROM outbox WHERE id = :id",
    "SELECT id, account_id, degree_type, notes, category_codes, version FROM education_records WHERE id = :id",
    "SELECT chain AS id, position, name, at, actor, details, changes, mac FROM audit_events WHERE chain = :id",
)
# What takes away or renames, tightens, or holds a table that grows for as long as it is long.
FORBIDDEN = {
    "takes away what the release before may need": r"^(DROP TABLE|ALTER TABLE \S+ DROP COLUMN)",
    "changes a name": r"^ALTER (TABLE|INDEX) .* RENAME ",
    "becomes tighter": r"^ALTER TABLE .* SET NOT NULL",
    "writes a table anew": r"^ALTER TABLE .* ALTER COLUMN \S+ TYPE ",
    "locks a table while it makes an index": r"^CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)",
    "locks a table while it looks at every row": r"^ALTER TABLE .* ADD CONSTRAINT (?!.* NOT VALID)",
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Any, plain_settings: Settings) -> Iterator[Flask]:  # noqa: ANN401
    """A database without anything."""
    if request.param == "sqlite":
        url = sqlite_url(tmp_path / "older.db")
    else:
        postgres = request.getfixturevalue("postgres")
        url = postgres.url(postgres.create())
    with database_app(plain_settings.model_copy(update={"database_url": url})) as app:
        yield app


ON_POSTGRES = pytest.mark.parametrize("empty", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)


def revisions(app: Flask) -> list[str]:
    with app.app_context():
        return sorted(script.revision for script in database.alembic(app).script_directory.walk_revisions())


def upgrade(app: Flask, revision: str) -> None:
    """As `wizard migrate` does, no further than this."""
    engine = engine_of(app)
    with database.DIALECTS[engine.dialect.name].alone(engine), app.app_context():
        database.alembic(app).upgrade(revision)


class OldCode:
    """A process of the first release that goes on serving, whatever becomes of its database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.written = 0
        self.slowest = 0.0
        self.errors: list[Exception] = []
        self._over = Event()

    @contextmanager
    def serving(self) -> Iterator[None]:
        thread = Thread(target=self._serve)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _serve(self) -> None:
        while not self._over.wait(0.005):
            began = monotonic()
            try:
                self.write(f"row-{self.written}")
            except Exception as error:  # noqa: BLE001 - told below, of whichever kind it is
                self.errors.append(error)
                return
            self.slowest = max(self.slowest, monotonic() - began)

    def write(self, identifier: str) -> None:
        """A row of each kind, and read again."""
        with self.engine.begin() as connection:
            for statement in ROWS:
                connection.execute(text(statement), {"id": identifier})
        with self.engine.connect() as connection:
            for statement in READS:
                assert connection.execute(text(statement), {"id": identifier}).one().id == identifier
        self.written += 1

    def goes_on(self) -> None:
        before = self.written
        wait_for(lambda: self.errors or self.written > before + 2, what="the old code")
        assert self.errors == []


def test_old_code_goes_on_writing_through_every_migration(empty: Flask) -> None:
    first, *others = revisions(empty)
    upgrade(empty, first)
    old = OldCode(engine_of(empty).execution_options(**database.DIALECTS[engine_of(empty).dialect.name].WRITING))
    with old.serving():
        old.goes_on()
        for revision in others:
            upgrade(empty, revision)
            old.goes_on()
    assert old.errors == []
    assert database.is_current(empty)
    with engine_of(empty).connect() as connection:
        for table in ("accounts", "staff", "outbox", "education_records", "audit_events"):
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == old.written  # noqa: S608 - ours


def test_what_there_is_stays_and_what_is_new_need_not_be_given(empty: Flask) -> None:
    standing: dict[str, dict[str, Any]] = {}
    for revision in revisions(empty):
        upgrade(empty, revision)
        found = columns(engine_of(empty))
        for table, before in standing.items():
            after = found[table]
            assert before.keys() <= after.keys(), (revision, table)
            for name, column in after.items():
                needed = not column["nullable"] and column["default"] is None
                was_needed = name in before and not before[name]["nullable"] and before[name]["default"] is None
                assert was_needed or not needed, (revision, table, name)
        standing = found


def columns(engine: Engine) -> dict[str, dict[str, Any]]:
    found = inspect(engine)
    return {table: {each["name"]: dict(each) for each in found.get_columns(table)} for table in found.get_table_names()}


@ON_POSTGRES
def test_every_migration_keeps_the_rule(empty: Flask) -> None:
    made: set[str] = set()
    broken: list[tuple[str, str, str]] = []
    for revision in revisions(empty):
        statements = statements_of(empty, revision)
        new = {name for each in statements for name in re.findall(r"^CREATE TABLE (\S+)", each)}
        for statement in statements if revision > BEFORE_THE_FIRST_RELEASE else ():
            about = set(re.findall(r"\w+", statement))
            broken += [
                (revision, why, statement)
                for why, pattern in FORBIDDEN.items()
                if re.search(pattern, statement, re.IGNORECASE) and not about & new
            ]
        made |= new
    assert broken == []
    assert "accounts" in made


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("ALTER TABLE accounts DROP COLUMN name", "takes away what the release before may need"),
        ("ALTER TABLE staff RENAME COLUMN password_hash TO former_hash", "changes a name"),
        ("ALTER TABLE accounts ALTER COLUMN name SET NOT NULL", "becomes tighter"),
        ("ALTER TABLE accounts ALTER COLUMN name TYPE TEXT", "writes a table anew"),
        ("CREATE INDEX ix_a ON accounts (name)", "locks a table while it makes an index"),
        ("ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0)", "locks a table while it looks at every row"),
    ],
)
def test_the_rule_finds_what_it_is_about(statement: str, why: str) -> None:
    assert [each for each, pattern in FORBIDDEN.items() if re.search(pattern, statement)] == [why]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX CONCURRENTLY ix_a ON accounts (name)",
        "ALTER TABLE accounts ADD COLUMN more VARCHAR",
        "ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0) NOT VALID",
        "ALTER TABLE a VALIDATE CONSTRAINT c",
    ],
)
def test_the_rule_lets_pass_what_may_be(statement: str) -> None:
    assert [each for each, pattern in FORBIDDEN.items() if re.search(pattern, statement)] == []


def statements_of(app: Flask, revision: str) -> list[str]:
    """What a migration sends, each on one line."""
    sent: list[str] = []

    def note(_to: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(" ".join(statement.split()))

    event.listen(engine_of(app), "before_cursor_execute", note)
    try:
        upgrade(app, revision)
    finally:
        event.remove(engine_of(app), "before_cursor_execute", note)
    return sent


@ON_POSTGRES
def test_a_migration_that_would_have_to_wait_gives_way(empty: Flask) -> None:
    engine = engine_of(empty)
    upgrade(empty, "0001")
    with engine.begin() as somebody:
        somebody.execute(text(ROWS[0]), {"id": "under way"})
        began = monotonic()
        with pytest.raises(ExternalServiceError):
            database.migrate(empty)
        assert LOCK_TIMEOUT / 1000 <= monotonic() - began < LOCK_TIMEOUT / 1000 + 2
        # Nobody is held up by it any more, and nothing of it stays.
        with engine.begin() as another:
            another.execute(text(ROWS[0]), {"id": "another"})
    assert database.is_behind(empty)
    database.migrate(empty)
    assert database.is_current(empty)
