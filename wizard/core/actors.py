"""Who acts, and what their privilege allows (01-domain, Accounts, privileges and linking)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wizard.core.errors import PermissionDenied


class Privilege(StrEnum):
    """What somebody may do; it comes from who is signed in or from the token, never from a form."""

    OWNER = "owner"
    ADMIN = "admin"
    MAIN = "main"


class ActorKind(StrEnum):
    """The ways of acting."""

    APPLICANT = "applicant"
    STAFF = "staff"
    API = "api"
    SYSTEM = "system"


class Action(StrEnum):
    """What can be done to a record."""

    CREATE = "create"
    READ = "read"
    CHANGE = "change"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts.

    `account_id` is the account that an owner has proved is theirs, `session_id` the one registration that
    an applicant's browser acts on here and may open.
    """

    kind: ActorKind
    name: str
    privilege: Privilege | None = None
    account_id: str | None = None
    session_id: str | None = None

    @classmethod
    def applicant(cls, session_id: str | None = None, proved_account: str | None = None) -> Actor:
        """An applicant; an owner only of an account that they have proved."""
        privilege = Privilege.OWNER if proved_account else None
        return cls(ActorKind.APPLICANT, "applicant", privilege, proved_account, session_id)

    @classmethod
    def staff(cls, name: str, privilege: Privilege) -> Actor:
        """A member of staff, by the name they sign in with."""
        return cls(ActorKind.STAFF, f"staff:{name}", privilege)

    @classmethod
    def system(cls, job: str) -> Actor:
        """A scheduled job or a command."""
        return cls(ActorKind.SYSTEM, f"system:{job}")

    @property
    def is_desk(self) -> bool:
        """Whether they hold `admin` or `main`."""
        return self.privilege in _DESK

    def may_learn_of_conflicts(self, linked_account: str | None) -> bool:
        """Whether the CONFLICT rules may answer them: the desk, or the owner of the account that is linked."""
        return self.is_desk or (self.account_id is not None and self.account_id == linked_account)


_DESK = frozenset({Privilege.ADMIN, Privilege.MAIN})
_ANY = {
    Privilege.OWNER: frozenset[Action](),
    Privilege.ADMIN: frozenset({Action.READ, Action.CHANGE}),
    Privilege.MAIN: frozenset(Action),
}
_OWN = frozenset({Action.CREATE, Action.READ, Action.CHANGE})


def may(actor: Actor, action: Action, account_id: str | None) -> bool:
    """Whether an actor may act on the record of an account (01-domain, table of privileges)."""
    if actor.privilege is None:
        return False
    if action in _ANY[actor.privilege]:
        return True
    owns = actor.account_id is not None and actor.account_id == account_id
    return actor.privilege is Privilege.OWNER and owns and action in _OWN


def require(actor: Actor, action: Action, account_id: str | None) -> None:
    """Raise `PermissionDenied` unless the actor may."""
    if not may(actor, action, account_id):
        raise PermissionDenied(f"privilege.{action}", params={"action": action})


def require_desk(actor: Actor) -> None:
    """Raise `PermissionDenied` unless the actor holds `admin` or `main`."""
    if not actor.is_desk:
        raise PermissionDenied("privilege.desk")


def require_main(actor: Actor) -> None:
    """Raise `PermissionDenied` unless the actor holds `main`."""
    if actor.privilege is not Privilege.MAIN:
        raise PermissionDenied("privilege.main")
