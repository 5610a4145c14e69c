"""What the desk begins with: how many of everything, each number leading to its list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import render_template, request, url_for
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString

from wizard.core.trouble import SOON
from wizard.services.board import Overview
from wizard.services.ports.statistics import UndeliveredMail
from wizard.web import access
from wizard.web.language import languages
from wizard.web.staff import list_wording


@dataclass(frozen=True, slots=True)
class Number:
    """How many there are of something, and where they are listed."""

    label: LazyString | str
    count: int
    address: str


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A mail that has not gone out."""

    kind: LazyString | str
    language: str
    made: datetime
    attempts: int
    reason: LazyString
    retry_at: datetime | None


def board() -> str:
    """All numbers at once."""
    overview = access.services().board.overview(access.staff_call())
    return render_template(
        "staff/board.html",
        member=access.signed_in_staff(),
        urgent=_urgent(overview),
        stuck=_stuck(overview),
        steps=_steps(overview),
        everything=overview.tally.everything,
    )


def mails() -> str:
    """Mails that have not gone out. Whom they are for is in none of them: it is sealed, or erased."""
    page = access.services().board.mails(access.staff_call(), after=request.args.get("after"))
    return render_template(
        "staff/mails.html",
        member=access.signed_in_staff(),
        mails=[_undelivered(mail) for mail in page.mails],
        following=page.following,
        is_first="after" not in request.args,
    )


def _urgent(overview: Overview) -> list[Number]:
    tally, waiting = overview.tally, overview.waiting
    hours = int(SOON.total_seconds() // 3600)
    expiring = _("Over within %(hours)s hours", hours=hours)
    return [
        Number(expiring, tally.expiring, url_for("staff.sessions", expiring=1)),
        Number(_("Stuck"), tally.stuck, url_for("staff.sessions", stuck="any")),
        Number(_("Records to verify"), waiting.records, url_for("staff.verification")),
        Number(_("Accounts to approve"), waiting.accounts, url_for("staff.waiting_accounts")),
        Number(_("E-mails not delivered"), waiting.mails, url_for("staff.mails")),
    ]


def _stuck(overview: Overview) -> list[Number]:
    return [
        Number(label, overview.tally.troubles[trouble], url_for("staff.sessions", stuck=trouble.value))
        for trouble, label in list_wording.TROUBLES.items()
    ]


def _steps(overview: Overview) -> list[Number]:
    return [
        Number(list_wording.STEPS[step], overview.tally.steps[step], url_for("staff.sessions", step=step.value))
        for step in list_wording.STANDING
    ]


def _undelivered(mail: UndeliveredMail) -> Undelivered:
    return Undelivered(
        kind=list_wording.MAIL_KINDS.get(mail.kind, mail.kind),
        language=languages().get(mail.language, mail.language),
        made=mail.created_at,
        attempts=mail.attempts,
        reason=list_wording.MAIL_REASONS.get(mail.reason, list_wording.MAIL_BROKEN),
        retry_at=mail.retry_at,
    )
