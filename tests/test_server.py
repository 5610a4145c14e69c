import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NoConnectionError

from tests.support.serving import free_port
from tests.support.waiting import wait_for
from wizard import companion
from wizard.companion import Companion
from wizard.config import Settings, SettingsError
from wizard.server import serve
from wizard.storage.embedded import EmbeddedValkey, embedded_url
from wizard.storage.redis_client import connect

SERVE = (
    "import os, sys; from wizard.config import Settings; from wizard.server import serve;"
    "serve(Settings.from_env(os.environ), host='127.0.0.1', port=int(sys.argv[1]), workers=2, threads=2)"
)


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def alive(pid: int) -> bool:
    """A process that has ended but that nobody waited for does not count."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def worker_of(server: int) -> int:
    (worker,) = (child.pid for child in psutil.Process(server).children() if "wizard.companion" in child.cmdline())
    return int(worker)


def valkey_of(data_dir: Path) -> int | None:
    with connect(embedded_url(Settings(data_dir=data_dir))) as client:
        assert isinstance(client, Redis)
        try:
            return int(client.info("server")["process_id"])
        except NoConnectionError:
            return None


@contextmanager
def served(data_dir: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    environ = os.environ | {"WIZARD_DATA_DIR": str(data_dir)}
    subprocess.run([sys.executable, "-m", "wizard.cli", "migrate"], env=environ, check=True, capture_output=True)
    server = subprocess.Popen([sys.executable, "-c", SERVE, str(port)], env=environ, start_new_session=True)
    try:
        wait_for(lambda: answers(port))
        yield server, port
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait(30)
        with EmbeddedValkey(Settings(data_dir=data_dir)):
            pass


@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_all_that_it_started(tmp_path: Path, ask: signal.Signals) -> None:
    with served(tmp_path) as (server, port):
        valkey, worker = valkey_of(tmp_path), worker_of(server.pid)
        assert valkey
        # As a terminal does for Ctrl-C: to the whole group.
        os.killpg(server.pid, ask)
        assert server.wait(30) == 0
        assert not answers(port)
        assert not alive(worker)
        assert not alive(valkey)


def test_a_killed_valkey_is_started_again(tmp_path: Path) -> None:
    with served(tmp_path):
        valkey = valkey_of(tmp_path)
        assert valkey
        os.kill(valkey, signal.SIGKILL)
        wait_for(lambda: valkey_of(tmp_path) not in {None, valkey})


def test_the_worker_ends_when_the_server_is_killed(tmp_path: Path) -> None:
    with served(tmp_path) as (server, port):
        worker = worker_of(server.pid)
        server.kill()
        wait_for(lambda: not alive(worker))
        wait_for(lambda: not answers(port))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "records.example.org"])  # noqa: S104 - refused
def test_in_development_it_is_for_this_machine_only(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match="for this machine only"):
        serve(Settings(data_dir=tmp_path), host=host, port=8000, workers=1, threads=1)


def test_a_worker_that_ended_is_started_again_but_not_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # Even where the machine is so busy that it takes long to end.
    monkeypatch.setattr(companion, "RESTART_AFTER", 3600.0)
    worker = Companion(["--help"], os.environ)
    worker.start()

    def is_another() -> bool:
        worker.tend()
        return worker.pid != first

    try:
        first = worker.pid
        assert first
        wait_for(lambda: not alive(first))
        assert not is_another()
        monkeypatch.setattr(companion, "RESTART_AFTER", 0.0)
        # A process may look dead a moment before its last thread is gone and it can be waited for.
        wait_for(is_another)
    finally:
        worker.stop()


def test_stopping_a_worker_that_was_never_started_does_nothing() -> None:
    Companion(["worker"], {}).stop()
