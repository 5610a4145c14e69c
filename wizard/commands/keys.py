"""Commands for the secret keys."""

from __future__ import annotations

import click

from wizard.commands import base

NAMES = {
    "accounts": "accounts",
    "education_records": "records",
    "audit_values": "values of the audit trail",
}


@click.group(cls=base.Group)
def keys() -> None:
    """The secret keys, and what is encrypted with them."""


@keys.command("rotate")
def rotate() -> None:
    """Rewrite personal columns of the database as WIZARD_ENCRYPT_COLUMNS asks, with the newest of WIZARD_SECRET_KEYS.

    To be run after each change of either, once every process runs with it; the site may go on meanwhile. Safe to
    repeat; what was interrupted goes on where it was.
    """
    service = base.services().key_rotation
    to_do = sum(each.otherwise for each in service.standing(base.CALL))
    with base.progress(length=to_do) as moved:
        done = service.rotate(base.CALL, on_looked_at=moved)
    for each in done:
        click.echo(f"{NAMES[each.table]}: {each.rewritten} rewritten.")
    if left := [f"{NAMES[each.table]} ({each.left})" for each in done if each.left]:
        raise click.ClickException(
            f"Left as they were: {', '.join(left)}. Either their key is not among WIZARD_SECRET_KEYS (“wizard check” "
            "says so), or two records have one COTO number: correct one of them, then run this again."
        )
