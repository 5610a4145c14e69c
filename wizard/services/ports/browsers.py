"""What is stored for a browser."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wizard.core.registration import Registration
from wizard.services.ports.registrations import PageAhead


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What is stored for a browser: revision 0 where there is nothing, below where a session ended a moment ago."""

    revision: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    unsent: dict[str, Any] = field(default_factory=dict)
    read_ahead: dict[str, Registration | None] = field(default_factory=dict)
    page_ahead: PageAhead | None = None
