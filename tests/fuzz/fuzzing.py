"""The API as it is served, called by a fuzzer that reads its document: schemathesis, with every check."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from tests.support.postgres import running_postgres
from tests.support.serving import Served, serving
from wizard.web.api.endpoints import ENDPOINTS

CONFIG = Path(__file__).with_name("schemathesis.toml")
ROOT = Path(__file__).resolve().parents[2]
UNLIMITED = "1000000 per minute"
TOKEN, CALLS = "FUZZ_TOKEN", "FUZZ_CALLS"
# Of the calls of each operation with what fits the document, this share has to be accepted; so many can tell.
ACCEPTED, TELLING = 0.2, 100
_ERROR = re.compile(r"\[(error|critical) *\]")


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What came of it; `told` is the fuzzer's own report."""

    cases: int
    failures: tuple[str, ...]
    told: str


@dataclass(frozen=True, slots=True)
class Valid:
    """The calls of an operation with what fits the document: how many there were, and how many were accepted."""

    calls: int
    accepted: int

    @property
    def can_tell(self) -> bool:
        """Whether there were enough for a share to be no accident."""
        return self.calls >= TELLING

    @property
    def is_refused(self) -> bool:
        """Whether it is the refusals of the operation that were tested, and hardly the operation."""
        return self.can_tell and self.accepted < ACCEPTED * self.calls

    def __str__(self) -> str:
        return f"{self.accepted} of {self.calls}"


@dataclass(frozen=True, slots=True)
class Site:
    """A site that is called, and the token that it is called with."""

    served: Served
    token: str

    @property
    def calls(self) -> Path:
        """Where each call with what fits the document is written down: the operation, and the status."""
        return self.served.data_dir / "calls.txt"

    def errors(self) -> list[str]:
        """What the site's own log calls an error, whatever was answered: work in the background is answered nobody."""
        return [line for line in self.served.log.read_text("utf-8").splitlines() if _ERROR.search(line)]

    def valid(self) -> dict[str, Valid]:
        """What came of them so far, by operation."""
        calls, accepted = Counter[str](), Counter[str]()
        for line in self.calls.read_text("utf-8").splitlines():
            operation, status = line.split()
            calls[operation] += 1
            accepted[operation] += status.startswith("2")
        names = (to_camel(endpoint.name) for endpoint in ENDPOINTS)
        return {name: Valid(calls[name], accepted[name]) for name in names}


@contextmanager
def fuzzed_site(data_dir: Path) -> Iterator[Site]:
    """A site as in production but for its limits: gunicorn, Valkey, PostgreSQL."""
    with running_postgres() as postgres:
        environ = {
            "WIZARD_DATABASE_URL": postgres.url(postgres.create()),
            "WIZARD_LIMIT_API": UNLIMITED,
            "WIZARD_LIMIT_OPEN_API": UNLIMITED,
        }
        with serving(data_dir, environ) as served:
            token = served.run("tokens", "create", "--name", "fuzzer", "--privilege", "main").strip()
            yield Site(served, token)


def fuzz(site: Site, report: Path, *options: str) -> Fuzzed:
    """Call every operation of the document, with what fits it and what does not, alone and one after the other."""
    command = ["-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{site.served.url}/openapi.json"]
    output = ["--report", "json", "--report-json-path", str(report), "--no-color"]
    done = subprocess.run(
        [sys.executable, *command, *output, *options],
        cwd=ROOT,
        env={**site.served.environment(), TOKEN: site.token, CALLS: str(site.calls)},
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Any] = json.loads(report.read_text("utf-8"))
    wrong = [f"{each['title']}: {', '.join(each['operations'])}" for each in found["failures"]]
    wrong += [each["title"] for each in found["errors"]]
    wrong += site.errors()
    if done.returncode and not wrong:
        wrong = [f"The fuzzer ended with {done.returncode}."]
    return Fuzzed(
        cases=found["test_cases"]["generated"],
        failures=tuple(wrong),
        told=done.stdout + done.stderr,
    )
