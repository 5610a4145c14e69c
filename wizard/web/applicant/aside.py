"""What was typed on the identity step and not sent, while the member number that it asks for is being found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from flask import request

from wizard.core.steps import Step
from wizard.web import unsent
from wizard.web.access import browser_session
from wizard.web.applicant.journey import Visit
from wizard.web.forms.steps import StepForm

# The name of the buttons that leave the step with its form.
LEAVING = "leaving"
_FIELDS = ("user_business_id", "email", "email_seen", "version")
_LONGEST = 400


def put(session_id: str) -> None:
    """Keep what stands in the form that the request brought, in the browser's session."""
    browser_session()[_key(session_id)] = {name: request.form.get(name, "")[:_LONGEST] for name in _FIELDS}


def typed(session_id: str) -> Mapping[str, str]:
    """What is kept; empty where nothing is."""
    return cast("Mapping[str, str]", browser_session().get(_key(session_id), {}))


def bring_back(visit: Visit, form: StepForm) -> None:
    """Fill the step's form with it, unless something newer is typed there."""
    if visit.step is not Step.IDENTITY or unsent.fields() is not None:
        return
    for name, value in typed(visit.session_id).items():
        form[name].data = value


def drop(visit: Visit) -> None:
    """The step itself takes over."""
    if visit.step is Step.IDENTITY:
        forget(visit.session_id)


def forget(session_id: str) -> None:
    """Keep it no longer."""
    browser_session().pop(_key(session_id), None)


def _key(session_id: str) -> str:
    return f"aside:{session_id}"
