"""The benchmark in the small: that it works, what everything costs Redis and the database, and no timing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
DATA_STEPS = ("identity", "education", "coto", "privacy")
# Of a journey: the desk and other systems have limits of their own. What goes into the audit trail behind the answers
# is read, and noted as recorded, once for many of them; of the few here each may be alone.
READ, WRITTEN = 2, 3 + 2

pytestmark = pytest.mark.postgres


def run(directory: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments, "--rounds", "1", "--journeys", "4"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    # Whether anything took too long is not asked here.
    results = directory / "build/bench/results.json"
    assert results.exists(), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    directory = tmp_path_factory.mktemp("bench")
    found = run(directory, "--only", "requests")
    assert {path.name for path in (directory / "build/bench").glob("*.svg")} == {"rates.svg", "cpu.svg"}
    return found


def rows_of(measured: dict[str, Any], app: str) -> dict[str, dict[str, float]]:
    return {row["request"]: row for row in measured["requests"]["rows"] if row["app"] == app}


def test_every_peer_and_the_product_are_measured_beside_each_other(measured: dict[str, Any]) -> None:
    assert {row["app"] for row in measured["requests"]["rows"]} == {"A", "B", "C", "product", "API", "desk"}
    for app in ("B", "C", "product"):
        steps = rows_of(measured, app)
        assert {f"{method} {step}" for method in ("GET", "POST") for step in DATA_STEPS} <= steps.keys()
        assert "whole journey" in steps


def test_a_page_costs_two_round_trips_at_most_and_a_step_three(measured: dict[str, Any]) -> None:
    single = {name: row for name, row in rows_of(measured, "product").items() if name != "whole journey"}
    most = {name: READ if name.startswith("GET") else WRITTEN for name in single}
    assert {name: row["redis"] for name, row in single.items() if row["redis"] > most[name]} == {}


def test_the_pages_of_the_data_steps_ask_the_database_nothing(measured: dict[str, Any]) -> None:
    steps = rows_of(measured, "product")
    assert {step: steps[f"GET {step}"]["sql"] for step in DATA_STEPS} == dict.fromkeys(DATA_STEPS, 0)


def test_whole_journeys_write_to_the_database(measured: dict[str, Any]) -> None:
    assert rows_of(measured, "product")["POST confirm (create)"]["sql"] > 0
    assert rows_of(measured, "API")["API execute-workflow"]["sql"] > 0


def test_a_registration_is_small_in_valkey_its_index_entries_included(measured: dict[str, Any]) -> None:
    weight = measured["requests"]["weight"]
    assert weight["document"] + weight["indexes"] < 1500, weight


def test_whatever_is_asked_costs_the_same_round_trips_among_many(tmp_path: Path) -> None:
    said = run(tmp_path, "--only", "crowd", "--open", "10", "--open", "1000")
    told = {(row["request"], row["open"]): (row["redis"], row["sql"]) for row in said["crowd"]}
    names = {request for request, _ in told}
    assert "GET list of registrations" in names
    assert {name for name in names if told[name, 10] != told[name, 1000]} == set()


def test_numbers_that_are_made_up_are_asked_for_beside_members(tmp_path: Path) -> None:
    told = run(tmp_path, "--only", "guesses")["guesses"]
    assert told["known_ms"] > 0
    assert told["unknown_ms"] > 0


def test_what_a_registration_costs_each_part_is_shared_out(tmp_path: Path) -> None:
    shares = run(tmp_path, "--only", "shares")["shares"]
    # The code, and the receipt.
    assert shares["mails"] == 2
    counted = ("web_ms", "worker_ms", "valkey_ms", "valkey_commands", "postgres_log_bytes", "postgres_transactions")
    assert {name for name in counted if not shares[name] > 0} == set()
