"""Session ids as they come in an address: one of ours, or nothing is looked up by it."""

from __future__ import annotations

import re

from wizard.core.errors import NotFound

# A UUID4, written as we write it.
_OURS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def is_session_id(text: str) -> bool:
    """Whether a text from an address is a UUID4, written as we write it."""
    return _OURS.fullmatch(text) is not None


def require_session_id(text: str) -> str:
    """The text, if it is a session id; raises `NotFound` otherwise, before anything is looked up by it."""
    if not is_session_id(text):
        raise NotFound("session.unknown")
    return text
