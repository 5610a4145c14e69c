"""The worker that `wizard serve` runs beside the web: started again when it dies, gone when the server is gone.

Run as a module this is the worker's side: its standard input is a pipe that nobody writes to and that the kernel
closes with the server, however the server ends.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

import structlog

# Between two starts, so that a worker which cannot start does not take a whole core.
RESTART_AFTER = 5.0
STOP_TIMEOUT = 10.0

log = structlog.stdlib.get_logger(__name__)


class Companion:
    """A `wizard` command in a session of its own, out of reach of the terminal's Ctrl-C."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = [sys.executable, "-m", "wizard.companion", *command]
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdin=subprocess.PIPE, start_new_session=True
        )

    def tend(self) -> None:
        """Start it again if it has ended. To be called every now and then."""
        if self._process and self._process.poll() is not None and time.monotonic() - self._started > RESTART_AFTER:
            log.warning("worker_ended", process=self._process.pid)
            self._let_go(self._process)
            self.start()

    def stop(self) -> None:
        """Let it finish what it is doing, for a while."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._let_go(self._process)
        self._process = None

    @staticmethod
    def _let_go(process: subprocess.Popen[bytes]) -> None:
        if process.stdin:
            process.stdin.close()


def _end_with_the_server() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    sys.argv[0] = "wizard"
    runpy.run_module("wizard.cli", run_name="__main__", alter_sys=False)
