"""Every error's page: one table says which status and which page, and nothing that was typed is lost."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from babel.dates import format_timedelta
from flask import Flask, Response, g, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug import exceptions as http
from werkzeug.wrappers import Response as AnyResponse

from wizard.core import errors
from wizard.core.events import EventName
from wizard.services.events import make_event
from wizard.services.ports.calls import Call
from wizard.web import access, language, wording
from wizard.web.api import problems
from wizard.web.requests import is_api
from wizard.web.typed import form_address, page_address, typed


@dataclass(frozen=True, slots=True)
class Answer:
    """The status, the page in templates/errors/, and whether the same once more may succeed."""

    status: int
    page: str
    again: bool = False


# The first class of an error's that is here decides.
ANSWERS: Mapping[type[Exception], Answer] = {
    errors.ValidationFailed: Answer(422, "refused"),
    errors.RuleViolated: Answer(422, "refused"),
    errors.WorkflowStateInvalid: Answer(422, "refused"),
    errors.Conflict: Answer(422, "refused"),
    errors.StaleVersion: Answer(409, "stale"),
    errors.Unauthenticated: Answer(401, "signed_out", again=True),
    errors.PermissionDenied: Answer(403, "forbidden"),
    errors.NotFound: Answer(404, "not_found"),
    errors.SessionExpired: Answer(410, "expired"),
    errors.RateLimited: Answer(429, "too_many", again=True),
    errors.ExternalServiceError: Answer(503, "unavailable", again=True),
    errors.KeyMissing: Answer(503, "locked", again=True),
    CSRFError: Answer(400, "form_expired", again=True),
    http.Forbidden: Answer(403, "forbidden"),
    http.NotFound: Answer(404, "not_found"),
    http.MethodNotAllowed: Answer(405, "method"),
    http.RequestEntityTooLarge: Answer(413, "too_large"),
    http.TooManyRequests: Answer(429, "too_many", again=True),
    http.InternalServerError: Answer(500, "crash", again=True),
    http.ServiceUnavailable: Answer(503, "unavailable", again=True),
    # Under a host that is not ours no address can be made, and no page with one.
    http.SecurityError: Answer(400, "bare"),
    http.HTTPException: Answer(400, "bad_request"),
    Exception: Answer(500, "crash", again=True),
}
_OTHERS = ANSWERS[http.HTTPException]
# There is no page to go back to.
_GONE = frozenset({404, 410})
# An error replaces the whole page, whichever small part of it htmx was to swap.
WHOLE_PAGE = {"HX-Retarget": "body", "HX-Reswap": "outerHTML", "HX-Reselect": "body", "HX-Push-Url": "false"}

_log = structlog.get_logger(__name__)


def init_app(app: Flask) -> None:
    """Answer every error with its page, in tests and in development too."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.register_error_handler(Exception, handle)


def handle(error: Exception) -> AnyResponse:
    """The answer to an error that nothing before has dealt with."""
    error = getattr(error, "original_exception", None) or error
    if is_api():
        return _problem(error)
    if isinstance(error, errors.PermissionDenied):
        _tell(error, access.current_call())
    if isinstance(error, errors.Unauthenticated) and request.method != "POST":
        return _to_sign_in()
    answer = answer_to(error)
    response = make_response(_page(answer, _context(error, answer)), answer.status)
    if answer.status == http.MethodNotAllowed.code:
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    if (seconds := getattr(error, "retry_after", None)) is not None:
        response.headers["Retry-After"] = str(seconds)
    return _whole(response)


def _problem(error: Exception) -> Response:
    """What another system is told; it has its own table of statuses."""
    answer = answer_to(error)
    if isinstance(error, errors.PermissionDenied):
        _tell(error, g.api_call)
    return problems.answer(error, error_id=_error_id(error, answer) or "")


def answer_to(error: Exception) -> Answer:
    """The row of the table that holds for an error; one of HTTP's own keeps its status."""
    answer = next(ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS)
    return replace(answer, status=getattr(error, "code", None) or 400) if answer is _OTHERS else answer


def _context(error: Exception, answer: Answer) -> dict[str, Any]:
    entered = typed()
    seconds = getattr(error, "retry_after", None)
    return {
        "typed": entered,
        "page": page_address(),
        "send_to": form_address() if answer.again and entered.fields and entered.whole else None,
        "again": answer.again,
        "gone": answer.status in _GONE,
        "sentences": _sentences(error),
        "reason": getattr(error, "message", ""),
        "at_desk": request.blueprint == "staff",
        # As far as it is known: an error's page looks nothing up.
        "member": g.get("staff_member"),
        "record_number": getattr(error, "record_number", None),
        "error_id": _error_id(error, answer),
        "wait": _readable(seconds) if isinstance(seconds, int) else "",
    }


def _sentences(error: Exception) -> tuple[str, ...]:
    problems = error.problems if isinstance(error, errors.WizardError) else ()
    return tuple(wording.problem(each) for each in problems if each.message in wording.SENTENCES)


def _error_id(error: Exception, answer: Answer) -> str | None:
    """For a failure of ours: what to tell the desk, and where the log has the traceback."""
    if answer.status != http.InternalServerError.code:
        return None
    error_id = error.error_id if isinstance(error, errors.InternalError) else secrets.token_hex(5)
    _log.error("request.failed", error_id=error_id, exc_info=error)
    return error_id


def _readable(seconds: int) -> str:
    return format_timedelta(timedelta(seconds=seconds), locale=language.current(), threshold=1.2)


def _page(answer: Answer, context: Mapping[str, Any]) -> str:
    """The page; should that itself fail, one that asks for nothing."""
    try:
        return render_template(f"errors/{answer.page}.html", status=answer.status, **context)
    except Exception:  # noqa: BLE001 - what went wrong first is to be answered, whatever else does
        _log.exception("error_page.failed", page=answer.page)
        return render_template("errors/bare.html", status=answer.status, **context)


def _whole(response: Response) -> Response:
    if "HX-Request" in request.headers:
        response.headers.update(WHOLE_PAGE)
    return response


def _to_sign_in() -> AnyResponse:
    address = url_for("staff.sign_in", next=page_address())
    if "HX-Request" in request.headers:
        # A redirect would be followed unseen, and the sign-in page put where the fragment was to go.
        return make_response("", 401, {"HX-Redirect": address})
    return redirect(address, code=303)


def _tell(error: errors.PermissionDenied, call: Call) -> None:
    """Refusals are known; the operations on a registration have told of theirs themselves."""
    if error.result is not None:
        return
    told, place = access.services(), request.view_args or {}
    session_id, record_id = place.get("session_id"), place.get("record_id")
    event = make_event(
        EventName.ACCESS_DENIED,
        call=call,
        at=told.clock.now(),
        chain=session_id or call.actor.name,
        session_id=session_id,
        record_id=record_id,
        details={"reason": error.message},
    )
    told.trail.record(event)
    told.events.publish(event)
