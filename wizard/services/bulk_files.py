"""Files of registrations: what their columns and cells mean, and the files that the desk is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import IO

from email_validator import EmailNotValidError, validate_email

from wizard.core.choices import AccessModifier, CotoStatus, DegreeType, University
from wizard.core.education import FIELDS, EducationData
from wizard.core.errors import ErrorCode, Problem, ValidationFailed
from wizard.core.spelling import folded
from wizard.services.ports.bulk import BulkRow, BulkRowState, RowOutcome, RowState
from wizard.services.sheets import WRITERS, Row, SheetKind
from wizard.services.tables import TableRow, read_table

MOST_ROWS = 10_000
MEMBER, EMAIL = "user_business_id", "email"
# In the order of the template: who it is, then the education.
COLUMNS = (FIELDS[0], EMAIL, *FIELDS[1:])
# What stands before them in the file of rejected rows; passed over when it is loaded again.
_ADDED = ("row", "column", "reason")
_LONGEST_NAME = 100
_CHOICES: Mapping[str, type[StrEnum]] = {
    "degree_type": DegreeType,
    "university": University,
    "coto_status": CotoStatus,
    "access_modifier": AccessModifier,
}
# What people call the columns beside their own names, in both languages.
_ALSO: Mapping[str, tuple[str, ...]] = {
    "user_business_id": ("Member number", "Member no.", "Numéro de membre", "No de membre"),
    EMAIL: ("E-mail", "E-mail address", "Courriel", "Adresse électronique", "Adresse courriel"),
    "degree_type": ("Degree", "Degree or credential", "Diplôme", "Diplôme ou titre"),
    "university": ("School", "Université", "École"),
    "other_details": ("Name of your school", "Name of the school", "Other school", "Nom de l’école", "Autre école"),
    "country": ("Pays",),
    "graduation_year": ("Year", "Year of graduation", "Année", "Année d’obtention du diplôme"),
    "coto_status": ("Standing with the College", "COTO standing", "Statut auprès de l’Ordre", "Statut OEO"),
    "coto_registration": ("COTO registration number", "COTO number", "Numéro d’inscription", "Numéro OEO"),
    "access_modifier": ("Who may read your record", "Access", "Accès"),
    "notes": ("Notes for the desk", "Note", "Remarques"),
}


def _key(heading: str) -> str:
    return folded(heading).replace(" ", "")


_BY_HEADING = {_key(called): name for name in COLUMNS for called in (name, *_ALSO[name])}
_PASSED_OVER = frozenset(_ADDED)


@dataclass(frozen=True, slots=True)
class BulkFile:
    """What a file holds: its rows, and the columns that nobody here knows."""

    name: str
    rows: tuple[BulkRowState, ...]
    unknown_columns: tuple[str, ...] = ()


def read_file(name: str, content: bytes) -> BulkFile:
    """The rows of a CSV or XLSX file.

    Raises ValidationFailed: "bulk.file" (no such file), "bulk.columns" (no member numbers), "bulk.column_twice",
    "bulk.empty", "bulk.rows", "bulk.size".
    """
    table = read_table(content)
    columns = [_BY_HEADING.get(_key(heading)) for heading in table.heading]
    known = [column for column in columns if column]
    twice = next((column for column in known if known.count(column) > 1), None)
    if twice is not None:
        raise ValidationFailed("bulk.column_twice", field="file", params={"column": twice})
    if MEMBER not in known:
        raise ValidationFailed("bulk.columns", field="file", params={"column": MEMBER})
    rows = _limited(_read(row, columns) for row in table.rows)
    unknown = [
        heading
        for heading, column in zip(table.heading, columns, strict=True)
        if column is None and heading and _key(heading) not in _PASSED_OVER
    ]
    return BulkFile(name[-_LONGEST_NAME:], rows, tuple(each[:_LONGEST_NAME] for each in unknown))


def from_values(given: Iterable[Mapping[str, str | None]]) -> BulkFile:
    """Rows as a program gives them, by the names of the columns, the first being row 1."""
    return BulkFile("", _limited(_waiting(number, values) for number, values in enumerate(given, start=1)))


def write_template(kind: SheetKind, to: IO[bytes]) -> None:
    """A file with nothing but the names of the columns."""
    WRITERS[kind](COLUMNS, (), to)


def write_rows(
    rows: Iterable[BulkRowState], kind: SheetKind, to: IO[bytes], *, worded: Callable[[Problem], str]
) -> None:
    """A file of rows with their number, where they are wrong, and why: to be mended and loaded again."""

    def cells(each: BulkRowState) -> Row:
        problems = each.outcome.problems
        columns = dict.fromkeys(problem.field for problem in problems if problem.field)
        values = {**(each.row.values or {}), EMAIL: each.row.email}
        reasons = " ".join(worded(problem) for problem in problems)
        return [each.row.number, ", ".join(columns), reasons, *(values.get(column) for column in COLUMNS)]

    WRITERS[kind]((*_ADDED, *COLUMNS), map(cells, rows), to)


def _limited(rows: Iterable[BulkRowState]) -> tuple[BulkRowState, ...]:
    """All rows. Raises ValidationFailed where there are none, or too many, which are not read to the end then."""
    taken: list[BulkRowState] = []
    for row in rows:
        if len(taken) == MOST_ROWS:
            raise ValidationFailed("bulk.rows", field="file", params={"most": str(MOST_ROWS)})
        taken.append(row)
    if not taken:
        raise ValidationFailed("bulk.empty", field="file")
    return tuple(taken)


def _read(row: TableRow, columns: Sequence[str | None]) -> BulkRowState:
    if row.cells is None:
        return _rejected(BulkRow(row.number, None), Problem(ErrorCode.VALIDATION_ERROR, "csv.row"))
    values = {column: cell for column, cell in zip(columns, row.cells, strict=False) if column}
    return _waiting(row.number, values)


def _waiting(number: int, given: Mapping[str, str | None]) -> BulkRowState:
    values = {name: _meant(name, value or "") for name, value in given.items()}
    email = values.pop(EMAIL, "").strip() or None
    row = BulkRow(number, EducationData().with_changes(values).as_dict(), email)
    if email is not None and not _is_address(email):
        return _rejected(row, Problem(ErrorCode.VALIDATION_ERROR, "email.format", EMAIL))
    return BulkRowState(row, RowOutcome(RowState.WAITING))


def _rejected(row: BulkRow, problem: Problem) -> BulkRowState:
    return BulkRowState(row, RowOutcome(RowState.REJECTED, (problem,)))


def _meant(column: str, cell: str) -> str:
    """A choice's slug where a cell says it in other letters, such as “Provisional temporary”; else the cell itself."""
    if column == "country":
        return cell.strip().upper()
    if column == "graduation_year":
        return cell.strip().lower().replace("–", "-")
    slug = folded(cell).replace(" ", "_")
    return slug if column in _CHOICES and slug in set(_CHOICES[column]) else cell


def _is_address(email: str) -> bool:
    try:
        validate_email(email, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True
