"""Counts and durations, by names that the code knows beforehand: nothing personal, and never many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from time import perf_counter
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram

from wizard.core.events import Event, EventName
from wizard.core.registration import Channel
from wizard.core.steps import Step
from wizard.core.trouble import STOPPING
from wizard.services.ports.bulk import RowState
from wizard.services.ports.watching import UNREACHABLE, Doing, Work

_ROUND_TRIP = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_ANSWER = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
_MINUTE, _HOUR = 60.0, 3600.0
_PERSON = (10.0, 30.0, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 6 * _HOUR, 24 * _HOUR)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"
_RULES = frozenset(STOPPING)
# Where a rule stopped somebody: at the form, before anything was written, or in the workflow.
_FORM, _WORKFLOW = "form", "workflow"


class _Measure(NamedTuple):
    """How one kind of work is told of: its two metrics, the label of its parts, what it is, and how long it takes."""

    times: str
    number: str
    label: str
    what: str
    buckets: tuple[float, ...]


_MEASURES: Mapping[Work, _Measure] = {
    Work.OPERATION: _Measure(
        times="wizard_operation_duration_seconds",
        number="wizard_operations",
        label="operation",
        what="Operations on registrations",
        buckets=_ANSWER,
    ),
    Work.REDIS: _Measure(
        times="wizard_redis_duration_seconds",
        number="wizard_redis_requests",
        label="command",
        what="Round trips to Redis",
        buckets=_ROUND_TRIP,
    ),
    Work.DATABASE: _Measure(
        times="wizard_database_duration_seconds",
        number="wizard_database_statements",
        label="statement",
        what="Statements sent to the database",
        buckets=_ROUND_TRIP,
    ),
    Work.DELIVERY: _Measure(
        times="wizard_delivery_duration_seconds",
        number="wizard_deliveries",
        label="kind",
        what="Tries to deliver a message",
        buckets=_ANSWER,
    ),
}


class Counts:
    """`services.ports.Watcher`, and a subscriber to events; all that it counts is in its registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = self._counter("wizard_events", "Events, by name.", "event")
        self._started = self._counter(
            "wizard_registrations_started", "Registrations begun, by the way they came in.", "channel"
        )
        self._rules = self._counter(
            "wizard_rule_failures", "Rules that stopped somebody, at the form or in the workflow.", "rule", "where"
        )
        self._bulk = self._counter(
            "wizard_bulk_rows", "Rows of completed bulk registrations, by what came of them.", "outcome"
        )
        self._requests = self._counter("wizard_http_requests", "Requests answered.", "method", "route", "status")
        self._answers = self._histogram(
            "wizard_http_request_duration_seconds", "How long requests took until the answer began.", "route", _ANSWER
        )
        self._steps = self._histogram(
            "wizard_step_duration_seconds",
            "How long applicants took for a step that they completed, since the change before it.",
            "step",
            _PERSON,
        )
        self._times, self._number = {}, {}
        for work, (times, number, label, what, buckets) in _MEASURES.items():
            self._times[work] = self._histogram(times, f"{what}: how long each took that was answered.", label, buckets)
            self._number[work] = self._counter(number, f"{what}, by outcome.", label, "outcome")
        # Those of some labels are looked up behind a lock each time: 1 % of a page (docs/benchmarks.md).
        self._number_of = cache(lambda work, *labels: self._number[work].labels(*labels))
        self._times_of = cache(lambda work, name: self._times[work].labels(name))
        self._of_answer = cache(self._counts_of_answer)
        self._begin_at_nothing()

    def _counts_of_answer(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return self._requests.labels(method, route, str(status)), self._answers.labels(route)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self.registry)

    def _histogram(self, name: str, what: str, label: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, what, [label], buckets=buckets, registry=self.registry)

    def _begin_at_nothing(self) -> None:
        """What is there from the start shows its first increase, too."""
        for name in EventName:
            self._events.labels(name.value)
        for channel in Channel:
            self._started.labels(channel.value)
        for rule in STOPPING:
            self._rules.labels(rule, _FORM)
            self._rules.labels(rule, _WORKFLOW)

    @contextmanager
    def during(self, doing: Doing) -> Iterator[None]:
        """Time a part of the work, and count what came of it."""
        began = perf_counter()
        try:
            yield
        finally:
            self._number_of(doing.work, doing.name, doing.outcome).inc()
            # How long a time-out is, is known; it says nothing of what was answered.
            if doing.outcome != UNREACHABLE:
                self._times_of(doing.work, doing.name).observe(perf_counter() - began)

    def stepped(self, step: Step, took: timedelta) -> None:
        """An applicant was done with a step."""
        self._steps.labels(step.value).observe(took.total_seconds())

    def event(self, event: Event) -> None:
        """The metrics' subscriber."""
        self._events.labels(event.name.value).inc()
        if event.name is EventName.EDUCATION_STAGED:
            self._started.labels(_known(event.details.get("channel"), _CHANNELS)).inc()
        elif event.name is EventName.OPERATION_FAILED:
            # What fails before there is anything to check says why instead.
            self._stopped((event.details.get("rules") or event.details.get("reason", "")).split(), _WORKFLOW)
        elif event.name is EventName.BULK_COMPLETED:
            for state in RowState:
                self._bulk.labels(state.value).inc(int(event.details.get(state.value, "0")))

    def stopped_at_form(self, rules: Iterable[str]) -> None:
        """Rules that stopped an applicant before anything was written."""
        self._stopped(rules, _FORM)

    def _stopped(self, rules: Iterable[str], where: str) -> None:
        for rule in _RULES.intersection(rules):
            self._rules.labels(rule, where).inc()

    def answered(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """A request, by its route's rule; what has none has the route `-`."""
        requests, answers = self._of_answer(_known(method, _METHODS), route, status)
        requests.inc()
        answers.observe(seconds)


_CHANNELS = frozenset(channel.value for channel in Channel)


def _known(word: str | None, words: frozenset[str]) -> str:
    return word if word in words else _OTHER
