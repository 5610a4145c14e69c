"""Commands for the tokens of other systems."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import click

from wizard.commands import base
from wizard.core.actors import Privilege
from wizard.core.clock import TORONTO
from wizard.core.tokens import ApiToken
from wizard.services.tokens import NewToken

_PRIVILEGES = [privilege.value for privilege in Privilege]


class LastDay(click.ParamType[datetime]):
    """A day as 2027-09-30, to its end in Toronto."""

    name = "day"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant at which the day ends."""
        try:
            following = date.fromisoformat(value) + timedelta(days=1)
        except (ValueError, OverflowError):
            self.fail(f"“{value}” is no day; write a form such as 2027-09-30.", param, ctx)
        return datetime.combine(following, time(), TORONTO).astimezone(UTC)


@click.group(cls=base.Group)
def tokens() -> None:
    """Tokens that other systems of the association call the API with."""


@tokens.command("create")
@click.option("--name", required=True, help="What it is known by in the audit trail; given once.")
@click.option("--privilege", type=click.Choice(_PRIVILEGES), required=True, help="What may be done with it.")
@click.option("--account", help="For an owner: the member number of the one account that it is for.")
@click.option("--expires", type=LastDay(), help="The last day on which it works.")
def create(*, name: str, privilege: str, account: str | None, expires: datetime | None) -> None:
    """Make a token and print it, this once."""
    new = NewToken(name=name, privilege=Privilege(privilege), member_number=account, expires_at=expires)
    secret = base.services().tokens.create(base.CALL, new)
    click.echo("The token, shown only now:", err=True)
    click.echo(secret)


@tokens.command("list")
def list_tokens() -> None:
    """List the tokens: name, privilege, whether it works, when it was used last."""
    services = base.services()
    if found := services.tokens.all(base.CALL):
        base.table([_row(token, services.clock.now()) for token in found])


def _row(token: ApiToken, now: datetime) -> tuple[str, ...]:
    used = token.last_used_at.strftime("used %Y-%m-%d") if token.last_used_at else "never used"
    return token.name, token.privilege.value, _state(token, now), used


def _state(token: ApiToken, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "works" if token.opens(now) else "expired"


@tokens.command("revoke")
@click.argument("name")
def revoke(*, name: str) -> None:
    """Let nobody call with a token any more."""
    base.services().tokens.revoke(base.CALL, name)
    click.echo(f"{name} can no longer be called with.")
