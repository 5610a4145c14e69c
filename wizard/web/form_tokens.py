"""The token of a browser's forms, as Flask-WTF makes and checks it, signed once by each process.

It makes a signer for each page and signs anew, which was 6 % of one (docs/benchmarks.md). Tokens have no age
(`WTF_CSRF_TIME_LIMIT`): they are good for as long as the browser's session, which each is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import cast

from flask import Flask, current_app, g
from flask_wtf.csrf import generate_csrf
from itsdangerous import URLSafeTimedSerializer

from wizard.web.access import browser_session

_EXTENSION = "wizard_form_tokens"
_TOKEN, _SALT = "csrf_token", "wtf-csrf-token"
_MOST = 2048


def init_app(app: Flask, keys: Sequence[bytes]) -> None:
    """Sign with the last of some keys; all of them check."""
    signer = URLSafeTimedSerializer(list(keys), salt=_SALT)
    app.extensions[_EXTENSION] = lru_cache(maxsize=_MOST)(signer.dumps)


def form_token() -> str:
    """The token of this browser's forms."""
    if _TOKEN not in g:
        secret = browser_session().get(_TOKEN)
        if not isinstance(secret, str):
            return cast("str", generate_csrf())
        setattr(g, _TOKEN, cast("Callable[[str], str]", current_app.extensions[_EXTENSION])(secret))
    return cast("str", g.get(_TOKEN))
