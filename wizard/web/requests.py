"""What every request has: an id, the log lines bound to it, one line of its own, and the proxies in front."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from flask import Flask, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars
from werkzeug.middleware.proxy_fix import ProxyFix

from wizard.config import Settings
from wizard.services.ports import patience
from wizard.web.session_ids import is_session_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-ID"
# The addresses of other systems; all else is for people in browsers.
API = "/ot-education/"
# The page about them, which is the same for everybody.
REFERENCE = "/api"
# What a proxy sends goes into the log and the audit trail: nothing but a plain id is taken over.
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
REQUEST_ID, RULE = "wizard.request_id", "wizard.rule"
NO_ROUTE = "-"
# Load balancers and Prometheus call a machine by its own address, and are told nothing that a Host could mislead.
PROBED = frozenset({"/healthz", "/readyz", "/metrics"})

_log = structlog.get_logger(__name__)


class Answered(Protocol):
    """Hears of every answer."""

    def __call__(self, *, method: str, route: str, status: int, seconds: float) -> None: ...


def init_app(app: Flask, settings: Settings, answered: Answered) -> None:
    """Name every request, log it, tell of its answer, and believe as many proxies as there are."""
    app.config["TRUSTED_HOSTS"] = list(settings.trusted_hosts)
    # Flask asks of each function around a request whether it is asynchronous: 2 % of a page (docs/benchmarks.md).
    app.ensure_sync = _as_it_is  # type: ignore[method-assign]
    app.before_request(_read_only)
    app.before_request(_name_it)
    logged = _Logged(app.wsgi_app, settings.trusted_hosts[0].lstrip("."), settings.patience, answered)
    # The proxies' word is taken for the client and for HTTPS; they hand on the Host they were asked for.
    proxies = settings.proxy_count
    app.wsgi_app = ProxyFix(logged, x_for=proxies, x_proto=proxies, x_host=0) if proxies else logged  # type: ignore[method-assign]


def _as_it_is(func: Callable[..., Any]) -> Callable[..., Any]:
    """None of ours is asynchronous."""
    return func


@dataclass(frozen=True, slots=True)
class _Logged:
    """Around the app and its session: whatever becomes of a request, there is one line about it."""

    app: WSGIApplication
    host: str
    patience: float
    answered: Answered

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        started = perf_counter()
        if environ["PATH_INFO"] in PROBED:
            environ["HTTP_HOST"] = self.host
        environ[REQUEST_ID] = _request_id(environ.get("HTTP_X_REQUEST_ID", ""))
        clear_contextvars()
        bind_contextvars(request_id=environ[REQUEST_ID])
        statuses: list[str] = []
        try:
            with patience.limited(self.patience):
                return self.app(environ, _noting(environ[REQUEST_ID], start_response, statuses))
        finally:
            self._tell(environ, statuses, perf_counter() - started)
            clear_contextvars()

    def _tell(self, environ: WSGIEnvironment, statuses: Sequence[str], seconds: float) -> None:
        method, route = environ["REQUEST_METHOD"], environ.get(RULE, NO_ROUTE)
        status = int(statuses[-1].split(maxsplit=1)[0]) if statuses else 500
        _log.info("request", method=method, route=route, status=status, duration_ms=round(seconds * 1000))
        self.answered(method=method, route=route, status=status, seconds=seconds)


def _noting(identifier: str, start_response: StartResponse, statuses: list[str]) -> StartResponse:
    def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:  # noqa: ANN401
        statuses.append(status)
        return start_response(status, [*headers, (HEADER, identifier)], *rest)

    return started


def _request_id(sent: str) -> str:
    return sent if _SANE.fullmatch(sent) else uuid.uuid4().hex


def is_api() -> bool:
    """Whether another system asks: with a token, not with a browser's session, and for JSON, not for a page."""
    return request.path.startswith(API)


def has_no_session() -> bool:
    """Whether nobody's session is to be looked at."""
    return is_api() or request.path == REFERENCE


def _read_only() -> None:
    """HEAD asks for the head of a page: to a view it is a GET, and never one that something is sent with."""
    if request.method == "HEAD":
        request.method = "GET"


def _name_it() -> None:
    """The route's rule stands for the address, which may hold a token."""
    g.request_id = request.environ[REQUEST_ID]
    if request.url_rule is not None:
        request.environ[RULE] = request.url_rule.rule
    session_id = str((request.view_args or {}).get("session_id", ""))
    if is_session_id(session_id):
        bind_contextvars(session_id=session_id)
