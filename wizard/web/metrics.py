"""The metrics, for Prometheus: for whoever sends the token, and in development for this machine."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from ipaddress import ip_address

from blinker import Namespace
from flask import Blueprint, Flask, Response, abort, current_app, request

from wizard.config import Settings
from wizard.web import access

# The rules that stopped an applicant at a form; the sender is the app.
refused = Namespace().signal("refused")

blueprint = Blueprint("metrics", __name__)

_EXTENSION = "wizard_metrics_page"
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def init_app(app: Flask, page: Callable[[], bytes], stopped: Callable[[Iterable[str]], object]) -> None:
    """Show a page that is made anew each time, and tell of what stops people at forms."""

    def receive(_sender: Flask, *, rules: Iterable[str]) -> None:
        stopped(rules)

    refused.connect(receive, sender=app, weak=False)
    app.extensions[_EXTENSION] = page
    app.register_blueprint(blueprint)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Counts and levels."""
    settings = access.settings()
    if settings.metrics_tokens:
        if not _has_token(settings):
            return Response("A token is needed.\n", 401, {"WWW-Authenticate": "Bearer"}, content_type="text/plain")
    elif settings.is_production or not _is_this_machine():
        abort(404)
    return Response(current_app.extensions[_EXTENSION](), content_type=_CONTENT_TYPE)


def tell_of_refusal(rules: Iterable[str]) -> None:
    """Rules have stopped an applicant at a form."""
    refused.send(current_app._get_current_object(), rules=tuple(rules))  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's way to name the sender


def _has_token(settings: Settings) -> bool:
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    # All are compared, so that the time tells nothing.
    fits = [hmac.compare_digest(sent.strip().encode(), token.encode()) for token in settings.metrics_tokens]
    return scheme.lower() == "bearer" and any(fits)


def _is_this_machine() -> bool:
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
