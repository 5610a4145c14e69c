"""What is in an XLSX file, as its parts say it: the workbook's XML, read by hand."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET
from zipfile import ZipFile

_NS = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its text or number, whether it is a number or a formula, and whether editing leaves it a text."""

    value: str
    is_number: bool
    is_formula: bool
    stays_text: bool
    is_quoted: bool


def cells(content: bytes) -> list[dict[str, Cell]]:
    """The rows of the first sheet below its heading, each by the heading's names; empty cells are left out."""
    with ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        styles = ET.fromstring(file.read("xl/styles.xml"))  # noqa: S314 - written by the test itself
        sheet = ET.fromstring(file.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - as above
        shared = [*_shared(file)]
    formats = styles.findall("m:cellXfs/m:xf", _NS)
    rows = [
        {_column(cell): _cell(cell, shared, formats) for cell in row.findall("m:c", _NS)}
        for row in sheet.findall("m:sheetData/m:row", _NS)
    ]
    heading = {column: cell.value for column, cell in rows[0].items()}
    return [{heading[column]: cell for column, cell in row.items()} for row in rows[1:]]


def _shared(file: ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in file.namelist():
        return []
    strings = ET.fromstring(file.read("xl/sharedStrings.xml"))  # noqa: S314 - as above
    return ["".join(each.itertext()) for each in strings.findall("m:si", _NS)]


def _column(cell: ET.Element) -> str:
    return re.sub(r"\d", "", cell.get("r", ""))


def _cell(cell: ET.Element, shared: list[str], formats: list[ET.Element]) -> Cell:
    kind, text = cell.get("t", "n"), "".join(cell.itertext())
    style = formats[int(cell.get("s", "0"))]
    return Cell(
        value=shared[int(text)] if kind == "s" else text,
        is_number=kind == "n",
        is_formula=cell.find("m:f", _NS) is not None,
        stays_text=style.get("numFmtId") == "49",
        is_quoted=style.get("quotePrefix") == "1",
    )
