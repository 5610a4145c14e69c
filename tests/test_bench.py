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
# Of a journey: the desk and other systems have limits of their own.
READ, WRITTEN = 2, 3

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    directory = tmp_path_factory.mktemp("bench")
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--only", "requests", "--rounds", "1", "--journeys", "4"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads((directory / "build/bench/results.json").read_text(encoding="utf-8"))
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
