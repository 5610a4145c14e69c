"""Tokens of other systems."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from wizard.core.tokens import ApiToken


class ApiTokens(Protocol):
    """Tokens, known by their digests; a name is given once."""

    def add(self, token: ApiToken) -> None:
        """Raises `Conflict("token.name_taken")`."""
        ...

    def by_digest(self, digest: str) -> ApiToken | None: ...

    def by_name(self, name: str) -> ApiToken | None: ...

    def all(self) -> Sequence[ApiToken]:
        """In the order of their names."""
        ...

    def used(self, token: ApiToken, *, at: datetime) -> None: ...

    def revoke(self, token: ApiToken, *, at: datetime) -> None:
        """What was revoked before stays revoked from then."""
        ...
