"""Several processes of one machine count together: real ones, ended and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.metrics import samples_of
from tests.support.waiting import wait_for

# Counts some events, says so, and ends when its input does; `read` prints the page.
COUNTING = """
import os, sys
from pathlib import Path
from prometheus_client import CollectorRegistry
from wizard.metrics.page import Metrics
metrics = Metrics.of_process(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
if sys.argv[1] == "read":
    sys.stdout.write(metrics.page(CollectorRegistry())().decode())
else:
    for _ in range(int(sys.argv[1])):
        metrics.counts.answered(method="GET", route="/", status=200, seconds=0.02)
    if sys.argv[2:] == ["fork"] and not os.fork():
        metrics.counts.answered(method="GET", route="/", status=200, seconds=0.02)
        os._exit(0)
    print("counted", flush=True)
    sys.stdin.read()
"""
REQUESTS = 'wizard_http_requests_total{method="GET",route="/",status="200"}'


def counting(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", COUNTING, *arguments],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(directory)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "counted\n"
    return process


def end(process: subprocess.Popen[str], *, by: signal.Signals = signal.SIGTERM) -> None:
    process.send_signal(by)
    process.communicate()


def read(directory: Path) -> dict[str, float]:
    page = subprocess.run(
        [sys.executable, "-c", COUNTING, "read"],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(directory)},
        capture_output=True,
        text=True,
        check=True,
    )
    return samples_of(page.stdout)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "counts"


def test_all_processes_are_told_of_whichever_is_asked(directory: Path) -> None:
    first, second = counting(directory, "2"), counting(directory, "3")
    samples = read(directory)
    assert samples[REQUESTS] == 5
    assert samples['wizard_http_request_duration_seconds_bucket{le="0.025",route="/"}'] == 5
    assert samples['wizard_http_request_duration_seconds_count{route="/"}'] == 5
    end(first)
    end(second)


def test_a_process_that_was_killed_still_counts_and_leaves_its_place(directory: Path) -> None:
    other = counting(directory, "1")
    for _ in range(4):
        end(counting(directory, "2"), by=signal.SIGKILL)
    assert read(directory)[REQUESTS] == 9
    # However often one was started again, there never were more than two at once.
    assert len(list(directory.glob("*.place"))) == len(list(directory.glob("counter_*.db"))) == 2
    end(other)


def test_a_fork_takes_a_place_of_its_own(directory: Path) -> None:
    parent = counting(directory, "2", "fork")
    wait_for(lambda: read(directory)[REQUESTS] == 3, what="the child's count")
    end(parent)
