"""This product as it is measured: on PostgreSQL and Valkey, with members who have no record yet, staff, and a token."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import md5
from itertools import count
from time import sleep
from uuid import UUID

from flask import Flask
from sqlalchemy import insert, select

from bench import load
from bench.load import Answer, Browser, Visit
from bench.rounds import BEHIND, Trips
from bench.servers import Server
from tests.support.databases import engine_of, migrate
from tests.support.seed import seed_all
from wizard import create_app
from wizard.config import Settings
from wizard.core.accounts import StaffMember
from wizard.core.actors import Actor, Privilege
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call
from wizard.services.ports.cookies import begun, new_cookie, session_id_of
from wizard.services.tokens import NewToken
from wizard.storage.outbox import context_of
from wizard.storage.tables import AccountRow
from wizard.storage.trail_tables import OutboxRow

SYSTEM = Call(Actor.system("bench"))
_COUNTED = ("wizard_redis_requests_total", "wizard_database_statements_total")
_COUNT = re.compile(rf"^({'|'.join(_COUNTED)})\{{.*\}} (\S+)$", re.MULTILINE)
_UNLIMITED = ("STARTS", "FIELDS", "CODES", "NUMBERS", "LINKS", "RESUME", "SIGN_IN", "API", "OPEN_API")

_LATE_AT_MOST = timedelta(seconds=10)


@dataclass
class Registry:
    """Its stores, reached from the client's process: to set up what is asked for, and to read mails."""

    app: Flask
    token: str
    staff: StaffMember
    metrics_token: str
    _members: Iterator[int] = field(default_factory=lambda: count(1))
    _codes: dict[str, str] = field(default_factory=dict)
    _read_until: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    @property
    def services(self) -> Services:
        services: Services = self.app.extensions["wizard"]
        return services

    def members(self, number: int) -> list[str]:
        """The numbers of so many new accounts."""
        names = [f"M-{next(self._members)}" for _ in range(number)]
        with engine_of(self.app).begin() as connection:
            connection.execute(insert(AccountRow), [self._account(name) for name in names])
        return names

    def code_of(self, request_id: str) -> str:
        """The code in the mail that a request has sent: out of the outbox, where a worker would find it."""
        if request_id not in self._codes:
            self._read_codes()
        return self._codes.pop(request_id)

    @cached_property
    def at_the_desk(self) -> Browser:
        """The browser of somebody who is signed in there."""
        browser, member = Browser(), self.staff
        since = self.services.clock.now().isoformat()
        values = {"staff": member.id, "staff_epoch": member.epoch, "staff_since": since, "staff_seen": since}
        cookie = new_cookie()
        assert self.app.extensions["wizard_stores"].browsers.write(session_id_of(cookie), begun(cookie, values))
        browser.cookies[self.app.config["SESSION_COOKIE_NAME"].encode()] = cookie.encode()
        return browser

    def _read_codes(self) -> None:
        cipher = self.app.extensions["wizard_stores"].cipher
        # What is committed last need not be due last.
        since = self._read_until - _LATE_AT_MOST
        unsent = select(OutboxRow).where(OutboxRow.kind == "code", OutboxRow.sealed.is_not(None))
        newer = unsent.where(OutboxRow.due_at >= since)
        with engine_of(self.app).connect() as connection:
            rows = connection.execute(newer.order_by(OutboxRow.due_at)).all()
        for row in rows:
            opened = json.loads(cipher.decrypt(row.sealed, context=context_of(row.id)))
            self._codes[row.request_id] = opened["secret"]["code"]
            self._read_until = row.due_at

    def _account(self, name: str) -> dict[str, object]:
        return {
            "id": account_id(name),
            "number": name,
            "number_key": name.lower(),
            "name": "Somebody",
            "email": f"{name}@example.org",
            "status": "active",
            "language": "en",
            "created_at": self.services.clock.now(),
        }


def account_id(number: str) -> str:
    """The id of the account that has a number."""
    return str(UUID(bytes=md5(number.encode(), usedforsecurity=False).digest(), version=4))


def environment(redis_url: str, database_url: str, data_dir: str) -> dict[str, str]:
    """As in production, without limits: a benchmark must not measure them."""
    return {
        "WIZARD_ENV": "production",
        "WIZARD_DATA_DIR": data_dir,
        "WIZARD_REDIS_URL": redis_url,
        # On a busy machine an answer may take its time.
        "WIZARD_REDIS_TIMEOUT": "8",
        "WIZARD_DATABASE_URL": database_url,
        "WIZARD_METRICS_TOKENS": secrets.token_urlsafe(48),
        "WIZARD_SECRET_KEYS": secrets.token_urlsafe(48),
        "WIZARD_MAIL_URL": "smtp://127.0.0.1:9",
        "WIZARD_MAIL_FROM": "no-reply@wizard.test",
        "WIZARD_DESK_EMAIL": "desk@wizard.test",
        "WIZARD_BASE_URL": "https://127.0.0.1",
        "WIZARD_TRUSTED_HOSTS": "127.0.0.1",
        **{f"WIZARD_LIMIT_{name}": "1000000 per minute" for name in _UNLIMITED},
    }


class OwnCounts:
    """How often a server has asked Redis and the database, by its own metrics; being asked for them costs, too."""

    def __init__(self, server: Server, token: str) -> None:
        self._server = server
        self._browser = Browser(headers={"Authorization": f"Bearer {token}"})
        first, second = self._told(), self._told()
        self._each = Trips(second.redis - first.redis, second.sql - first.sql)
        self._asked = 0

    def __call__(self) -> Trips:
        """Once all is done that is done behind the answers."""
        before, now = None, self._net()
        while now != before:
            sleep(BEHIND)
            before, now = now, self._net()
        return now

    def _net(self) -> Trips:
        self._asked += 1
        told = self._told()
        return Trips(told.redis - self._asked * self._each.redis, told.sql - self._asked * self._each.sql)

    def _told(self) -> Trips:
        found: list[Answer] = []

        def look() -> Visit:
            found.append((yield self._browser.get("/metrics")))

        load.drive(self._server.port, [look()], connections=1)
        counts = dict.fromkeys(_COUNTED, 0.0)
        for name, value in _COUNT.findall(found[0].text):
            counts[name] += float(value)
        return Trips(*counts.values())


@contextmanager
def registry(environ: dict[str, str]) -> Iterator[Registry]:
    """Migrated, with staff and a token."""
    settings = Settings.from_env(environ)
    migrate(settings.database_url, settings)
    app = create_app(settings)
    staff = seed_all(app.extensions["wizard_stores"].units).admin
    services: Services = app.extensions["wizard"]
    token = services.tokens.create(SYSTEM, NewToken("bench", Privilege.MAIN))
    try:
        yield Registry(app, token, staff, environ["WIZARD_METRICS_TOKENS"])
    finally:
        engine_of(app).dispose()
