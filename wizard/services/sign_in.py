"""Signing in to the desk: a password, and after it the code of an authenticator app where there is one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from wizard.core.accounts import StaffMember, username_of
from wizard.core.clock import Clock
from wizard.core.errors import Unauthenticated
from wizard.core.events import Event, EventName
from wizard.services import authenticator
from wizard.services.events import EventBus
from wizard.services.passwords import Passwords
from wizard.services.ports.calls import Call
from wizard.services.ports.units import UnitOfWork, UnitsOfWork
from wizard.services.staff_events import by_member, of_staff

# How events name the second of two factors.
_FACTOR = "second_factor"


class Lacking(Enum):
    """What a member who gave the right password has to do before anything else."""

    NOTHING = "nothing"
    CODE = "code"
    SET_UP = "set_up"


@dataclass(frozen=True, slots=True)
class Half:
    """Somebody who gave the right password, and under which epoch: any change since has them begin again."""

    staff_id: str
    epoch: int
    username: str

    @classmethod
    def of(cls, member: StaffMember) -> Half:
        """A member, as they are now."""
        return cls(member.id, member.epoch, member.username)


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who gets in. All failures of one kind answer alike."""

    clock: Clock
    units: UnitsOfWork
    events: EventBus
    requires_second_factor: bool = False
    passwords: Passwords = field(default_factory=Passwords)
    takes_passwords: bool = True

    def password(self, call: Call, username: str, typed: str) -> tuple[StaffMember, Lacking]:
        """The member of staff with these credentials, and what is still lacking before they are signed in.

        Raises Unauthenticated("sign_in.wrong") whatever is wrong, after the same work whoever it is.
        """
        with self.units.read() as unit:
            member = unit.staff.by_username(username_of(username))
        # Hashing takes long on purpose: no transaction is open meanwhile.
        right = self.passwords.verifies(member.password_hash if member else None, typed)
        if member is None or not right or not member.active:
            raise self._refused(call, member, "sign_in.wrong")
        renewed = self.passwords.renewed(member.password_hash or "", typed)
        with self.units.write() as unit:
            current = self._held(unit, Half.of(member), "sign_in.wrong")
            if renewed:
                current = replace(current, password_hash=renewed)
                unit.staff.update(current)
            lacking = self._lacking(unit, current)
            names = () if lacking is not Lacking.NOTHING else (EventName.STAFF_SIGNED_IN,)
            told = self._note(unit, call, current, "password", *names)
            unit.commit()
        self.events.publish(*told)
        return current, lacking

    def code(self, call: Call, half: Half, typed: str) -> StaffMember:
        """The member, now signed in: by a code of their app, or by a recovery code, which is used up.

        Raises Unauthenticated: "sign_in" where they have to begin again, and "sign_in.code" for a wrong or used code.
        """
        with self.units.write() as unit:
            member = self._held(unit, half)
            names = self._names_of(unit, member, typed)
            told = self._note(unit, call, member, _FACTOR, *names)
            unit.commit()
        if not names:
            raise self._refused(call, member, "sign_in.code")
        self.events.publish(*told)
        return member

    def set_up(self, call: Call, half: Half, key: str, typed: str) -> tuple[StaffMember, tuple[str, ...]]:
        """The member, now signed in, and their recovery codes: they have set up the second factor that is required.

        Raises Unauthenticated("sign_in") where they have to begin again, and ValidationFailed("second_factor.set_up").
        """
        with self.units.write() as unit:
            member = self._held(unit, half)
            if unit.second_factors.of(member.id) is not None:
                raise Unauthenticated("sign_in")
            codes = authenticator.set_up(unit, member.id, key, typed, at=self.clock.now())
            current = replace(member, epoch=member.epoch + 1)
            unit.staff.update(current)
            names = EventName.STAFF_TOTP_ENABLED, EventName.STAFF_SIGNED_IN
            told = self._note(unit, call, current, _FACTOR, *names)
            unit.commit()
        self.events.publish(*told)
        return current, codes

    def member(self, staff_id: str, epoch: int) -> StaffMember | None:
        """Whoever signed in under an epoch, unless disabled or signed out everywhere since."""
        with self.units.read() as unit:
            member = unit.staff.get(staff_id)
        return member if member is not None and member.active and member.epoch == epoch else None

    def _lacking(self, unit: UnitOfWork, member: StaffMember) -> Lacking:
        if unit.second_factors.of(member.id) is not None:
            return Lacking.CODE
        return Lacking.SET_UP if self.requires_second_factor else Lacking.NOTHING

    def _names_of(self, unit: UnitOfWork, member: StaffMember, typed: str) -> tuple[EventName, ...]:
        """What has happened with the code that was typed; nothing where it is not right."""
        now, factor = self.clock.now(), unit.second_factors.of(member.id)
        if factor is None:
            raise Unauthenticated("sign_in")
        if authenticator.takes_code(unit, factor, typed, at=now):
            return (EventName.STAFF_SIGNED_IN,)
        if authenticator.takes_recovery_code(unit, member.id, typed, at=now):
            return EventName.STAFF_RECOVERY_USED, EventName.STAFF_SIGNED_IN
        return ()

    def _held(self, unit: UnitOfWork, half: Half, otherwise: str = "sign_in") -> StaffMember:
        member = unit.staff.hold(half.staff_id)
        if member is None or not member.active or member.epoch != half.epoch or not self.takes_passwords:
            raise Unauthenticated(otherwise)
        return member

    def _note(self, unit: UnitOfWork, call: Call, member: StaffMember, by: str, *names: EventName) -> list[Event]:
        details = {EventName.STAFF_SIGNED_IN: {"with": by}}
        told = [by_member(name, call, member, at=self.clock.now(), **details.get(name, {})) for name in names]
        unit.audit.append(told)
        return told

    def _refused(self, call: Call, member: StaffMember | None, message: str) -> Unauthenticated:
        """The refusal, noted. What was typed stays out: people type passwords into the wrong field."""
        staff_id = member.id if member else "unknown"
        details = {"with": _FACTOR if message == "sign_in.code" else "password"}
        event = of_staff(EventName.STAFF_SIGN_IN_FAILED, call, staff_id, at=self.clock.now(), **details)
        with self.units.write() as unit:
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        return Unauthenticated(message)
