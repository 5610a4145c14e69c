"""How a record's verification lies in its row.

The constraint of the first tables knows no `asked`: such a record is stored as waiting, which it is, with a mark behind
its reasons.
"""

from __future__ import annotations

from typing import Any

from wizard.core.records import Verification, VerificationState
from wizard.storage.tables import RecordRow

_ASKED_MARK = "asked"


def columns_of(verification: Verification) -> dict[str, Any]:
    """The columns for a verification."""
    if verification.state is VerificationState.ASKED:
        reasons = [*verification.reasons, _ASKED_MARK]
        return {"verification_state": VerificationState.WAITING, "verification_reasons": reasons}
    return {"verification_state": verification.state, "verification_reasons": list(verification.reasons)}


def verification_of(row: RecordRow) -> Verification:
    """The verification of a row."""
    reasons = tuple(row.verification_reasons)
    if reasons[-1:] == (_ASKED_MARK,):
        return Verification(VerificationState.ASKED, reasons[:-1])
    return Verification(VerificationState(row.verification_state), reasons)
