"""Sentences of the catalogue that are looked up when they are shown, in the language of the page.

As Flask-Babel's, which asks three times for the language and once for the catalogue at each: with them, thirty
labels and hints were 9 % of a page (docs/benchmarks.md).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import g, has_app_context
from flask_babel import get_locale, get_translations
from flask_babel.speaklater import LazyString
from markupsafe import Markup, escape


class _Catalogue(dict[str, str]):
    """The sentences of one language, each looked up once; `escaped` has them for a page."""

    def __init__(self, tongue: str | None = None) -> None:
        super().__init__()
        self.tongue = tongue
        self.escaped: dict[str, Markup] = {}

    def __missing__(self, text: str) -> str:
        found = self[text] = str(get_translations().ugettext(text))
        return found

    def html(self, text: str) -> Markup:
        return self.escaped.get(text) or self.escaped.setdefault(text, escape(self[text]))


_of = cache(_Catalogue)
# Outside of any page a sentence is what stands in the sources.
_SOURCES = _Catalogue()


def language_code() -> str | None:
    """The code of the language of the page; None outside of any."""
    return _catalogue().tongue


def _catalogue() -> _Catalogue:
    # Flask-Babel keeps the language of the page here, and that of a part of it while it is another.
    spoken: Any = g.get("_flask_babel") if has_app_context() else None
    locale = getattr(spoken, "babel_locale", None)
    known = getattr(spoken, "wizard_catalogue", None)
    if locale is None or known is None or known[0] is not locale:
        locale = get_locale()
        if locale is None:
            return _SOURCES
        known = g.get("_flask_babel").wizard_catalogue = locale, _of(str(locale))
    found: _Catalogue = known[1]
    return found


class Text(LazyString):
    """A sentence, with values in it where it has places for them."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(None, text, **values)  # type: ignore[no-untyped-call]
        self._text = text
        self._values = values

    def __str__(self) -> str:
        text = _catalogue()[self._text]
        return text % self._values if self._values else text

    def __html__(self) -> Markup:
        return escape(str(self)) if self._values else _catalogue().html(self._text)


def lazy_gettext(text: str, **values: object) -> Text:
    """A sentence for later."""
    return Text(text, **values)
