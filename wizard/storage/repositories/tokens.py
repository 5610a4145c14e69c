"""Tokens of other systems, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from wizard.core.actors import Privilege
from wizard.core.errors import Conflict
from wizard.core.tokens import ApiToken
from wizard.storage.tables import ApiTokenRow


class SqlApiTokens:
    """`ports.ApiTokens`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, token: ApiToken) -> None:
        """Raises Conflict("token.name_taken")."""
        try:
            with self._session.begin_nested():
                self._session.execute(insert(ApiTokenRow).values(asdict(token)))
        except IntegrityError as error:
            if self.by_name(token.name) is None:
                raise
            raise Conflict("token.name_taken", field="name") from error

    def by_digest(self, digest: str) -> ApiToken | None:
        return self._one(ApiTokenRow.digest == digest)

    def by_name(self, name: str) -> ApiToken | None:
        return self._one(ApiTokenRow.name == name)

    def _one(self, condition: ColumnElement[bool]) -> ApiToken | None:
        row = self._session.scalar(select(ApiTokenRow).where(condition))
        return None if row is None else _token(row)

    def all(self) -> Sequence[ApiToken]:
        """In the order of their names."""
        return [_token(row) for row in self._session.scalars(select(ApiTokenRow).order_by(ApiTokenRow.name))]

    def used(self, token: ApiToken, *, at: datetime) -> None:
        self._session.execute(update(ApiTokenRow).where(ApiTokenRow.id == token.id).values(last_used_at=at))

    def revoke(self, token: ApiToken, *, at: datetime) -> None:
        """What was revoked before stays revoked from then."""
        mine = update(ApiTokenRow).where(ApiTokenRow.id == token.id, ApiTokenRow.revoked_at.is_(None))
        self._session.execute(mine.values(revoked_at=at))


def _token(row: ApiTokenRow) -> ApiToken:
    return ApiToken(
        id=row.id,
        name=row.name,
        digest=row.digest,
        privilege=Privilege(row.privilege),
        created_by=row.created_by,
        created_at=row.created_at,
        account_id=row.account_id,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
