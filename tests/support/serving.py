"""The real thing in processes of its own: gunicorn, the worker, Valkey, mail to files; started, stopped, killed."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener
from uuid import uuid4

from bs4 import BeautifulSoup, Tag
from sqlalchemy import NullPool, create_engine, func, select

from tests.support.databases import sqlite_url
from tests.support.waiting import wait_for
from wizard.storage.trail_tables import OutboxRow

_NUMBER = re.compile(r"osot-\d{7}")
_CODE = re.compile(r"(?<!\d)(\d{6})(?!\d)")
# The system gives connections ports from 32,768 on.
_NOT_FOR_CONNECTIONS = range(20_000, 32_000)


def free_port(*, in_a_row: int = 1) -> int:
    """The first of so many ports that nobody has, nor is given for a connection while whoever listens there is dead."""
    while True:
        first = secrets.choice(_NOT_FOR_CONNECTIONS)
        with suppress(OSError), ExitStack() as probes:
            for port in range(first, first + in_a_row):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


@dataclass
class Served:
    """`wizard serve` on a data directory; everything is there again after a kill and a start."""

    data_dir: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    workers: int = 2
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.data_dir / "serve.log"

    def run(self, *command: str) -> str:
        """A command of the wizard's on the same data."""
        done = subprocess.run(
            [sys.executable, "-m", "wizard.cli", *command],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def member(self) -> str:
        """The number of a member of this test's own, without a record."""
        said = self.run("accounts", "add", "--name", "Vera Own", "--email", f"vera.{uuid4().hex}@example.org")
        found = _NUMBER.search(said)
        assert found is not None, said
        return found[0]

    def prepare(self) -> None:
        """Migrate, and add the demonstration's people."""
        self.run("migrate")
        self.run("demo")

    def start(self) -> None:
        """Start it, and return when it is ready."""
        self.launch()
        wait_for(self.is_ready, what=f"{self.url} ({self.log})")

    def launch(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "wizard.cli", "serve"),
                    *("--port", str(self.port), "--workers", str(self.workers)),
                ],
                env=self.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        try:
            with build_opener().open(f"{self.url}/readyz", timeout=3) as answer:
                return bool(answer.status == 200)
        except (HTTPError, URLError, OSError):
            return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)
            self.process = None

    def kill_web(self) -> None:
        """SIGKILL for gunicorn and its workers at once; Valkey and the worker are orphaned."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)
        self.process = None

    def kill_valkey(self) -> None:
        """SIGKILL for the embedded Valkey."""
        (directory,) = [
            Path(entry)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and self._is_our_valkey(Path(entry))
        ]
        os.kill(int(directory.name), signal.SIGKILL)

    def _is_our_valkey(self, process: Path) -> bool:
        try:
            is_valkey = b"valkey-server" in (process / "cmdline").read_bytes()
            return is_valkey and self.data_dir.resolve() in (process / "cwd").resolve().parents
        except OSError:
            return False

    def mails(self) -> list[str]:
        """The texts of the mails written so far, oldest first."""
        texts = []
        for path in sorted((self.data_dir / "mail").glob("*.eml")):
            body = message_from_bytes(path.read_bytes(), policy=default).get_body(("plain",))
            assert body is not None
            texts.append(str(body.get_content()))
        return texts

    def codes_sent(self) -> int:
        """How many mails with a code there are, once none is on its way that somebody else has asked for."""
        wait_for(lambda: not self._codes_on_their_way(), what="the mails before")
        return len(self._codes())

    def newest_code(self, *, after: int) -> str:
        """The code in the newest mail, once there are more mails with one than before."""
        return wait_for(lambda: self._codes()[after:], what="a mail with a code")[-1]

    def _codes(self) -> list[str]:
        found = [_CODE.search(text) for text in self.mails() if "code" in text.lower()]
        return [match[1] for match in found if match]

    def _codes_on_their_way(self) -> int:
        url = self.environ.get("WIZARD_DATABASE_URL", sqlite_url(self.data_dir / "wizard.db"))
        waiting = select(func.count()).where(OutboxRow.kind.in_(("code", "account_code")), OutboxRow.state == "waiting")
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            return connection.scalar(waiting) or 0

    def environment(self) -> dict[str, str]:
        """What its processes are told."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WIZARD_")}
        unhurried = {"WIZARD_REDIS_TIMEOUT": "8", "WIZARD_PATIENCE": "8"}
        return {**kept, "WIZARD_DATA_DIR": str(self.data_dir), **unhurried, **self.environ}


@contextmanager
def serving(data_dir: Path, environ: Mapping[str, str] | None = None, *, workers: int = 2) -> Iterator[Served]:
    """A prepared, running server; stopped at the end whatever happened."""
    served = Served(data_dir, environ or {}, workers)
    served.prepare()
    served.start()
    try:
        yield served
    finally:
        served.stop()


@dataclass(frozen=True)
class Page:
    """What a browser got."""

    status: int
    url: str
    html: BeautifulSoup

    @property
    def form(self) -> Tag:
        """The step's own form."""
        form = self.html.select_one("main form[method=post]:has([name=version], [name=csrf_token])")
        assert form is not None, self.html.get_text(" ", strip=True)
        return form


class Graduate:
    """A browser without scripts, over real HTTP: cookies, forms, redirects."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.cookies = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> Page:
        return self._open(Request(self._address(path)))  # noqa: S310 - our own server, by http

    def post(self, path: str, values: Mapping[str, str]) -> Page:
        data = urlencode(values).encode()
        return self._open(Request(self._address(path), data=data, method="POST"))  # noqa: S310

    def fill(self, page: Page, **values: str) -> Page:
        """Send a page's form with some fields filled in, to wherever it says."""
        given = {**hidden_values(page.form), **values}
        return self.post(str(page.form.get("action") or page.url), given)

    def _address(self, path: str) -> str:
        return path if path.startswith("http") else self.base_url + path

    def _open(self, request: Request) -> Page:
        try:
            with self._opener.open(request, timeout=15) as answer:
                return Page(answer.status, answer.url, BeautifulSoup(answer.read(), "html.parser"))
        except HTTPError as error:
            with error:
                return Page(error.code, error.url or "", BeautifulSoup(error.read(), "html.parser"))


def hidden_values(form: Tag) -> dict[str, str]:
    return {str(field["name"]): str(field.get("value", "")) for field in form.select("input[type=hidden][name]")}
