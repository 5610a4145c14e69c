"""The API as it is served, called by a fuzzer that reads its document: schemathesis, with every check."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, build_opener

from tests.support.postgres import running_postgres
from tests.support.serving import Served, serving

CONFIG = Path(__file__).with_name("schemathesis.toml")
ROOT = Path(__file__).resolve().parents[2]
UNLIMITED = "1000000 per minute"
TOKEN, ACCOUNTS = "WIZARD_FUZZ_TOKEN", "WIZARD_FUZZ_ACCOUNTS"
MEMBERS = 200


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What came of it; `accepted` are the calls that were, once at least, and `told` is the fuzzer's own report."""

    cases: int
    failures: tuple[str, ...]
    accepted: frozenset[str]
    told: str


@dataclass(frozen=True, slots=True)
class Site:
    """A site that is called, the token that it is called with, and its members' accounts by their numbers."""

    served: Served
    token: str
    accounts: Mapping[str, str]


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
            yield Site(served, token, _members(served, token))


def _members(served: Served, token: str) -> dict[str, str]:
    people = served.data_dir / "people.csv"
    rows = (f"fuzz-{number},Vera {number},vera.{number}@example.org" for number in range(MEMBERS))
    people.write_text("\n".join(["number,name,email", *rows]), "utf-8")
    served.run("accounts", "import", str(people))
    return {number: _account(served, token, number) for number in (f"fuzz-{number}" for number in range(MEMBERS))}


def _account(served: Served, token: str, number: str) -> str:
    address = f"{served.url}/ot-education/accounts?memberNumber={number}"
    asking = Request(address, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - our own server, by http
    with build_opener().open(asking, timeout=15) as answer:
        return str(json.load(answer)["accountId"])


def fuzz(site: Site, report: Path, *options: str) -> Fuzzed:
    """Call every operation of the document, with what fits it and what does not, alone and one after the other."""
    command = ["-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{site.served.url}/openapi.json"]
    output = ["--report", "json", "--report-json-path", str(report), "--no-color"]
    done = subprocess.run(
        [sys.executable, *command, *output, *options],
        cwd=ROOT,
        env={**os.environ, TOKEN: site.token, ACCOUNTS: json.dumps(site.accounts)},
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Any] = json.loads(report.read_text("utf-8"))
    wrong = [f"{each['title']}: {', '.join(each['operations'])}" for each in found["failures"]]
    wrong += [each["title"] for each in found["errors"]]
    if done.returncode and not wrong:
        wrong = [f"The fuzzer ended with {done.returncode}."]
    return Fuzzed(
        cases=found["test_cases"]["generated"],
        failures=tuple(wrong),
        accepted=frozenset(call for call, phases in found["valid_rates"].items() if _accepted(phases)),
        told=done.stdout + done.stderr,
    )


def _accepted(phases: Mapping[str, Mapping[str, int]]) -> bool:
    return any(rates["accepted"] for rates in phases.values())
