"""Files for spreadsheets: everything comes out as it went in, and nothing of it is a formula."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workbooks import cells
from wizard.services.sheets import WRITERS, Row, SheetKind, without_formulas

HEADING = ("text", "code")
FORMULAS = (
    "=1+1",
    '=HYPERLINK("http://example.org")',
    "+1-555",
    "-2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "  =1",
    "\u00a0=1",
    "\uff1d1+1",
    "a;=1+1",
    "line\n=cmd|' /C calc'!A0",
    "{=1+1}\n-x",
)
TEXTS = ("", "plain", 'Zoé, “quoted” and "so"', "a = b", "1-2", "line\nline", "'=1", "http://example.org", "007", "12")


def written(kind: SheetKind, *rows: Row) -> bytes:
    to = io.BytesIO()
    WRITERS[kind](HEADING, rows, to)
    return to.getvalue()


def read(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("apart", [",", ";", "\t"])
def test_in_csv_no_cell_begins_a_formula_wherever_cells_are_parted(text: str, apart: str) -> None:
    content = written(SheetKind.CSV, [text, 1], ["x", 2])
    for part in content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        for cell in part.split(apart):
            assert cell.strip(' \u00a0"')[:1] not in {"=", "+", "-", "@", "\uff1d"}, cell


@pytest.mark.parametrize("text", TEXTS)
def test_in_csv_all_else_is_what_it_was(text: str) -> None:
    assert without_formulas(text) == text
    assert read(written(SheetKind.CSV, [text, None], [text, 7])) == [list(HEADING), [text, ""], [text, "7"]]


def test_the_apostrophe_is_all_that_is_added() -> None:
    assert [without_formulas(text) for text in ("-2", "a;=1", "x\n=1")] == ["'-2", "a;'=1", "x\n'=1"]


@pytest.mark.parametrize("text", [*FORMULAS, *(text for text in TEXTS if text)])
def test_in_xlsx_every_text_is_exact_and_stays_a_text(text: str) -> None:
    (row,) = cells(written(SheetKind.XLSX, [text, 5]))
    cell = row["text"]
    assert cell.value.replace("_x000D_", "\r") == text
    assert (cell.is_formula, cell.is_number, cell.stays_text) == (False, False, True)
    assert cell.is_quoted == (text in FORMULAS)
    assert (row["code"].value, row["code"].is_number) == ("5", True)


def test_a_file_that_fails_on_the_way_leaves_nothing_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def rows() -> Iterator[Row]:
        yield ["private", 1]
        assert any(tmp_path.iterdir())
        raise RuntimeError

    with pytest.raises(RuntimeError):
        WRITERS[SheetKind.XLSX](HEADING, rows(), io.BytesIO())
    assert list(tmp_path.iterdir()) == []
