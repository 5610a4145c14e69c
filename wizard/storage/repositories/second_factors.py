"""The authenticator apps of staff and their recovery codes, in the database; the key is sealed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from wizard.core.accounts import SecondFactor
from wizard.storage.crypto import Cipher, Undecipherable
from wizard.storage.tables import RecoveryCodeRow, SecondFactorRow


class SqlSecondFactors:
    """`ports.SecondFactors`."""

    def __init__(self, session: Session, cipher: Cipher) -> None:
        self._session = session
        self._cipher = cipher

    def of(self, staff_id: str) -> SecondFactor | None:
        row = self._session.scalar(select(SecondFactorRow).where(SecondFactorRow.staff_id == staff_id))
        if row is None:
            return None
        return SecondFactor(row.staff_id, self._opened(row), row.added_at, row.last_step)

    def put(self, factor: SecondFactor) -> None:
        """Add one, in the place of the one that was there."""
        self._session.execute(delete(SecondFactorRow).where(SecondFactorRow.staff_id == factor.staff_id))
        row = {"staff_id": factor.staff_id, "added_at": factor.added_at, "last_step": factor.last_step}
        self._session.execute(insert(SecondFactorRow).values(**row, sealed=self._sealed(factor)))

    def use(self, factor: SecondFactor, step: int) -> bool:
        """Take the code of a step; False where it or a newer one was taken already.

        Sealed anew each time, so that whoever signs in has their key under the newest secret.
        """
        unused = update(SecondFactorRow).where(
            SecondFactorRow.staff_id == factor.staff_id, SecondFactorRow.last_step < step
        )
        taken = unused.values(last_step=step, sealed=self._sealed(factor)).returning(SecondFactorRow.staff_id)
        return self._session.scalar(taken) is not None

    def remove(self, staff_id: str) -> bool:
        """Take it away with all recovery codes; False where there is none."""
        self.put_recovery(staff_id, ())
        gone = delete(SecondFactorRow).where(SecondFactorRow.staff_id == staff_id).returning(SecondFactorRow.staff_id)
        return self._session.scalar(gone) is not None

    def put_recovery(self, staff_id: str, digests: Sequence[str]) -> None:
        """Add recovery codes, in the place of those that were there."""
        self._session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.staff_id == staff_id))
        if digests:
            rows = [{"staff_id": staff_id, "digest": digest} for digest in digests]
            self._session.execute(insert(RecoveryCodeRow), rows)

    def use_recovery(self, staff_id: str, digest: str, *, at: datetime) -> bool:
        """Use up a recovery code; False where there is none, or it was used."""
        unused = update(RecoveryCodeRow).where(
            RecoveryCodeRow.staff_id == staff_id, RecoveryCodeRow.digest == digest, RecoveryCodeRow.used_at.is_(None)
        )
        return self._session.scalar(unused.values(used_at=at).returning(RecoveryCodeRow.digest)) is not None

    def recovery_left(self, staff_id: str) -> int:
        left = select(func.count()).where(RecoveryCodeRow.staff_id == staff_id, RecoveryCodeRow.used_at.is_(None))
        return self._session.scalar(left) or 0

    def _sealed(self, factor: SecondFactor) -> bytes:
        return self._cipher.encrypt((factor.key or "").encode(), context=_context(factor.staff_id))

    def _opened(self, row: SecondFactorRow) -> str | None:
        """None where the secret it was sealed with is gone: a recovery code helps, or the desk's `reset-totp`."""
        try:
            return self._cipher.decrypt(row.sealed, context=_context(row.staff_id)).decode()
        except Undecipherable:
            return None


def _context(staff_id: str) -> bytes:
    return f"second factor:{staff_id}".encode()
