"""What is typed on a page and not sent yet, kept while the page is asked for once more, in another language."""

from __future__ import annotations

from typing import Protocol, cast
from urllib.parse import urlencode, urlsplit

from flask import request, session
from werkzeug.datastructures import MultiDict

# Kept nowhere, and put into no page again.
SECRET = frozenset({"code", "csrf_token", "new_password", "password", "token"})
# In an address: what was typed waits for this request, and for no other.
FLAG = "unsent"


class _Keeping(Protocol):
    unsent: dict[str, object]

    def keep_unsent(self, values: dict[str, object]) -> None: ...


def keep(address: str, *, but: str) -> str:
    """Keep the fields that the request brought (all `but` one) for the page at an address; answers where it shows them.

    Raises `ExternalServiceError("redis")`.
    """
    fields = [each for each in request.form.items(multi=True) if each[0] not in {*SECRET, but}]
    if not fields:
        return address
    parts = urlsplit(address)
    cast("_Keeping", session).keep_unsent({"page": parts.path, "fields": fields})
    return parts._replace(query="&".join(filter(None, (parts.query, f"{FLAG}=1")))).geturl()


def fields() -> MultiDict[str, str] | None:
    """What was typed on the page that is asked for, before its language was changed; None where nothing was."""
    if FLAG not in request.args:
        return None
    kept = cast("_Keeping", session).unsent
    if kept.get("page") != request.path:
        return None
    return MultiDict((name, value) for name, value in cast("list[tuple[str, str]]", kept["fields"]))


def here() -> str:
    """The address at which the page being drawn can be asked for again; the start page, if it cannot."""
    if request.method == "POST":
        rule = request.url_rule
        return request.path if rule is not None and "GET" in (rule.methods or ()) else "/"
    query = urlencode([each for each in request.args.items(multi=True) if each[0] != FLAG])
    return f"{request.path}?{query}" if query else request.path
