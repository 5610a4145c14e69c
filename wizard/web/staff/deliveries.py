"""What goes out of the house: mails and events that were not delivered, the log of events, and sending again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import redirect, render_template, request, url_for
from flask_babel.speaklater import LazyString
from werkzeug import Response

from wizard.core.errors import Conflict
from wizard.core.events import EventName
from wizard.services.deliveries import DeliveryPage
from wizard.services.ports.deliveries import DeliveryState, Posted
from wizard.services.ports.messages import Attempt, Medium
from wizard.web import access
from wizard.web.language import languages
from wizard.web.staff import delivery_wording as wording
from wizard.web.staff.history import EVENTS
from wizard.web.texts import lazy_gettext as _

_OVER = "over"


@dataclass(frozen=True, slots=True)
class Shown:
    """A message in words."""

    id: str
    kind: LazyString | str
    language: str
    made: datetime
    state: LazyString
    flagged: bool
    attempts: int
    reason: LazyString | None
    retry_at: datetime | None
    can_retry: bool


@dataclass(frozen=True, slots=True)
class Try:
    """One try in words; `status` is what the receiver of an event answered."""

    at: datetime
    duration_ms: int
    status: int | None
    outcome: LazyString


def mails() -> str:
    """Mails that have not gone out. Whom they are for is in none of them: it is sealed, or erased."""
    found = access.services().deliveries.undelivered(access.staff_call(), Medium.MAIL, after=request.args.get("after"))
    return _list(Medium.MAIL, found, everything=False)


def webhooks() -> str:
    """Events that have not reached the other system, or all of them."""
    call, after, everything = access.staff_call(), request.args.get("after"), "all" in request.args
    deliveries = access.services().deliveries
    find = deliveries.every if everything else deliveries.undelivered
    return _list(Medium.WEBHOOK, find(call, Medium.WEBHOOK, after=after), everything=everything)


def delivery(message_id: str) -> str:
    """One message with every try to deliver it."""
    followed = access.services().deliveries.follow(access.staff_call(), message_id)
    return render_template(
        "staff/delivery.html",
        member=access.signed_in_staff(),
        message=_shown(followed.message),
        listed=_LISTS[followed.message.medium],
        tries=[_try(each) for each in followed.attempts],
        done=wording.DONE.get(request.args.get("done", "")),
    )


def retry(message_id: str) -> Response:
    """Have a message sent again at once; the address by itself, as on a reload, shows it."""
    done = None
    if request.method == "POST":
        try:
            access.services().deliveries.retry(access.staff_call(), message_id)
            done = "again"
        except Conflict:
            done = _OVER
    return redirect(url_for("staff.delivery", message_id=message_id, done=done), code=303)


def retry_mails() -> Response:
    """Have every mail sent again that was given up."""
    return _retry_all(Medium.MAIL)


def retry_webhooks() -> Response:
    """Have every event sent again that was given up."""
    return _retry_all(Medium.WEBHOOK)


def _retry_all(medium: Medium) -> Response:
    done = None
    if request.method == "POST":
        done = "all" if access.services().deliveries.retry_all(access.staff_call(), medium) else _OVER
    return redirect(url_for(_LISTS[medium], done=done), code=303)


def _list(medium: Medium, found: DeliveryPage, *, everything: bool) -> str:
    return render_template(
        "staff/deliveries.html",
        member=access.signed_in_staff(),
        words=wording.LISTS[medium],
        address=_LISTS[medium],
        is_mail=medium is Medium.MAIL,
        everything=everything,
        messages=[_shown(each) for each in found.messages],
        given_up=any(each.state is DeliveryState.GIVEN_UP and each.kept for each in found.messages),
        kept_days=access.services().deliveries.kept.days,
        following=found.following,
        is_first="after" not in request.args,
        done=wording.DONE.get(request.args.get("done", "")),
    )


def _shown(message: Posted) -> Shown:
    waits = message.state is DeliveryState.WAITING
    return Shown(
        id=message.id,
        kind=_kind(message),
        language=languages().get(message.language, message.language),
        made=message.created_at,
        state=wording.STATES[message.state],
        flagged=message.state is DeliveryState.GIVEN_UP,
        attempts=message.attempts,
        reason=_reason(message),
        retry_at=message.due_at if waits and message.reason is not None else None,
        can_retry=message.kept and message.reason is not None,
    )


def _reason(message: Posted) -> LazyString | None:
    if message.reason is not None:
        return wording.REASONS.get(message.reason, wording.BROKEN)
    return wording.BEHIND if message.behind else None


def _kind(message: Posted) -> LazyString | str:
    if message.medium is Medium.MAIL:
        return wording.MAIL_KINDS.get(message.kind, message.kind)
    return EVENTS[EventName(message.kind)] if message.kind in set(EventName) else message.kind


def _try(attempt: Attempt) -> Try:
    reason = attempt.reason
    outcome = _("Delivered") if reason is None else wording.REASONS.get(reason, wording.BROKEN)
    return Try(attempt.at, attempt.duration_ms, attempt.status, outcome)


_LISTS: Mapping[Medium, str] = {Medium.MAIL: "staff.mails", Medium.WEBHOOK: "staff.webhooks"}
