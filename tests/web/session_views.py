"""Views that do one thing each to the browser's session, and an app of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    jsonify,
    redirect,
    render_template_string,
    request,
    session,
)
from flask_wtf.csrf import generate_csrf
from redis import Redis
from werkzeug.wrappers import Response as AnyResponse

from wizard.config import Settings
from wizard.core.clock import FixedClock
from wizard.core.errors import ExternalServiceError
from wizard.storage.browser_sessions import BrowserSessions
from wizard.storage.crypto import Cipher
from wizard.storage.index_entries import IndexEntries
from wizard.storage.lists import Lists
from wizard.storage.stored_values import StoredValues
from wizard.web.browser_session import BrowserSessionInterface, init_app
from wizard.web.lazy_session import BrowserSession

# What happens elsewhere while a view runs, once: by the beginning of the view's path.
During = dict[str, Callable[[], object]]

views = Blueprint("views", __name__)


_NOW = FixedClock(datetime(2026, 11, 23, tzinfo=UTC))


def app_on(
    client: Redis, cipher: Cipher, settings: Settings, during: During | None = None, clock: FixedClock = _NOW
) -> Flask:
    app = Flask(__name__, static_folder=str(Path(__file__).parent), static_url_path="/static")
    app.secret_key = "for the CSRF tokens"
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.extensions["during"] = {} if during is None else during
    documents = StoredValues(cipher, clock, settings.session_grace)
    lists = Lists(client, IndexEntries(client, documents), documents.clock)
    init_app(app, BrowserSessions(client, cipher, settings.session_ttl, documents, lists), settings, {})
    app.register_blueprint(views)
    return app


def meanwhile(path: str) -> None:
    session.get("anything")
    current_app.extensions["during"].pop(path, lambda: None)()


def regenerate() -> None:
    cast("BrowserSessionInterface", current_app.session_interface).regenerate(cast("BrowserSession", session))


@views.get("/healthz")
def healthz() -> str:
    return "ok"


@views.get("/page")
def page() -> str:
    return render_template_string("no form, {{ session is defined }}")


@views.get("/form")
def form() -> str:
    return str(generate_csrf())


@views.get("/show")
def show() -> Response:
    return jsonify(dict(session))


@views.route("/set/<key>/<value>", methods=["GET", "POST"])
def put(key: str, value: str) -> str:
    meanwhile(f"/set/{key}")
    session[key] = value
    return "set"


@views.post("/drop/<key>")
def drop(key: str) -> str:
    meanwhile(f"/drop/{key}")
    session.pop(key, None)
    return "dropped"


@views.post("/append/<value>")
def append(value: str) -> str:
    session.setdefault("list", []).append(value)
    session.modified = True
    return "appended"


@views.post("/clear")
def clear() -> str:
    meanwhile("/clear")
    session.clear()
    return "cleared"


@views.post("/sign-in")
def sign_in() -> AnyResponse:
    meanwhile("/sign-in")
    session["staff"] = "somebody"
    regenerate()
    return redirect("/show")


@views.post("/late")
def late() -> str:
    meanwhile("/late")
    return "something is put in as the answer goes out"


@views.post("/rotate")
def rotate() -> str:
    regenerate()
    return "rotated"


@views.post("/fail")
def fail() -> str:
    session["typed"] = "yes"
    abort(422)


@views.app_errorhandler(ExternalServiceError)
def unavailable(error: ExternalServiceError) -> tuple[str, int]:
    language = session.get("language", "en") if cast("BrowserSession", session).available else "unknown"
    return f"{error.service} {language}", 503


@views.after_app_request
def protect(response: Response) -> Response:
    response.headers["X-Protected"] = "yes"
    if request.path == "/late":
        session["late"] = "yes"
    return response
