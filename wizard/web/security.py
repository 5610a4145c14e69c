"""What protects every page: headers, small bodies, and CSRF tokens."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, has_request_context, request
from flask_wtf.csrf import CSRFProtect
from werkzeug import exceptions as http

from wizard.config import Settings
from wizard.services.tables import MOST_BYTES
from wizard.web import access, form_tokens
from wizard.web.requests import has_no_session, is_api
from wizard.web.static_files import StaticFiles

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
}
STRICT_TRANSPORT_SECURITY = "max-age=63072000; includeSubDomains"
# The longest form is the privacy step: a thousand characters of notes, percent-encoded.
MAX_BODY = 64 * 1024
_MAX_PARTS = 100
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
# The same for everybody, and nobody's.
CACHEABLE = frozenset({"api.choices", "api.document", "api.reference"})
# Where a file is taken, or as many rows as a file has.
LARGER_BODIES: Mapping[str, int] = {
    "staff.import_accounts": 1024 * 1024,
    "staff.bulk": MOST_BYTES + MAX_BODY,
    "api.load_bulk": 32 * 1024 * 1024,
}


def init_app(app: Flask, settings: Settings, files: StaticFiles) -> None:
    """Protect every answer of the app and every form that it takes."""
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        MAX_FORM_PARTS=_MAX_PARTS,
        WTF_CSRF_CHECK_DEFAULT=False,
        # A form stays valid as long as the browser's session; no-referrer leaves no Referer to look at.
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        # The sentences are ours; WTForms' own would be read from disk at every request, 7 % of it (docs/benchmarks.md).
        WTF_I18N_ENABLED=False,
        # Oldest first, as itsdangerous wants them: rotating a key costs nobody a form.
        WTF_CSRF_SECRET_KEY=(keys := [_csrf_key(key) for key in reversed(settings.secret_keys)]),
    )
    form_tokens.init_app(app, keys)
    csrf = CSRFProtect(app)
    app.context_processor(_for_forms)
    app.before_request(lambda: _guard(csrf))

    def keep_or_not(response: Response) -> Response:
        response.headers["Cache-Control"] = files.caching() if request.endpoint == "static" else _caching()
        return response

    app.after_request(keep_or_not)
    ours = {**HEADERS, "Strict-Transport-Security": STRICT_TRANSPORT_SECURITY} if settings.is_production else HEADERS
    app.wsgi_app = _Protected(app.wsgi_app, tuple(ours.items()))  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class _Protected:
    """Around the app: every answer has its headers, put in all at once (one by one they were 6 % of a page)."""

    app: WSGIApplication
    headers: Sequence[tuple[str, str]]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:  # noqa: ANN401
            # The design's page shows mails, which bring their own styles, under a policy of their own.
            given = {name for name, _ in headers}
            return start_response(status, [*headers, *(each for each in self.headers if each[0] not in given)], *rest)

        return self.app(environ, started)


def _caching() -> str:
    return "public, max-age=3600" if request.endpoint in CACHEABLE else "no-store"


def _csrf_key(key: str) -> bytes:
    return hmac.digest(key.encode(), b"csrf tokens", "sha256")


def _for_forms() -> dict[str, bool]:
    """For templates: whether a form can have a token. Mails have no forms and no session."""
    if not has_request_context() or has_no_session():
        return {}
    return {"session_available": access.session_available()}


def _guard(csrf: CSRFProtect) -> None:
    """Whoever changes something needs this browser's token.

    Before that: the session that holds it could be read, and the registration asked for is this browser's.
    A browser that has lost its session is so told what happened, and not that its token is wrong; so are staff.
    """
    if request.endpoint is None or request.method not in {"POST", "PUT", "PATCH", "DELETE"}:
        return
    request.max_content_length = LARGER_BODIES.get(request.endpoint, MAX_BODY)
    if is_api():
        # No browser sends a token by itself.
        return
    access.browser_session()
    session_id = (request.view_args or {}).get("session_id")
    if session_id is not None and request.blueprint == "applicant":
        access.require_access(str(session_id))
    if request.blueprint == "staff" and request.endpoint not in access.SIGNING_IN:
        access.staff_call()
    _require_names()
    csrf.protect()
    _require_form()


def _require_names() -> None:
    """Raise BadRequest for parts of a form without a name, which Flask-WTF stumbles over."""
    if None in request.form or None in request.files:
        raise http.BadRequest


def _require_form() -> None:
    """Raise UnsupportedMediaType for all but forms: Flask-WTF would read JSON as one, whatever is in it."""
    if request.mimetype and request.mimetype not in _FORMS:
        raise http.UnsupportedMediaType
