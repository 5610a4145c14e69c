"""Continuing by a link: looking at it changes nothing, mail scanners look as well (promise 4)."""

from __future__ import annotations

from flask import request
from werkzeug import Response

from wizard.core.accounts import LinkKind
from wizard.core.errors import NotFound, RuleViolated, Unauthenticated
from wizard.services.links import OpenedLink
from wizard.web import limits, wording
from wizard.web.access import current_call, grant_help, grant_registration, services, signed_in_staff
from wizard.web.applicant.journey import read
from wizard.web.applicant.page import onward, page
from wizard.web.forms.others import MemberNumberForm


def resume(token: str) -> Response:
    """Show a *Continue* button; sending it opens the registration in this browser."""
    if request.method == "GET":
        return _ask(token, MemberNumberForm())
    limits.resume(token)
    form = MemberNumberForm()
    try:
        opened = services().links.open(current_call(), token, member_number=form.user_business_id.data)
    except RuleViolated as error:
        form.user_business_id.refuse(wording.problem(error.problems[0]))
        return _ask(token, form, status=422)
    except NotFound as error:
        return _gone(error.message)
    return _enter(opened)


def _ask(token: str, form: MemberNumberForm, *, status: int = 200) -> Response:
    try:
        kind = services().links.kind_of(token)
    except NotFound as error:
        return _gone(error.message)
    if kind is LinkKind.STAFF and signed_in_staff() is None:
        raise Unauthenticated("sign_in")
    return page("resume.html", status=status, form=form, for_staff=kind is LinkKind.STAFF)


def _gone(message: str) -> Response:
    return page("resume_gone.html", status=404, message=wording.sentence(message))


def _enter(opened: OpenedLink) -> Response:
    grant = grant_help if opened.kind is LinkKind.STAFF else grant_registration
    grant(opened.session_id)
    return onward(opened.session_id, read(current_call(opened.session_id), opened.session_id))
