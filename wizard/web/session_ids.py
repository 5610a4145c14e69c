"""Session ids as they come in an address: one of ours, or nothing is looked up by it."""

from __future__ import annotations

import uuid

from wizard.core.errors import NotFound

_UUID_VERSION = 4


def is_session_id(text: str) -> bool:
    """Whether a text from an address is a UUID4, written as we write it."""
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        return False
    return parsed.version == _UUID_VERSION and str(parsed) == text


def require_session_id(text: str) -> str:
    """The text, if it is a session id; raises `NotFound` otherwise, before anything is looked up by it."""
    if not is_session_id(text):
        raise NotFound("session.unknown")
    return text
