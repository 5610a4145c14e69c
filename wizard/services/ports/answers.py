"""Answers to other systems, kept so that a call that is sent again is not done again (04-api, `Idempotency-Key`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do what was asked under a key, for a while: nobody else does it meanwhile."""

    key: str
    marker: bytes


class KeptAnswers(Protocol):
    """Answers by the key of their call. Every method raises ExternalServiceError("redis")."""

    def claim(self, key: str, asked: str) -> Claim | KeptAnswer:
        """The right to do what is asked, or what was answered to it, in one round trip; `asked` says what that is.

        Raises ValidationFailed("idempotency.reused") where something else was asked under the key, and
        Conflict("idempotency.in_flight") where it is being done at this moment.
        """
        ...

    def keep(self, claim: Claim, asked: str, answer: KeptAnswer) -> None:
        """Keep the answer to what was claimed."""
        ...

    def release(self, claim: Claim) -> None:
        """Give the right back: it was not done, and may be asked for again."""
        ...
