"""The design system on one page: every component in every state. For development only; production has no such page."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, make_response, render_template
from werkzeug import Response

from wizard.services.ports.messages import Message
from wizard.web import access, language, wording
from wizard.web import design_samples as shown
from wizard.web.applicant.page import page, shared
from wizard.web.mails import JinjaMailWriter
from wizard.web.typed import typed

blueprint = Blueprint("design", __name__, url_prefix="/design")
blueprint.app_context_processor(shared)

# Mail programs have no sheet of ours: a mail has its styles in itself, and here they count.
_OF_A_MAIL = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@blueprint.get("")
def components() -> Response:
    """Every component in every state."""
    return page(
        "design/page.html",
        tokens=shown.TOKENS,
        art=shown.ART,
        form=shown.forms(),
        ways=shown.ways(),
        rows=shown.rows(),
        checks=shown.checks(),
        happened=shown.happened(),
        samples=shown.samples(),
        label_of=wording.FIELD_LABELS.get,
        now=shown.MOMENT,
        mails=tuple(shown.MAILS),
        errors=shown.ERRORS,
    )


@blueprint.get("/mails/<kind>")
def mail(kind: str) -> Response:
    """A mail as it is sent."""
    if kind not in shown.MAILS:
        abort(404)
    message = Message(
        kind=kind,
        recipient="amara@example.org",
        language=language.current(),
        key=kind,
        values={"expires_at": shown.MOMENT.isoformat(), **shown.MAILS[kind]},
    )
    written = JinjaMailWriter(current_app, access.settings()).write(message)
    response = make_response(written.html)
    response.headers["Content-Security-Policy"] = _OF_A_MAIL
    return response


@blueprint.get("/errors/<name>")
def error(name: str) -> str:
    """A page that says what went wrong, without anything going wrong."""
    if name not in shown.ERRORS:
        abort(404)
    sentence = wording.sentence("rate_limited")
    return render_template(f"errors/{name}.html", typed=typed(), sentences=(sentence,), error_id="4f1c9a7b20", page="/")
