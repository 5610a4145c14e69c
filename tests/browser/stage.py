"""The application in this process, on parts of its own: the time stands still, and what it needs can be taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Thread
from typing import TypeVar

from flask import Flask, before_render_template, render_template, request, request_started
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support import walk
from tests.support.databases import engine_of, migrate, sessions_of
from tests.support.desk import database_down
from tests.support.outbox import waiting
from tests.support.seed import seed_all
from tests.support.serving import free_port
from tests.support.valkey import Valkey, running_valkey
from wizard import create_app
from wizard.config import Settings
from wizard.core.accounts import AccountStatus, LinkKind
from wizard.core.actors import Actor
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services
from wizard.services.ports.calls import Call, Staging
from wizard.storage.crypto import Cipher
from wizard.storage.unit_of_work import SqlUnitsOfWork

T = TypeVar("T")

NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
SYSTEM = Call(Actor.system("tests"))
KEYS = ("tests-browser-0123456789-abcdefghijklmnopqrstuvwxyz",)
# Many registrations come from one address here. Links to continue keep the limit that people meet.
LIMITS = {
    name: "100000 per minute" for name in Settings.model_fields if name.startswith("limit_") and name != "limit_links"
}
LINKS_PER_HOUR = 5


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - as werkzeug has it
        """Say nothing."""


@dataclass
class Stage:
    """A running application, and what a test may do behind its back."""

    app: Flask
    url: str
    clock: FixedClock
    units: SqlUnitsOfWork
    valkey: Valkey
    settings: Settings
    other_thread: ThreadPoolExecutor
    endpoints: set[str] = field(default_factory=set)
    templates: set[str] = field(default_factory=set)
    _people: Iterator[int] = field(default_factory=count)

    @property
    def services(self) -> Services:
        bundle: Services = self.app.extensions["wizard"]
        return bundle

    def apart(self, what: Callable[[], T]) -> T:
        """Done in another thread: Playwright runs an event loop in this one, in which the database's could not run."""
        return self.other_thread.submit(what).result()

    def account(self, status: AccountStatus = AccountStatus.ACTIVE) -> str:
        """A new account's member number."""
        return self.apart(lambda: self._account(status))

    def _account(self, status: AccountStatus) -> str:
        with self.units.write() as unit:
            account = unit.accounts.add(
                name="Robin Roy",
                email=self.address(),
                status=status,
                language="en",
                number=None,
            )
            unit.commit()
        return account.number

    def staged(self, **answers: str | None) -> str:
        """A registration that another system began; its session id."""
        data = {**DATA, **answers}
        staging = Staging(data=data, contact_email="robin@example.org")
        return self.apart(lambda: self.services.orchestrator.stage(SYSTEM, staging).registration.session_id)

    def address(self) -> str:
        """An e-mail address that nobody else has."""
        return f"robin{next(self._people)}@example.org"

    def coto_number(self) -> str:
        """A registration number with the College that nobody else has."""
        return f"C{next(self._people)}"

    def link_to(self, session_id: str) -> str:
        """Where a new link to continue a registration leads, as a path."""
        create = self.services.links.create
        return "/resume/" + self.apart(lambda: create(SYSTEM, session_id, kind=LinkKind.APPLICANT, email=None))

    def code(self) -> str:
        """The newest code that was mailed, whichever kind of code it is."""
        return self.apart(lambda: [each.secret["code"] for each in waiting(self.units) if "code" in each.secret][-1])

    @contextmanager
    def redis_down(self) -> Iterator[None]:
        self.apart(self.valkey.server.stop)
        try:
            yield
        finally:
            self.apart(self.valkey.server.start)

    @contextmanager
    def database_down(self) -> Iterator[None]:
        down = database_down(self.app, self.settings)
        self.apart(down.__enter__)
        try:
            yield
        finally:
            self.apart(lambda: down.__exit__(None, None, None))


DATA: dict[str, str | None] = {
    "user_business_id": "osot-0000001",
    "degree_type": "masters",
    "university": "mcmaster",
    "country": "CA",
    "graduation_year": "2026",
    "coto_status": "pending",
    "access_modifier": "private",
}


@contextmanager
def staging(data_dir: Path) -> Iterator[Stage]:
    """The application on a Valkey and a database of its own, served on a port of its own."""
    with running_valkey(data_dir) as valkey, ThreadPoolExecutor(1) as other_thread:
        port = free_port()
        settings = Settings(
            data_dir=data_dir,
            redis_url=valkey.url,
            secret_keys=KEYS,
            base_url=f"http://127.0.0.1:{port}",
            **LIMITS,  # type: ignore[arg-type]
        )
        stage = other_thread.submit(_built, settings, valkey, other_thread).result()
        with _watched(stage), _served(stage.app, port):
            yield stage
        stage.app.extensions["wizard"].recorder.stop()
        stage.apart(lambda: engine_of(stage.app).dispose())


def _built(settings: Settings, valkey: Valkey, other_thread: ThreadPoolExecutor) -> Stage:
    migrate(settings.database_url, settings)
    clock = FixedClock(NOW)
    app = create_app(settings, clock=clock)
    units = SqlUnitsOfWork(sessions_of(app), Cipher(KEYS), clock)
    seed_all(units)
    walk.raising(app)
    app.add_url_rule("/bare", "bare", lambda: render_template("errors/bare.html", status=500, error_id="abc123"))
    return Stage(app, settings.base_url, clock, units, valkey, settings, other_thread)


@contextmanager
def _watched(stage: Stage) -> Iterator[None]:
    """Note which addresses were asked for and which pages were drawn."""

    def asked(_app: Flask, **_: object) -> None:
        stage.endpoints.add(request.endpoint or "")

    def drawn(_app: Flask, template: object, **_: object) -> None:
        stage.templates.add(str(getattr(template, "name", "")))

    with request_started.connected_to(asked, stage.app), before_render_template.connected_to(drawn, stage.app):
        yield


@contextmanager
def _served(app: Flask, port: int) -> Iterator[None]:
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
