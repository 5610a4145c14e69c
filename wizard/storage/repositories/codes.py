"""Codes that prove an account, one for a registration at most."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from wizard.core.accounts import ProofCode
from wizard.storage.tables import CodeRow
from wizard.storage.upsert import insert_or


class SqlCodes:
    """`ports.Codes`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def replace(self, code: ProofCode) -> None:
        """A new code for its registration; the one before is void."""
        values = asdict(code)
        added = insert_or(self._session, CodeRow).values(values)
        self._session.execute(added.on_conflict_do_update(index_elements=["session_id"], set_=values))

    def of_session(self, session_id: str) -> ProofCode | None:
        row = self._session.scalar(select(CodeRow).where(CodeRow.session_id == session_id))
        if row is None:
            return None
        return ProofCode(
            id=row.id,
            session_id=row.session_id,
            account_id=row.account_id,
            digest=row.digest,
            expires_at=row.expires_at,
            tries_left=row.tries_left,
        )

    def spend_try(self, code: ProofCode) -> bool:
        """Use up one of the tries, atomically; False where none is left or another code came."""
        spent = (
            update(CodeRow)
            .where(CodeRow.session_id == code.session_id, CodeRow.id == code.id, CodeRow.tries_left > 0)
            .values(tries_left=CodeRow.tries_left - 1)
            .returning(CodeRow.id)
        )
        return self._session.scalar(spent) is not None

    def remove(self, session_id: str) -> None:
        self._session.execute(delete(CodeRow).where(CodeRow.session_id == session_id))
