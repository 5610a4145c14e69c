"""The list of registrations, filtered, searched, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar, cast

from flask import g, render_template, request, url_for
from flask_babel.speaklater import LazyString
from werkzeug.datastructures import MultiDict

from wizard.core.registration import Channel, Registration, Status
from wizard.core.steps import Step, next_step
from wizard.core.trouble import STOPPING, Trouble
from wizard.services.ports.registrations import PageAsked, Selection, Tally
from wizard.web import access, unsent
from wizard.web.staff import list_wording, wording

# In the address of the list: what is asked for. A member number is not among it.
_ASKED = ("status", "step", "channel", "age", "rule", "stuck", "expiring")
# Of that, what stands above the list, with how many there are.
_ABOVE = ("status", "stuck", "expiring")
_ANY = "any"

Choice = TypeVar("Choice", bound=StrEnum)


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
    """What to show alone, and how many registrations there are of it; `label` is None for all."""

    label: LazyString | str | None
    count: int
    address: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a list to narrow down by; `count` is None where it is not known."""

    value: str
    label: LazyString | str
    count: int | None
    chosen: bool


def sessions() -> str:
    """The list. A search is sent, not asked for: a member number has no place in an address."""
    call, services = access.staff_call(), access.services()
    now, asked = services.clock.now(), _asked()
    sought = (unsent.fields() or request.form).get("member_number", "").strip() or None
    wanted = page_asked()
    page = services.desk.sessions(call, wanted.selection, member_number=sought, cursor=wanted.cursor)
    return render_template(
        "staff/sessions.html",
        member=access.signed_in_staff(),
        filters=_filters(page.tally, asked) if page.tally else (),
        narrowing=_narrowing(page.tally, asked) if page.tally else {},
        narrowed_by=list_wording.NARROWED,
        narrowed=bool(set(asked) - {*_ABOVE}) or asked.get("stuck", _ANY) != _ANY,
        kept={name: asked[name] for name in ("status", "expiring") if name in asked},
        sought=sought,
        listed=[_listed(each, now) for each in page.registrations],
        following=url_for("staff.sessions", **asked, cursor=page.cursor) if page.cursor else None,
        is_first="cursor" not in request.args,
        first=url_for("staff.sessions", **asked),
    )


def page_asked() -> PageAsked:
    """The page of the list that the address asks for, the same whenever it is asked in one request."""
    if "page_asked" not in g:
        g.page_asked = PageAsked(_selection(_asked(), access.services().clock.now()), request.args.get("cursor"))
    return cast("PageAsked", g.page_asked)


def _asked() -> dict[str, Any]:
    """What is asked for, as far as we know of such."""
    known: dict[str, set[str]] = {
        "status": set(Status),
        "step": set(Step),
        "channel": set(Channel),
        "age": set(list_wording.AGES),
        "rule": set(STOPPING),
        "stuck": {_ANY, *Trouble},
        "expiring": {"1"},
    }
    args: MultiDict[str, str] = request.args
    return {name: args[name] for name in _ASKED if args.get(name) in known[name]}


def _selection(asked: Mapping[str, str], now: datetime) -> Selection:
    stuck, age = asked.get("stuck"), asked.get("age")
    return Selection(
        status=_choice(Status, asked.get("status")),
        step=_choice(Step, asked.get("step")),
        channel=_choice(Channel, asked.get("channel")),
        rule=asked.get("rule"),
        trouble=_choice(Trouble, stuck) if stuck != _ANY else None,
        stuck=stuck == _ANY,
        expiring="expiring" in asked,
        unchanged_since=now - list_wording.AGES[age][0] if age else None,
    )


def _choice(kind: type[Choice], value: str | None) -> Choice | None:
    return kind(value) if value else None


def _filters(tally: Tally, asked: Mapping[str, str]) -> list[Filter]:
    """All, those that need somebody, and each status."""
    kinds: list[tuple[dict[str, Any], LazyString | str | None, int]] = [
        ({}, None, tally.everything),
        ({"expiring": "1"}, list_wording.EXPIRING, tally.expiring),
        ({"stuck": _ANY}, list_wording.STUCK, tally.stuck),
        *(({"status": status.value}, label, tally.statuses[status]) for status, label in wording.STATUSES.items()),
    ]
    chosen = {name: _ANY if name == "stuck" else asked[name] for name in _ABOVE if name in asked}
    return [Filter(label, count, url_for("staff.sessions", **of), of == chosen) for of, label, count in kinds]


def _narrowing(tally: Tally, asked: Mapping[str, str]) -> dict[str, list[Option]]:
    """What the list can be narrowed down by, beside what is chosen above."""
    kinds: dict[str, list[tuple[str, LazyString | str, int | None]]] = {
        "stuck": [
            (_ANY, list_wording.ANY_TROUBLE, tally.stuck),
            *((each.value, label, tally.troubles[each]) for each, label in list_wording.TROUBLES.items()),
        ],
        "step": [(step.value, list_wording.STEPS[step], tally.steps[step]) for step in list_wording.STANDING],
        "channel": [(each.value, label, tally.channels[each]) for each, label in wording.CHANNELS.items()],
        "age": [(age, label, None) for age, (_, label) in list_wording.AGES.items()],
        "rule": [
            (rule, label, tally.rules[rule])
            for rule, label in list_wording.RULES.items()
            if tally.rules[rule] or rule == asked.get("rule")
        ],
    }
    return {
        name: [Option(value, label, count, asked.get(name) == value) for value, label, count in options]
        for name, options in kinds.items()
    }


def _listed(registration: Registration, now: datetime) -> Listed:
    return Listed(
        session_id=registration.session_id,
        name=wording.name_of(registration),
        status=wording.STATUSES[registration.status],
        step=list_wording.STEPS[next_step(registration)] if registration.is_open else "",
        channel=wording.CHANNELS[registration.channel],
        changed=registration.updated_at,
        time_left=wording.span(registration.expires_at - now),
        flagged=registration.flag is not None,
    )
