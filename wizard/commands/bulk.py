"""The command that registers many from a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import IO

import click

from wizard.commands import base
from wizard.commands.wording import of_row
from wizard.services.bulk import Bulk
from wizard.services.bulk_files import write_template
from wizard.services.ports.bulk import TO_MEND, UNDER_WAY, BulkJob, JobState, RowState
from wizard.services.sheets import SheetKind

# While other workers have the last rows.
_PAUSE = 0.2
_COUNTED = {
    RowState.READY: "would go in",
    RowState.CREATED: "went in",
    RowState.INVITED: "became registrations whose people get a link",
    RowState.PRESENT: "there already",
    RowState.INCOMPLETE: "incomplete",
    RowState.REJECTED: "rejected",
}
_ToWrite = click.Path(dir_okay=False, path_type=Path)


@click.command("bulk", cls=base.Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--dry-run", is_flag=True, help="Only say what would come of each row.")
@click.option("--invite", is_flag=True, help="Make registrations of incomplete rows, and mail their people a link.")
@click.option("--rejected", type=_ToWrite, help="Where the rows to mend are written, as CSV or XLSX.")
@click.option("--template", type=_ToWrite, help="Write an empty file with the names of the columns, and no more.")
def bulk(*, file: Path | None, dry_run: bool, invite: bool, rejected: Path | None, template: Path | None) -> None:
    """Register the rows of FILE, CSV or XLSX with the columns' names in its first row; up to 10,000 of them.

    All are checked, then good rows go in, whatever the others are; the same file twice adds nothing. A worker goes on
    with what is interrupted. Exits with 1 where a row is rejected or incomplete.
    """
    if template is not None:
        _write(template, write_template)
        return
    if file is None:
        raise click.UsageError("Name a FILE.")
    made = base.app()
    base.require_redis(made)
    base.require_migrated(made)
    service = base.services_of(made).bulk
    job = service.load(base.CALL, file.name, file.read_bytes(), goes_on=not dry_run, invite=invite)
    if job.unknown_columns:
        click.echo(f"Columns that are not known here, passed over: {', '.join(job.unknown_columns)}.", err=True)
    job = _finish(service, job)
    _tell(service, job)
    if rejected is not None:
        _write(rejected, lambda kind, to: service.export(base.CALL, job.id, kind, to, worded=of_row))
    if dry_run:
        service.discard(base.CALL, job.id)
    if job.count(*TO_MEND):
        raise SystemExit(1)


def _finish(service: Bulk, job: BulkJob) -> BulkJob:
    """Check, and let go in, with a bar for each, until nobody has anything left to do."""
    for state in (JobState.CHECKING, JobState.RUNNING):
        if job.state is not state:
            continue
        with base.progress(length=job.steps) as moved:
            length, shown = job.steps, 0
            while job.state is state:
                before, job = job.steps_done, service.go_on(base.CALL, job.id)
                done = job.steps_done if job.state is state else length
                for _ in range(done - shown):
                    moved()
                shown = max(shown, done)
                if job.state is state and done == before:
                    sleep(_PAUSE)
    return job


def _tell(service: Bulk, job: BulkJob) -> None:
    counted = [f"{job.counts[state]} {what}" for state, what in _COUNTED.items() if job.counts.get(state)]
    click.echo(f"{', '.join(counted)}.")
    if job.state in UNDER_WAY | {JobState.DISCARDED}:
        return
    after: int | None = 0
    while after is not None:
        page = service.page(base.CALL, job.id, TO_MEND, after=after)
        for each in page.rows:
            for problem in each.outcome.problems:
                place = f"row {each.row.number}, {problem.field}" if problem.field else f"row {each.row.number}"
                click.echo(f"{place}: {of_row(problem)}")
        after = page.following


def _write(file: Path, write: Callable[[SheetKind, IO[bytes]], None]) -> None:
    ending = file.suffix.removeprefix(".").lower()
    if ending not in set(SheetKind):
        raise click.UsageError("Name a file that ends in .csv or .xlsx.")
    try:
        with base.replacing(file) as made:
            write(SheetKind(ending), made)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
