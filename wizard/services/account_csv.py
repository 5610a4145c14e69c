"""Reading a CSV file of accounts as people's spreadsheets write them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wizard.core.errors import ValidationFailed

REQUIRED_COLUMNS = ("name", "email")
# What Excel writes, newest first; the last one reads any bytes at all.
_ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row by its column names, trimmed; `row` counts as a spreadsheet does, the heading being row 1.

    `cells` is None where the row cannot be read.
    """

    row: int
    cells: Mapping[str, str] | None


def read_rows(content: bytes) -> Iterator[CsvRow]:
    """The rows below the heading, empty ones left out.

    Raises ValidationFailed("csv.columns") where the heading lacks a column, before the first row.
    """
    lines = _decoded(content).splitlines(keepends=True)
    reader = csv.reader(lines, delimiter=_delimiter(lines), strict=True)
    heading = [name.strip().casefold() for name in _next(reader) or ()]
    missing = [name for name in REQUIRED_COLUMNS if name not in heading]
    if missing:
        raise ValidationFailed("csv.columns", params={"missing": ", ".join(missing)})
    return _rows(reader, heading)


def _rows(reader: Iterator[list[str]], heading: list[str]) -> Iterator[CsvRow]:
    row = 1
    while True:
        row += 1
        try:
            cells = _next(reader)
        except ValidationFailed:
            yield CsvRow(row, None)
            continue
        if cells is None:
            return
        if len(cells) > len(heading) and any(cell.strip() for cell in cells[len(heading) :]):
            yield CsvRow(row, None)
        elif any(cell.strip() for cell in cells):
            yield CsvRow(row, {name: cell.strip() for name, cell in zip(heading, cells, strict=False)})


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    """The next row, None at the end; raises ValidationFailed for one that is no CSV."""
    try:
        return next(reader, None)
    except csv.Error:
        raise ValidationFailed("csv.row") from None


def _decoded(content: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 decodes any bytes")  # pragma: no cover


def _delimiter(lines: list[str]) -> str:
    """A comma, or the semicolon that spreadsheets set to French write."""
    heading = lines[0] if lines else ""
    return ";" if heading.count(";") > heading.count(",") else ","
