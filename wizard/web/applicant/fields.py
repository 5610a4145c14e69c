"""One field checked as it is left: no document and no other record is looked at."""

from __future__ import annotations

from flask import abort, request
from werkzeug import Response

from wizard.core.steps import STEP_OF_FIELD, Step
from wizard.web import limits
from wizard.web.access import require_access
from wizard.web.applicant.page import page
from wizard.web.forms.steps import STEP_FORMS

_STEP_OF = {**STEP_OF_FIELD, "email": Step.IDENTITY}


def field(session_id: str, name: str) -> Response:
    """A field's fragment with what the rules say of it; one that only appears is not blamed for being empty."""
    if name not in _STEP_OF:
        abort(404)
    require_access(session_id)
    limits.fields()
    form = STEP_FORMS[_STEP_OF[name]]()
    if "appearing" not in request.args:
        form.check(name)
    form.remark()
    return page("field.html", session_id=session_id, form=form, question=form.question(name))
