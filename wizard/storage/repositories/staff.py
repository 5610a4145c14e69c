"""Members of the registration desk, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from wizard.core.accounts import StaffIdentity, StaffMember
from wizard.core.actors import Privilege
from wizard.core.errors import Conflict
from wizard.storage.tables import StaffIdentityRow, StaffRow


class SqlStaff:
    """`ports.Staff`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, staff_id: str) -> StaffMember | None:
        row = self._session.scalar(select(StaffRow).where(StaffRow.id == staff_id))
        return None if row is None else _member(row)

    def hold(self, staff_id: str) -> StaffMember | None:
        """Somebody as they are now; nobody else changes them before this transaction ends."""
        found = select(StaffRow).where(StaffRow.id == staff_id).with_for_update()
        row = self._session.scalar(found.execution_options(populate_existing=True))
        return None if row is None else _member(row)

    def by_username(self, username: str) -> StaffMember | None:
        """By username, without regard to case."""
        row = self._session.scalar(select(StaffRow).where(StaffRow.username_key == username.casefold()))
        return None if row is None else _member(row)

    def add(self, member: StaffMember) -> None:
        """Raises Conflict("staff.username_taken")."""
        try:
            with self._session.begin_nested():
                self._session.execute(insert(StaffRow).values(_columns(member)))
        except IntegrityError as error:
            if self.by_username(member.username) is None:
                raise
            raise Conflict("staff.username_taken", field="username") from error

    def update(self, member: StaffMember) -> None:
        self._session.execute(update(StaffRow).where(StaffRow.id == member.id).values(_columns(member)))

    def identity_of(self, staff_id: str) -> StaffIdentity | None:
        row = self._session.scalar(select(StaffIdentityRow).where(StaffIdentityRow.staff_id == staff_id))
        return None if row is None else StaffIdentity(row.staff_id, row.issuer, row.subject, row.email)

    def by_identity(self, issuer: str, subject: str) -> StaffMember | None:
        """Whom a provider knows under this subject, as they are now; held as by `hold`."""
        known = (StaffIdentityRow.issuer == issuer) & (StaffIdentityRow.subject == subject)
        staff_id = self._session.scalar(select(StaffIdentityRow.staff_id).where(known))
        return None if staff_id is None else self.hold(staff_id)

    def put_identity(self, identity: StaffIdentity) -> None:
        """Raises Conflict("staff.identity_taken")."""
        self.remove_identity(identity.staff_id)
        try:
            with self._session.begin_nested():
                self._session.execute(insert(StaffIdentityRow).values(asdict(identity)))
        except IntegrityError as error:
            if self.by_identity(identity.issuer, identity.subject) is None:
                raise
            raise Conflict("staff.identity_taken") from error

    def remove_identity(self, staff_id: str) -> None:
        self._session.execute(delete(StaffIdentityRow).where(StaffIdentityRow.staff_id == staff_id))

    def usernames_like(self, beginning: str) -> frozenset[str]:
        """The user names that begin so, as they are compared."""
        begins = StaffRow.username_key.startswith(beginning, autoescape=True)
        return frozenset(self._session.scalars(select(StaffRow.username_key).where(begins)))

    def all(self) -> Sequence[StaffMember]:
        """In the order of their usernames."""
        return [_member(row) for row in self._session.scalars(select(StaffRow).order_by(StaffRow.username_key))]


def _columns(member: StaffMember) -> dict[str, object]:
    return {**asdict(member), "username_key": member.username.casefold()}


def _member(row: StaffRow) -> StaffMember:
    return StaffMember(
        id=row.id,
        username=row.username,
        name=row.name,
        password_hash=row.password_hash,
        privilege=Privilege(row.privilege),
        active=row.active,
        epoch=row.epoch,
    )
