"""Encryption of personal columns at the real server, and then a look at what stands in the database.

It is switched on over a filled database and its key exchanged, both while people register; the desk does all it does.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, build_opener
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, create_engine, inspect, make_url

from tests.conftest import SECRET_KEYS
from tests.support.journey import ANSWERS, reach_confirm
from tests.support.postgres import Postgres
from tests.support.serving import Graduate, Page, Served, hidden_values, serving
from tests.support.waiting import wait_for

NEWER = "tests-newer-0123456789-abcdefghijklmnopqrstuvwxyz"
API = "/ot-education/orchestrator"
# The demonstration's first account; and what else is planted, by where it is typed.
NUMBER, NAME, EMAIL = "osot-0000001", "Amara Okafor", "amara.okafor@example.org"
PLANTED = {
    "name": "Okafor",
    "address": "amara.okafor",
    "school": "Planted School",
    "COTO number": "PLNTD77",
    "notes": "planted words about me",
    "search": "planted search",
    "note of the desk": "planted remark",
    "correction": "planted correction",
    "reason": "planted reason",
    "row's number": "PLNTD88",
    "row's notes": "planted in a row",
}
ABROAD = {"degree_type": "masters", "university": "other", "country": "IE", "graduation_year": "2020"}
ANSWERED: Mapping[str, Mapping[str, str]] = {
    **ANSWERS,
    "identity": {"user_business_id": NUMBER, "email": "planted.contact@example.org"},
    "education": {**ABROAD, "other_details": PLANTED["school"]},
    "coto": {"coto_status": "general", "coto_registration": PLANTED["COTO number"]},
    "privacy": {"access_modifier": "private", "notes": PLANTED["notes"]},
}


@dataclass
class Desk(Graduate):
    """Somebody of the desk with the privilege `main`, in a browser."""

    base_url: str
    token: str = field(default="")

    def __post_init__(self) -> None:
        super().__init__(self.base_url)
        page = self.fill(self.get("/staff/sign-in"), username="main", password="demonstration-main")
        assert page.status == 200, page.html.get_text(" ", strip=True)
        found = page.html.select_one("[name=csrf_token]")
        assert found is not None
        self.token = str(found["value"])

    def send(self, path: str, **values: str) -> Page:
        page = self.post(path, {"csrf_token": self.token, **values})
        assert page.status == 200, (path, page.html.get_text(" ", strip=True))
        return page

    def found(self, text: str) -> str:
        """The list of records, searched."""
        return self.send("/staff/records", text=text).html.get_text(" ", strip=True)

    def member(self) -> str:
        """The number of somebody new without a record."""
        mine = {"name": "Vera Own", "email": f"vera.{uuid4().hex}@example.org", "number": "", "language": "en"}
        found = re.search(r"osot-\d{7}", self.send("/staff/accounts/new", **mine).html.get_text(" ", strip=True))
        assert found is not None
        return found[0]

    def decide(self, place: str, **values: str) -> None:
        assert self.fill(self.get(place), **values).status == 200, place


@dataclass
class System:
    """Another system with a token of the privilege `main`."""

    served: Served
    token: str

    def post(self, path: str, body: object) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        sent = Request(self.served.url + path, json.dumps(body).encode(), headers, method="POST")  # noqa: S310
        try:
            with build_opener().open(sent, timeout=15) as answer:
                found: dict[str, Any] = json.loads(answer.read())
        except HTTPError as error:
            with error:
                raise AssertionError(error.read().decode()) from error
        return found


@dataclass
class Site:
    """The server, and what is in its database."""

    served: Served
    url: str
    registered: list[str] = field(default_factory=list)

    def goes_on_with(self, *keys: str, encrypted: bool = True) -> None:
        """Stop it, and start it with other settings."""
        self.served.stop()
        chosen = {"WIZARD_SECRET_KEYS": ",".join(keys), "WIZARD_ENCRYPT_COLUMNS": "on" if encrypted else "off"}
        self.served.environ = {**self.served.environ, **chosen}
        self.served.start()

    def rotate_while_people_register(self) -> str:
        with self.registering():
            before = len(self.registered)
            wait_for(lambda: len(self.registered) > before, within=120, what="a receipt")
            said = self.served.run("keys", "rotate")
            before = len(self.registered)
            wait_for(lambda: len(self.registered) > before, within=120, what="a receipt after it")
        assert "are encrypted with the newest key" in self.served.run("check")
        return said

    @contextmanager
    def registering(self) -> Iterator[None]:
        over, failed = Event(), list[BaseException]()

        def register() -> None:
            try:
                desk = Desk(self.served.url)
                while not over.is_set():
                    self.register(desk.member())
            except BaseException as error:
                failed.append(error)
                raise

        thread = Thread(target=register)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        assert failed == []

    def register(self, number: str, answers: Mapping[str, Mapping[str, str]] = ANSWERS) -> str:
        """To the receipt; answers the session's id."""
        graduate = Graduate(self.served.url)
        given = {**answers, "identity": {**answers["identity"], "user_business_id": number}}
        receipt = graduate.fill(reach_confirm(self.served, graduate, answers=given), declaration="y")
        assert receipt.url.endswith("/complete"), receipt.html.get_text(" ", strip=True)
        self.registered.append(number)
        return receipt.url.removesuffix("/complete").rpartition("/")[2]

    def stored(self) -> str:
        """All that a copy of the database shows whoever has no key."""
        engine = create_engine(self.url)
        try:
            raw = _file(engine) if engine.dialect.name == "sqlite" else _dump(engine)
        finally:
            engine.dispose()
        return raw.decode(errors="replace").casefold()

    def seen(self) -> set[str]:
        """Which of what was planted can be read there."""
        stored = self.stored()
        return {what for what, each in PLANTED.items() if each.casefold() in stored}


def _file(engine: Engine) -> bytes:
    """The file, once what was there before is out of its free space."""
    path = Path(make_url(engine.url).database or "")
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        connection.execute("VACUUM")
        # Whoever reads meanwhile keeps it from being emptied.
        emptied = "PRAGMA wal_checkpoint(TRUNCATE)"
        wait_for(lambda: connection.execute(emptied).fetchone()[0] == 0, within=60, what="the end of the log")
    return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))


def _dump(engine: Engine) -> bytes:
    """Every table as `pg_dump` writes it."""
    raw = engine.url.render_as_string(hide_password=False).replace("+psycopg", "", 1)
    with psycopg.connect(raw) as connection, connection.cursor() as cursor:
        parts = []
        for table in inspect(engine).get_table_names():
            with cursor.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copied:
                parts += [bytes(each) for each in copied]
    return b"".join(parts)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    url = f"sqlite:///{tmp_path / 'wizard.db'}"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.url(server.create())
    environ = {"WIZARD_DATABASE_URL": url, "WIZARD_SECRET_KEYS": ",".join(SECRET_KEYS)}
    with serving(tmp_path, environ) as served:
        yield Site(served, url)


def test_switched_on_and_its_key_exchanged_nothing_is_missed_and_nobody_named(site: Site) -> None:
    session_id = site.register(NUMBER, ANSWERED)
    token = site.served.run("tokens", "create", "--name", "site", "--privilege", "main").split()[-1]
    fill(site, session_id, System(site.served, token))
    # So that looking is known to find it.
    assert site.seen() == set(PLANTED)
    site.goes_on_with(*SECRET_KEYS)
    assert "accounts: 0 " not in site.rotate_while_people_register()
    assert site.seen() == set()
    site.goes_on_with(NEWER, *SECRET_KEYS)
    everything_the_desk_does(site, session_id, System(site.served, token))
    assert "accounts: 0 " not in site.rotate_while_people_register()
    assert site.seen() == set()
    assert site.served.run("audit", "verify") == "The audit trail is whole.\n"


def fill(site: Site, session_id: str, system: System) -> None:
    """What else may be typed: searches, notes, corrections, reasons, rows of a file."""
    desk = Desk(site.served.url)
    desk.send("/staff/records/export", kind="csv", text=PLANTED["search"])
    desk.send(f"/staff/sessions/{session_id}/notes", note=PLANTED["note of the desk"])
    correct(desk, notes=f"{PLANTED['notes']}, {PLANTED['correction']}")
    other = desk.member()
    place = address_of(desk.send("/staff/accounts", sought=other), other)
    desk.send(f"{place}/deactivate", reason=PLANTED["reason"])
    bulk(site, system, PLANTED["row's number"], PLANTED["row's notes"])


def correct(desk: Desk, **values: str) -> None:
    """The record of whom all of it was planted for."""
    record = address_of(desk.send("/staff/records", text=NUMBER), "osot-oted-")
    form = desk.get(f"{record}/correct").html.select_one("main form:has([name=version])")
    assert form is not None
    given = {**hidden_values(form), **ABROAD, "other_details": PLANTED["school"], "user_business_id": NUMBER}
    given |= {"coto_status": "general", "coto_registration": PLANTED["COTO number"], "access_modifier": "private"}
    desk.send(f"{record}/correct", **{**given, **values})


def address_of(page: Page, begins: str) -> str:
    """Where the link of a list leads whose text begins so."""
    found = next(link for link in page.html.select("main table a") if link.get_text(strip=True).startswith(begins))
    return str(found["href"]).partition("?")[0]


def bulk(site: Site, system: System, coto: str, notes: str) -> None:
    """A row of another system, to its record."""
    desk = Desk(site.served.url)
    number = desk.member()
    row = {
        "userBusinessId": number,
        "degreeType": "masters",
        "university": "queens",
        "country": "CA",
        "graduationYear": "2020",
        "cotoStatus": "general",
        "cotoRegistration": coto,
        "accessModifier": "private",
        "notes": notes,
    }
    system.post(f"{API}/bulk", {"rows": [row]})
    wait_for(lambda: "osot-oted-" in desk.found(number), within=60, what="the record of the row")


def everything_the_desk_does(site: Site, session_id: str, system: System) -> None:
    """With encryption on, one key at work and an older one in the rows."""
    desk = Desk(site.served.url)
    for sought in (NUMBER, "okafor", "amara okafor", PLANTED["COTO number"].lower()):
        assert NAME in desk.found(sought), sought
    for sought in ("okaf", "planted school"):
        assert NAME not in desk.found(sought), sought
    assert EMAIL in desk.send("/staff/accounts", sought=EMAIL).html.get_text()
    history = desk.get(f"/staff/sessions/{session_id}").html.get_text()
    assert PLANTED["note of the desk"] in history
    exported = desk.send("/staff/records/export", kind="csv").html.get_text()
    for what in ("name", "school", "COTO number", "notes", "correction", "row's notes"):
        assert PLANTED[what] in exported, what
    record = address_of(desk.send("/staff/records", text=NUMBER), "osot-oted-").rpartition("/")[2]
    desk.decide(f"/staff/verification/{record}", outcome="verified", note="")
    bulk(site, system, "PLNTD99", PLANTED["row's notes"])
    conflict(desk, system)
    account = address_of(desk.send("/staff/accounts", sought=NUMBER), NUMBER)
    held = desk.send(f"{account}/export").html.get_text()
    for what in ("name", "address", "school", "COTO number", "notes", "note of the desk", "correction"):
        assert PLANTED[what] in held, what
    desk.send(f"{account}/erase", reason=PLANTED["reason"], number=NUMBER)
    assert NAME not in desk.found("okafor")
    assert PLANTED["COTO number"] not in desk.send("/staff/records/export", kind="csv").html.get_text()


def conflict(desk: Desk, system: System) -> None:
    """Another registration of somebody who has a record: both side by side, and the record is kept."""
    data = {"userBusinessId": NUMBER, "degreeType": "masters", "university": "queens", "country": "CA"}
    data |= {"graduationYear": "2020", "cotoStatus": "general", "cotoRegistration": PLANTED["COTO number"]}
    staged = system.post(f"{API}/stage", {"educationData": {**data, "accessModifier": "private"}})
    judged = system.post(f"{API}/validate/{staged['sessionId']}", {})
    assert {each["context"]["rule"] for each in judged["errors"]} == {
        "user_business_id.unique",
        "coto_registration.unique",
    }
    place = f"/staff/conflicts/{staged['sessionId']}"
    assert PLANTED["COTO number"] in desk.get(place).html.get_text()
    desk.decide(place, outcome="kept", reason=PLANTED["reason"])
