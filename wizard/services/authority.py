"""Who may do the desk's own work: staff by privilege, and the system's commands and jobs."""

from __future__ import annotations

from wizard.core.actors import Actor, ActorKind, require_desk, require_main


def require_desk_or_system(actor: Actor) -> None:
    """Raise `PermissionDenied` unless the actor holds `admin` or `main`, or is the system."""
    if actor.kind is not ActorKind.SYSTEM:
        require_desk(actor)


def require_main_or_system(actor: Actor) -> None:
    """Raise `PermissionDenied` unless the actor holds `main`, or is the system."""
    if actor.kind is not ActorKind.SYSTEM:
        require_main(actor)
