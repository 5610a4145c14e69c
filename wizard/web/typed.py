"""What somebody typed into a form whose sending failed: to be read again, and to be sent again."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import request, url_for
from werkzeug.exceptions import HTTPException

from wizard.web.language import local_path
from wizard.web.texts import lazy_gettext as _
from wizard.web.unsent import SECRET
from wizard.web.wording import FIELD_LABELS, answer_of

_LABELS = {
    **FIELD_LABELS,
    "username": _("User name"),
    "member_number": _("Member number"),
    "name": _("Your name"),
    "reason": _("Reason"),
    "note": _("Note"),
}
# A page of another site may have filled in a form that the browser sends here: nobody typed that.
_ELSEWHERE = frozenset({"cross-site", "same-site"})


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields as they were sent, and those that a person filled in with their labels.

    `whole` is off where a secret was left out: sending the rest again would be another thing. `csrf_token` is the
    one that came with them, for the time that the session, which has it, cannot be read.
    """

    fields: tuple[tuple[str, str], ...] = ()
    shown: tuple[tuple[str, str], ...] = ()
    whole: bool = True
    csrf_token: str = ""


def typed() -> Typed:
    """What was typed into the form that the request brought."""
    if request.method != "POST" or request.headers.get("Sec-Fetch-Site") in _ELSEWHERE:
        return Typed()
    try:
        sent = tuple(request.form.items(multi=True))
    except HTTPException:
        return Typed()
    fields = tuple((name, value) for name, value in sent if name not in SECRET)
    shown = tuple((str(_LABELS[name]), answer_of(name, value)) for name, value in fields if name in _LABELS and value)
    whole = not {name for name, _value in sent} & (SECRET - {"csrf_token"})
    return Typed(fields, shown, whole=whole, csrf_token=dict(sent).get("csrf_token", ""))


def page_address() -> str | None:
    """The address of the page that was asked for, or that a part of it was asked for by htmx; None for what is none."""
    if "HX-Request" in request.headers and "HX-Boosted" not in request.headers:
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        return local_path(page.path) if page.netloc == request.host else None
    shows = request.url_rule is not None and "GET" in (request.url_rule.methods or ())
    return _own_address() if shows else None


def form_address() -> str | None:
    """Where what was typed goes: while a form is filled in it is sent to a neighbour of its own address."""
    if request.url_rule is None:
        return None
    return page_address() if request.url_rule.rule.endswith("/fields/<name>") else _own_address()


def _own_address() -> str:
    return url_for(request.endpoint or "", **(request.view_args or {}))
