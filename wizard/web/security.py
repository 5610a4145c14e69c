"""What protects every page: headers, small bodies, CSRF tokens, and static files under addresses of their own."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, has_request_context, request, url_for
from flask_wtf.csrf import CSRFProtect

from wizard.config import Settings
from wizard.web import access

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
_DIGEST_LENGTH = 16


def init_app(app: Flask, settings: Settings) -> None:
    """Protect every answer of the app and every form that it takes."""
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        MAX_FORM_PARTS=_MAX_PARTS,
        WTF_CSRF_CHECK_DEFAULT=False,
        # A form stays valid as long as the browser's session; no-referrer leaves no Referer to look at.
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        # Oldest first, as itsdangerous wants them: rotating a key costs nobody a form.
        WTF_CSRF_SECRET_KEY=[_csrf_key(key) for key in reversed(settings.secret_keys)],
    )
    csrf = CSRFProtect(app)
    files = StaticFiles.under(Path(app.static_folder or ""))
    app.jinja_env.globals["static_url"] = files.url
    app.context_processor(_for_forms)
    app.before_request(lambda: _guard(csrf))

    def protect(response: Response) -> Response:
        response.headers.update(HEADERS)
        response.headers["Cache-Control"] = files.caching() if request.endpoint == "static" else "no-store"
        if settings.is_production:
            response.headers["Strict-Transport-Security"] = STRICT_TRANSPORT_SECURITY
        return response

    app.after_request(protect)


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """The static files with a digest of each, worked out at the start: the same in every worker."""

    digests: Mapping[str, str]

    @classmethod
    def under(cls, folder: Path) -> StaticFiles:
        """All files of a folder."""
        files = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return cls({path.relative_to(folder).as_posix(): _digest(path) for path in files})

    def url(self, filename: str) -> str:
        """Where a file is, under an address that changes with its contents. Raises `KeyError` where there is none."""
        return url_for("static", filename=filename, v=self.digests[filename])

    def caching(self) -> str:
        """How long what was asked for may be kept: for good, if asked for by its digest."""
        filename = (request.view_args or {}).get("filename", "")
        if filename in self.digests and request.args.get("v") == self.digests[filename]:
            return "public, max-age=31536000, immutable"
        return "no-cache"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGEST_LENGTH]


def _csrf_key(key: str) -> bytes:
    return hmac.digest(key.encode(), b"csrf tokens", "sha256")


def _for_forms() -> dict[str, bool]:
    """For templates: whether a form can have a token. Mails have no forms and no session."""
    return {"session_available": access.session_available()} if has_request_context() else {}


def _guard(csrf: CSRFProtect) -> None:
    """Whoever changes something needs this browser's token.

    Before that: the session that holds it could be read, and the registration asked for is this browser's.
    A browser that has lost its session is so told what happened, and not that its token is wrong; so are staff.
    """
    if request.endpoint is None or request.method not in {"POST", "PUT", "PATCH", "DELETE"}:
        return
    access.browser_session()
    session_id = (request.view_args or {}).get("session_id")
    if session_id is not None and request.blueprint == "applicant":
        access.require_access(str(session_id))
    if request.blueprint == "staff" and request.endpoint != "staff.sign_in":
        access.staff_call()
    csrf.protect()
