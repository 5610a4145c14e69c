"""Lists of records: found by every number and name there is, filtered, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from tests.support.new_records import education, new_record
from wizard.core.accounts import AccountStatus
from wizard.core.choices import EducationCategory
from wizard.services.ports.record_lists import Sought
from wizard.storage.unit_of_work import SqlUnitsOfWork

PEOPLE: tuple[tuple[str, dict[str, str | None]], ...] = (
    ("Élodie Tremblay", {"university": "ottawa", "graduation_year": "2025", "coto_registration": "G1"}),
    ("Ben O'Neill", {"university": "other", "other_details": "Dalhousie University", "coto_registration": "G2"}),
    ("Cam 100%", {"university": "toronto", "coto_registration": "ABC"}),
    ("Tremblay-Roy Zoé", {"university": "other", "other_details": "Lund_Univ", "graduation_year": "1970-1979"}),
)


@pytest.fixture
def people(units: SqlUnitsOfWork) -> SqlUnitsOfWork:
    """Four records, numbers 1 to 4."""
    with units.write() as unit:
        for position, (name, answers) in enumerate(PEOPLE):
            account = unit.accounts.add(
                name=name, email=f"p{position}@example.org", status=AccountStatus.ACTIVE, language="en", number=None
            )
            category = EducationCategory.GRADUATED if position else EducationCategory.NEW_GRADUATED
            data = education(user_business_id=account.number, **answers)
            unit.records.add(new_record(account.id, data=data, category=category))
        unit.commit()
    return units


def found(units: SqlUnitsOfWork, sought: Sought, *, before: str | None = None, limit: int = 25) -> list[str]:
    with units.read() as unit:
        listed = unit.record_lists.found(sought, before=before, limit=limit)
        if before is None and len(listed) < limit:
            assert unit.record_lists.count(sought) == len(listed)
    return [each.name for each in listed]


@contextmanager
def statements(sessions: sessionmaker[Session]) -> Iterator[list[str]]:
    engine, seen = sessions.kw["bind"] if "bind" in sessions.kw else sessions().get_bind(), list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("osot-oted-0000001", ["Élodie Tremblay"]),
        ("OSOT-OTED-0000002", ["Ben O'Neill"]),
        ("osot-0000003", ["Cam 100%"]),
        ("4", ["Tremblay-Roy Zoé"]),
        ("g2", ["Ben O'Neill"]),
        ("abc", ["Cam 100%"]),
        ("elodie", ["Élodie Tremblay"]),
        ("TREMBLAY", ["Tremblay-Roy Zoé", "Élodie Tremblay"]),
        ("zoé tremblay", ["Tremblay-Roy Zoé"]),
        ("oneill", ["Ben O'Neill"]),
        ("dalhousie", ["Ben O'Neill"]),
        ("lund_univ", ["Tremblay-Roy Zoé"]),
        ("l_nd", []),
        ("%", []),
        ("…", []),
        ("osot-oted-000000", []),
        ("99999999999999999999", []),
        ("²", []),
    ],
)
def test_records_are_found_by_number_and_name(people: SqlUnitsOfWork, text: str, names: list[str]) -> None:
    assert found(people, Sought(text=text)) == names


@pytest.mark.parametrize(
    ("sought", "names"),
    [
        (Sought(), ["Tremblay-Roy Zoé", "Cam 100%", "Ben O'Neill", "Élodie Tremblay"]),
        (Sought(university="other"), ["Tremblay-Roy Zoé", "Ben O'Neill"]),
        (Sought(graduation_year="1970-1979"), ["Tremblay-Roy Zoé"]),
        (Sought(category="new_graduated"), ["Élodie Tremblay"]),
        (Sought(text="tremblay", university="ottawa"), ["Élodie Tremblay"]),
        (Sought(text="tremblay", university="western"), []),
    ],
)
def test_records_are_filtered(people: SqlUnitsOfWork, sought: Sought, names: list[str]) -> None:
    assert found(people, sought) == names


def test_pages_go_on_where_the_last_one_ended_even_if_that_record_is_gone(people: SqlUnitsOfWork) -> None:
    assert found(people, Sought(), limit=2) == ["Tremblay-Roy Zoé", "Cam 100%"]
    with people.write() as unit:
        third = unit.record_lists.found(Sought(text="osot-oted-0000003"), before=None, limit=1)[0].record
        unit.records.delete(third)
        unit.commit()
    assert found(people, Sought(), before="osot-oted-0000003", limit=2) == ["Ben O'Neill", "Élodie Tremblay"]
    assert found(people, Sought(), before="osot-oted-0000001") == []


def test_a_page_is_one_statement(people: SqlUnitsOfWork, sessions: sessionmaker[Session]) -> None:
    with statements(sessions) as seen, people.read() as unit:
        assert len(unit.record_lists.found(Sought(text="tremblay"), before=None, limit=25)) == 2
    assert len([each for each in seen if each.startswith("SELECT")]) == 1
