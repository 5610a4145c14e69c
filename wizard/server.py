"""`wizard serve`: the web, and beside it the outbox worker and, where no Redis is named, the embedded Valkey."""

import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from ipaddress import ip_address
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker
from redis.exceptions import RedisError

from wizard import logs
from wizard.companion import Companion
from wizard.config import Settings, SettingsError, variable
from wizard.metrics.processes import DIRECTORY, directory_of_counts
from wizard.storage.embedded import EmbeddedValkey, EmbeddedValkeyError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# How long requests under way may take to finish when the server stops.
GRACE = 15
REQUEST_TIMEOUT = 30

log = structlog.stdlib.get_logger(__name__)


class AddressError(Exception):
    """The address cannot be listened on."""


def serve(settings: Settings, *, host: str, port: int, workers: int, threads: int) -> None:
    """Serve until SIGTERM or SIGINT, then stop in order: the web when it has answered, the worker, Valkey."""
    _refuse_strangers(settings, host)
    _require_free(host, port)
    logs.configure(production=settings.is_production)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    # A stop that comes before the web runs leaves in order as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as running:
        _count_together(running)
        settled: dict[str, str] = {}
        tended: list[Callable[[], None]] = []
        if "base_url" not in settings.model_fields_set:
            settled["base_url"] = f"http://{address}"
        if settings.redis_url is None:
            valkey = running.enter_context(EmbeddedValkey(settings))
            settled["redis_url"] = valkey.url
            tended.append(valkey.start)
        worker = Companion(["worker"], os.environ | {variable(field): value for field, value in settled.items()})
        running.callback(worker.stop)
        worker.start()
        tended.append(worker.tend)
        options = _options(address, workers, threads)
        # gunicorn's workers are forks of this process and must not stop what only the master may.
        options["post_fork"] = lambda _arbiter, _worker: running.pop_all()
        _Web(settings.model_copy(update=settled), options, tended).run()


def _count_together(running: ExitStack) -> None:
    """The web's processes and the worker count in one place, so that whichever is asked tells of all."""
    if directory_of_counts() is None:
        os.environ[DIRECTORY] = directory = mkdtemp(prefix="wizard-metrics-")
        running.callback(shutil.rmtree, directory, ignore_errors=True)


def _refuse_strangers(settings: Settings, host: str) -> None:
    if not settings.is_production and not _is_loopback(host):
        raise SettingsError(
            [f"--host {host}: in development the site is for this machine only, such as 127.0.0.1; or set WIZARD_ENV."]
        )


def _require_free(host: str, port: int) -> None:
    """Before anything is started that would have to be stopped again."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise AddressError(
            f"{host}, port {port}, cannot be listened on: {reason}. "
            "Another port: “wizard serve --port …”, or “make run PORT=…”."
        ) from error


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _options(address: str, workers: int, threads: int) -> dict[str, object]:
    return {
        "bind": address,
        "worker_class": _Worker,
        "workers": workers,
        "threads": threads,
        "timeout": REQUEST_TIMEOUT,
        "graceful_timeout": GRACE,
        # The app writes a line for each request itself, without query strings.
        "accesslog": None,
        "logger_class": _Logger,
        "loglevel": "warning",
        "control_socket_disable": True,
        "when_ready": _ready,
        "post_worker_init": _leave_ctrl_c_to_the_master,
    }


def _ready(arbiter: Arbiter) -> None:
    def interrupted(*_: object) -> None:
        # The first Ctrl-C lets requests under way finish, as SIGTERM does; the second does not wait.
        signal.signal(signal.SIGINT, arbiter.signal)
        arbiter.signal(signal.SIGTERM, None)

    signal.signal(signal.SIGINT, interrupted)
    log.info("serving", url=f"http://{arbiter.address[0][0]}:{arbiter.address[0][1]}")


def _leave_ctrl_c_to_the_master(_worker: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Worker(ThreadWorker):
    """One that is told to stop lets go of its address at once: who comes then is refused, and waits for nobody."""

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()


class _Logger(Logger):
    """gunicorn's messages go where all others go."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        self.error_log.handlers = []
        self.error_log.propagate = True


class _Tending(Arbiter):
    """The master of the workers; its loop, once a second, also sees to what runs beside the web."""

    app: "_Web"

    def manage_workers(self) -> None:
        super().manage_workers()
        for tend in self.app.tended:
            try:
                tend()
            except (EmbeddedValkeyError, RedisError, OSError):
                log.exception("tending_failed")


class _Web(BaseApplication):
    cfg: Config

    def __init__(self, settings: Settings, options: Mapping[str, object], tended: Sequence[Callable[[], None]]) -> None:
        self.settings = settings
        self.options = options
        self.tended = tended
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> "WSGIApplication":
        from wizard import create_app  # noqa: PLC0415 - in the worker, after the fork

        return create_app(self.settings)

    def run(self) -> None:
        _Tending(self).run()
