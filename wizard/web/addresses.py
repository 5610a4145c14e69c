"""Addresses of this site: as Flask's `url_for`, each kind built once, and the registration's id put in.

A page has twenty-six of them: built by Werkzeug each time, they were 8 % of it (docs/benchmarks.md).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from flask import has_request_context, request, url_for

# Written as it is in an address, whatever stands around it.
_PLACE = "00000000-0000-4000-8000-000000000000"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# A number is no truth value, though it equals one.
_PLAIN = (str, int, type(None))


def address(endpoint: str, **values: Any) -> str:  # noqa: ANN401 - as Flask's
    """Where an endpoint is."""
    # Of a page that is none of ours, as under another's name, Werkzeug may know that there are no addresses.
    known = has_request_context() and request.url_rule is not None
    if not known or endpoint[0] == "." or any(type(value) not in _PLAIN for value in values.values()):
        return url_for(endpoint, **values)
    session_id = values.get("session_id")
    if session_id is None or not _ID.fullmatch(session_id):
        return _built(request.script_root, endpoint, tuple(values.items()))
    values["session_id"] = _PLACE
    return _built(request.script_root, endpoint, tuple(values.items())).replace(_PLACE, session_id)


@lru_cache(maxsize=1024)
def _built(_root: str, endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
    return url_for(endpoint, **dict(values))
