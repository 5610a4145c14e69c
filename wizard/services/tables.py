"""Reading tables as people's spreadsheets write them: CSV in any encoding, and XLSX, none of them to be trusted."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zipfile import BadZipFile, ZipFile

from wizard.core.errors import ValidationFailed

MOST_BYTES = 10 * 1024 * 1024
# An XLSX is a ZIP file: how large it may be unpacked in any case, and how large if it is not packed too densely.
_SMALL_UNPACKED, _MOST_UNPACKED = 8 * 1024 * 1024, 64 * 1024 * 1024
_MOST_RATIO = 100
_MOST_COLUMNS = 100
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
# With a mark at the beginning each of them says what it is; without, the last one reads any bytes at all.
_MARKED = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_UNMARKED = ("utf-8", "cp1252", "latin-1")
_DELIMITERS = ",;\t"
# The apostrophe that our own files have before what would be a formula (sheets.py).
_GUARDED = re.compile(r"(^|[;\t\r\n])'([^\S\t\r\n]*[=+\-@\uff1d\uff0b\uff0d\uff20])")


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row; `number` counts as a spreadsheet does, and `cells` is None where it cannot be read."""

    number: int
    cells: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, trimmed, and the rows below it, read as they are asked for; empty ones are left out."""

    heading: Sequence[str]
    rows: Iterator[TableRow]


def read_table(content: bytes) -> Table:
    """The table in a CSV or XLSX file.

    Raises ValidationFailed("bulk.size" | "bulk.file" | "bulk.empty"), some of it only when rows are read.
    """
    if len(content) > MOST_BYTES:
        raise ValidationFailed("bulk.size", field="file", params={"most": str(MOST_BYTES // 1024 // 1024)})
    if content.startswith(_OLD_EXCEL):
        raise _unreadable()
    rows = _xlsx(content) if content.startswith(_ZIP) else _csv(content)
    filled = (row for row in rows if row.cells is None or any(cell.strip() for cell in row.cells))
    first = next(filled, None)
    if first is None:
        raise ValidationFailed("bulk.empty", field="file")
    heading = [cell.strip() for cell in first.cells or ()]
    return Table(heading, (_within(row, len(heading)) for row in filled))


def _within(row: TableRow, width: int) -> TableRow:
    """A row with cells beside the columns cannot be understood."""
    if row.cells is not None and any(cell.strip() for cell in row.cells[width:]):
        return TableRow(row.number, None)
    return row


def _csv(content: bytes) -> Iterator[TableRow]:
    text = _decoded(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error:
            yield TableRow(number, None)
            continue
        if cells is None:
            return
        yield TableRow(number, [_GUARDED.sub(r"\1\2", cell) for cell in cells])


def _decoded(content: bytes) -> str:
    for mark, encoding in _MARKED.items():
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                raise _unreadable() from None
    for encoding in _UNMARKED:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 decodes any bytes")  # pragma: no cover


def _delimiter(text: str) -> str:
    """Commas, the semicolons that spreadsheets set to French write, or tabs: what the heading has most of."""
    heading = text.lstrip().partition("\n")[0]
    return max(_DELIMITERS, key=heading.count)


def _xlsx(content: bytes) -> Iterator[TableRow]:
    """The rows of the first sheet, one after the other."""
    # Only here: 7 MB of every process, and the longest part of every start (docs/benchmarks.md).
    from openpyxl.reader.excel import load_workbook  # noqa: PLC0415

    try:
        _require_small(content)
        with warnings.catch_warnings():
            # What it cannot read of a workbook (drawings, validations) is of no interest.
            warnings.simplefilter("ignore")
            book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
            sheet = book.worksheets[0]
            # A file may say that it is smaller than it is.
            sheet.reset_dimensions()
            rows = enumerate(sheet.iter_rows(max_col=_MOST_COLUMNS, values_only=True), start=1)
            for number, cells in rows:
                yield TableRow(number, _texts(cells))
    except Exception as error:  # a file that is none fails in any way that its parts can
        raise _unreadable() from error


def _require_small(content: bytes) -> None:
    """Raise BadZipFile for one that would be unpacked to far more than it is."""
    with ZipFile(io.BytesIO(content)) as packed:
        unpacked = sum(member.file_size for member in packed.infolist())
    if unpacked > min(_MOST_UNPACKED, max(_SMALL_UNPACKED, _MOST_RATIO * len(content))):
        raise BadZipFile


def _texts(cells: Iterable[object]) -> Sequence[str]:
    texts = [_text(cell) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _text(cell: object) -> str:
    """A cell as somebody sees it: whole numbers without a decimal point."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _unreadable() -> ValidationFailed:
    return ValidationFailed("bulk.file", field="file")
