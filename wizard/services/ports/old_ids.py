"""What a browser's session leaves under its old id, where an applicant is given another one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

# In what was left: as which revision, and until when it has what is of a registration, in microseconds.
LEFT = "_left"
# In the session that goes on: the ids under which something was left.
BEFORE = "_before"
# How the keys begin of what is somebody's own; the id of the registration follows.
OF_A_REGISTRATION = ("registration", "proof", "helping", "aside", "asked", "newcomer", "link_sent_to")
_OF_STAFF = "staff"
# Whoever moves on more often in the minutes that something is left for leaves the first to end by themselves.
_MOST = 8


def is_of_a_registration(key: str) -> bool:
    """Whether what stands under a key is about one registration."""
    return key.partition(":")[0] in OF_A_REGISTRATION


def keys_of(session_id: str) -> list[str]:
    """The keys of all that is about a registration."""
    return [f"{kind}:{session_id}" for kind in OF_A_REGISTRATION]


def leave(values: Mapping[str, Any], under: str, *, going_on: dict[str, Any]) -> dict[str, Any]:
    """What is left of values under an id, which those that go on note; a sign-in of staff never is."""
    going_on[BEFORE] = [*values.get(BEFORE, ()), under][-_MOST:]
    return {key: value for key, value in values.items() if not key.startswith(_OF_STAFF)}


def is_left_since(stored: Mapping[str, Any], as_read: Mapping[str, Any]) -> bool:
    """Whether another request has gone on under another id: what it has left is nothing to go on with."""
    return stored.get(LEFT) != as_read.get(LEFT)


def not_taken(values: Mapping[str, Any], taking: Collection[str]) -> list[str]:
    """The keys that do not come along from values that were left: of registrations, only those of `taking` do."""
    if LEFT not in values:
        return []
    return [LEFT, *(key for key in values if is_of_a_registration(key) and key not in taking)]
