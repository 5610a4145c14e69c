"""What the desk writes about what it does: reasons and notes."""

from __future__ import annotations

import re

from wizard.core.errors import ValidationFailed

LONGEST_REASON, LONGEST_NOTE = 500, 1000
# Nobody sees these, and PostgreSQL takes no NUL. Tabs and the ends of lines are seen.
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def reason(text: str, *, missing: str = "reason.required") -> str:
    """A reason as it is kept. Raises ValidationFailed(`missing` | "reason.format")."""
    kept = _kept(text, field="reason", most=LONGEST_REASON)
    if not kept:
        raise ValidationFailed(missing, field="reason")
    return kept


def note(text: str) -> str:
    """A note as it is kept; it may be empty. Raises ValidationFailed("note.format")."""
    return _kept(text, field="note", most=LONGEST_NOTE)


def _kept(text: str, *, field: str, most: int) -> str:
    kept = _UNSEEN.sub("", text).strip()
    if len(kept) > most:
        raise ValidationFailed(f"{field}.format", field=field, params={"most": str(most)})
    return kept
