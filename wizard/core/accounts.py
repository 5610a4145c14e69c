"""Member accounts, staff, codes and links to continue, as the services pass them about."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import chain, count

from wizard.core.actors import Privilege

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}")
# There has to be room for a number behind it.
_LONGEST_BASE = 40


class AccountStatus(StrEnum):
    """Whether an account may be used; `pending` waits for the desk."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    PENDING = "pending"


ACCESSIBLE = frozenset({AccountStatus.ACTIVE, AccountStatus.PENDING})


@dataclass(frozen=True, slots=True)
class Account:
    """A member's account with the association. `number` is the member number, as issued."""

    id: str
    number: str
    name: str
    email: str
    status: AccountStatus
    language: str = "en"

    @property
    def is_erased(self) -> bool:
        """Whether its person was erased: only id and number are left, so that the number is never given out again."""
        return not self.name and not self.email


@dataclass(frozen=True, slots=True)
class WaitingAccount:
    """An account that waits for the desk, and since when."""

    account: Account
    since: datetime


def email_key(address: str) -> str:
    """An e-mail address as it is compared.

    Letters that merely fold alike (ß and ss) stay apart: their domains are different people's.
    """
    return unicodedata.normalize("NFC", address.strip()).lower()


def username_of(typed: str) -> str:
    """A user name of the desk as it is stored; nobody's where it could not be one."""
    name = typed.strip().casefold()
    return name if _USERNAME.fullmatch(name) else ""


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Somebody of the registration desk. `epoch` counts up to sign them out everywhere.

    Without a `password_hash` they sign in with an identity provider only.
    """

    id: str
    username: str
    name: str
    password_hash: str | None
    privilege: Privilege
    active: bool = True
    epoch: int = 0


def username_like(suggested: str) -> str:
    """A user name made of a suggestion, such as an e-mail address or a name with accents."""
    local = unicodedata.normalize("NFKD", suggested.partition("@")[0].casefold())
    return re.sub(r"[^a-z0-9._-]+", "", local).lstrip("._-")[:_LONGEST_BASE] or "staff"


def free_username(wanted: str, taken: Container[str]) -> str:
    """The user name that is wanted, numbered where somebody has it."""
    numbered = (f"{wanted}-{number}" for number in count(2))
    return next(name for name in chain((wanted,), numbered) if name not in taken)


@dataclass(frozen=True, slots=True)
class StaffIdentity:
    """Whom an identity provider knows somebody of the desk as; `issuer` and `subject` together never change."""

    staff_id: str
    issuer: str
    subject: str
    email: str | None


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """The authenticator app of somebody of the desk.

    `key` is what they share, None where it can no longer be read; `last_step` is the newest whose code was taken.
    """

    staff_id: str
    key: str | None = field(repr=False)
    added_at: datetime
    last_step: int


@dataclass(frozen=True, slots=True)
class ProofCode:
    """A six-digit code on its way to an account's address; `account_id` is None where there is no such account."""

    id: str
    session_id: str
    account_id: str | None
    digest: str
    expires_at: datetime
    tries_left: int


class LinkKind(StrEnum):
    """Who a link to continue is for."""

    APPLICANT = "applicant"
    STAFF = "staff"


class LinkState(StrEnum):
    """What became of a link."""

    ISSUED = "issued"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class ResumeLink:
    """A link to continue a registration; of the token only a digest is kept."""

    id: str
    session_id: str
    digest: str
    kind: LinkKind
    created_at: datetime
    expires_at: datetime
    created_by: str
    times_used: int = 0
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> LinkState:
        """What became of it by an instant; revoked counts before expired, expired before used."""
        if self.revoked_at is not None:
            return LinkState.REVOKED
        if now >= self.expires_at:
            return LinkState.EXPIRED
        return LinkState.USED if self.times_used else LinkState.ISSUED

    def opens(self, now: datetime) -> bool:
        """Whether it still opens its registration."""
        return self.state(now) in {LinkState.ISSUED, LinkState.USED}


@dataclass(frozen=True, slots=True)
class MembershipYear:
    """The last day of a membership year as staff set it; None closes the year without a next one."""

    ends_on: date | None
    set_by: str
    set_at: datetime
