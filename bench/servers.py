"""gunicorn with each app, on the core that is the servers' alone: one of them at a time has anything to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection

from bench import cores
from tests.support.serving import free_port
from tests.support.waiting import wait_for


@dataclass(frozen=True)
class Server:
    """One worker of gunicorn with four threads."""

    port: int
    worker: int

    def cpu_seconds(self) -> float:
        return cores.cpu_seconds(self.worker)

    def memory_mb(self) -> float:
        return cores.memory_mb(self.worker)


@contextmanager
def gunicorn(app: str, directory: Path, environ: Mapping[str, str] | None = None) -> Iterator[Server]:
    """An app, by its name, on the server's core."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-w", "1", "--threads", "4", "-b", f"127.0.0.1:{port}", app]
    with (directory / f"{app.partition(':')[0]}.log").open("ab") as log, ExitStack() as stopping:
        process = subprocess.Popen(
            [*command, "--log-level", "error"],
            env={**os.environ, **(environ or {})},
            stdout=log,
            stderr=log,
            preexec_fn=lambda: cores.stay_on(cores.cores()[0]),  # noqa: PLW1509 - no threads here
        )
        stopping.callback(process.wait)
        stopping.callback(process.terminate)
        wait_for(lambda: process.poll() is None and _listens(port), what=f"{app} ({log.name})")
        (worker,) = wait_for(lambda: cores.children_of(process.pid), what=f"{app} ({log.name})")
        yield Server(port, worker)


def _listens(port: int) -> bool:
    try:
        create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def nothing() -> Iterator[int]:
    """The server that does nothing; answers its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.nothing", str(port)])
    try:
        wait_for(lambda: _listens(port), what="the server that does nothing")
        yield port
    finally:
        process.terminate()
        process.wait()
