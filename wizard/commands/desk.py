"""Commands for the membership year, for registrations under way, and for the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, TextIO, TypeVar

import click

from wizard.commands import base
from wizard.core.registration import Channel, Status
from wizard.core.steps import Step
from wizard.core.trouble import STOPPING, Trouble
from wizard.services.ports.registrations import Selection
from wizard.services.ports.trail import NotedHead
from wizard.services.ports.units import UnitsOfWork
from wizard.setting_types import duration

_MOST_ROUNDS = 1000
ANY = "any"

Chosen = TypeVar("Chosen", bound=StrEnum)


class Day(click.ParamType[date | None]):
    """A day as 2027-09-30, or “none”."""

    name = "day"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> date | None:
        """The day; None for “none”."""
        if value == "none":
            return None
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"“{value}” is no day; write a form such as 2027-09-30, or none.", param, ctx)


class Age(click.ParamType[timedelta]):
    """A length of time as 90m, 12h or 3d."""

    name = "age"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """How long that is."""
        try:
            return duration(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


def _one_of(*choices: str) -> click.Choice[str]:
    """By their values: of a member of an enumeration click would take the name."""
    return click.Choice([f"{each}" for each in choices])


@click.group("membership-year", cls=base.Group)
def membership_year() -> None:
    """The last day of the membership year, which decides who is a New Graduate."""


@membership_year.command("set")
@click.argument("last_day", type=Day())
def set_year(*, last_day: date | None) -> None:
    """Set the last day, such as 2027-09-30; “none” closes the year without a next one."""
    base.services().membership.set(base.CALL, last_day)
    _tell(last_day)


@membership_year.command("show")
def show_year() -> None:
    """Show the last day."""
    _tell(base.services().membership.current_end())


def _tell(last_day: date | None) -> None:
    click.echo(f"The membership year runs to {last_day.isoformat()}." if last_day else "No membership year is set.")


@click.group(cls=base.Group)
def sessions() -> None:
    """Registrations under way."""


@sessions.command("list")
@click.option("--status", type=_one_of(*Status), help="Only those at this status.")
@click.option("--step", type=_one_of(*Step), help="Only open ones whose next step it is.")
@click.option("--channel", type=_one_of(*Channel), help="Only those that came in this way.")
@click.option("--rule", type=_one_of(*STOPPING), metavar="RULE", help="Only those that this rule stopped last.")
@click.option("--stuck", type=_one_of(ANY, *Trouble), help="Only those that are stuck, for any reason or this one.")
@click.option("--expiring", is_flag=True, help="Only open ones that will soon be over, the soonest first.")
@click.option("--unchanged-for", type=Age(), help="Only those not changed for so long, such as 90m, 12h or 3d.")
@click.option("--member-number", help="All of one member, whatever became of them; by itself.")
def list_sessions(*, member_number: str | None, **asked: Any) -> None:  # noqa: ANN401 - as click gives them
    """List registrations, newest change first: id, status, last change, end."""
    if member_number and any(asked.values()):
        raise click.UsageError("--member-number lists all of one member: leave the other options out.")
    made = base.app()
    base.require_redis(made)
    services = base.services_of(made)
    selection = _selection(asked, services.clock.now())
    cursor = None
    while True:
        page = services.desk.sessions(base.CALL, selection, member_number=member_number, cursor=cursor)
        for each in page.registrations:
            changed, ends = (f"{instant:%Y-%m-%d %H:%M}Z" for instant in (each.updated_at, each.expires_at))
            click.echo(f"{each.session_id}  {each.status.value:<19}  {changed}  {ends}")
        cursor = page.cursor
        if cursor is None:
            return


def _selection(asked: Mapping[str, Any], now: datetime) -> Selection:
    stuck, age = asked["stuck"], asked["unchanged_for"]
    return Selection(
        status=_choice(Status, asked["status"]),
        step=_choice(Step, asked["step"]),
        channel=_choice(Channel, asked["channel"]),
        rule=asked["rule"],
        trouble=_choice(Trouble, None if stuck == ANY else stuck),
        stuck=stuck == ANY,
        expiring=asked["expiring"],
        unchanged_since=now - age if age else None,
    )


def _choice(kind: type[Chosen], value: str | None) -> Chosen | None:
    return kind(value) if value else None


@sessions.command("clean-up")
def clean_up() -> None:
    """Record and erase what has expired, bring waiting events into the audit trail, repair the indexes."""
    made = base.app()
    base.require_redis(made)
    base.require_migrated(made)
    housekeeping = base.services_of(made).housekeeping
    # First, since what no index knows of is found by none of the rounds.
    housekeeping.repair_all()
    recorded = expired = 0
    for _ in range(_MOST_ROUNDS):
        report = housekeeping.run_once()
        recorded, expired = recorded + report.recorded, expired + report.expired
        if not report.did_anything:
            break
    click.echo(f"{expired} expired and erased; the events of {recorded} more are in the audit trail.")


@click.group(cls=base.Group)
def audit() -> None:
    """The audit trail."""


@audit.command("heads")
def heads() -> None:
    """Print where each chain ends: to be kept elsewhere, for “verify --noted”."""
    with _units().read() as unit:
        for head in unit.audit.heads():
            click.echo(f"{head.length} {head.last} {head.chain}")


@audit.command("verify")
@click.option("--noted", type=click.File(), help="What “heads” printed once: each chain has to lead there still.")
def verify(*, noted: TextIO | None) -> None:
    """Look for rows that were changed, removed, reordered or cut off; exits with 1 where there are any."""
    once = [_noted(line) for line in noted or ()]
    with _units().read() as unit:
        wrong = [*unit.audit.verify(), *unit.audit.departures(once)]
    for finding in wrong:
        click.echo(finding)
    if wrong:
        raise SystemExit(1)
    click.echo("The audit trail is whole.")


def _units() -> UnitsOfWork:
    made = base.app()
    base.require_migrated(made)
    return base.stores_of(made).units


def _noted(line: str) -> NotedHead:
    length, last, chain = [*line.rstrip("\n").split(" ", 2), "", ""][:3]
    if not (length.isdecimal() and last and chain):
        raise click.UsageError(f"Not a line that “wizard audit heads” prints: {line.rstrip()}")
    return NotedHead(chain, int(length), last)
