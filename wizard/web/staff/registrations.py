"""The list of open registrations, filtered, searched, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import redirect, render_template, request, url_for
from flask_babel.speaklater import LazyString
from werkzeug import Response

from wizard.core.registration import Registration, Status
from wizard.core.steps import next_step
from wizard.web import access, unsent
from wizard.web.applicant.page import STEP_TITLES
from wizard.web.staff import wording


@dataclass(frozen=True, slots=True)
class Listed:
    """A registration in the list."""

    session_id: str
    name: LazyString | str
    status: LazyString
    step: LazyString | str
    channel: LazyString
    changed: datetime
    time_left: str
    flagged: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A status to show alone, and how many registrations stand at it; without a status, all."""

    status: Status | None
    label: LazyString | None
    count: int
    chosen: bool


def desk() -> Response:
    """The desk begins with the list."""
    return redirect(url_for("staff.sessions"), code=303)


def sessions() -> str:
    """The list. A search is sent, not asked for: a member number has no place in an address."""
    call, services = access.staff_call(), access.services()
    status = _status(request.args.get("status"))
    sought = (unsent.fields() or request.form).get("member_number", "").strip() or None
    page = services.desk.sessions(call, status=status, member_number=sought, cursor=request.args.get("cursor"))
    now = services.clock.now()
    return render_template(
        "staff/sessions.html",
        member=access.signed_in_staff(),
        filters=_filters(services.desk.counts(call), status),
        status=status,
        sought=sought,
        listed=[_listed(each, now) for each in page.registrations],
        following=page.cursor,
    )


def _status(asked: str | None) -> Status | None:
    return Status(asked) if asked in set(Status) else None


def _filters(counts: Mapping[Status, int], chosen: Status | None) -> list[Filter]:
    each = [
        Filter(status, label, counts.get(status, 0), status is chosen) for status, label in wording.STATUSES.items()
    ]
    return [Filter(None, None, sum(counts.values()), chosen is None), *each]


def _listed(registration: Registration, now: datetime) -> Listed:
    return Listed(
        session_id=registration.session_id,
        name=wording.name_of(registration),
        status=wording.STATUSES[registration.status],
        step=STEP_TITLES[next_step(registration)] if registration.is_open else "",
        channel=wording.CHANNELS[registration.channel],
        changed=registration.updated_at,
        time_left=wording.span(registration.expires_at - now),
        flagged=registration.flag is not None,
    )
