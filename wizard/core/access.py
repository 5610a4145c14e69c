"""Which records other systems read: `access_modifier` decides, beside the member and the desk (01-domain)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wizard.core.actors import Action, Actor, ActorKind, Privilege, require
from wizard.core.choices import AccessModifier
from wizard.core.errors import PermissionDenied
from wizard.core.records import Record

READ_BY: Mapping[Privilege, frozenset[str]] = {
    Privilege.OWNER: frozenset({AccessModifier.PUBLIC}),
    Privilege.ADMIN: frozenset({AccessModifier.PUBLIC, AccessModifier.PROTECTED}),
    Privilege.MAIN: frozenset(AccessModifier),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The records that a token reads: those with some access modifiers, and the one of its own account."""

    modifiers: frozenset[str]
    account_id: str | None = None

    def holds(self, record: Record) -> bool:
        """Whether a record is among them."""
        return record.account_id == self.account_id or record.data.access_modifier in self.modifiers


def scope_of(actor: Actor) -> Scope | None:
    """What another system reads; None for people, whose privilege alone decides."""
    if actor.kind is not ActorKind.API or actor.privilege is None:
        return None
    return Scope(READ_BY[actor.privilege], actor.account_id)


def require_record(actor: Actor, action: Action, record: Record | None) -> None:
    """Raise PermissionDenied unless the actor may act on a record, or learn that there is none."""
    scope = scope_of(actor)
    if scope is None or record is None:
        require(actor, action, record.account_id if record else None)
        return
    if not scope.holds(record):
        raise PermissionDenied("privilege.read")
    if action is not Action.READ:
        require(actor, action, record.account_id)
