"""Flask-Session's interface, with our own way of reading and writing.

Flask-Session 0.8.0 reads at every request and unpickles what it cannot decode, writes session and cookie back
unasked, and whoever writes last wins. Here a session is read when it is first looked at, and written only when
changed: by compare-and-set, so that of overlapping requests each adds its own changes, and none brings back a
session that has ended meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Request, Response, after_this_request, request
from flask_session.base import ServerSideSessionInterface
from flask_wtf.csrf import CSRFError

from wizard.config import Settings
from wizard.core.errors import ExternalServiceError
from wizard.services.ports.browsers import SessionStore, StoredSession
from wizard.services.ports.registrations import PageAsked
from wizard.web.lazy_session import BrowserSession
from wizard.web.session_ids import is_session_id
from wizard.web.unsent import FLAG

Pages = Mapping[str, Callable[[], PageAsked]]

# As `cookies.new_cookie` makes them.
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}")
_READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class BrowserSessionInterface(ServerSideSessionInterface):
    """Flask-Session's, with the store that we mean instead of a client it may not know.

    Its type of session is a `dict`, that has to be read at once. Ours is not one, hence the ignored types.
    """

    session_class = BrowserSession  # type: ignore[assignment]

    def __init__(self, app: Flask, store: SessionStore, settings: Settings, pages: Pages) -> None:
        super().__init__(app)
        # Its own would unpickle what it cannot decode.
        self.serializer = None
        self._store = store
        self._pages = pages
        self._cookie_age = settings.session_max_age

    def open_session(  # type: ignore[override]
        self, app: Flask, request: Request
    ) -> BrowserSession:
        """Promise a session; nothing is read yet, so that this cannot fail."""
        cookie = request.cookies.get(self.get_cookie_name(app), "")
        session = BrowserSession(
            self._store,
            cookie=cookie if _WELL_FORMED.fullmatch(cookie) else None,
            reading=lambda cookie: self._read(cookie, request),
        )

        def save_first(response: Response) -> Response:
            return self._save_or_refuse(app, session, response)

        # Before all other functions that see the answer: theirs is then to see the one that is sent.
        after_this_request(save_first)
        return session

    def save_session(  # type: ignore[override]
        self, app: Flask, session: BrowserSession, response: Response
    ) -> None:
        """Write what the last functions to see the answer have changed, and tell the browser its new cookie."""
        try:
            if not session.save():
                session.give_up()
        except ExternalServiceError as failure:
            session.fail(failure)
        if session.looked_at:
            response.vary.add("Cookie")
        if new := session.cookie_to_set:
            response.set_cookie(self.get_cookie_name(app), new, max_age=self._cookie_age, **self._attributes(app))
        elif session.cookie_to_delete:
            response.delete_cookie(self.get_cookie_name(app), **self._attributes(app))

    def regenerate(self, session: BrowserSession) -> None:  # type: ignore[override]
        """Go on with another cookie, and the session's values; no other opens anything any more."""
        session.regenerate()

    def _save_or_refuse(self, app: Flask, session: BrowserSession, response: Response) -> Response:
        """The answer, or an error's page where it says what the session does not hold."""
        try:
            if session.save() or not session.give_up() or request.method in _READING_METHODS:
                return response
        except ExternalServiceError as failure:
            session.fail(failure)
            return app.make_response(app.handle_user_exception(failure))
        return app.make_response(app.handle_user_exception(CSRFError("The session of this form has ended.")))

    def _read(self, cookie: str, request: Request) -> StoredSession:
        """The session, and what the request will ask for, as far as its address says."""
        return self._store.read(
            cookie,
            takes_unsent=request.method == "GET" and FLAG in request.args,
            registration=_registration_in_address(request),
            page=self._page_in_address(request),
        )

    def _page_in_address(self, request: Request) -> PageAsked | None:
        ask = self._pages.get(request.endpoint or "") if request.method == "GET" else None
        return ask() if ask else None

    def _attributes(self, app: Flask) -> dict[str, Any]:
        return {
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "httponly": self.get_cookie_httponly(app),
            "samesite": self.get_cookie_samesite(app),
        }

    # Only the base's ways of opening and saving, replaced above, would call these.
    _retrieve_session_data = _delete_session = _upsert_session = None


def _registration_in_address(request: Request) -> str | None:
    """Known once the address is matched, which is before anything looks at the session."""
    session_id = (request.view_args or {}).get("session_id", "")
    return session_id if is_session_id(session_id) else None


def init_app(app: Flask, store: SessionStore, settings: Settings, pages: Pages) -> None:
    """Keep the sessions of an app's browsers in a store; `pages` say which list an endpoint shows."""
    app.config.update(
        SESSION_TYPE="redis",
        SESSION_COOKIE_NAME="__Host-wizard" if settings.is_production else "wizard",
        SESSION_COOKIE_SECURE=settings.is_production,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    app.session_interface = BrowserSessionInterface(app, store, settings, pages)
