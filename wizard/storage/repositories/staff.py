"""Members of the registration desk, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from wizard.core.accounts import StaffMember
from wizard.core.actors import Privilege
from wizard.core.errors import Conflict
from wizard.storage.tables import StaffRow


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
