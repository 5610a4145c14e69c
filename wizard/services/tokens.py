"""Tokens of other systems: made, listed, revoked, and called with."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from wizard.core.actors import Privilege
from wizard.core.clock import Clock
from wizard.core.errors import ExternalServiceError, NotFound, Unauthenticated, ValidationFailed
from wizard.core.events import Event, EventName
from wizard.core.tokens import ApiToken, token_name
from wizard.services.authority import require_main_or_system
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call
from wizard.services.ports.units import UnitOfWork, UnitsOfWork

# Whoever finds one somewhere sees what it is, and so do programs that look for secrets in code.
PREFIX = "otw_"
_TOKEN_BYTES = 32
# How exactly the last use is known: a call is not to write to the database just for that.
_USED_EVERY = timedelta(minutes=5)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token as it is asked for; one for an `owner` names the account that it is bound to by its member number."""

    name: str
    privilege: Privilege
    member_number: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens for `main` and the system's commands. Only a digest is kept: who reads the database cannot call."""

    clock: Clock
    units: UnitsOfWork
    events: EventBus

    def create(self, call: Call, new: NewToken) -> str:
        """A new token, shown this once.

        Raises PermissionDenied, ValidationFailed("token.name" | "token.expiry" | "token.account"),
        NotFound("account.unknown"), and Conflict("token.name_taken").
        """
        require_main_or_system(call.actor)
        secret = PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
        with self.units.write() as unit:
            token = self._made(unit, call, new, secret)
            event = self._event(EventName.TOKEN_CREATED, call, token, privilege=token.privilege.value)
            unit.tokens.add(token)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        return secret

    def all(self, call: Call) -> Sequence[ApiToken]:
        """All there ever were. Raises PermissionDenied."""
        require_main_or_system(call.actor)
        with self.units.read() as unit:
            return unit.tokens.all()

    def revoke(self, call: Call, name: str) -> None:
        """Let nobody call with a token any more; safe to repeat. Raises PermissionDenied, NotFound("token.unknown")."""
        require_main_or_system(call.actor)
        with self.units.write() as unit:
            token = unit.tokens.by_name(token_name(name))
            if token is None:
                raise NotFound("token.unknown")
            if token.revoked_at is not None:
                return
            event = self._event(EventName.TOKEN_REVOKED, call, token)
            unit.tokens.revoke(token, at=event.at)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)

    def authenticate(self, secret: str) -> ApiToken:
        """The token that somebody calls with. Raises Unauthenticated("token.required")."""
        if not secret.startswith(PREFIX):
            raise Unauthenticated("token.required")
        now = self.clock.now()
        with self.units.read() as unit:
            token = unit.tokens.by_digest(_digest(secret))
        if token is None or not token.opens(now):
            raise Unauthenticated("token.required")
        if token.last_used_at is None or now - token.last_used_at >= _USED_EVERY:
            self._note_use(token, now)
        return token

    def _note_use(self, token: ApiToken, now: datetime) -> None:
        """Whoever calls is served, whether this can be written or not."""
        try:
            with self.units.write() as unit:
                unit.tokens.used(token, at=now)
                unit.commit()
        except ExternalServiceError:
            _log.warning("token.use_not_noted", token=token.name)

    def _made(self, unit: UnitOfWork, call: Call, new: NewToken, secret: str) -> ApiToken:
        now, name = self.clock.now(), token_name(new.name)
        if not name:
            raise ValidationFailed("token.name", field="name")
        if new.expires_at is not None and new.expires_at <= now:
            raise ValidationFailed("token.expiry", field="expires_at")
        return ApiToken(
            id=str(uuid.uuid4()),
            name=name,
            digest=_digest(secret),
            privilege=new.privilege,
            account_id=_account_of(unit, new),
            created_by=call.actor.name,
            created_at=now,
            expires_at=new.expires_at,
        )

    def _event(self, name: EventName, call: Call, token: ApiToken, **details: str) -> Event:
        return make_event(
            name,
            call=call,
            at=self.clock.now(),
            # What it is refused is in the same chain: a name is given once.
            chain=token.actor.name,
            details={"token": token.name, **details},
        )


def _account_of(unit: UnitOfWork, new: NewToken) -> str | None:
    """The account of an owner's token, which has one, and no other has."""
    if (new.privilege is Privilege.OWNER) != bool(new.member_number):
        raise ValidationFailed("token.account", field="account")
    if not new.member_number:
        return None
    account = unit.accounts.by_number(new.member_number)
    if account is None:
        raise NotFound("account.unknown")
    return account.id


def _digest(secret: str) -> str:
    """Enough for 256 random bits, which nobody finds by trying."""
    return hashlib.sha256(secret.encode()).hexdigest()
