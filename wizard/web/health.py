"""Whether the process lives, and whether what it needs answers: for load balancers and people on call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import structlog
from flask import Blueprint, Response, current_app, jsonify

from wizard.services.ports import patience

blueprint = Blueprint("platform", __name__)

PROBED_WITHIN = 1.0
# Threads of this process alone: a probe that hangs holds up the next probes, and no page.
_PROBES = ThreadPoolExecutor(max_workers=4, thread_name_prefix="probe")

_log = structlog.get_logger(__name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process lives."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Redis and the database answer and could be written to, or 503 and which does not."""
    running = {_PROBES.submit(probe): name for name, probe in _probes().items()}
    done, _late = wait(running, timeout=PROBED_WITHIN)
    answers = {name: _answer(probe, name, in_time=probe in done) for probe, name in running.items()}
    ready = all(answer == "ok" for answer in answers.values())
    return jsonify(status="ok" if ready else "unavailable", **answers), 200 if ready else 503


def _probes() -> Mapping[str, Callable[[], object]]:
    stores: Any = current_app.extensions["wizard_stores"]
    return {"redis": _in_time(stores.registrations.ping), "database": _in_time(stores.units.ping)}


def _in_time(ping: Callable[[], object]) -> Callable[[], object]:
    """What has not answered by then is let go, so that it holds up no later probe either."""

    def probe() -> None:
        with patience.limited(PROBED_WITHIN):
            ping()

    return probe


def _answer(probe: Future[object], name: str, *, in_time: bool) -> str:
    if not in_time:
        probe.cancel()
        return "no answer"
    error = probe.exception()
    if error is not None:
        _log.warning("probe.failed", service=name, error=type(error).__name__)
        return "unavailable"
    return "ok"
