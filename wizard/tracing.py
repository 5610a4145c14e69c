"""Traces for OpenTelemetry: a request, what it does to a registration, and each round trip to Redis and the database.

Off unless one of OpenTelemetry's own variables asks for them, and the extra `tracing` is installed. A span says what
was done and how it ended: no address, no query string, no value that goes to Redis or the database, and no text of an
exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask
from structlog.contextvars import bind_contextvars, get_contextvars

from wizard.core.errors import ErrorCode
from wizard.core.steps import Step
from wizard.services.ports.watching import FAILED, UNREACHABLE, Doing, Work
from wizard.web.requests import NO_ROUTE, PROBED, REQUEST_ID, RULE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

SERVICE = "ot-education-wizard"
EXTENSION = "wizard_traces"
_OFF, _DEFAULT = "none", "otlp"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"
# What is wrong on our side; that a rule stops somebody is no error of the site's.
_ERRORS = frozenset({FAILED, UNREACHABLE, ErrorCode.EXTERNAL_SERVICE_ERROR.lower(), ErrorCode.INTERNAL_ERROR.lower()})
_SERVER_ERROR = 500
_ROUND_TRIPS = frozenset({Work.REDIS, Work.DATABASE})

_log = structlog.get_logger(__name__)


def _otlp() -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra

    return OTLPSpanExporter()


def _console() -> SpanExporter:
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415 - an extra

    return ConsoleSpanExporter()


EXPORTERS: dict[str, Callable[[], SpanExporter]] = {_DEFAULT: _otlp, "console": _console}


def traces_asked_for(environ: Mapping[str, str], *, database: str) -> Traces | None:
    """The traces that the environment asks for, of a database of a kind; None for none.

    What asks for something that is not there is said in the log, and the site runs without.
    """
    exporter = _asked_for(environ)
    if exporter == _OFF:
        return None
    if trouble := _trouble(exporter, environ):
        _log.warning("tracing.off", reason=trouble)
        return None
    provider = _provider(EXPORTERS[exporter](), environ)
    return Traces(provider, provider.get_tracer(SERVICE), database)


def _asked_for(environ: Mapping[str, str]) -> str:
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return _OFF
    named = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    return named or (_DEFAULT if any(environ.get(name) for name in _ENDPOINTS) else _OFF)


def _trouble(exporter: str, environ: Mapping[str, str]) -> str | None:
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        return f"not installed: pip install '{SERVICE}[tracing]'"
    if exporter not in EXPORTERS:
        return f"OTEL_TRACES_EXPORTER: one of {', '.join(EXPORTERS)} or {_OFF}"
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), _PROTOCOL)
    return None if protocol == _PROTOCOL else f"{_PROTOCOLS[1]}: {_PROTOCOL} alone is spoken here"


def _provider(exporter: SpanExporter, environ: Mapping[str, str]) -> TracerProvider:
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    # The sampler, and everything else of the resource, is read from the environment there.
    named = environ.get("OTEL_SERVICE_NAME") or SERVICE
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: named}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


@dataclass(frozen=True, slots=True)
class Traces:
    """`services.ports.Watcher`, and around every request."""

    provider: TracerProvider
    tracer: Tracer
    database: str

    def init_app(self, app: Flask) -> None:
        """Begin a span with every request, or go on with the one that the caller began."""
        app.extensions[EXTENSION] = self.provider
        app.wsgi_app = _Traced(app.wsgi_app, self.tracer)  # type: ignore[method-assign]

    @contextmanager
    def during(self, doing: Doing) -> Iterator[None]:
        """A span for a part of the work, within the span under way."""
        from opentelemetry.trace import SpanKind, get_current_span  # noqa: PLC0415 - an extra

        is_round_trip = doing.work in _ROUND_TRIPS
        # A worker asks every half a second whether there is something to do: that alone is no trace.
        if is_round_trip and not get_current_span().is_recording():
            yield
            return
        kind = SpanKind.CLIENT if is_round_trip else SpanKind.INTERNAL
        with self.tracer.start_as_current_span(
            f"{doing.work} {doing.name}",
            kind=kind,
            attributes=self._attributes(doing),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            finally:
                span.set_attribute("wizard.outcome", doing.outcome)
                if doing.outcome in _ERRORS:
                    _mark_error(span, doing.outcome)

    def stepped(self, step: Step, took: timedelta) -> None:
        """What a person takes is no part of a trace."""

    def _attributes(self, doing: Doing) -> dict[str, str]:
        if doing.work is Work.REDIS:
            return {"db.system.name": "redis", "db.operation.name": doing.name}
        if doing.work is Work.DATABASE:
            return {"db.system.name": self.database, "db.operation.name": doing.name, "db.query.text": doing.text}
        asked = get_contextvars().get("request_id")
        return {f"wizard.{doing.work}": doing.name} | ({"wizard.request_id": str(asked)} if asked else {})


@dataclass(frozen=True, slots=True)
class _Traced:
    """Around the app, within what names the request."""

    app: WSGIApplication
    tracer: Tracer

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # What asks every few seconds whether all is well would be most of what there is to see.
        if environ["PATH_INFO"] in PROBED:
            return self.app(environ, start_response)
        from opentelemetry.propagate import extract  # noqa: PLC0415 - an extra
        from opentelemetry.trace import SpanKind  # noqa: PLC0415

        method, statuses = environ["REQUEST_METHOD"], list[int]()
        with self.tracer.start_as_current_span(
            method,
            context=extract(_headers(environ)),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "wizard.request_id": environ[REQUEST_ID]},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            bind_contextvars(trace_id=f"{span.get_span_context().trace_id:032x}")
            try:
                return self.app(environ, _noting(start_response, statuses))
            finally:
                _end(span, method, environ.get(RULE, NO_ROUTE), statuses[-1] if statuses else _SERVER_ERROR)


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    """The headers, by the names that propagators look for."""
    return {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }


def _noting(start_response: StartResponse, statuses: list[int]) -> StartResponse:
    def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:  # noqa: ANN401
        statuses.append(int(status.split(maxsplit=1)[0]))
        return start_response(status, headers, *rest)

    return started


def _end(span: Span, method: str, route: str, status: int) -> None:
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.route": route, "http.response.status_code": status})
    if status >= _SERVER_ERROR:
        _mark_error(span, str(status))


def _mark_error(span: Span, kind: str) -> None:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - an extra

    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))
