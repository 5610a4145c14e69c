"""Files of registrations as people's spreadsheets write them, and as somebody would who means harm."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import date

import pytest
from openpyxl.workbook.workbook import Workbook

from wizard.core.errors import ValidationFailed
from wizard.services import tables
from wizard.services.bulk_files import COLUMNS, MOST_ROWS, from_values, read_file, write_template
from wizard.services.ports.bulk import BulkRow
from wizard.services.sheets import SheetKind

TEXT = "user_business_id;other_details;notes\nM-1;École d’été;“Ça va”\n"


def rows(content: bytes) -> list[BulkRow]:
    return [each.row for each in read_file("x", content).rows]


def xlsx(*lines: Sequence[object]) -> bytes:
    book = Workbook()
    for line in lines:
        book.active.append(list(line))
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def refused(content: bytes) -> str:
    with pytest.raises(ValidationFailed) as raised:
        read_file("x", content)
    return raised.value.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_are_found_out(encoding: str, delimiter: str) -> None:
    (row,) = rows(TEXT.replace(";", delimiter).encode(encoding))
    assert row.values is not None
    assert (row.number, row.values["other_details"], row.values["notes"]) == (2, "École d’été", "“Ça va”")


@pytest.mark.parametrize(
    "heading", ["user_business_id", "userBusinessId", "Member number", " MEMBER NUMBER ", "Numéro de membre"]
)
def test_columns_are_known_by_what_people_call_them(heading: str) -> None:
    (row,) = rows(f"{heading}\nM-1\n".encode())
    assert row.values is not None
    assert row.values["user_business_id"] == "M-1"


def test_columns_come_in_any_order_and_those_not_known_are_named() -> None:
    file = read_file("x", b"Country,Shoe size,reason,Member number,E-mail\nca,42,because,M-1,a@example.org\n")
    assert file.unknown_columns == ("Shoe size",)
    row = file.rows[0].row
    assert row.values is not None
    assert (row.values["country"], row.values["user_business_id"], row.email) == ("CA", "M-1", "a@example.org")


@pytest.mark.parametrize(
    ("column", "cell", "meant"),
    [
        ("coto_status", "Provisional temporary", "provisional_temporary"),
        ("university", "McMaster", "mcmaster"),
        ("degree_type", "Master’s", "masters"),
        ("graduation_year", "1960–1969", "1960-1969"),
        ("graduation_year", " Pre-1960", "pre-1960"),
        ("coto_registration", "g12", "G12"),
        ("university", "Nowhere", "Nowhere"),
    ],
)
def test_choices_are_understood_in_other_letters(column: str, cell: str, meant: str) -> None:
    (row,) = rows(f"user_business_id,{column}\nM-1,{cell}\n".encode())
    assert row.values is not None
    assert row.values[column] == meant


def test_a_workbook_is_read_as_it_is_seen() -> None:
    content = xlsx(
        ["user_business_id", "graduation_year", "notes"], [42, 2026.0, date(2026, 5, 1)], [], ["M-2", None, True, None]
    )
    first, second = rows(content)
    assert first.values is not None
    assert second.values is not None
    assert (first.values["user_business_id"], first.values["graduation_year"]) == ("42", "2026")
    assert (second.number, second.values["graduation_year"], second.values["notes"]) == (4, None, "True")


def test_rows_are_numbered_as_a_spreadsheet_does() -> None:
    content = b'user_business_id,notes\nM-1,"two\nlines"\n\n,\nM-2,x\n'
    assert [row.number for row in rows(content)] == [2, 5]


def test_a_quotation_mark_that_is_not_closed_costs_what_it_encloses() -> None:
    file = read_file("x", b'user_business_id,notes\nM-1,ok\nM-2,"open\n')
    assert [[problem.message for problem in each.outcome.problems] for each in file.rows] == [[], ["csv.row"]]


def test_what_our_own_files_guard_is_read_as_it_was_meant() -> None:
    (row,) = rows(b"user_business_id,notes\n'-1,'=1+1\n")
    assert row.values is not None
    assert (row.values["user_business_id"], row.values["notes"]) == ("-1", "=1+1")


@pytest.mark.parametrize("kind", list(SheetKind))
def test_the_template_has_every_column_and_no_row(kind: SheetKind) -> None:
    made = io.BytesIO()
    write_template(kind, made)
    table = tables.read_table(made.getvalue())
    assert (tuple(table.heading), list(table.rows)) == (COLUMNS, [])
    assert refused(made.getvalue()) == "bulk.empty"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "bulk.empty"),
        (b"\n\n", "bulk.empty"),
        (b"user_business_id\n", "bulk.empty"),
        (b"name,country\nx,CA\n", "bulk.columns"),
        (b"user_business_id,Member number\nx,y\n", "bulk.column_twice"),
        (b"PK\x03\x04 and no more", "bulk.file"),
        (b"\xd0\xcf\x11\xe0 an old workbook", "bulk.file"),
        (b"\xff\xfeu", "bulk.file"),
        (b"user_business_id\n" + b"x\n" * (MOST_ROWS + 1), "bulk.rows"),
        (b"x" * (tables.MOST_BYTES + 1), "bulk.size"),
    ],
    ids=["nothing", "lines", "heading", "columns", "twice", "zip", "xls", "utf-16", "rows", "bytes"],
)
def test_what_cannot_be_loaded_is_refused(content: bytes, message: str) -> None:
    assert refused(content) == message


def test_as_many_rows_as_may_be_are_taken() -> None:
    assert len(rows(b"user_business_id\n" + b"x\n" * MOST_ROWS)) == MOST_ROWS


@pytest.mark.parametrize("inflated", [9 * 1024 * 1024, 70 * 1024 * 1024])
def test_a_workbook_that_is_a_bomb_is_refused_before_it_is_unpacked(inflated: int) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * inflated)
    assert refused(made.getvalue()) == "bulk.file"


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ('<!ENTITY a "x"><!ENTITY b "{0}"><!ENTITY c "{1}"><!ENTITY e "{2}">', "bulk.file"),
        ('<!ENTITY e SYSTEM "file:///etc/passwd">', "bulk.file"),
    ],
    ids=["multiplied", "of a file"],
)
def test_entities_of_a_workbook_are_not_resolved(declared: str, told: str) -> None:
    parts = ("&a;" * 1000, "&b;" * 1000, "&c;" * 1000)
    content, changed = xlsx(["user_business_id"], ["M-1"]), io.BytesIO()
    doctype = f"<!DOCTYPE worksheet [{declared.format(*parts)}]>".encode()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name.endswith("sheet1.xml"):
                part = doctype + part.replace(b"<v>0</v>", b"<v>&e;</v>").replace(b"<t>M-1</t>", b"<t>&e;</t>")
            if name.endswith("sharedStrings.xml"):
                part = doctype.replace(b"worksheet", b"sst") + part.replace(b"M-1", b"&e;")
            new.writestr(name, part)
    assert refused(changed.getvalue()) == told


def test_a_workbook_that_says_it_is_smaller_than_it_is_is_read_whole() -> None:
    content = xlsx(["user_business_id"], ["M-1"], ["M-2"])
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'ref="A1:A3"', b'ref="A1:A2"'))
    assert len(rows(changed.getvalue())) == 2


def test_values_of_a_program_keep_to_the_same_limits() -> None:
    assert [each.row.number for each in from_values([{"user_business_id": "x"}, {}]).rows] == [1, 2]
    with pytest.raises(ValidationFailed, match=r"bulk\.rows"):
        from_values([{}] * (MOST_ROWS + 1))
    with pytest.raises(ValidationFailed, match=r"bulk\.empty"):
        from_values([])
