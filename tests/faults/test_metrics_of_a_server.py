"""The metrics of the real server: every process of it, the worker too, whichever is asked; and a worker's alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, build_opener

from tests.support.journey import reach_confirm
from tests.support.metrics import samples_of
from tests.support.serving import Graduate, Served, free_port, serving
from tests.support.waiting import wait_for

TOKEN = "metrics-token-0123456789-abcdefghijklmnopqrst"
LOOKED_AT = 'wizard_http_requests_total{method="GET",route="/healthz",status="200"}'


def read(url: str, *, token: str = TOKEN) -> dict[str, float]:
    asking = Request(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - our own, by http
    with build_opener().open(asking, timeout=10) as answer:
        return samples_of(answer.read().decode())


def status(url: str, *, token: str = "") -> int:
    try:
        with build_opener().open(Request(url, headers={"Authorization": f"Bearer {token}"}), timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code
    except URLError:
        return 0


def look(served: Served, times: int) -> None:
    for _ in range(times):
        with build_opener().open(f"{served.url}/healthz", timeout=10) as answer:
            answer.read()


def test_every_process_is_told_of_whichever_is_asked(tmp_path: Path) -> None:
    with serving(tmp_path, {"WIZARD_METRICS_TOKENS": TOKEN}, workers=2) as served:
        assert status(f"{served.url}/metrics", token="wrong") == 401
        graduate = Graduate(served.url)
        graduate.fill(reach_confirm(served, graduate), declaration="y")
        look(served, 20)
        # A count is never of one process alone: whichever answers knows of all.
        assert {read(served.url)[LOOKED_AT] for _ in range(10)} == {20}
        delivered = 'wizard_deliveries_total{kind="code",outcome="ok"}'
        assert wait_for(lambda: read(served.url).get(delivered), what="the worker's count") == 1
        samples = read(served.url)
        assert samples['wizard_events_total{event="education.created"}'] == 1
        assert samples['wizard_registrations{status="workflow_completed"}'] == 1
        assert samples['wizard_step_duration_seconds_count{step="coto"}'] == 1
        directory = directory_of(served)
        assert directory.is_dir()
    assert not directory.exists()


def directory_of(served: Served) -> Path:
    assert served.process is not None
    (child, *_) = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    settings = Path(f"/proc/{child}/environ").read_text().split("\0")
    named = [each.partition("=")[2] for each in settings if each.startswith("PROMETHEUS_MULTIPROC_DIR=")]
    return Path(named[0])


@contextmanager
def working(served: Served, port: int, environ: Mapping[str, str]) -> Iterator[None]:
    """A worker alone, with metrics of its own."""
    with (served.data_dir / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "wizard.cli", "worker", "--metrics-port", str(port)],
            env=os.environ | {"WIZARD_DATA_DIR": str(served.data_dir), **environ},
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_worker_alone_serves_its_own_metrics_and_nothing_else(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with serving(tmp_path, workers=1) as served, working(served, port, {"WIZARD_METRICS_TOKENS": TOKEN}):
        wait_for(lambda: status(f"{url}/metrics", token=TOKEN) == 200, what="the worker's metrics")
        assert status(f"{url}/metrics") == 401
        assert status(f"{url}/") == status(f"{url}/healthz") == 404
        samples = read(url)
        assert samples['wizard_up{service="redis"}'] == 1
        # It has looked for something to deliver.
        assert samples['wizard_database_statements_total{outcome="ok",statement="SELECT"}'] >= 1
        refused = subprocess.run(
            [sys.executable, "-m", "wizard.cli", "worker", "--metrics-port", str(port)],
            env=os.environ | {"WIZARD_DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (refused.returncode, "cannot be listened on" in refused.stderr) == (1, True)
