"""What is stored for a browser, and where."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from wizard.core.registration import Registration
from wizard.services.ports.registrations import PageAhead, PageAsked

# In what a session has left under its old id: as which revision it was left, and until when keys hold that end, in
# microseconds. In the one that goes on: the ids under which something was left.
LEFT, ENDS, BEFORE = "_left", "_ends", "_before"


class Leaving(NamedTuple):
    """What stays under an old id, and which of its keys for a while only."""

    values: Mapping[str, Any]
    ending: frozenset[str]


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What is stored for a browser: revision 0 where there is nothing, below where a session ended a moment ago."""

    revision: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    unsent: dict[str, Any] = field(default_factory=dict)
    read_ahead: dict[str, Registration | None] = field(default_factory=dict)
    page_ahead: PageAhead | None = None


class SessionStore(Protocol):
    """Where sessions are kept; raises `ExternalServiceError`. A write is False where another revision stands."""

    def read(
        self, sid: str, *, takes_unsent: bool = False, registration: str | None = None, page: PageAsked | None = None
    ) -> StoredSession:
        """The session, with what was kept for just this request, and what it will ask for: a registration, a list."""
        ...

    def keep_unsent(self, sid: str, values: Mapping[str, Any]) -> None: ...

    def write(self, sid: str, values: Mapping[str, Any], *, seen: int) -> bool: ...

    def move(
        self,
        sid: str,
        values: Mapping[str, Any],
        *,
        seen: int,
        to: str,
        leaving: Leaving | None = None,
        ending: Collection[str] = (),
    ) -> bool:
        """Store under a new id; the old one ends, or has what is being left there, and others end."""
        ...

    def delete(self, sid: str, *, seen: int, ending: Collection[str] = ()) -> bool: ...


@dataclass(frozen=True, slots=True)
class AskedFor:
    """What a request will ask for, as far as its address says: a registration, the page of a list."""

    registration: str | None = None
    page: PageAsked | None = None
