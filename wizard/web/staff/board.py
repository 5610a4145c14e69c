"""What the desk begins with: how many of everything, each number leading to its list."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template, url_for
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString

from wizard.core.trouble import SOON
from wizard.services.board import Overview
from wizard.web import access
from wizard.web.staff import list_wording


@dataclass(frozen=True, slots=True)
class Number:
    """How many there are of something, and where they are listed."""

    label: LazyString | str
    count: int
    address: str


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


def _urgent(overview: Overview) -> list[Number]:
    tally, waiting = overview.tally, overview.waiting
    hours = int(SOON.total_seconds() // 3600)
    expiring = _("Over within %(hours)s hours", hours=hours)
    numbers = [
        Number(expiring, tally.expiring, url_for("staff.sessions", expiring=1)),
        Number(_("Stuck"), tally.stuck, url_for("staff.sessions", stuck="any")),
        Number(_("Records to verify"), waiting.records, url_for("staff.verification")),
        Number(_("Accounts to approve"), waiting.accounts, url_for("staff.waiting_accounts")),
        Number(_("E-mails not delivered"), waiting.mails, url_for("staff.mails")),
    ]
    # Where no other system is told of anything, there is nothing to see to.
    if waiting.webhooks or access.services().webhooks is not None:
        numbers.append(Number(_("Events not delivered"), waiting.webhooks, url_for("staff.webhooks")))
    return numbers


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
