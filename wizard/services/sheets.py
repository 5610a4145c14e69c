"""Tables as files for spreadsheets, written row by row, in which nothing that a person typed becomes a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from tempfile import TemporaryDirectory
from typing import IO

Row = Sequence[str | int | None]


class SheetKind(StrEnum):
    """The kinds of files."""

    CSV = "csv"
    XLSX = "xlsx"


# What a cell's first character makes a formula of, wide forms too. A program that parts cells at semicolons, as those
# set to French do, or at line ends within quotes, begins cells where this one did not.
_FORMULA = re.compile(r"(^|[;\t\r\n])([^\S\t\r\n]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
# The format of cells that are texts whatever is typed into them, by its number in the standard.
_TEXT = 49
_LEAST_WIDTH, _MOST_WIDTH = 12, 40


def without_formulas(value: str) -> str:
    """A text that no spreadsheet reads as a formula: an apostrophe stands before what would begin one."""
    return _FORMULA.sub(r"\1'\2", value)


def write_csv(heading: Sequence[str], rows: Iterable[Row], to: IO[bytes]) -> None:
    """As CSV in UTF-8, with the mark by which spreadsheets know it."""
    text = io.TextIOWrapper(to, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(heading)
    for row in rows:
        writer.writerow([without_formulas(cell) if isinstance(cell, str) else cell for cell in row])
    text.detach()


def write_xlsx(heading: Sequence[str], rows: Iterable[Row], to: IO[bytes]) -> None:
    """As XLSX. Texts stay exactly what they are: cells of the kind text, which stay texts when they are edited, too."""
    from xlsxwriter import Workbook  # noqa: PLC0415 - as openpyxl in tables.py

    # A row is on the disk once the next one begins; what fails on the way leaves nothing behind there.
    with TemporaryDirectory() as place, Workbook(to, {"constant_memory": True, "tmpdir": place}) as book:
        bold, plain = book.add_format({"bold": True}), book.add_format({"num_format": _TEXT})
        quoted = book.add_format({"num_format": _TEXT, "quote_prefix": True})
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        for column, title in enumerate(heading):
            sheet.set_column(column, column, min(max(len(title) + 2, _LEAST_WIDTH), _MOST_WIDTH))
            sheet.write_string(0, column, title, bold)
        for number, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, int):
                    sheet.write_number(number, column, cell)
                elif cell:
                    sheet.write_string(number, column, cell, quoted if _FORMULA.search(cell) else plain)


WRITERS: Mapping[SheetKind, Callable[[Sequence[str], Iterable[Row], IO[bytes]], None]] = {
    SheetKind.CSV: write_csv,
    SheetKind.XLSX: write_xlsx,
}
