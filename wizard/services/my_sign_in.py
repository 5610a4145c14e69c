"""How a member of the desk signs in: their second factor, recovery codes, password, and signing out everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from wizard.core.accounts import StaffIdentity, StaffMember, username_of
from wizard.core.actors import ActorKind
from wizard.core.clock import Clock
from wizard.core.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from wizard.core.events import Event, EventName
from wizard.services import authenticator
from wizard.services.authority import require_main_or_system
from wizard.services.events import EventBus
from wizard.services.passwords import Passwords, require_valid
from wizard.services.ports.calls import Call
from wizard.services.ports.units import UnitOfWork, UnitsOfWork
from wizard.services.staff_events import of_staff

Codes = tuple[str, ...]
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a member signs in: by a password, by a provider, or by either.

    Of the second factor beside the password: since when there is one, how many recovery codes are left, whether it
    must be.
    """

    since: datetime | None
    recovery_left: int
    is_required: bool
    has_password: bool = True
    identity: StaffIdentity | None = None


@dataclass(frozen=True, slots=True)
class MySignIn:
    """All of it raises PermissionDenied for who is no member of the desk: each changes their own sign-in only.

    What takes the password raises ValidationFailed("password.wrong"), as they may have left their desk. It signs them
    out everywhere; whom it answers is to be signed in again here.
    """

    clock: Clock
    units: UnitsOfWork
    events: EventBus
    requires_second_factor: bool = False
    passwords: Passwords = field(default_factory=Passwords)
    takes_passwords: bool = True

    def standing(self, call: Call) -> Standing:
        """How it stands."""
        with self.units.read() as unit:
            member = _own(unit, call)
            factor = unit.second_factors.of(member.id)
            left = unit.second_factors.recovery_left(member.id) if factor else 0
            identity = unit.staff.identity_of(member.id)
        has_password = member.password_hash is not None and self.takes_passwords
        since = factor.added_at if factor else None
        return Standing(since, left, self.requires_second_factor, has_password, identity)

    def set_up(self, call: Call, key: str, *, code: str, password: str) -> tuple[StaffMember, Codes]:
        """Have an app as the second factor, in the place of one that was there; answers the recovery codes, too.

        Raises ValidationFailed("second_factor.set_up") where the code is not right.
        """

        def act(unit: UnitOfWork, member: StaffMember) -> tuple[StaffMember, Codes]:
            return member, authenticator.set_up(unit, member.id, key, code, at=self.clock.now())

        return self._change(call, password, EventName.STAFF_TOTP_ENABLED, act)

    def remove(self, call: Call, *, password: str) -> StaffMember:
        """Sign in with the password alone from now on.

        Raises Conflict("second_factor.required") where that is not allowed, and NotFound("second_factor.none").
        """
        if self.requires_second_factor:
            raise Conflict("second_factor.required")

        def act(unit: UnitOfWork, member: StaffMember) -> tuple[StaffMember, None]:
            if not unit.second_factors.remove(member.id):
                raise NotFound("second_factor.none")
            return member, None

        return self._change(call, password, EventName.STAFF_TOTP_DISABLED, act)[0]

    def renew_recovery_codes(self, call: Call, *, password: str) -> tuple[StaffMember, Codes]:
        """New recovery codes; those before are void. Raises NotFound("second_factor.none")."""

        def act(unit: UnitOfWork, member: StaffMember) -> tuple[StaffMember, Codes]:
            if unit.second_factors.of(member.id) is None:
                raise NotFound("second_factor.none")
            return member, authenticator.new_recovery_codes(unit, member.id)

        return self._change(call, password, EventName.STAFF_RECOVERY_RENEWED, act)

    def change_password(self, call: Call, *, password: str, new: str) -> StaffMember:
        """Another password. Raises ValidationFailed("password.length")."""
        require_valid(new, field="new_password")
        # Hashing takes long on purpose: no transaction is open meanwhile.
        password_hash = self.passwords.hash(new)

        def act(_unit: UnitOfWork, member: StaffMember) -> tuple[StaffMember, None]:
            return replace(member, password_hash=password_hash), None

        return self._change(call, password, EventName.STAFF_PASSWORD_CHANGED, act)[0]

    def sign_out_everywhere(self, call: Call) -> None:
        """End every sign-in of theirs, this one too."""
        with self.units.write() as unit:
            member = _own(unit, call)
            event = self._ended(unit, call, _held(unit, member), EventName.STAFF_SIGNED_OUT)[1]
            unit.commit()
        self.events.publish(event)

    def reset(self, call: Call, username: str) -> StaffMember:
        """Take away the second factor of somebody who has lost it, and sign them out everywhere: for `main`.

        Raises PermissionDenied, NotFound("staff.unknown"), and NotFound("second_factor.none").
        """
        require_main_or_system(call.actor)
        with self.units.write() as unit:
            member = unit.staff.by_username(username_of(username))
            if member is None:
                raise NotFound("staff.unknown")
            if not unit.second_factors.remove(member.id):
                raise NotFound("second_factor.none")
            held = unit.staff.hold(member.id) or member
            current, event = self._ended(unit, call, held, EventName.STAFF_TOTP_DISABLED)
            unit.commit()
        self.events.publish(event)
        return current

    def _change(
        self,
        call: Call,
        password: str,
        name: EventName,
        act: Callable[[UnitOfWork, StaffMember], tuple[StaffMember, Made]],
    ) -> tuple[StaffMember, Made]:
        with self.units.read() as unit:
            seen = _own(unit, call)
        if not self.passwords.verifies(seen.password_hash, password):
            self._note_wrong_password(call, seen)
            raise ValidationFailed("password.wrong", field="password")
        with self.units.write() as unit:
            changed, made = act(unit, _held(unit, seen))
            current, event = self._ended(unit, call, changed, name)
            unit.commit()
        self.events.publish(event)
        return current, made

    def _ended(self, unit: UnitOfWork, call: Call, member: StaffMember, name: EventName) -> tuple[StaffMember, Event]:
        """The member as they are now, every sign-in of theirs ended, and that this has happened."""
        current = replace(member, epoch=member.epoch + 1)
        event = of_staff(name, call, member.id, at=self.clock.now())
        unit.staff.update(current)
        unit.audit.append((event,))
        return current, event

    def _note_wrong_password(self, call: Call, member: StaffMember) -> None:
        details = {"with": "password"}
        event = of_staff(EventName.STAFF_SIGN_IN_FAILED, call, member.id, at=self.clock.now(), **details)
        with self.units.write() as unit:
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)


def _own(unit: UnitOfWork, call: Call) -> StaffMember:
    """Whoever calls."""
    kind, _, username = call.actor.name.partition(":")
    member = unit.staff.by_username(username) if call.actor.kind is ActorKind.STAFF and kind == "staff" else None
    if member is None or not member.active:
        raise PermissionDenied("privilege.desk")
    return member


def _held(unit: UnitOfWork, seen: StaffMember) -> StaffMember:
    """Them as they are now, if nothing has signed them out since."""
    member = unit.staff.hold(seen.id)
    if member is None or not member.active or member.epoch != seen.epoch:
        raise PermissionDenied("privilege.desk")
    return member
