"""Recovery codes: how they are written, read back from what was typed, and known again by a digest."""

from __future__ import annotations

import hashlib
import re

# Without the letters that are taken for others (Crockford's base 32): five bits each, eighty in a code.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 16
CODES = 10
_GROUP = 4
_CODE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
_BETWEEN = re.compile(r"[\s-]+")
_TAKEN_FOR = str.maketrans({"o": "0", "i": "1", "l": "1"})


def written(code: str) -> str:
    """A code in groups, as it is shown."""
    return "-".join(code[at : at + _GROUP] for at in range(0, LENGTH, _GROUP))


def as_typed(text: str) -> str | None:
    """The code that was typed, however it was written down; None where it is none."""
    code = _BETWEEN.sub("", text).casefold().translate(_TAKEN_FOR)
    return code if _CODE.fullmatch(code) else None


def digest(staff_id: str, code: str) -> str:
    """What is kept of a code. Eighty random bits are not found by trying, so no key is needed that could be lost."""
    return hashlib.sha256(f"recovery code:{staff_id}:{code}".encode()).hexdigest()
