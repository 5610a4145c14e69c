"""The category refresh: its last runs, what another one would change, and one by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from werkzeug import Response

from wizard.core.actors import Privilege
from wizard.services.ports.categories import Moves, RefreshRun
from wizard.services.refresh import BATCHES_AT_ONCE, Due
from wizard.web import access, choices
from wizard.web.staff import wording


@dataclass(frozen=True, slots=True)
class Counted:
    """How many move from a category to another."""

    before: str
    after: str
    count: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A record that would move, with what decides."""

    record_id: str
    number: str
    graduation_year: str
    coto_status: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Ran:
    """A run as it is listed."""

    run: RefreshRun
    by: str
    counts: Sequence[Counted]


def category_refresh() -> str:
    """The last runs."""
    return render_template(
        "staff/category_refresh.html",
        member=access.signed_in_staff(),
        runs=[_ran(each) for each in access.services().refresh.runs(access.staff_call())],
        done=wording.DONE.get(request.args.get("done", "")),
    )


def preview() -> str:
    """What a run would change now, counted and listed; nothing is changed by looking."""
    after = request.args.get("after")
    found = access.services().refresh.preview(access.staff_call(), after=after)
    member = access.signed_in_staff()
    return render_template(
        "staff/category_preview.html",
        member=member,
        preview=found,
        counts=_counted(found.moves),
        due=[_listed(each) for each in found.due],
        following=found.following,
        is_first=after is None,
        may_run=member is not None and member.privilege is Privilege.MAIN,
    )


def run() -> Response:
    """Move them; a worker goes on where many are left. The address by itself, as on a reload, shows the runs."""
    if request.method != "POST":
        return redirect(url_for("staff.category_refresh"), code=303)
    call, refresh = access.staff_call(), access.services().refresh
    refresh.begin(call)
    last = refresh.go_on(call, most=BATCHES_AT_ONCE)
    done = "refreshing" if last is not None and last.finished_at is None else "refreshed"
    return redirect(url_for("staff.category_refresh", done=done), code=303)


def _ran(each: RefreshRun) -> Ran:
    return Ran(each, wording.actor(each.started_by), _counted(each.moves))


def _counted(moves: Moves) -> Sequence[Counted]:
    return [Counted(_category(before), _category(after), count) for (before, after), count in sorted(moves.items())]


def _listed(each: Due) -> Listed:
    group = each.standing.group
    return Listed(
        record_id=each.standing.record_id,
        number=each.standing.number,
        graduation_year=choices.label("graduation_year", group.graduation_year),
        coto_status=choices.label("coto_status", group.coto_status),
        before=_category(group.category),
        after=_category(each.decision.category),
    )


def _category(slug: str) -> str:
    return choices.label("education_category", slug)
