"""What is stored for a browser, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from wizard.core.registration import Registration
from wizard.services.ports.registrations import PageAhead, PageAsked


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
        leaving: Mapping[str, Any] | None = None,
        before: Sequence[str] = (),
    ) -> bool:
        """Store under a new id; the old one has what is being left there, or ends with those `before` it."""
        ...

    def delete(self, sid: str, *, seen: int, before: Sequence[str] = ()) -> bool: ...


@dataclass(frozen=True, slots=True)
class AskedFor:
    """What a request will ask for, as far as its address says: a registration, the page of a list."""

    registration: str | None = None
    page: PageAsked | None = None
