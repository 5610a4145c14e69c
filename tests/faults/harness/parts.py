"""A site as in production, all of its parts in processes of their own, each of which can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import psutil

from tests.conftest import SECRET_KEYS
from tests.faults.harness.place import Database
from tests.faults.harness.postgres_part import PostgresPart, small_disk
from tests.faults.harness.processes import family
from tests.faults.harness.valkey_part import ValkeyPart
from tests.support.mailserver import MailServer
from tests.support.postgres import running_postgres
from tests.support.receiver import Receiver
from tests.support.serving import Served
from tests.support.waiting import wait_for
from wizard import create_app
from wizard.commands import base
from wizard.config import Settings
from wizard.core.actors import Actor, Privilege
from wizard.services.ports.calls import Call
from wizard.services.tokens import NewToken
from wizard.storage import database

SYSTEM = Call(Actor.system("tests"))
ROOT = Path(__file__).resolve().parents[3]
WEBHOOK_SECRET = "webhook-secret-0123456789-abcdefghijklmnop"
UNLIMITED = "1000000 per minute"
LIMITS = ("STARTS", "FIELDS", "CODES", "LINKS", "API", "OPEN_API")
DISK_MEBIBYTES = 192


@dataclass
class WorkerPart:
    """`wizard worker`, beside the one that the web has with it."""

    environ: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "wizard.cli", "worker"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environ, stdout=log, stderr=log)

    def tend(self) -> None:
        """Start it where it has ended."""
        if self.process is None or self.process.poll() is not None:
            self.start()

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@dataclass
class Accounts:
    """Members without a record; `unused` are their ids by their numbers."""

    database: Database
    unused: dict[str, str] = field(default_factory=dict)
    _made: int = 0

    BATCH: ClassVar[int] = 300

    def take(self, count: int) -> list[tuple[str, str]]:
        """Numbers and ids of accounts that nobody has used; made many at a time."""
        if len(self.unused) < count:
            self._add()
        return [self.unused.popitem() for _ in range(count)]

    def _add(self) -> None:
        numbers = range(self._made, self._made + self.BATCH)
        self._made += self.BATCH
        people = [(str(uuid4()), f"F-{each}", f"f-{each}", f"f-{each}@example.org") for each in numbers]
        adding = (
            "INSERT INTO accounts (id, number, number_key, name, name_key, email, email_key, status, language, "
            "created_at) VALUES (%s, %s, %s, 'Fay Lure', 'fay lure', %s, %s, 'active', 'en', now())"
        )
        with self.database.connect() as connection, connection.cursor() as cursor:
            cursor.executemany(adding, [(*person, person[-1]) for person in people])
        self.unused.update({number: account for account, number, _, _ in people})


def prepared(environ: Mapping[str, str]) -> str:
    """Migrate, and open the membership year; answers a token that may do everything."""
    app = create_app(Settings.from_env({name: value for name, value in environ.items() if "WIZARD" in name}))
    database.migrate(app)
    services = base.services_of(app)
    services.membership.set(SYSTEM, services.clock.now().date() + timedelta(days=300))
    token = services.tokens.create(SYSTEM, NewToken("faults", Privilege.MAIN))
    database.engine(app).dispose()
    return token


@dataclass
class Site:
    """The parts, and where they are told to die."""

    home: Path
    postgres: PostgresPart
    valkey: ValkeyPart
    mail: MailServer
    receiver: Receiver
    web: Served = field(init=False)
    worker: WorkerPart = field(init=False)
    accounts: Accounts = field(init=False)
    token: str = ""
    mail_runs: ExitStack = field(default_factory=ExitStack)
    receiver_runs: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.web = Served(self.home, self._environ())
        self.accounts = Accounts(self.postgres)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("WIZARD_")}
        self.worker = WorkerPart({**environ, **self._environ()}, self.home / "worker.log")

    @property
    def armed(self) -> Path:
        """The file that the name of a crash point is written into."""
        return self.home / "armed"

    def _environ(self) -> dict[str, str]:
        counts = self.home / "counts"
        counts.mkdir(exist_ok=True)
        paths = [Path(__file__).with_name("site"), ROOT]
        return {
            "WIZARD_DATA_DIR": str(self.home),
            "WIZARD_REDIS_URL": self.valkey.url,
            "WIZARD_REDIS_TIMEOUT": "1",
            "WIZARD_DATABASE_URL": self.postgres.url,
            "WIZARD_SECRET_KEYS": ",".join(SECRET_KEYS),
            "WIZARD_MAIL_URL": self.mail.url,
            "WIZARD_WEBHOOK_URL": self.receiver.url,
            "WIZARD_WEBHOOK_SECRETS": WEBHOOK_SECRET,
            **{f"WIZARD_LIMIT_{name}": UNLIMITED for name in LIMITS},
            "PROMETHEUS_MULTIPROC_DIR": str(counts),
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "CRASH_POINTS": str(self.armed),
        }

    # Everybody's life

    def begin(self) -> None:
        self.token = prepared(self._environ())
        self.web.start()
        self.worker.start()

    def end(self) -> None:
        with suppress(AssertionError, ProcessLookupError):
            self.web.kill_web()
        self.worker.end()
        self.mail_runs.close()
        self.receiver_runs.close()

    def open_to_the_outside(self) -> None:
        self.mail_runs.enter_context(self.mail.running())
        self.receiver_runs.enter_context(self.receiver.running())

    def members(self, count: int) -> list[tuple[str, str]]:
        """Numbers and ids of accounts that nobody has used."""
        return self.accounts.take(count)

    def heal(self) -> None:
        """Return when everything answers, whatever has been done to it."""
        self.armed.unlink(missing_ok=True)
        if self.web.process is None or self.web.process.poll() is not None:
            self.web.launch()
        self.worker.tend()
        wait_for(self.web.is_ready, what=f"the web ({self.web.log})", within=60)

    # Whom to hit

    def web_processes(self) -> list[psutil.Process]:
        """Gunicorn's master first, then its workers; not the worker beside them."""
        assert self.web.process is not None
        return [each for each in family(self.web.process.pid) if not _is_companion(each)]

    def companions(self) -> list[psutil.Process]:
        assert self.web.process is not None
        return [each for each in family(self.web.process.pid) if _is_companion(each)]


def _is_companion(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return "wizard.companion" in process.cmdline()
    return False


@contextmanager
def running_site(home: Path) -> Iterator[Site]:
    """A migrated site with all its parts, ended at once whatever happened."""
    with ExitStack() as running:
        disk = running.enter_context(small_disk(mebibytes=DISK_MEBIBYTES))
        postgres = PostgresPart(running.enter_context(running_postgres()), disk)
        running.enter_context(postgres.line.running())
        valkey = ValkeyPart(home / "valkey")
        running.enter_context(valkey.line.running())
        valkey.start()
        running.callback(valkey.end)
        site = Site(home, postgres, valkey, MailServer(), Receiver())
        running.callback(site.end)
        site.open_to_the_outside()
        site.begin()
        yield site
