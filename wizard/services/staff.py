"""The registration desk: signing in, the list of registrations, and who belongs to it."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from wizard.core.accounts import StaffMember
from wizard.core.actors import Privilege, require_desk
from wizard.core.clock import Clock
from wizard.core.errors import NotFound, Unauthenticated, ValidationFailed
from wizard.core.events import Event, EventName
from wizard.core.registration import Status
from wizard.services.authority import require_desk_or_system, require_main_or_system
from wizard.services.events import EventBus, make_event
from wizard.services.opening import open_registration
from wizard.services.ports.calls import Call
from wizard.services.ports.registrations import RegistrationPage, RegistrationStore
from wizard.services.ports.units import UnitsOfWork

PASSWORD_LENGTH = 12
LONGEST_PASSWORD = 1000
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}")
_DESK_PRIVILEGES = frozenset({Privilege.ADMIN, Privilege.MAIN})


@dataclass(slots=True)
class Desk:
    """Staff and what they see."""

    clock: Clock
    units: UnitsOfWork
    registrations: RegistrationStore
    events: EventBus
    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    _nobodys_hash: str = field(default="", init=False, repr=False)

    def sign_in(self, call: Call, username: str, password: str) -> StaffMember:
        """The member of staff with these credentials.

        Raises Unauthenticated("sign_in.wrong") whatever is wrong, after the same work whoever it is.
        """
        nobodys_hash, password = self._hash_of_nobody(), password[:LONGEST_PASSWORD]
        with self.units.read() as unit:
            member = unit.staff.by_username(_username(username))
        # Hashing takes long on purpose: no transaction is open meanwhile.
        right = self._verifies(member.password_hash if member else nobodys_hash, password)
        if member is None or not right or not member.active:
            self._record(self._signed(EventName.STAFF_SIGN_IN_FAILED, call, member))
            raise Unauthenticated("sign_in.wrong")
        current = self._rehashed(member, password)
        self._record(self._signed(EventName.STAFF_SIGNED_IN, call, member), changed=current)
        return current or member

    def member(self, staff_id: str, epoch: int) -> StaffMember | None:
        """Whoever signed in under an epoch, unless disabled or signed out everywhere since."""
        with self.units.read() as unit:
            member = unit.staff.get(staff_id)
        return member if member is not None and member.active and member.epoch == epoch else None

    def sessions(
        self,
        call: Call,
        *,
        status: Status | None = None,
        member_number: str | None = None,
        cursor: str | None = None,
    ) -> RegistrationPage:
        """Living registrations, newest change first; those of a member number come on one page.

        Raises PermissionDenied.
        """
        require_desk_or_system(call.actor)
        if member_number:
            found = self.registrations.of_member(member_number.strip())
            matching = [each for each in found if status in {None, each.status}]
            page = RegistrationPage(tuple(matching), None)
        else:
            page = self.registrations.page(status=status, cursor=cursor)
        now = self.clock.now()
        return replace(page, registrations=tuple(each for each in page.registrations if not each.is_expired(now)))

    def open(self, call: Call, session_id: str) -> None:
        """Note in the audit trail that somebody of the desk goes on with an applicant's registration.

        Raises PermissionDenied, NotFound, and SessionExpired.
        """
        require_desk(call.actor)
        now = self.clock.now()
        open_registration(self.registrations, call, session_id, now=now)
        self._record(make_event(EventName.SESSION_RESUMED, call=call, at=now, chain=session_id, session_id=session_id))

    def counts(self, call: Call) -> Mapping[Status, int]:
        """How many registrations stand at each status. Raises PermissionDenied."""
        require_desk_or_system(call.actor)
        return self.registrations.counts()

    def add(self, call: Call, *, username: str, name: str, password: str, privilege: Privilege) -> StaffMember:
        """A new member of staff. Raises PermissionDenied, ValidationFailed, and Conflict for a taken username."""
        require_main_or_system(call.actor)
        _require_valid(username=username, name=name, password=password, privilege=privilege)
        member = StaffMember(
            id=str(uuid.uuid4()),
            username=_username(username),
            name=name.strip(),
            password_hash=self.hasher.hash(_bytes(password)),
            privilege=privilege,
        )
        event = self._of_staff(EventName.STAFF_ADDED, call, member.id, privilege=privilege.value)
        with self.units.write() as unit:
            unit.staff.add(member)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        return member

    def members(self, call: Call) -> Sequence[StaffMember]:
        """Everybody of the desk, former members too. Raises PermissionDenied."""
        require_main_or_system(call.actor)
        with self.units.read() as unit:
            return unit.staff.all()

    def disable(self, call: Call, username: str) -> StaffMember:
        """Let somebody sign in no more, and sign them out everywhere at once.

        Raises PermissionDenied and NotFound("staff.unknown").
        """
        require_main_or_system(call.actor)
        with self.units.write() as unit:
            member = unit.staff.by_username(_username(username))
            if member is None:
                raise NotFound("staff.unknown")
            disabled = replace(member, active=False, epoch=member.epoch + 1)
            event = self._of_staff(EventName.STAFF_DISABLED, call, member.id)
            unit.staff.update(disabled)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        return disabled

    def _hash_of_nobody(self) -> str:
        """What an unknown user's password is compared with, made with the parameters that all hashes have."""
        if not self._nobodys_hash:
            self._nobodys_hash = self.hasher.hash(secrets.token_bytes(16))
        return self._nobodys_hash

    def _verifies(self, password_hash: str, password: str) -> bool:
        try:
            return self.hasher.verify(password_hash, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    def _rehashed(self, member: StaffMember, password: str) -> StaffMember | None:
        """The member under today's parameters of the hash; None where the hash has them already."""
        if not self.hasher.check_needs_rehash(member.password_hash):
            return None
        return replace(member, password_hash=self.hasher.hash(_bytes(password)))

    def _signed(self, name: EventName, call: Call, member: StaffMember | None) -> Event:
        # What was typed stays out: people type passwords into the wrong field.
        staff_id = member.id if member else "unknown"
        event = self._of_staff(name, call, staff_id)
        if member is None or name is not EventName.STAFF_SIGNED_IN:
            return event
        return replace(event, actor=f"staff:{member.username}", privilege=member.privilege)

    def _of_staff(self, name: EventName, call: Call, staff_id: str, **details: str) -> Event:
        told = {"staff": staff_id, **details}
        return make_event(name, call=call, at=self.clock.now(), chain=f"staff:{staff_id}", details=told)

    def _record(self, event: Event, *, changed: StaffMember | None = None) -> None:
        with self.units.write() as unit:
            if changed is not None:
                unit.staff.update(changed)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)


def _username(typed: str) -> str:
    """As usernames are stored; nobody's where it could not be one."""
    name = typed.strip().casefold()
    return name if _USERNAME.fullmatch(name) else ""


def _bytes(password: str) -> bytes:
    # Half a surrogate pair is no text, but no reason to fail with an error either.
    return password.encode("utf-8", "surrogatepass")


def _require_valid(*, username: str, name: str, password: str, privilege: Privilege) -> None:
    if not _username(username):
        raise ValidationFailed("username.format", field="username")
    if not name.strip():
        raise ValidationFailed("name.required", field="name")
    if not PASSWORD_LENGTH <= len(password) <= LONGEST_PASSWORD:
        raise ValidationFailed("password.length", field="password", params={"least": str(PASSWORD_LENGTH)})
    if privilege not in _DESK_PRIVILEGES:
        raise ValidationFailed("privilege.choice", field="privilege")
