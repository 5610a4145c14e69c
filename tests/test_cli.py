"""The command `wizard`: what each command does, says and exits with."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import click
import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import FlaskGroup
from pyotp import TOTP
from redis import Redis
from sqlalchemy import delete

from tests.conftest import SECRET_KEYS
from tests.support.databases import copy_sqlite, engine_of, unguard
from tests.support.desk import ANSWERS, recorded
from tests.support.new_records import education, new_record
from tests.support.oidc import Idp, known_to, providing
from tests.support.receiver import Receiver, make_certificate, security_of
from tests.support.replica import running_pair
from tests.support.valkey import Valkey
from tests.support.workbooks import cells
from wizard import cli, create_app
from wizard.commands import base, checks, demo, wording
from wizard.commands.findings import Verdict
from wizard.commands.worker import Worker
from wizard.config import Settings, variable
from wizard.core.accounts import AccountStatus, StaffIdentity, StaffMember
from wizard.core.actors import Actor, Privilege
from wizard.core.choices import EducationCategory
from wizard.core.clock import Clock, FixedClock
from wizard.core.education import EducationData
from wizard.core.errors import ExternalServiceError, WizardError
from wizard.services.authenticator import new_key
from wizard.services.bundle import Services
from wizard.services.housekeeping import Housekeeping, HousekeepingReport
from wizard.services.ports.bulk import RowState
from wizard.services.ports.calls import Call, Staging
from wizard.services.record_lists import RecordLists
from wizard.services.sign_in import Lacking, SignIn
from wizard.storage import database
from wizard.storage.audit_heads import plant_root
from wizard.storage.crypto import Cipher
from wizard.storage.trail_tables import AuditEventRow, AuditHeadRow, AuditValueRow

CLIENT = Call(Actor.system("tests"))


@pytest.fixture
def environ(
    tmp_path: Path, valkey: Valkey, redis_client: Redis, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """A migrated site's environment."""
    assert redis_client.dbsize() == 0
    for name in [name for name in os.environ if name.startswith("WIZARD_")]:
        monkeypatch.delenv(name)
    copy_sqlite(sqlite_template, tmp_path / "wizard.db")
    environ = {
        "WIZARD_DATA_DIR": str(tmp_path),
        "WIZARD_REDIS_URL": valkey.url,
        "WIZARD_SECRET_KEYS": ",".join(SECRET_KEYS),
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return environ


Create = Callable[..., Flask]


@pytest.fixture(autouse=True)
def create(monkeypatch: pytest.MonkeyPatch) -> Iterator[Create]:
    """Makes applications as the commands do; all give their connections back in the end."""
    made: list[Flask] = []

    def create(settings: Settings | None = None, *, clock: Clock | None = None) -> Flask:
        made.append(create_app(settings, clock=clock))
        return made[-1]

    monkeypatch.setattr(base, "create_app", create)
    yield create
    for app in made:
        engine_of(app).dispose()


def run(*arguments: str, given: str | bytes | None = None, exits: int = 0) -> str:
    """What a command says."""
    result: Result = CliRunner().invoke(cli.main, arguments, input=given)
    assert result.exit_code == exits, (result.output, result.exception)
    return result.output


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


@pytest.mark.parametrize("command", [(), *commands(cli.main)], ids=" ".join)
def test_every_command_has_help(command: tuple[str, ...]) -> None:
    text = run(*command, "--help")
    assert "Usage:" in text
    assert "--help" in text


def test_the_module_runs_as_well_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wizard.cli", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "version" in done.stdout


def test_settings_that_cannot_be_used_are_named(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    monkeypatch.setenv("WIZARD_SESSION_TTL", "soon")
    said = run("accounts", "list", exits=1)
    assert "WIZARD_SESSION_TTL" in said
    assert "Traceback" not in said
    assert environ


def test_a_message_that_nobody_has_worded_is_shown_as_it_is() -> None:
    assert wording.sentence("made.up") == "made.up"
    assert wording.sentence("sign_in") == "Sign in first."


# --- Accounts --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("environ")
def test_accounts_are_added_and_listed() -> None:
    assert run("accounts", "list") == ""
    assert "osot-0000001 was added" in run("accounts", "add", "--name", "Zoé New", "--email", "zoe@example.org")
    assert "M-1 was added" in run(
        *("accounts", "add", "--name", "Ada", "--email", "ada@example.org"),
        *("--number", "M-1", "--status", "pending", "--language", "fr"),
    )
    listed = run("accounts", "list").splitlines()
    assert sorted(line.split()[0] for line in listed) == ["M-1", "osot-0000001"]
    assert any("pending" in line and "ada@example.org" in line for line in listed)
    assert [line.split()[0] for line in run("accounts", "list", "--status", "pending").splitlines()] == ["M-1"]
    assert run("accounts", "list", "--status", "inactive") == ""


@pytest.mark.usefixtures("environ")
def test_what_is_wrong_with_an_account_is_said() -> None:
    said = run("accounts", "add", "--name", "Zoé", "--email", "nowhere", exits=1)
    assert "not an e-mail address" in said
    run("accounts", "add", "--name", "Zoé", "--email", "zoe@example.org", "--number", "M-1")
    said = run("accounts", "add", "--name", "Ada", "--email", "ada@example.org", "--number", "m-1", exits=1)
    assert "another account has this member number" in said


@pytest.mark.usefixtures("environ")
def test_a_file_of_accounts_is_imported(tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text("name,email\nZoé,zoe@example.org\nAda,nowhere\n", encoding="cp1252")
    said = run("accounts", "import", str(file), exits=1)
    assert "1 added, 0 there already, 1 rejected." in said
    assert "row 3, email: not an e-mail address" in said
    file.write_text("name,email\nZoé,zoe@example.org\n", encoding="utf-8")
    assert "0 added, 1 there already, 0 rejected." in run("accounts", "import", str(file))


@pytest.mark.usefixtures("environ")
def test_a_file_without_its_columns_is_refused() -> None:
    assert "no column named: email" in run("accounts", "import", "-", given=b"name\n", exits=1)
    said = run("accounts", "import", "-", given=b'name,email\n"x"y,z\n', exits=1)
    assert "row 2: the row cannot be read" in said


@pytest.mark.usefixtures("environ")
def test_a_bar_shows_progress_where_a_person_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_a_person_watches", lambda: True)
    assert "1 added" in run("accounts", "import", "-", given=b"name,email\nAda,ada@example.org\n")


# --- Staff -----------------------------------------------------------------------------------------------------


def sign_in(app: Flask) -> SignIn:
    services: Services = app.extensions["wizard"]
    return services.sign_in


@pytest.fixture
def site(environ: dict[str, str], create: Create) -> Flask:
    """The same site that the commands work on."""
    assert environ
    return create()


def test_staff_are_added_listed_and_disabled(site: Flask) -> None:
    assert run("staff", "list") == ""
    given = "long enough for it\n"
    run("staff", "add", "ann", "--name", "Ann", "--privilege", "admin", "--password-stdin", given=given)
    said = run("staff", "add", "mia", "--name", "Mia", "--privilege", "main", given=given * 2)
    assert "long enough for it" not in said
    member, _ = sign_in(site).password(CLIENT, "ann", "long enough for it")
    assert [line.split() for line in run("staff", "list").splitlines()] == [
        ["ann", "admin", "active", "password", "Ann"],
        ["mia", "main", "active", "password", "Mia"],
    ]
    assert "ann can no longer sign in" in run("staff", "disable", "ann")
    assert "disabled" in run("staff", "list")
    assert sign_in(site).member(member.id, member.epoch) is None


def test_two_members_are_one_person(site: Flask) -> None:
    services: Services = site.extensions["wizard"]
    given = "long enough for it\n"
    run("staff", "add", "maya", "--name", "Maya", "--privilege", "main", "--password-stdin", given=given)
    newcomer = StaffMember("2", "maya-2", "Maya", None, Privilege.MAIN)
    with services.sign_in.units.write() as unit:
        unit.staff.add(newcomer)
        unit.staff.put_identity(StaffIdentity("2", "https://id.example", "1", None))
        unit.commit()
    assert run("staff", "list").splitlines()[1].split() == ["maya-2", "main", "active", "OpenID", "Maya"]
    assert "maya signs in with the OpenID account that was maya-2’s" in run("staff", "connect", "maya", "maya-2")
    assert "disabled" in run("staff", "list").splitlines()[1]
    assert "never signed in with the OpenID provider" in run("staff", "connect", "maya", "maya-2", exits=1)
    assert "nobody with this user name" in run("staff", "connect", "maya", "bob", exits=1)


def test_a_password_can_be_made_and_is_shown_once(site: Flask) -> None:
    said = run("staff", "add", "ann", "--name", "Ann", "--privilege", "admin", "--generate")
    (password,) = re.findall(r"shown only now: (\S+)", said)
    assert sign_in(site).password(CLIENT, "ann", password)[0].username == "ann"


def test_who_has_lost_the_phone_is_helped(site: Flask) -> None:
    given, key = "long enough for it\n", new_key()
    run("staff", "add", "ann", "--name", "Ann", "--privilege", "admin", "--password-stdin", given=given)
    services: Services = site.extensions["wizard"]
    code, call = TOTP(key).at(services.clock.now()), Call(Actor.staff("ann", Privilege.ADMIN))
    services.my_sign_in.set_up(call, key, code=code, password=given.strip())
    assert sign_in(site).password(CLIENT, "ann", given.strip())[1] is Lacking.CODE
    assert "ann signs in with the password alone" in run("staff", "reset-totp", "ann")
    assert sign_in(site).password(CLIENT, "ann", given.strip())[1] is Lacking.NOTHING
    assert "no authenticator app" in run("staff", "reset-totp", "ann", exits=1)
    assert "nobody with this user name" in run("staff", "reset-totp", "bob", exits=1)


@pytest.mark.usefixtures("environ")
@pytest.mark.parametrize(
    ("arguments", "given", "exits", "said"),
    [
        (("--password-stdin",), "short\n", 1, "at least 12 characters"),
        (("--password-stdin", "--generate"), "", 2, "exclude each other"),
    ],
)
def test_what_is_wrong_with_a_password_is_said(arguments: tuple[str, ...], given: str, exits: int, said: str) -> None:
    command = ("staff", "add", "ann", "--name", "Ann", "--privilege", "admin", *arguments)
    assert said in run(*command, given=given, exits=exits)


@pytest.mark.usefixtures("environ")
def test_what_is_wrong_with_a_member_is_said() -> None:
    assert "nobody with this user name" in run("staff", "disable", "ann", exits=1)
    command = ("staff", "add", "ann", "--name", "Ann", "--privilege", "admin", "--generate")
    run(*command)
    assert "this user name already" in run(*command, exits=1)


# --- Membership year, registrations, audit trail ---------------------------------------------------------------


@pytest.mark.usefixtures("environ")
def test_the_membership_year_is_set_and_shown() -> None:
    assert run("membership-year", "show") == "No membership year is set.\n"
    assert run("membership-year", "set", "2027-09-30") == "The membership year runs to 2027-09-30.\n"
    assert run("membership-year", "show") == "The membership year runs to 2027-09-30.\n"
    assert run("membership-year", "set", "none") == "No membership year is set.\n"
    assert "is no day" in run("membership-year", "set", "September", exits=2)


def staged(app: Flask, *, number: str = "osot-0000001") -> str:
    services: Services = app.extensions["wizard"]
    staging = Staging(data={"user_business_id": number})
    return services.orchestrator.stage(CLIENT, staging).registration.session_id


def test_registrations_are_listed_without_anything_personal(site: Flask) -> None:
    session_ids = {staged(site) for _ in range(30)}
    lines = run("sessions", "list").splitlines()
    assert {line.split()[0] for line in lines} == session_ids
    assert "osot-" not in "".join(lines)
    assert run("sessions", "list", "--status", "staged") == ""


LISTED: dict[str, set[str]] = {
    "": {"open", "stopped", "cancelled"},
    "--status cancelled": {"cancelled"},
    "--step education": {"open"},
    "--channel bulk": set(),
    "--channel web": {"open", "stopped", "cancelled"},
    "--rule other_details.required": {"stopped"},
    "--rule user_business_id.format": set(),
    "--stuck any": {"stopped"},
    "--stuck repeated": {"stopped"},
    "--stuck creation": set(),
    "--expiring": set(),
    "--unchanged-for 1h": set(),
    "--member-number OSOT-0000007": {"open"},
}


def test_registrations_are_listed_by_what_is_asked_for(site: Flask) -> None:
    orchestrator = site.extensions["wizard"].orchestrator
    names = {staged(site, number="osot-0000007"): "open"}
    stopped = orchestrator.stage(CLIENT, Staging(data={**ANSWERS, "university": "other"})).registration.session_id
    for _ in range(2):
        with suppress(WizardError):
            orchestrator.review(CLIENT, stopped)
    orchestrator.cancel(CLIENT, cancelled := staged(site))
    names |= {stopped: "stopped", cancelled: "cancelled"}
    for options, expected in LISTED.items():
        found = {names[line.split()[0]] for line in run("sessions", "list", *options.split()).splitlines()}
        assert found == expected, options
    both = ("--member-number", "osot-0000007", "--expiring")
    assert "leave the other options out" in run("sessions", "list", *both, exits=2)
    assert "“soon” is no duration" in run("sessions", "list", "--unchanged-for", "soon", exits=2)


def test_what_has_expired_is_cleaned_up(site: Flask, create: Create) -> None:
    past = create(clock=FixedClock(datetime(2020, 1, 1, tzinfo=UTC)))
    session_id = staged(past)
    other = staged(site)
    said = run("sessions", "clean-up")
    assert said == "1 expired and erased; the events of 2 more are in the audit trail.\n"
    left = base.stores_of(site).registrations.load(session_id)
    assert left is not None
    assert (left.ended, left.data) == (True, EducationData())
    assert [line.split()[0] for line in run("sessions", "list").splitlines()] == [other]


def test_categories_are_refreshed_and_a_dry_run_only_tells(site: Flask) -> None:
    nothing = "Every record has the category that holds today.\n"
    assert run("categories", "refresh") == run("categories", "refresh", "--dry-run") == nothing
    with base.stores_of(site).units.write() as unit:
        account = unit.accounts.add(
            name="Ada", email="ada@example.org", status=AccountStatus.ACTIVE, language="en", number=None
        )
        data = education(user_business_id=account.number, graduation_year="1999")
        unit.records.add(new_record(account.id, data=data, category=EducationCategory.STUDENT))
        unit.commit()
    told = "osot-oted-0000001  1999       student to graduated\nstudent to graduated: 1 would move.\n"
    for _ in range(2):
        assert run("categories", "refresh", "--dry-run") == told
    assert run("categories", "refresh") == "student to graduated: 1 moved.\n"
    assert run("categories", "refresh") == nothing


def test_records_are_exported_to_a_file_of_the_owner_alone(site: Flask, tmp_path: Path) -> None:
    assert "osot-0000001" in run("accounts", "add", "--name", "=Ada", "--email", "ada@example.org")
    recorded(base.services_of(site))
    file = tmp_path / "records.csv"
    file.write_text("old")
    assert run("records", "export", str(file)) == f"1 records are in {file}.\n"
    assert "osot-oted-0000001" in file.read_text("utf-8-sig")
    assert "'=Ada" in file.read_text("utf-8-sig")
    assert file.stat().st_mode & 0o777 == 0o600
    coded = tmp_path / "coded"
    run("records", "export", str(coded), "--format", "xlsx", "--codes", "--university", "mcmaster")
    assert cells(coded.read_bytes())[0]["university_code"].value == "2"
    assert run("records", "export", str(file), "--category", "student").startswith("0 records")
    assert sorted(each.name for each in tmp_path.iterdir() if "records" in each.name) == ["records.csv"]


@pytest.mark.usefixtures("site")
def test_an_export_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "records.csv"
    file.write_text("old")
    assert "ends in .csv or .xlsx" in run("records", "export", str(tmp_path / "x.ods"), exits=2)
    assert "cannot be written" in run("records", "export", str(tmp_path / "none" / "x.csv"), exits=1)

    def failing(*_arguments: object, **_more: object) -> int:
        raise ExternalServiceError("database")

    monkeypatch.setattr(RecordLists, "export", failing)
    assert "database cannot be reached" in run("records", "export", str(file), exits=1)
    assert file.read_text() == "old"
    assert sorted(each.name for each in tmp_path.iterdir() if "records" in each.name) == ["records.csv"]


def test_cleaning_up_repairs_all_indexes(site: Flask, redis_client: Redis) -> None:
    services: Services = site.extensions["wizard"]
    staged(site)
    redis_client.zadd("ot_education_index:{status:cancelled}", {uuid4().bytes: 1})
    redis_client.delete("ot_education_index:{status:pending}")
    run("sessions", "clean-up")
    assert {status.value: count for status, count in services.desk.counts(CLIENT).items() if count} == {"pending": 1}


def test_the_audit_trail_is_compared_with_what_was_noted_once(site: Flask, tmp_path: Path) -> None:
    run("membership-year", "set", "2027-09-30")
    noted = tmp_path / "noted"
    noted.write_text(run("audit", "heads"))
    run("membership-year", "set", "2028-09-30")
    assert run("audit", "verify", "--noted", str(noted)) == "The audit trail is whole.\n"
    with engine_of(site).begin() as connection:
        unguard(connection)
        for table in (AuditValueRow, AuditEventRow, AuditHeadRow):
            connection.execute(delete(table))
        plant_root(connection, Cipher(SECRET_KEYS))
    assert run("audit", "verify") == "The audit trail is whole.\n", "as on the first day"
    assert "row 1 is not the one that was noted" in run("audit", "verify", "--noted", str(noted), exits=1)
    noted.write_text("something else\n")
    assert "Not a line that" in run("audit", "verify", "--noted", str(noted), exits=2)


def test_the_audit_trail_is_verified(site: Flask) -> None:
    run("membership-year", "set", "2027-09-30")
    assert run("audit", "verify") == "The audit trail is whole.\n"
    with engine_of(site).begin() as connection:
        unguard(connection)
        connection.exec_driver_sql("UPDATE audit_events SET actor = 'somebody else'")
    assert "membership-year" in run("audit", "verify", exits=1)
    with engine_of(site).begin() as connection:
        connection.exec_driver_sql("UPDATE audit_events SET details = 'x', at = 'yesterday'")
    assert "row 1 was changed: its at, details cannot be read" in run("audit", "verify", exits=1)


def test_a_person_is_erased_once_the_number_is_typed(site: Flask) -> None:
    run("accounts", "add", "--name", "Ada", "--email", "ada@example.org")
    recorded(base.services_of(site))
    erase = ("accounts", "erase", "OSOT-0000001", "--reason", "Asked for.")
    assert "Nothing was erased" in run(*erase, given="osot-0000002\n", exits=1)
    assert "Ada" in run("accounts", "list")
    assert "All that was kept of osot-0000001 is erased." in run(*erase, given="osot-0000001\n")
    assert run("accounts", "list").split() == ["osot-0000001", "inactive", "en"]
    assert run(*erase, "--yes") == "All that was kept of osot-0000001 is erased.\n"
    assert run("audit", "verify") == "The audit trail is whole.\n"
    assert "no account" in run("accounts", "erase", "nobody", "--reason", "x", "--yes", exits=1)
    assert "Say why" in run("accounts", "erase", "osot-0000001", "--reason", " ", "--yes", exits=1)


def test_all_that_is_held_about_a_person_is_a_file_of_the_owner_alone(site: Flask, tmp_path: Path) -> None:
    run("accounts", "add", "--name", "Ada", "--email", "ada@example.org")
    number = recorded(base.services_of(site)).number
    file = tmp_path / "ada.json"
    assert "osot-0000001 is in" in run("accounts", "export-person", "OSOT-0000001", str(file))
    held = json.loads(file.read_text(encoding="utf-8"))
    assert (held["account"]["name"], held["record"]["number"]) == ("Ada", number)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "no account" in run("accounts", "export-person", "nobody", str(file), exits=1)
    assert "cannot be written" in run("accounts", "export-person", "osot-0000001", str(tmp_path / "no" / "f"), exits=1)


@pytest.mark.usefixtures("environ")
def test_cleaning_up_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[HousekeepingReport] = []

    def busy(_housekeeping: Housekeeping) -> HousekeepingReport:
        rounds.append(HousekeepingReport(recorded=1))
        return rounds[-1]

    monkeypatch.setattr(Housekeeping, "run_once", busy)
    monkeypatch.setattr("wizard.commands.desk._MOST_ROUNDS", 3)
    assert "the events of 3" in run("sessions", "clean-up")


# --- Migrations, checks ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("environ")
def test_migrate_is_safe_to_repeat(tmp_path: Path, create: Create) -> None:
    (tmp_path / "wizard.db").unlink()
    for _ in range(2):
        assert run("migrate") == "The database is at the newest migration.\n"
    assert database.is_current(create())


@pytest.fixture
def lasting(redis_client: Redis) -> Iterator[None]:
    """A Redis that keeps its file, whatever the tests' own does."""
    before = {name: redis_client.config_get(name)[name] for name in ("appendonly", "maxmemory-policy")}
    redis_client.config_set("appendonly", "yes")
    redis_client.config_set("maxmemory-policy", "noeviction")
    yield
    for name, value in before.items():
        redis_client.config_set(name, value or "")


@pytest.mark.usefixtures("environ", "lasting")
def test_check_finds_nothing_wrong() -> None:
    run("membership-year", "set", str(datetime.now(UTC).date() + timedelta(days=300)))
    run("staff", "add", "mia", "--name", "Mia", "--privilege", "main", "--generate")
    said = run("check")
    assert {line.split()[0] for line in said.splitlines()} == {"ok"}, said


@pytest.mark.usefixtures("environ", "lasting")
def test_check_refuses_a_redis_that_may_evict(redis_client: Redis) -> None:
    redis_client.config_set("maxmemory-policy", "allkeys-lru")
    assert "FAILED   Redis may throw registrations away (maxmemory-policy is allkeys-lru)" in run("check", exits=1)


@pytest.mark.usefixtures("environ", "lasting")
def test_check_warns_of_a_redis_without_a_file(redis_client: Redis) -> None:
    redis_client.config_set("appendonly", "no")
    assert "warning  Redis keeps no append-only file" in run("check")


@pytest.mark.usefixtures("environ", "lasting")
def test_check_counts_the_replicas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "Redis has no replica" in run("check")
    with running_pair(tmp_path / "pair") as (primary, _):
        monkeypatch.setenv("WIZARD_REDIS_URL", primary.url)
        assert "Replicas of Redis: 1." in run("check")


@pytest.mark.usefixtures("environ", "lasting")
def test_check_refuses_a_database_that_is_behind(tmp_path: Path) -> None:
    (tmp_path / "wizard.db").unlink()
    assert "FAILED   The database is not at the newest migration" in run("check", exits=1)


@pytest.mark.usefixtures("environ", "lasting")
def test_a_database_that_newer_code_has_migrated_serves_on(site: Flask) -> None:
    with engine_of(site).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert "warning  The database was migrated by a newer version" in run("check")
    assert run("membership-year", "show") == "No membership year is set.\n"


NEEDS_THE_DATABASE: list[tuple[str, ...]] = [
    ("staff", "list"),
    ("accounts", "list"),
    ("membership-year", "show"),
    ("sessions", "clean-up"),
    ("audit", "verify"),
    ("audit", "heads"),
    ("demo",),
    ("worker",),
    ("serve",),
]


@pytest.mark.usefixtures("environ", "_signals")
@pytest.mark.parametrize("command", NEEDS_THE_DATABASE, ids=" ".join)
def test_a_database_that_is_behind_is_refused_with_what_to_do(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "wizard.db").unlink()
    said = run(*command, exits=1)
    assert said == "Error: The database is not at the newest migration: run “wizard migrate”.\n"


@pytest.mark.usefixtures("environ")
def test_serve_does_not_wait_for_a_database_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []
    monkeypatch.setenv("WIZARD_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    monkeypatch.setattr("wizard.server.serve", lambda settings, **_: served.append(settings))
    run("serve")
    assert len(served) == 1


@pytest.mark.usefixtures("environ")
def test_a_port_that_is_taken_is_told_in_one_line_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("WIZARD_REDIS_URL")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run("serve", "--port", str(port), exits=1)
    assert said.startswith(f"Error: 127.0.0.1, port {port}, cannot be listened on: Address already in use. ")
    assert said.count("\n") == 1
    assert not (tmp_path / "valkey").exists()


@pytest.mark.parametrize("command", [("check",), ("serve",)], ids=" ".join)
def test_a_data_directory_that_cannot_be_made_is_named(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: tuple[str, ...]
) -> None:
    assert environ
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WIZARD_DATA_DIR", str(tmp_path / "file" / "nope"))
    monkeypatch.delenv("WIZARD_SECRET_KEYS")
    assert f"WIZARD_DATA_DIR: {tmp_path}/file/nope cannot be used: Not a directory." in run(*command, exits=1)


@pytest.mark.usefixtures("environ")
def test_check_says_what_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WIZARD_REDIS_URL", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.setenv("WIZARD_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("WIZARD_MAIL_URL", "smtp://127.0.0.1:1")
    said = run("check", exits=1)
    assert "FAILED   Redis cannot be reached: " in said
    assert "FAILED   The database cannot be reached: " in said
    assert "warning  The mail server cannot be reached" in said


@pytest.mark.usefixtures("environ", "lasting")
def test_check_asks_the_mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    from aiosmtpd.controller import Controller  # noqa: PLC0415

    from tests.support.serving import free_port  # noqa: PLC0415

    controller = Controller(object(), hostname="127.0.0.1", port=free_port())
    controller.start()
    monkeypatch.setenv("WIZARD_MAIL_URL", f"smtp://127.0.0.1:{controller.port}")
    said = run("check")
    controller.stop()
    assert "ok       The mail server answers." in said
    assert "warning  The mail server offers no encryption" in said


@pytest.mark.usefixtures("environ", "lasting")
def test_check_asks_the_receiver_of_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ok       No other system is told of events." in run("check")
    receiver = Receiver()
    monkeypatch.setenv("WIZARD_WEBHOOK_URL", receiver.url)
    assert "WIZARD_WEBHOOK_SECRETS: required with WIZARD_WEBHOOK_URL" in run("check", exits=1)
    monkeypatch.setenv("WIZARD_WEBHOOK_SECRETS", SECRET_KEYS[0])
    assert "warning  The receiver of webhooks cannot be reached: events wait until it can." in run("check")
    with receiver.running():
        assert "ok       The receiver of webhooks takes connections." in run("check")
    assert receiver.calls == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://127.0.0.1:1/", "in a network that none may be sent to"),
        ("https://hooks..example.org/", "has no address"),
    ],
)
def test_check_refuses_a_receiver_that_could_never_be_told(plain_settings: Settings, url: str, told: str) -> None:
    settings = plain_settings.model_copy(update={"env": "production", "webhook_url": url, "webhook_secrets": ("x",)})
    (finding,) = checks._webhooks(settings)
    assert finding.verdict is Verdict.FAILED
    assert told in finding.sentence


def test_check_refuses_a_receiver_whose_certificate_nobody_vouches_for(
    plain_settings: Settings, tmp_path: Path
) -> None:
    with Receiver(security=security_of(make_certificate(tmp_path))).running() as receiver:
        (finding,) = checks._webhooks(plain_settings.model_copy(update={"webhook_url": receiver.url}))
    assert finding.verdict is Verdict.FAILED
    assert "no certificate that this machine trusts" in finding.sentence


@pytest.fixture
def idp(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Idp]:
    """The site's OpenID provider."""
    assert environ
    with providing() as idp:
        for name, value in known_to(idp, "http://127.0.0.1:8000").items():
            monkeypatch.setenv(variable(name), value if isinstance(value, str) else ",".join(value))
        yield idp


@pytest.mark.usefixtures("lasting")
def test_check_asks_the_provider(idp: Idp) -> None:
    said = run("check")
    assert "ok       The OpenID provider answers, and is the one that the settings name." in said
    assert "http://127.0.0.1:8000/staff/sign-in/oidc/callback to come back to" in said
    idp.metadata = {"code_challenge_methods_supported": ["plain"]}
    assert "warning  The OpenID provider says that it does without PKCE" in run("check")
    idp.metadata = {"code_challenge_methods_supported": None}
    assert "PKCE" not in run("check")


@pytest.mark.usefixtures("lasting", "idp")
def test_check_says_that_a_second_factor_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "WIZARD_OIDC_AMR" not in run("check")
    monkeypatch.setenv("WIZARD_STAFF_TOTP_REQUIRED", "on")
    assert "warning  WIZARD_OIDC_ACR, WIZARD_OIDC_AMR: staff need a second factor" in run("check")
    monkeypatch.setenv("WIZARD_OIDC_AMR", "mfa")
    assert "WIZARD_OIDC_AMR" not in run("check")


@pytest.mark.usefixtures("lasting")
def test_check_refuses_a_provider_that_is_another(idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIZARD_OIDC_ISSUER", f"{idp.url}/")
    assert f"FAILED   The OpenID provider {idp.url}/ names itself otherwise" in run("check", exits=1)
    monkeypatch.setenv("WIZARD_OIDC_ISSUER", idp.url)
    idp.fails = {"jwks": '{"keys": []}'}
    assert "has no key" in run("check", exits=1)


@pytest.mark.usefixtures("lasting")
def test_check_says_that_the_provider_is_down(idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    idp.fails = {"openid-configuration": 503}
    assert "warning  The OpenID provider" in run("check")
    monkeypatch.setenv("WIZARD_STAFF_PASSWORDS", "off")
    assert "FAILED   The OpenID provider" in run("check", exits=1)


@pytest.mark.usefixtures("environ")
def test_commands_say_plainly_that_the_embedded_valkey_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WIZARD_REDIS_URL")
    for command in (("sessions", "list"), ("sessions", "clean-up"), ("worker",)):
        said = run(*command, exits=1)
        assert "The embedded Valkey is not running" in said
    assert "warning  The embedded Valkey is not running" in run("check")


# --- Demonstration ---------------------------------------------------------------------------------------------


def test_the_demonstration_is_added_once_and_says_how_to_sign_in(site: Flask) -> None:
    said = run("demo", "--port", "9000")
    assert "osot-0000001" in said
    assert "http://127.0.0.1:9000/staff/sign-in" in said
    for new, _ in demo.GRADUATES:
        assert new.name in said
    for username, _, privilege, password in demo.STAFF:
        assert re.search(rf"{username}\s+password {password}", said)
        assert sign_in(site).password(CLIENT, username, password)[0].privilege is privilege
    assert run("membership-year", "show").startswith("The membership year runs to ")
    assert "nothing was added" in run("demo")
    assert len(run("accounts", "list").splitlines()) == len(demo.GRADUATES)


@pytest.mark.usefixtures("environ")
def test_a_demonstration_that_was_cut_off_is_completed() -> None:
    username, name, privilege, _ = demo.STAFF[0]
    run("staff", "add", username, "--name", name, "--privilege", privilege.value, "--generate")
    run("membership-year", "set", "2028-01-01")
    run("demo")
    assert "2028-01-01" in run("membership-year", "show")
    assert len(run("staff", "list").splitlines()) == 2


@pytest.mark.parametrize(
    ("today", "ends"), [("2026-09-30", "2026-09-30"), ("2026-10-01", "2027-09-30"), ("2027-01-01", "2027-09-30")]
)
def test_the_membership_year_ends_in_september(today: str, ends: str) -> None:
    assert demo._year_end(datetime.fromisoformat(today).date()).isoformat() == ends


@pytest.mark.usefixtures("environ")
def test_there_is_no_demonstration_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    production = {
        "ENV": "production",
        "DATABASE_URL": "postgresql+psycopg://wizard@127.0.0.1:1/wizard",
        "SECRET_KEYS": "kD8s-Qz41Vx0pLr7TnBy2WfJ9hGcMu6EaXo3",
        "MAIL_URL": "smtp://127.0.0.1:1",
        "MAIL_FROM": "no-reply@example.org",
        "DESK_EMAIL": "desk@example.org",
        "BASE_URL": "https://wizard.example.org",
        "TRUSTED_HOSTS": "wizard.example.org",
    }
    for name, value in production.items():
        monkeypatch.setenv(f"WIZARD_{name}", value)
    assert "no place in production" in run("demo", exits=1)
    assert "no place in production" in run("start", exits=1)


# --- Serving and the worker ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("environ")
def test_serve_passes_on_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[dict[str, object]] = []
    monkeypatch.setattr("wizard.server.serve", lambda settings, **options: served.append({**options, "s": settings}))
    run("serve", "--port", "8123", "--threads", "4")
    (options,) = served
    options.pop("s")
    assert options == {"host": "127.0.0.1", "port": 8123, "workers": 2, "threads": 4}


@pytest.mark.usefixtures("environ")
def test_start_migrates_adds_the_demonstration_once_and_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[int] = []
    monkeypatch.setattr("wizard.server.serve", lambda _settings, **options: served.append(options["port"]))
    (tmp_path / "wizard.db").unlink()
    said = run("start", "--port", "9000")
    assert "newest migration" in said
    assert "http://127.0.0.1:9000/staff/sign-in" in said
    assert "nothing was added" in run("start", "--port", "9000")
    assert served == [9000, 9000]


@pytest.fixture
def _signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("environ", "_signals")
def test_the_worker_works_until_it_is_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop_after_a_round(_keeping: Housekeeping) -> HousekeepingReport:
        os.kill(os.getpid(), signal.SIGTERM)
        return HousekeepingReport()

    monkeypatch.setattr("wizard.services.housekeeping.Housekeeping.run_once", stop_after_a_round)
    run("worker")


class Rounds:
    """Services of which nothing works at first; the worker is stopped after some rounds."""

    def __init__(self, stop: threading.Event, outcomes: list[int | Exception]) -> None:
        self.mails = self.housekeeping = self.refresh = self.bulk = self.workers = self.deliveries = self
        self.retention = self
        self.webhooks: Rounds | None = None
        self.stop, self.outcomes, self.tidied = stop, outcomes, 0

    def deliver_due(self, limit: int) -> int:
        outcome = self.outcomes.pop(0)
        if not self.outcomes:
            self.stop.set()
        if isinstance(outcome, Exception):
            raise outcome
        return min(outcome, limit)

    def run_once(self) -> None:
        self.tidied += 1
        raise ExternalServiceError("redis")

    def run_due(self) -> bool:
        raise ExternalServiceError("database")

    def erase_old(self) -> int:
        raise ExternalServiceError("database")


def test_a_worker_survives_whatever_one_round_meets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wizard.commands.worker.DELIVER_EVERY", 0)
    stop = threading.Event()
    rounds = Rounds(stop, [ExternalServiceError("database"), ValueError("broken"), 20, 3])
    Worker(rounds, stop).run()  # type: ignore[arg-type]
    assert rounds.outcomes == []
    # Once for registering in each round, once for the house, once for what is kept no longer.
    assert rounds.tidied == 6


def test_webhooks_are_posted_beside_the_mails_and_survive_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a thread of their own: a receiver that hangs holds up no mail."""
    monkeypatch.setattr("wizard.commands.worker.DELIVER_EVERY", 0)
    stop, idle = threading.Event(), threading.Event()
    rounds = Rounds(idle, [0])
    rounds.webhooks = Rounds(stop, [ExternalServiceError("database"), ValueError("broken"), 20, 3])
    rounds.deliver_due = lambda limit: 0 * limit  # type: ignore[method-assign]
    Worker(rounds, stop).run()  # type: ignore[arg-type]
    assert rounds.webhooks.outcomes == []


class Pauses(threading.Event):
    """Notes how long the worker would pause, and lets it go on at once."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(timeout)
        return self.is_set()


def test_a_worker_pauses_longer_each_time_it_fails_for_a_reason_nobody_foresaw() -> None:
    stop = Pauses()
    broken: list[int | Exception] = [ValueError("broken")] * 9
    Worker(Rounds(stop, [*broken, ExternalServiceError("database"), 0, ValueError("broken"), 0]), stop).run()  # type: ignore[arg-type]
    assert stop.asked == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 0.5, 0.5, 1.0, 0.5]


class Busy(Rounds):
    """Services that all work; there is more to keep than one round does, twice."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__(stop, [0] * 5)
        self.kept = 0
        self.workers = self.retention = Idle()  # type: ignore[assignment]

    def run_once(self) -> HousekeepingReport:  # type: ignore[override]
        self.kept += 1
        return HousekeepingReport(recorded=100 if self.kept <= 2 else 99)


class Idle:
    def run_once(self) -> bool:
        return False


def test_a_worker_goes_on_at_once_where_a_round_was_not_enough() -> None:
    stop = Pauses()
    busy = Busy(stop)
    Worker(busy, stop).run()  # type: ignore[arg-type]
    assert busy.kept == 3, "of five rounds"


def test_flasks_own_command_has_them_too(site: Flask) -> None:
    cli.init_app(site)
    group = FlaskGroup(create_app=lambda: site)
    said = CliRunner().invoke(group, ["membership-year", "set", "2028-01-31"])
    assert (said.exit_code, said.output) == (0, "The membership year runs to 2028-01-31.\n")
    assert "2028-01-31" in run("membership-year", "show")
    said = CliRunner().invoke(group, ["staff", "disable", "nobody"])
    assert (said.exit_code, said.output) == (1, "Error: There is nobody with this user name.\n")
    assert CliRunner().invoke(group, ["check"]).exit_code == 0


# --- Bulk registration -----------------------------------------------------------------------------------------

GRADUATES = """\
Member number,Degree,University,Country,Graduation year,COTO status,Access,Shoe size
osot-0000001,masters,McMaster,CA,2026,pending,private,42
osot-0000002,masters,nowhere,CA,2026,pending,private,43
osot-0000003,masters,McMaster,,2026,pending,private,44
"""


@pytest.fixture
def graduates(tmp_path: Path, site: Flask) -> Path:  # noqa: ARG001
    """A file of three people, of whom one is right, one wrong, and one incomplete."""
    for name in ("ada", "ben", "cam"):
        run("accounts", "add", "--name", name, "--email", f"{name}@example.org")
    file = tmp_path / "graduates.csv"
    file.write_text(GRADUATES)
    return file


def test_a_file_is_registered_and_its_rejected_rows_come_back(graduates: Path, tmp_path: Path) -> None:
    back = tmp_path / "back.xlsx"
    said = run("bulk", str(graduates), "--rejected", str(back), exits=1)
    assert "passed over: Shoe size." in said
    assert "1 went in, 1 incomplete, 1 rejected." in said
    assert "row 3, university: This school is not on the list. Write “other”" in said
    assert "row 4, country: The row has no country" in said
    assert back.read_bytes().startswith(b"PK")
    assert back.stat().st_mode & 0o777 == 0o600
    again = run("bulk", str(graduates), "--invite", exits=1)
    assert "1 became registrations whose people get a link, 1 there already, 1 rejected." in again
    assert "2 records" not in run("records", "export", str(tmp_path / "records.csv"))


def test_a_dry_run_says_what_would_come_of_each_row(graduates: Path, site: Flask) -> None:
    said = run("bulk", str(graduates), "--dry-run", exits=1)
    assert "1 would go in, 1 incomplete, 1 rejected." in said
    assert "row 3, university: " in said
    assert run("sessions", "list") == ""
    (job,) = base.services_of(site).bulk.jobs(CLIENT)
    assert job.erased


def test_a_bar_shows_how_far_a_file_is(graduates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_a_person_watches", lambda: True)
    # Drawn where there is a terminal, and even so told of every row.
    monkeypatch.setattr("click._termui_impl.isatty", lambda _stream: True)
    assert "100%" in run("bulk", str(graduates), exits=1)


@pytest.mark.usefixtures("site")
def test_a_file_that_cannot_be_registered_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "graduates.csv"
    file.write_text("name\nAda\n")
    assert "no column user_business_id" in run("bulk", str(file), exits=1)
    assert "Name a FILE" in run("bulk", exits=2)
    assert "ends in .csv or .xlsx" in run("bulk", "--template", str(tmp_path / "template.txt"), exits=2)
    assert "cannot be written" in run("bulk", "--template", str(tmp_path / "none" / "template.csv"), exits=1)


def test_an_empty_file_to_fill_in_is_written(environ: dict[str, str], tmp_path: Path) -> None:
    assert environ
    run("bulk", "--template", str(tmp_path / "template.csv"))
    assert (tmp_path / "template.csv").read_text("utf-8-sig").startswith("user_business_id,email,degree_type,")


def test_the_worker_registers_what_was_loaded(graduates: Path, site: Flask) -> None:
    services = base.services_of(site)
    job = services.bulk.load(CLIENT, "x.csv", graduates.read_bytes(), goes_on=True)
    stop = threading.Event()
    working = threading.Thread(target=Worker(services, stop).run)
    working.start()
    try:
        while services.bulk.job(CLIENT, job.id).finished_at is None:
            stop.wait(0.05)
    finally:
        stop.set()
        working.join()
    assert services.bulk.job(CLIENT, job.id).count(RowState.CREATED) == 1


# --- Events ----------------------------------------------------------------------------------------------------


def test_the_events_that_are_sent_are_listed_and_each_has_a_schema() -> None:
    listed = run("events", "list")
    assert "education.created" in listed
    assert "staff.signed_in" not in listed
    assert json.loads(run("events", "schema", "education.created"))["properties"]["version"] == {"const": 1}
    run("events", "schema", "staff.signed_in", exits=2)
