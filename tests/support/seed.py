"""What tests find in a database: a few accounts, staff and a membership year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from argon2 import PasswordHasher

from wizard.core.accounts import Account, AccountStatus, MembershipYear, StaffMember
from wizard.core.actors import Privilege
from wizard.services.ports.units import UnitsOfWork

PASSWORD = "correct horse battery staple"
MEMBERSHIP_ENDS = date(2027, 9, 30)
SEEDED_AT = datetime(2026, 10, 1, 12, tzinfo=UTC)
PEOPLE = (
    ("Ada Applicant", "ada@example.org", AccountStatus.ACTIVE),
    ("Ben Beginner", "ben@example.org", AccountStatus.ACTIVE),
    ("Cam Pending", "cam@example.org", AccountStatus.PENDING),
    ("Dee Inactive", "dee@example.org", AccountStatus.INACTIVE),
    ("Eli Extra", "eli@example.org", AccountStatus.ACTIVE),
)
_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(frozen=True, slots=True)
class Seeded:
    """`accounts` are osot-0000001 and up: active, active, pending, inactive, active."""

    accounts: tuple[Account, ...]
    admin: StaffMember
    main: StaffMember
    password: str = PASSWORD


def seed_all(units: UnitsOfWork) -> Seeded:
    """Fill an empty migrated database, in one transaction."""
    with units.write() as uow:
        accounts = tuple(
            uow.accounts.add(name=name, email=email, status=status, language="en", number=None)
            for name, email, status in PEOPLE
        )
        admin = _member(1, "ann", "Ann Admin", Privilege.ADMIN)
        main = _member(2, "mia", "Mia Main", Privilege.MAIN)
        uow.staff.add(admin)
        uow.staff.add(main)
        uow.membership_years.set(MembershipYear(ends_on=MEMBERSHIP_ENDS, set_by="system:tests", set_at=SEEDED_AT))
        uow.commit()
    return Seeded(accounts, admin, main)


def _member(position: int, username: str, name: str, privilege: Privilege) -> StaffMember:
    return StaffMember(
        id=f"00000000-0000-4000-8000-{position:012}",
        username=username,
        name=name,
        password_hash=_QUICK.hash(PASSWORD),
        privilege=privilege,
    )
