"""What is stored for a browser, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from wizard.core.registration import Registration
from wizard.services.ports.cookies import Cookies
from wizard.services.ports.registrations import PageAhead, PageAsked


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What is stored for a browser, and what was read with it."""

    cookies: Cookies = field(default_factory=Cookies)
    unsent: dict[str, Any] = field(default_factory=dict)
    read_ahead: dict[str, Registration | None] = field(default_factory=dict)
    page_ahead: PageAhead | None = None


class SessionStore(Protocol):
    """Where sessions are kept; raises `ExternalServiceError`."""

    def read(
        self, cookie: str, *, takes_unsent: bool = False, registration: str | None = None, page: PageAsked | None = None
    ) -> StoredSession:
        """A cookie's session, with what was kept for just this request, and what it will ask for."""
        ...

    def keep_unsent(self, cookie: str, values: Mapping[str, Any]) -> None: ...

    def write(self, session_id: str, cookies: Cookies) -> bool:
        """Store what each cookie opens from now on; False where another revision stands than the one before."""
        ...
