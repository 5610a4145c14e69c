"""Commands for education records."""

from __future__ import annotations

from pathlib import Path

import click

from wizard.commands import base
from wizard.core.choices import EducationCategory, University
from wizard.services.ports.record_lists import Sought
from wizard.services.record_lists import Sheet
from wizard.services.sheets import SheetKind


@click.group(cls=base.Group)
def records() -> None:
    """Education records."""


@records.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format", "kind", type=click.Choice([kind.value for kind in SheetKind]), help="Without it, FILE’s ending."
)
@click.option("--codes", is_flag=True, help="Put the Dataverse code beside each choice.")
@click.option("--university", type=click.Choice([each.value for each in University]), help="Only this school.")
@click.option("--graduation-year", help="Only this year, such as 2026 or 1970-1979.")
@click.option("--category", type=click.Choice([each.value for each in EducationCategory]), help="Only this category.")
def export(
    *,
    file: Path,
    kind: str | None,
    codes: bool,
    university: str | None,
    graduation_year: str | None,
    category: str | None,
) -> None:
    """Write the records, newest first, to FILE as CSV or XLSX. It is recorded in the audit trail.

    FILE is replaced once all is written, and readable by its owner alone. In CSV, what a spreadsheet would take for a
    formula has an apostrophe before it.
    """
    sheet = Sheet(SheetKind(kind or _ending(file)), codes=codes)
    sought = Sought(university=university, graduation_year=graduation_year, category=category)
    lists = base.services().record_lists
    total = lists.count(base.CALL, sought)
    try:
        with base.replacing(file) as made, base.progress(length=total) as moved:
            written = lists.export(base.CALL, sought, sheet, to=made, on_row=moved)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"{written} records are in {file}.")


def _ending(file: Path) -> str:
    ending = file.suffix.removeprefix(".").lower()
    if ending not in set(SheetKind):
        raise click.UsageError("Name a FILE that ends in .csv or .xlsx, or say --format.")
    return ending
