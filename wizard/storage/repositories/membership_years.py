"""The membership year's last day, as it was set each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Select, insert, select
from sqlalchemy.orm import Session

from wizard.core.accounts import MembershipYear
from wizard.storage.tables import MembershipYearRow


class SqlMembershipYears:
    """`ports.MembershipYears`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def current(self) -> MembershipYear | None:
        row = self._session.scalar(_newest_first().limit(1))
        return None if row is None else _year(row)

    def set(self, year: MembershipYear) -> None:
        self._session.execute(insert(MembershipYearRow).values(asdict(year)))

    def history(self) -> Sequence[MembershipYear]:
        """Newest first."""
        return [_year(row) for row in self._session.scalars(_newest_first())]


def _newest_first() -> Select[MembershipYearRow]:
    return select(MembershipYearRow).order_by(MembershipYearRow.id.desc())


def _year(row: MembershipYearRow) -> MembershipYear:
    return MembershipYear(ends_on=row.ends_on, set_by=row.set_by, set_at=row.set_at)
