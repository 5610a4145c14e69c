"""Drawing the pages: what every one of them shows of the registration and of the time left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import make_response, redirect, render_template
from flask_babel.speaklater import LazyString
from werkzeug import Response

from wizard.core.errors import Problem
from wizard.core.registration import Registration, Status
from wizard.core.steps import STEP_OF_FIELD, Step, can_show, next_step
from wizard.web import choices, dates, wording
from wizard.web.access import services, settings
from wizard.web.addresses import address
from wizard.web.applicant.journey import Visit
from wizard.web.forms.base import Entry
from wizard.web.texts import lazy_gettext as _

_CHANGED_MEANWHILE = 409
STEP_TITLES: dict[Step, LazyString] = {
    Step.IDENTITY: _("About you"),
    Step.EDUCATION: _("Your education"),
    Step.COTO: _("Your standing with the College"),
    Step.PRIVACY: _("Privacy and notes"),
    Step.REVIEW: _("Check your answers"),
    Step.CATEGORY: _("Your category"),
    Step.ACCOUNT: _("Your account"),
    Step.CONFIRM: _("Declare and submit"),
    Step.COMPLETE: _("Your education is registered"),
}
_SHORT: dict[Step, LazyString] = {
    **STEP_TITLES,
    Step.EDUCATION: _("Education"),
    Step.COTO: _("College (COTO)"),
    Step.PRIVACY: _("Privacy"),
    Step.REVIEW: _("Check"),
    Step.CATEGORY: _("Category"),
    Step.ACCOUNT: _("Account"),
    Step.CONFIRM: _("Submit"),
}
SHOWN_STEPS = tuple(step for step in Step if step is not Step.COMPLETE)


@dataclass(frozen=True, slots=True)
class Milestone:
    """A step in the list of steps; with an address where it can be opened again."""

    number: int
    label: LazyString
    address: str | None
    current: bool
    done: bool


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """How long a registration lives yet; `extendable` until it reaches its greatest age."""

    until: str
    seconds: int | str
    extendable: bool
    session_id: str

    @property
    def address(self) -> str:
        """Where more of it is to be had."""
        return address("applicant.extend", session_id=self.session_id)


def shared() -> dict[str, object]:
    """What every template may use: sentences, choices and dates in the page's language, and the desk's address."""
    return {
        "wording": wording,
        "label": choices.label,
        "dates": dates,
        "desk_email": settings().desk_email,
    }


def page(
    template: str,
    *,
    status: int = 200,
    registration: Registration | None = None,
    session_id: str | None = None,
    **values: object,
) -> Response:
    """A page, with the time that its registration has left."""
    left = {"time_left": time_left(registration), **values}
    return make_response(render_template(template, registration=registration, session_id=session_id, **left), status)


def step_page(visit: Visit, registration: Registration | None, *, status: int = 200, **values: object) -> Response:
    """The page of a step; it says so where the answers were changed since it was sent from."""
    return page(
        f"steps/{visit.step}.html",
        status=_CHANGED_MEANWHILE if visit.stale else status,
        registration=registration,
        session_id=visit.session_id,
        step=visit.step,
        stale=visit.stale,
        actor=visit.call.actor,
        heading=STEP_TITLES[visit.step],
        milestones=milestones(visit.step, visit.session_id, registration),
        **values,
    )


def milestones(current: Step, session_id: str, registration: Registration | None) -> tuple[Milestone, ...]:
    """The steps of the journey, with a link to each that is done."""
    going_on = next_step(registration)
    here = SHOWN_STEPS.index(current) if current in SHOWN_STEPS else 0
    reached = SHOWN_STEPS.index(going_on) if going_on in SHOWN_STEPS else len(SHOWN_STEPS)
    return tuple(
        Milestone(
            number=number,
            label=_SHORT[step],
            address=step_address(step, session_id) if step is not current and can_show(step, registration) else None,
            current=step is current,
            done=number <= reached or number <= here,
        )
        for number, step in enumerate(SHOWN_STEPS, 1)
    )


def time_left(registration: Registration | None) -> TimeLeft | None:
    """The time that an open registration has; None for any other."""
    if registration is None or not registration.is_open:
        return None
    left = registration.expires_at - services().clock.now()
    until_at_most = registration.created_at + settings().session_max_age
    return TimeLeft(
        until=dates.moment(registration.expires_at),
        seconds=max(0, int(left.total_seconds())),
        extendable=registration.expires_at < until_at_most,
        session_id=registration.session_id,
    )


def step_address(step: Step, session_id: str, *, anchor: str | None = None, query: str = "") -> str:
    """The address of a step, be it at one of its fields; `query` names a flag to set."""
    flags: dict[str, Any] = {query: "1"} if query else {}
    return address("applicant.step", session_id=session_id, step=step.value, _anchor=anchor, **flags)


def entries_elsewhere(problems: Iterable[Problem], session_id: str) -> tuple[Entry, ...]:
    """What is wrong with answers of other steps, each with the address where it is put right."""
    return tuple((_where(problem.field, session_id), wording.problem(problem)) for problem in problems)


def _where(field: str | None, session_id: str) -> str | None:
    if field not in STEP_OF_FIELD:
        return None
    return step_address(STEP_OF_FIELD[field], session_id, anchor=field)


def to_step(step: Step, session_id: str, *, query: str = "") -> Response:
    """On to a step."""
    return redirect(step_address(step, session_id, query=query), code=303)


def onward(session_id: str, registration: Registration | None, *, because: str | None = None) -> Response:
    """On to the step that comes next; to the page that says so where it was cancelled."""
    if registration is not None and registration.status is Status.CANCELLED:
        return redirect(address("applicant.registration", session_id=session_id), code=303)
    query = "changed" if because == "category.changed" else ""
    return to_step(next_step(registration), session_id, query=query)
