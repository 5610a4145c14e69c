"""The desk's people, and the membership year they set."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy.exc import IntegrityError

from tests.conftest import NOW
from tests.support.racing import race
from tests.support.seed import Seeded
from wizard.core.accounts import MembershipYear, StaffIdentity
from wizard.core.actors import Privilege
from wizard.core.errors import Conflict
from wizard.storage.unit_of_work import SqlUnitsOfWork


def test_staff_come_back_as_written(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    with units.read() as uow:
        assert uow.staff.get(seeded.admin.id) == seeded.admin
        assert uow.staff.by_username("ANN") == seeded.admin
        assert uow.staff.all() == [seeded.admin, seeded.main]
        assert uow.staff.get("none") is None
        assert uow.staff.by_username("none") is None


def test_username_is_taken_whatever_its_case(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    with units.write() as uow:
        with pytest.raises(Conflict, match=r"staff\.username_taken"):
            uow.staff.add(replace(seeded.admin, id="another", username="Ann"))
        uow.staff.add(replace(seeded.admin, id="another", username="anna"))
        uow.commit()


def test_username_raced_for_is_given_to_one(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    def add(number: int) -> None:
        with units.write() as uow:
            uow.staff.add(replace(seeded.main, id=str(number), username="zed"))
            uow.commit()

    outcome = race(*(lambda number=number: add(number) for number in range(4)))
    assert [type(error) for error in outcome.errors] == [Conflict] * 3


def test_other_broken_constraint_is_no_conflict(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    with units.write() as uow, pytest.raises(IntegrityError):
        uow.staff.add(replace(seeded.main, id="x", username="x", privilege=Privilege.OWNER))


def test_update_changes_all(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    changed = replace(seeded.admin, name="Ann B.", active=False, epoch=3, privilege=Privilege.MAIN)
    with units.write() as uow:
        assert uow.staff.get(changed.id) == seeded.admin
        uow.staff.update(changed)
        assert uow.staff.get(changed.id) == changed
        uow.commit()
    with units.read() as uow:
        assert uow.staff.all() == [changed, seeded.main]


def test_membership_year_is_the_last_one_set(units: SqlUnitsOfWork) -> None:
    first = MembershipYear(ends_on=date(2027, 9, 30), set_by="staff:mia", set_at=NOW)
    closed = MembershipYear(ends_on=None, set_by="staff:mia", set_at=NOW)
    with units.write() as uow:
        assert uow.membership_years.current() is None
        uow.membership_years.set(first)
        uow.membership_years.set(closed)
        assert uow.membership_years.current() == closed
        assert uow.membership_years.history() == [closed, first]


def test_an_identity_is_one_persons(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    known = StaffIdentity(seeded.admin.id, "https://id.example", "1", "ann@x.example")
    with units.write() as uow:
        assert uow.staff.identity_of(seeded.admin.id) is None
        assert uow.staff.by_identity(known.issuer, known.subject) is None
        uow.staff.put_identity(known)
        assert uow.staff.identity_of(seeded.admin.id) == known
        assert uow.staff.by_identity(known.issuer, known.subject) == seeded.admin
        assert uow.staff.by_identity(known.issuer, "2") is None
        assert uow.staff.by_identity("https://other.example", "1") is None
        with pytest.raises(Conflict, match=r"staff\.identity_taken"):
            uow.staff.put_identity(replace(known, staff_id=seeded.main.id))
        with pytest.raises(IntegrityError):
            uow.staff.put_identity(replace(known, staff_id="nobody", subject="3"))
        changed = replace(known, email=None)
        uow.staff.put_identity(changed)
        assert uow.staff.identity_of(seeded.admin.id) == changed
        uow.staff.remove_identity(seeded.admin.id)
        assert uow.staff.by_identity(known.issuer, known.subject) is None
        uow.commit()


def test_user_names_are_found_by_their_beginning(units: SqlUnitsOfWork, seeded: Seeded) -> None:
    with units.write() as uow:
        for username in ("mia-2", "mi_a", "maja"):
            uow.staff.add(replace(seeded.main, id=username, username=username))
        assert uow.staff.usernames_like("mia") == {"mia", "mia-2"}
        assert uow.staff.usernames_like("mi_") == {"mi_a"}
        assert uow.staff.usernames_like("zed") == frozenset()
