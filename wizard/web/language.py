"""The language of a page, chosen by link or by the browser, and the time zone that is shown."""

from __future__ import annotations

from functools import lru_cache
from typing import cast
from urllib.parse import urlsplit

from babel import Locale
from flask import Flask, abort, current_app, redirect, request, session
from flask_babel import Babel
from werkzeug import Response
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from wizard.core.clock import TORONTO
from wizard.web import unsent
from wizard.web.access import browser_session, session_available
from wizard.web.requests import has_no_session
from wizard.web.texts import language_code

SOURCE = "en"
_KEY = "language"
_BACK = "next"
_EXTENSION = "wizard_languages"


def init_app(app: Flask) -> None:
    """Draw pages in the language of their reader, times as in Toronto."""
    babel = Babel()  # type: ignore[no-untyped-call]
    babel.init_app(app, default_locale=SOURCE, default_timezone=TORONTO.key, locale_selector=_select)  # type: ignore[no-untyped-call]
    with app.app_context():
        app.extensions[_EXTENSION] = _with_names(babel.list_translations())  # type: ignore[no-untyped-call]
    app.jinja_env.globals.update(languages=languages, current_language=current, here=unsent.here)
    app.add_url_rule("/language/<any(en, fr):language>", "platform.language", _switch, methods=["POST"])


def languages() -> dict[str, str]:
    """The languages there is a catalogue for, by code, each with its own name for itself."""
    return cast("dict[str, str]", current_app.extensions[_EXTENSION])


def current() -> str:
    """The code of the page's language."""
    return language_code() or SOURCE


def local_path(address: str | None) -> str | None:
    """An address of this site, without scheme and host; None for any other, and for what a browser may misread."""
    if not address or not address.startswith("/") or address.startswith("//"):
        return None
    if any(char == "\\" or not char.isprintable() for char in address):
        return None
    parts = urlsplit(address)
    return None if parts.scheme or parts.netloc else address


def _with_names(locales: list[Locale]) -> dict[str, str]:
    codes = dict.fromkeys((SOURCE, *sorted(str(locale) for locale in locales)))
    return {code: (Locale.parse(code).get_language_name(code) or code).capitalize() for code in codes}


def _select() -> str:
    offered = languages()
    chosen = session.get(_KEY) if not has_no_session() and session_available() else None
    if chosen in offered:
        return str(chosen)
    return _best(request.headers.get("Accept-Language", ""), tuple(offered))


@lru_cache(maxsize=256)
def _best(accepted: str, offered: tuple[str, ...]) -> str:
    """Of some languages the one that a browser likes best, by its header."""
    accepts = parse_accept_header(accepted, LanguageAccept)
    wanted = (tag.partition("-")[0].lower() for tag, quality in accepts if quality)
    return next((tag for tag in wanted if tag in offered), SOURCE)


def _switch(language: str) -> Response:
    """Back to the same page, with what was typed there and not sent."""
    if language not in languages():
        abort(404)
    browser_session()[_KEY] = language
    back = local_path(request.form.get(_BACK)) or "/"
    return redirect(unsent.keep(back, but=_BACK), code=303)
