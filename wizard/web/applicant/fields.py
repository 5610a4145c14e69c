"""One field checked as it is left: no document and no other record is looked at."""

from __future__ import annotations

from flask import abort, request
from werkzeug import Response

from wizard.core.steps import STEP_OF_FIELD, Step
from wizard.web import limits
from wizard.web.access import require_access
from wizard.web.applicant.page import page
from wizard.web.forms.newcomers import NewcomerForm
from wizard.web.forms.others import AddressForm, MailForm
from wizard.web.forms.steps import STEP_FORMS

_STEP_OF = {**STEP_OF_FIELD, "email": Step.IDENTITY}
# Pages beside the steps that ask for an address, by what their check says it is `on`.
_MAIL_FORMS: dict[str, type[MailForm]] = {"new-account": NewcomerForm, "link": AddressForm}


def field(session_id: str, name: str) -> Response:
    """A field's fragment with what the rules say of it; one that only appears is not blamed for being empty."""
    if name not in _STEP_OF:
        abort(404)
    require_access(session_id)
    limits.fields()
    page_of_address = request.args.get("on", "")
    if name == "email" and page_of_address in _MAIL_FORMS:
        return _address(session_id, page_of_address)
    form = STEP_FORMS[_STEP_OF[name]]()
    if "appearing" not in request.args:
        form.check(name)
    form.remark()
    return page("field.html", session_id=session_id, form=form, question=form.question(name))


def _address(session_id: str, on: str) -> Response:
    form = _MAIL_FORMS[on]()
    form.check()
    form.remark()
    return page("field.html", session_id=session_id, question=form.email, on=on)
