"""Tokens that other systems call with: what each may do, and for how long (04-api)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from wizard.core.actors import Actor, ActorKind, Privilege

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}")


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What a system of the association calls with, known by a digest; an `owner`'s is bound to one account."""

    id: str
    name: str
    digest: str
    privilege: Privilege
    created_by: str
    created_at: datetime
    account_id: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def opens(self, now: datetime) -> bool:
        """Whether it may be called with at an instant."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def actor(self) -> Actor:
        """Who calls with it."""
        return Actor(ActorKind.API, f"token:{self.name}", self.privilege, self.account_id)


def token_name(typed: str) -> str:
    """The name of a token as it is stored; nobody's where it could not be one."""
    name = typed.strip().casefold()
    return name if _NAME.fullmatch(name) else ""
