"""Traces: a request is followed into Redis and the database, by the SDK itself, and nothing personal is in a span."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from flask import Flask
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from tests.support.applicant import Applicant
from tests.support.desk import SYSTEM, database_down, own, staged
from tests.support.seed import Seeded
from wizard import create_app, tracing
from wizard.config import Settings
from wizard.core.clock import FixedClock
from wizard.services.bundle import Services
from wizard.storage.unit_of_work import SqlUnitsOfWork

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
Spans = Callable[[], list[ReadableSpan]]


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Where the app's spans go, as the environment asks for it."""
    exporter = InMemorySpanExporter()
    monkeypatch.setitem(tracing.EXPORTERS, "memory", lambda: exporter)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "memory")
    return exporter


@pytest.fixture
def spans(exporter: InMemorySpanExporter, app: Flask) -> Iterator[Spans]:
    """What the app has told since it was asked last."""
    provider = app.extensions[tracing.EXTENSION]

    def told() -> list[ReadableSpan]:
        provider.force_flush()
        found = list(exporter.get_finished_spans())
        exporter.clear()
        return found

    yield told
    provider.shutdown()


@pytest.fixture
def applicant(app: Flask, app_seeded: Seeded) -> Applicant:
    assert app_seeded.accounts
    return Applicant(app.test_client())


# The app asks for the fixture that sets the environment first.
pytestmark = pytest.mark.usefixtures("exporter")


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def named(spans: list[ReadableSpan], name: str) -> ReadableSpan:
    return next(span for span in spans if span.name == name)


def ancestors(span: ReadableSpan, spans: list[ReadableSpan]) -> list[str]:
    by_id = {each.context.span_id: each for each in spans if each.context}
    found = []
    while span.parent and (parent := by_id.get(span.parent.span_id)):
        found.append(parent.name)
        span = parent
    return found


# A request, followed


def test_a_step_is_followed_into_redis_and_the_database(applicant: Applicant, spans: Spans) -> None:
    applicant.start().answer()
    spans()
    applicant.decide()
    told = [
        span for span in spans() if span.context and span.name.startswith(("POST", "operation", "database", "redis"))
    ]
    request = named(told, "POST /registrations/<session_id>/<step>")
    assert request.kind is SpanKind.SERVER
    assert attributes(request)["http.response.status_code"] == 303
    assert attributes(request)["http.route"] == "/registrations/<session_id>/<step>"
    operation = named(told, "operation validate")
    assert ancestors(operation, told) == [request.name]
    assert attributes(operation)["wizard.outcome"] == "ok"
    within = [span for span in told if operation.name in ancestors(span, told)]
    redis, sql = named(within, "redis PIPELINE"), named(within, "database SELECT")
    assert ancestors(redis, told) == ancestors(sql, told) == [operation.name, request.name]
    assert attributes(redis) == {
        "db.system.name": "redis",
        "db.operation.name": "PIPELINE",
        "wizard.outcome": "ok",
    }
    assert attributes(sql)["db.system.name"] == "sqlite"
    assert str(attributes(sql)["db.query.text"]).startswith("SELECT ")
    assert {span.kind for span in (redis, sql)} == {SpanKind.CLIENT}
    assert request.resource.attributes["service.name"] == "ot-education-wizard"


def test_the_callers_trace_goes_on_and_log_and_span_share_their_ids(applicant: Applicant, spans: Spans) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        applicant.client.get("/", headers={"traceparent": CALLER, "X-Request-ID": "edge-0123456789"})
    (request,) = (span for span in spans() if span.name == "GET /")
    assert request.context
    assert f"{request.context.trace_id:032x}" == CALLER.split("-")[1]
    assert request.parent
    assert f"{request.parent.span_id:016x}" == CALLER.split("-")[2]
    assert attributes(request)["wizard.request_id"] == "edge-0123456789"
    (line,) = (line for line in lines if line["event"] == "request")
    assert (line["trace_id"], line["request_id"]) == (CALLER.split("-")[1], "edge-0123456789")


def test_what_a_worker_does_is_a_trace_and_asking_for_work_is_none(
    applicant: Applicant, services: Services, spans: Spans
) -> None:
    applicant.start().answer().decide()
    applicant.send("account", headers={"X-Request-ID": "edge-0123456789"})
    spans()
    assert services.mails.deliver_due() == 1
    assert services.mails.deliver_due() == 0
    (delivery,) = spans()
    assert (delivery.name, delivery.parent) == ("delivery code", None)
    assert attributes(delivery) == {
        "wizard.delivery": "code",
        "wizard.outcome": "ok",
        # The request that asked for it.
        "wizard.request_id": "edge-0123456789",
    }


def test_probes_are_no_traces(applicant: Applicant, spans: Spans) -> None:
    for probe in ("/healthz", "/readyz", "/metrics"):
        applicant.client.get(probe)
    assert spans() == []


# What goes wrong


def test_a_rule_that_stops_somebody_is_no_error(services: Services, spans: Spans) -> None:
    services.orchestrator.validate(SYSTEM, staged(services, university="mcmaster", country="IE"))
    operation = named(spans(), "operation validate")
    assert attributes(operation)["wizard.outcome"] == "business_rule_violation"
    assert operation.status.status_code is StatusCode.UNSET


def test_a_failing_database_is_an_error_without_its_words(
    app: Flask, applicant: Applicant, services: Services, settings: Settings, spans: Spans
) -> None:
    session_id = staged(services)
    own(applicant.client, session_id)
    token = applicant.token()
    spans()
    with database_down(app, settings):
        answer = applicant.client.post(
            f"/registrations/{session_id}/review", data={"csrf_token": token, "version": "1"}
        )
    assert answer.status_code == 503
    told = spans()
    request, operation = named(told, "POST /registrations/<session_id>/<step>"), named(told, "operation validate")
    assert attributes(request)["error.type"] == "503"
    assert attributes(operation)["error.type"] == "external_service_error"
    for span in (request, operation):
        assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())


def test_a_crash_is_an_error_too(app: Flask, applicant: Applicant, spans: Spans) -> None:
    def fail() -> str:
        raise RuntimeError("planted words")

    app.add_url_rule("/fail", view_func=fail)
    applicant.client.get("/fail")
    request = named(spans(), "GET /fail")
    assert request.status.status_code is StatusCode.ERROR
    assert "planted" not in request.to_json()


# What is never in a span


def test_nothing_personal_is_in_a_span(applicant: Applicant, app_units: SqlUnitsOfWork, spans: Spans) -> None:
    applicant.start().answer(other_details="Planted School", notes="Planted words", university="other").decide()
    applicant.prove(app_units).declare()
    applicant.client.get("/?q=planted", headers={"User-Agent": "planted-agent", "baggage": "who=planted"})
    applicant.client.get("/resume/planted-secret-token")
    applicant.client.get("/nowhere/planted")
    told = spans()
    assert len(told) > 100
    text = json.dumps([json.loads(span.to_json()) for span in told]).casefold()
    for personal in ("planted", "osot-", "example.org", applicant.session_id, "mcmaster", "pending", "127.0.0.1"):
        assert personal.casefold() not in text, personal


# Off, or asked for in vain


@contextmanager
def without_extra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "opentelemetry.sdk", None)
        yield


def asked_for(environ: dict[str, str]) -> tuple[bool, list[str]]:
    with capture_logs() as lines:
        traces = tracing.traces_asked_for(environ, database="sqlite")
    if traces:
        traces.provider.shutdown()
    return traces is not None, [str(line["reason"]) for line in lines]


@pytest.mark.parametrize(
    ("environ", "on"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "wizard"}, False),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, False),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
            True,
        ),
    ],
)
def test_the_standard_variables_decide(environ: dict[str, str], on: bool) -> None:
    assert asked_for(environ) == (on, [])


def test_what_cannot_be_is_said_and_the_site_runs_without(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_for({"OTEL_TRACES_EXPORTER": "zipkin"}) == (
        False,
        ["OTEL_TRACES_EXPORTER: one of otlp, console, memory or none"],
    )
    assert asked_for({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}) == (
        False,
        ["OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf alone is spoken here"],
    )
    with without_extra(monkeypatch):
        on, (reason,) = asked_for({"OTEL_TRACES_EXPORTER": "otlp"})
    assert not on
    assert "ot-education-wizard[tracing]" in reason


# To a collector


class Collector(BaseHTTPRequestHandler):
    """Takes what is exported, as a collector does."""

    taken: list[ExportTraceServiceRequest]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        self.taken.append(ExportTraceServiceRequest.FromString(plain))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    taken: list[ExportTraceServiceRequest] = []
    server = HTTPServer(("127.0.0.1", 0), type("Taking", (Collector,), {"taken": taken}))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", taken
    server.shutdown()
    thread.join()
    server.server_close()


def test_spans_reach_a_collector(
    app: Flask,
    settings: Settings,
    clock: FixedClock,
    collector: tuple[str, list[ExportTraceServiceRequest]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert app.extensions
    url, taken = collector
    monkeypatch.delenv("OTEL_TRACES_EXPORTER")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "the desk's")
    exporting = create_app(settings, clock=clock)
    exporting.test_client().get("/")
    exporting.extensions[tracing.EXTENSION].shutdown()
    resources = [each for request in taken for each in request.resource_spans]
    names = {span.name for each in resources for scope in each.scope_spans for span in scope.spans}
    assert "GET /" in names
    services = {a.value.string_value for each in resources for a in each.resource.attributes if a.key == "service.name"}
    assert services == {"the desk's"}
