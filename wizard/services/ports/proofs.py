"""Codes that prove an account, links to continue, and the digests that both are kept as."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from wizard.core.accounts import ProofCode, ResumeLink


class Codes(Protocol):
    """Codes that prove an account."""

    def replace(self, code: ProofCode) -> None:
        """A new code for its registration; the one before is void."""
        ...

    def of_session(self, session_id: str) -> ProofCode | None: ...

    def spend_try(self, code: ProofCode) -> bool:
        """Use up one of the tries, atomically; False where none is left or another code came."""
        ...

    def remove(self, session_id: str) -> None: ...


class Links(Protocol):
    """Links to continue."""

    def add(self, link: ResumeLink, *, keep: int) -> Sequence[ResumeLink]:
        """Add a link; only the newest `keep` of its registration stay live. Answers the older ones, now revoked."""
        ...

    def by_digest(self, digest: str) -> ResumeLink | None: ...

    def hold(self, link_id: str) -> ResumeLink | None:
        """A link as it is now; nobody else changes it before this transaction ends."""
        ...

    def of_session(self, session_id: str) -> Sequence[ResumeLink]:
        """All links of a registration, newest first."""
        ...

    def used(self, link: ResumeLink, *, at: datetime) -> None: ...

    def revoke(self, link: ResumeLink, *, at: datetime) -> None: ...


class Digests(Protocol):
    """Keyed digests of short secrets, under keys that are rotated."""

    def digest(self, purpose: str, value: str) -> str:
        """The digest under the newest key."""
        ...

    def digests(self, purpose: str, value: str) -> tuple[str, ...]:
        """The digests under every key, newest first: a stored one may be of an older key."""
        ...
