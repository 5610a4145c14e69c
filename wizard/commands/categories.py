"""Commands for the education categories of records."""

from __future__ import annotations

import click

from wizard.commands import base
from wizard.services.ports.categories import Moves
from wizard.services.refresh import CategoryRefresh


@click.group(cls=base.Group)
def categories() -> None:
    """Education categories: student, new_graduated, graduated."""


@categories.command("refresh")
@click.option("--dry-run", is_flag=True, help="Only count and list what would move.")
def refresh(*, dry_run: bool) -> None:
    """Move records to the category that holds today, by graduation year and membership year.

    The worker does so every day by itself. Safe to repeat; what was interrupted goes on where it was.
    """
    service = base.services().refresh
    preview = service.preview(base.CALL, limit=1)
    if dry_run:
        _list(service)
        _tell(preview.moves, "would move")
        return
    service.begin(base.CALL)
    with base.progress(length=preview.count) as moved:
        run = service.go_on(base.CALL, on_moved=moved)
    # Whoever else was at it may have been quicker.
    _tell((run or service.runs(base.CALL)[0]).moves, "moved")


def _list(service: CategoryRefresh) -> None:
    """Every record that would move, page by page."""
    after = None
    while True:
        preview = service.preview(base.CALL, after=after)
        for each in preview.due:
            before, year = each.standing.group.category.value, each.standing.group.graduation_year
            click.echo(f"{each.standing.number}  {year:<9}  {before} to {each.decision.category.value}")
        after = preview.following
        if after is None:
            return


def _tell(moves: Moves, what: str) -> None:
    for (before, after), count in sorted(moves.items()):
        click.echo(f"{before.value} to {after.value}: {count} {what}.")
    if not moves:
        click.echo("Every record has the category that holds today.")
