"""Commands for member accounts and for staff."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import BinaryIO

import click

from wizard.commands import base
from wizard.commands.wording import sentence
from wizard.core.accounts import AccountStatus, StaffMember
from wizard.core.actors import Privilege
from wizard.services.accounts import LANGUAGES, ImportReport, NewAccount

_PAGE = 500
_STATUSES = [status.value for status in AccountStatus]


@click.group(cls=base.Group)
def accounts() -> None:
    """Member accounts."""


@accounts.command("add")
@click.option("--name", required=True, help="The member's name.")
@click.option("--email", required=True, help="Where codes and receipts are sent.")
@click.option("--number", help="The member number; without it the next osot-… is given.")
@click.option("--status", type=click.Choice(_STATUSES), default="active", show_default=True)
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
def add_account(*, name: str, email: str, number: str | None, status: str, language: str) -> None:
    """Add an account."""
    new = NewAccount(name=name, email=email, number=number, status=AccountStatus(status), language=language)
    account = base.services().accounts.add(base.CALL, new)
    click.echo(f"{account.number} was added.")


@accounts.command("import")
@click.argument("file", type=click.File("rb"))
def import_accounts(*, file: BinaryIO) -> None:
    """Add the accounts of a CSV file: number (optional), name, email, status (optional), language (optional).

    Good rows go in whatever the others are; the same file twice adds nothing. Exits with 1 where a row was rejected.
    """
    content = file.read()
    with base.progress(length=content.count(b"\n")) as moved:
        report = base.services().accounts.import_csv(base.CALL, content, on_row=moved)
    _tell(report)
    if report.rejected:
        raise SystemExit(1)


def _tell(report: ImportReport) -> None:
    click.echo(f"{report.added} added, {report.known} there already, {len(report.rejected)} rejected.")
    for row in report.rejected:
        place = f"row {row.row}, {row.column}" if row.column else f"row {row.row}"
        click.echo(f"{place}: {sentence(row.reason)}")


@accounts.command("list")
@click.option("--status", type=click.Choice(_STATUSES), help="Only those with this status.")
def list_accounts(*, status: str | None) -> None:
    """List accounts in the order of their numbers."""
    service = base.services().accounts
    after = None
    while found := service.page(base.CALL, after=after, limit=_PAGE):
        wanted = [each for each in found if status in {None, each.status.value}]
        base.table([(each.number, each.status.value, each.language, each.name, each.email) for each in wanted])
        after = found[-1].number


@accounts.command("erase")
@click.argument("member_number")
@click.option("--reason", required=True, help="Why; it stays in the audit trail, so name nobody in it.")
@click.option("--yes", is_flag=True, help="Do not ask for the number once more: for scripts.")
def erase_person(*, member_number: str, reason: str, yes: bool) -> None:
    """Erase all that is kept of the person with MEMBER_NUMBER: for good.

    Of the account only the number stays, so that it is never given out again; of the audit trail, what happened without
    what was typed. Asks to type the number. Safe to repeat, as after a crash.
    """
    made = base.app()
    base.require_migrated(made)
    base.require_redis(made)
    services = base.services_of(made)
    account = services.account_desk.by_number(base.CALL, member_number)
    if not yes and not _types(account.number):
        raise click.ClickException("This is not the number. Nothing was erased.")
    services.erasure.erase(base.CALL, account.id, reason=reason)
    click.echo(f"All that was kept of {account.number} is erased.")


@accounts.command("export-person")
@click.argument("member_number")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export_person(*, member_number: str, file: Path) -> None:
    """Write all that is held about the person with MEMBER_NUMBER to FILE, as JSON. It is recorded in the audit trail.

    FILE is replaced once all is written, and readable by its owner alone. Nobody of the desk is named in it, and no
    code, link or token that would let somebody in.
    """
    made = base.app()
    base.require_migrated(made)
    base.require_redis(made)
    services = base.services_of(made)
    account = services.account_desk.by_number(base.CALL, member_number)
    try:
        with base.replacing(file) as written:
            written.write(services.person_export.export(base.CALL, account.id).as_json())
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"All that is held about {account.number} is in {file}.")


def _types(number: str) -> bool:
    typed = str(click.prompt(f"To erase all that is kept of {number}, type the number"))
    return typed.strip().casefold() == number.casefold()


@click.group(cls=base.Group)
def staff() -> None:
    """The members of the registration desk."""


@staff.command("add")
@click.argument("username")
@click.option("--name", required=True, help="Their name, as it stands in the audit trail.")
@click.option("--privilege", type=click.Choice(["admin", "main"]), required=True, help="What they may do.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--generate", is_flag=True, help="Make a password and print it, this once.")
def add_staff(*, username: str, name: str, privilege: str, password_stdin: bool, generate: bool) -> None:
    """Add somebody to the desk; asks for their password."""
    password = _password(from_stdin=password_stdin, generate=generate)
    member = base.services().desk.add(
        base.CALL, username=username, name=name, password=password, privilege=Privilege(privilege)
    )
    click.echo(f"{member.username} was added.")
    if generate:
        click.echo(f"Password, shown only now: {password}")


def _password(*, from_stdin: bool, generate: bool) -> str:
    if from_stdin and generate:
        raise click.UsageError("--password-stdin and --generate exclude each other.")
    if generate:
        return secrets.token_urlsafe(18)
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


@staff.command("list")
def list_staff() -> None:
    """List the members of the desk."""
    members = base.services().desk.members(base.CALL)
    if members:
        base.table([_row(each) for each in members])


def _row(member: StaffMember) -> tuple[str, ...]:
    state = "active" if member.active else "disabled"
    way = "OpenID" if member.password_hash is None else "password"
    return member.username, member.privilege.value, state, way, member.name


@staff.command("disable")
@click.argument("username")
def disable_staff(*, username: str) -> None:
    """Let somebody sign in no more, and sign them out everywhere at once."""
    member = base.services().desk.disable(base.CALL, username)
    click.echo(f"{member.username} can no longer sign in.")


@staff.command("connect")
@click.argument("username")
@click.argument("other")
def connect_staff(*, username: str, other: str) -> None:
    """Let USERNAME sign in with the OpenID account that OTHER has signed in with so far; OTHER is disabled.

    For somebody with a password who has signed in with the provider, and so became another member. Nothing but you
    tells that the two are one person.
    """
    member = base.services().desk.connect(base.CALL, username, other)
    click.echo(f"{member.username} signs in with the OpenID account that was {other}’s, who can no longer sign in.")


@staff.command("reset-totp")
@click.argument("username")
def reset_totp(*, username: str) -> None:
    """Take away the second factor of somebody who has lost it, and sign them out everywhere at once."""
    member = base.services().my_sign_in.reset(base.CALL, username)
    click.echo(f"{member.username} signs in with the password alone until an authenticator app is set up again.")
