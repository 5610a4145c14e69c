"""Prints a table, and writes it as JSON. Load and server share the machine: only the ratios mean anything.

Each row is the median of several rounds, one request after another over one connection at a time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from bench import bulk, lists
from tests.support.journey import ANSWERS, begin, prove
from tests.support.serving import Graduate, Page, Served, free_port, hidden_values, serving
from tests.support.waiting import wait_for

ROUNDS = 5
# A benchmark must not measure the limits.
NO_LIMITS = {f"WIZARD_LIMIT_{name}": "1000000 per minute" for name in ("STARTS", "FIELDS", "CODES")}


@dataclass(frozen=True)
class Row:
    """What one kind of request cost, in milliseconds, and beside the floor."""

    request: str
    per_second: float
    p50_ms: float
    p99_ms: float
    of_floor: float


def measure(request: Callable[[], Page], times: int) -> list[float]:
    """How long each of some requests took, in seconds."""
    took = []
    for _ in range(times):
        began = perf_counter()
        page = request()
        took.append(perf_counter() - began)
        assert page.status == HTTPStatus.OK, (page.status, page.url)
    return took


def row(name: str, request: Callable[[], Page], *, times: int, floor: float) -> Row:
    """The median round of a request."""
    rounds = [measure(request, times) for _ in range(ROUNDS)]
    rate = median(times / sum(took) for took in rounds)
    every = [took for one in rounds for took in one]
    return Row(name, rate, 1000 * median(every), 1000 * quantiles(every, n=100)[98], rate / floor if floor else 1.0)


def floor_row(times: int) -> Row:
    """The bare app under the same server."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-w", "1", "--threads", "4", "-b", f"127.0.0.1:{port}"]
    process = subprocess.Popen([*command, "--log-level", "error", "bench.floor:app"])
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(url), what=url)
        visitor = Graduate(url)
        return row("floor: bare Flask page", lambda: visitor.get("/"), times=times, floor=0)
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=1):  # noqa: S310 - our own server
            return True
    except (URLError, OSError):
        return False


def step_rows(served: Served, times: int, floor: float) -> list[Row]:
    """Every step's page, and every data step's form sent again with the same answers."""
    graduate, rows = Graduate(served.url), []
    page = begin(graduate)
    for step, answered in ANSWERS.items():
        address = page.url
        rows.append(row(f"GET {step}", lambda at=address: graduate.get(at), times=times, floor=floor))  # type: ignore[misc]
        page = graduate.fill(graduate.get(address), **answered)
        if answered:
            again = resend(graduate, address, answered)
            rows.append(row(f"POST {step} (and the page after)", again, times=times, floor=floor))
            page = graduate.get(page.url)
    return rows


def resend(graduate: Graduate, address: str, answered: dict[str, str]) -> Callable[[], Page]:
    """Send a step again, its version read once."""
    values = {**hidden_values(graduate.get(address).form), **answered}
    return lambda: graduate.post(address, values)


def journey_row(served: Served, times: int, floor: float) -> Row:
    """Whole journeys to the account page; beyond it each needs an account of its own."""

    def journey() -> Page:
        graduate = Graduate(served.url)
        page = begin(graduate)
        for answered in ANSWERS.values():
            page = graduate.fill(page, **answered)
        return page

    return row("journey to the account page", journey, times=times, floor=floor)


def to_receipt(served: Served) -> float:
    """Milliseconds of the one journey from the account page to the receipt, mail and code included."""
    graduate = Graduate(served.url)
    page = begin(graduate)
    for answered in ANSWERS.values():
        page = graduate.fill(page, **answered)
    began = perf_counter()
    receipt = graduate.fill(prove(served, graduate, page), declaration="y")
    assert receipt.url.endswith("/complete"), receipt.url
    return 1000 * (perf_counter() - began)


def show(rows: list[Row]) -> None:
    sys.stdout.write(f"{'request':<40} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8} {'of floor':>9}\n")
    for each in rows:
        figures = f"{each.per_second:>10.1f} {each.p50_ms:>8.2f} {each.p99_ms:>8.2f} {each.of_floor:>9.2f}"
        sys.stdout.write(f"{each.request:<40} {figures}\n")


def requests(times: int) -> tuple[list[Row], float]:
    """The rows of single requests and whole journeys, and how long the way to the receipt takes."""
    floor = floor_row(times)
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(Path(directory), NO_LIMITS, workers=1) as served,
    ):
        rows = [floor, *step_rows(served, times, floor.per_second)]
        rows.append(journey_row(served, max(1, times // 10), floor.per_second))
        return rows, to_receipt(served)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100, help=f"requests in each of {ROUNDS} rounds")
    parser.add_argument("--json", type=Path, help="write the rows here, too")
    parser.add_argument("--only", choices=("requests", "lists", "bulk"), help="one part alone")
    parser.add_argument("--registrations", type=int, default=lists.MANY, help="how many the long list has")
    parser.add_argument("--rows", type=int, default=bulk.ROWS, help="how many the file has")
    arguments = parser.parse_args()
    wanted = {arguments.only} if arguments.only else {"requests", "lists", "bulk"}
    written: list[Any] = []
    good = True
    if "requests" in wanted:
        rows, receipt = requests(arguments.times)
        show(rows)
        sys.stdout.write(f"from the account page to the receipt, code by mail included: {receipt:.0f} ms\n")
        written += rows
    if "lists" in wanted:
        asked, even = lists.run(many=arguments.registrations)
        lists.show(asked)
        written, good = [*written, *asked], good and even
    if "bulk" in wanted:
        done, quick = bulk.run(rows=arguments.rows)
        bulk.show(done)
        written, good = [*written, *done], good and quick
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(each) for each in written], indent=2), encoding="utf-8")
    if not good:
        sys.exit("A list or a file took longer than it may.")


if __name__ == "__main__":
    main()
