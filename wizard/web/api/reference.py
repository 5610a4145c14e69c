"""The document of the API, made once a day."""

from __future__ import annotations

import json
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Any

from flask import Response, current_app

from wizard.core.clock import toronto_date
from wizard.web import access
from wizard.web.api import calling, openapi

Json = dict[str, Any]


def document() -> Response:
    """The OpenAPI document."""
    text = _text(*_today())
    response = current_app.response_class(text, mimetype="application/json")
    calling.tell_etag(response, sha256(text.encode()).hexdigest()[:32])
    return response


def today() -> Json:
    """The document as it stands today."""
    return _document(*_today())


def _today() -> tuple[str, date, str]:
    settings = access.settings()
    return settings.base_url, toronto_date(access.services().clock.now()), settings.coto_pattern


@lru_cache(maxsize=2)
def _document(base_url: str, day: date, coto: str) -> Json:
    return openapi.document(base_url=base_url, today=day, coto=coto)


@lru_cache(maxsize=2)
def _text(base_url: str, day: date, coto: str) -> str:
    return json.dumps(_document(base_url, day, coto), ensure_ascii=False)
