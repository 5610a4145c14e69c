"""Demonstration accounts, staff and a membership year, for a first look; never in production."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import click

from wizard.commands import base
from wizard.core.accounts import AccountStatus
from wizard.core.actors import Privilege
from wizard.core.clock import toronto_date
from wizard.core.errors import Conflict
from wizard.services.accounts import NewAccount
from wizard.services.bundle import Services

# In the order of the numbers that they get: osot-0000001 and up.
GRADUATES = (
    (NewAccount("Amara Okafor", "amara.okafor@example.org"), "graduated this year: becomes a New Graduate"),
    (NewAccount("Liam Tremblay", "liam.tremblay@example.org", language="fr"), "graduates next year: becomes a Student"),
    (NewAccount("Priya Raman", "priya.raman@example.org"), "studied abroad: the desk has to verify it"),
    (
        NewAccount("Grace MacDonald", "grace.macdonald@example.org"),
        "graduated years ago, has a COTO number: becomes a Graduate",
    ),
    (
        NewAccount("Noah Beaulieu", "noah.beaulieu@example.org", status=AccountStatus.PENDING),
        "an account that waits for the desk, and can be used",
    ),
    (
        NewAccount("Mei Chen", "mei.chen@example.org", status=AccountStatus.INACTIVE),
        "an account that is inactive, and is refused",
    ),
)
# Known to everybody who reads this: the command refuses to run in production.
STAFF = (
    ("desk", "Dana Whitfield", Privilege.ADMIN, "demonstration-desk"),
    ("main", "Marcus Leblanc", Privilege.MAIN, "demonstration-main"),
)
_YEAR_ENDS = (9, 30)


@click.command(cls=base.Command)
@click.option("--port", default=8000, show_default=True, help="The port that the site will be served on.")
def demo(*, port: int) -> None:
    """Add demonstration accounts, staff and a membership year, on the first start only."""
    settings = base.settings()
    if settings.is_production:
        raise click.ClickException("Demonstration accounts have no place in production (WIZARD_ENV).")
    services = base.services()
    if services.accounts.page(base.CALL, limit=1):
        click.echo("There are accounts already: nothing was added.")
        return
    numbers = _add(services)
    click.echo(
        "Added for a first look. Register as one of these graduates, by the member number; an education for each:\n"
    )
    base.table([("  " + number, new.name, what) for number, (new, what) in zip(numbers, GRADUATES, strict=True)])
    click.echo(f"\nTheir mails are written to {settings.data_dir / 'mail'}; the log names each.")
    # As “wizard serve” decides it.
    site = settings.base_url if "base_url" in settings.model_fields_set else f"http://127.0.0.1:{port}"
    click.echo(f"The desk signs in at {site}/staff/sign-in:\n")
    base.table([(f"  {username}", f"password {password}", f"({level})") for username, _, level, password in STAFF])
    click.echo("")


def _add(services: Services) -> list[str]:
    """Accounts last: by them the next start sees that everything is there."""
    if services.membership.show() is None:
        services.membership.set(base.CALL, _year_end(toronto_date(services.clock.now())))
    for username, name, privilege, password in STAFF:
        with suppress(Conflict):
            services.desk.add(base.CALL, username=username, name=name, password=password, privilege=privilege)
    return [services.accounts.add(base.CALL, new).number for new, _ in GRADUATES]


def _year_end(today: date) -> date:
    """The end of the membership year that today lies in."""
    this_year = date(today.year, *_YEAR_ENDS)
    return this_year if today <= this_year else date(today.year + 1, *_YEAR_ENDS)
