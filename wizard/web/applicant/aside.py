"""What was typed and not sent, while the member number that the identity step asks for is being found.

On that step itself, and on the pages for those without a number, whose forms share one address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from flask import request

from wizard.core.registration import Registration
from wizard.core.steps import Step, can_show
from wizard.web import unsent
from wizard.web.access import browser_session
from wizard.web.applicant.journey import Visit
from wizard.web.forms.steps import StepForm

# The name of the buttons that leave a page with its form, and the value of the one that leads back.
LEAVING, BACK = "leaving", "back"
_FIELDS = ("user_business_id", "email", "email_seen", "version")
_ASKED = ("name", "email")
_LONGEST = 400


def put(session_id: str) -> None:
    """Keep what stands in the form that the request brought, in the browser's session."""
    if "user_business_id" in request.form:
        browser_session()[_key(session_id)] = {name: request.form.get(name, "")[:_LONGEST] for name in _FIELDS}
        return
    sent = {name: request.form[name][:_LONGEST] for name in _ASKED if name in request.form}
    browser_session()[_asked_key(session_id)] = {**asked(session_id), **sent}


def typed(session_id: str) -> Mapping[str, str]:
    """What is kept of the step; empty where nothing is."""
    return cast("Mapping[str, str]", browser_session().get(_key(session_id), {}))


def asked(session_id: str) -> dict[str, str]:
    """Name and address as they were left on the pages for those without a number; what was empty is not there."""
    kept = cast("dict[str, str]", browser_session().get(_asked_key(session_id), {}))
    return {name: value for name, value in kept.items() if value}


def left_step(session_id: str, registration: Registration | None) -> Step:
    """The step that led to those pages, and that they lead back to."""
    if typed(session_id) or not can_show(Step.ACCOUNT, registration):
        return Step.IDENTITY
    return Step.ACCOUNT


def bring_back(visit: Visit, form: StepForm) -> None:
    """Fill the step's form with it, unless something newer is typed there."""
    if visit.step is not Step.IDENTITY or unsent.fields() is not None:
        return
    for name, value in typed(visit.session_id).items():
        form[name].data = value


def drop(visit: Visit) -> None:
    """The step itself takes over."""
    if visit.step is Step.IDENTITY:
        browser_session().pop(_key(visit.session_id), None)


def forget(session_id: str) -> None:
    """Keep none of it any longer."""
    for key in (_key(session_id), _asked_key(session_id)):
        browser_session().pop(key, None)


def _key(session_id: str) -> str:
    return f"aside:{session_id}"


def _asked_key(session_id: str) -> str:
    return f"asked:{session_id}"
