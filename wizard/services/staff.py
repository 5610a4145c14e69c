"""The registration desk: the list of registrations, and who belongs to it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from wizard.core.accounts import StaffMember, username_of
from wizard.core.actors import Privilege, require_desk
from wizard.core.clock import Clock
from wizard.core.errors import NotFound, ValidationFailed
from wizard.core.events import Event, EventName
from wizard.core.registration import Status
from wizard.services.authority import require_desk_or_system, require_main_or_system
from wizard.services.events import EventBus, make_event
from wizard.services.opening import open_registration
from wizard.services.passwords import Passwords, require_valid
from wizard.services.ports.calls import Call
from wizard.services.ports.registrations import EVERYTHING, RegistrationPage, RegistrationStore, Selection
from wizard.services.ports.units import UnitsOfWork
from wizard.services.staff_events import of_staff

PAGE = 25
_DESK_PRIVILEGES = frozenset({Privilege.ADMIN, Privilege.MAIN})


@dataclass(slots=True)
class Desk:
    """Staff and what they see."""

    clock: Clock
    units: UnitsOfWork
    registrations: RegistrationStore
    events: EventBus
    passwords: Passwords = field(default_factory=Passwords)

    def sessions(
        self,
        call: Call,
        selection: Selection = EVERYTHING,
        *,
        member_number: str | None = None,
        cursor: str | None = None,
        limit: int = PAGE,
    ) -> RegistrationPage:
        """Living registrations of a selection, page by page; those of a member number, whatever they are, on one.

        Raises PermissionDenied.
        """
        require_desk_or_system(call.actor)
        if member_number:
            found = self.registrations.of_member(member_number.strip())
            page = RegistrationPage(found, None)
        else:
            page = self.registrations.page(selection, cursor=cursor, limit=limit, ahead=call.page_ahead)
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
        return self.registrations.tally().statuses

    def add(self, call: Call, *, username: str, name: str, password: str, privilege: Privilege) -> StaffMember:
        """A new member of staff. Raises PermissionDenied, ValidationFailed, and Conflict for a taken username."""
        require_main_or_system(call.actor)
        _require_valid(username=username, name=name, password=password, privilege=privilege)
        member = StaffMember(
            id=str(uuid.uuid4()),
            username=username_of(username),
            name=name.strip(),
            password_hash=self.passwords.hash(password),
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
            member = unit.staff.by_username(username_of(username))
            if member is None:
                raise NotFound("staff.unknown")
            disabled = replace(member, active=False, epoch=member.epoch + 1)
            event = self._of_staff(EventName.STAFF_DISABLED, call, member.id)
            unit.staff.update(disabled)
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)
        return disabled

    def connect(self, call: Call, username: str, other: str) -> StaffMember:
        """Let a member sign in with the account that the provider knows another member by, who is disabled by that.

        It is how somebody with a password goes on as themselves after they have signed in with the provider: that two
        are one person nothing tells but people. Raises PermissionDenied, NotFound("staff.unknown"), and
        NotFound("staff.no_identity").
        """
        require_main_or_system(call.actor)
        with self.units.write() as unit:
            member = unit.staff.by_username(username_of(username))
            former = unit.staff.by_username(username_of(other))
            if member is None or former is None or member.id == former.id:
                raise NotFound("staff.unknown")
            identity = unit.staff.identity_of(former.id)
            if identity is None:
                raise NotFound("staff.no_identity")
            unit.staff.remove_identity(former.id)
            unit.staff.put_identity(replace(identity, staff_id=member.id))
            unit.staff.update(replace(former, active=False, epoch=former.epoch + 1))
            events = (
                self._of_staff(EventName.STAFF_DISABLED, call, former.id),
                self._of_staff(EventName.STAFF_CONNECTED, call, member.id, **{"from": former.id}),
            )
            unit.audit.append(events)
            unit.commit()
        self.events.publish(*events)
        return member

    def _of_staff(self, name: EventName, call: Call, staff_id: str, **details: str) -> Event:
        return of_staff(name, call, staff_id, at=self.clock.now(), **details)

    def _record(self, event: Event) -> None:
        with self.units.write() as unit:
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)


def _require_valid(*, username: str, name: str, password: str, privilege: Privilege) -> None:
    if not username_of(username):
        raise ValidationFailed("username.format", field="username")
    if not name.strip():
        raise ValidationFailed("name.required", field="name")
    require_valid(password)
    if privilege not in _DESK_PRIVILEGES:
        raise ValidationFailed("privilege.choice", field="privilege")
