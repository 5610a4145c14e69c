"""Signing in to the desk with an identity provider: who somebody is, it says; what they may do, a claim of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

from wizard.core.accounts import StaffIdentity, StaffMember, free_username, username_like
from wizard.core.actors import Privilege
from wizard.core.claims import Claims, PrivilegeRule, Strength, text_of
from wizard.core.clock import Clock
from wizard.core.errors import Conflict, Unauthenticated
from wizard.core.events import Event, EventName
from wizard.services.events import EventBus
from wizard.services.ports.calls import Call
from wizard.services.ports.identities import Identity, IdentityProvider, Pending
from wizard.services.ports.units import UnitOfWork, UnitsOfWork
from wizard.services.staff_events import by_member, of_staff

# How events name this way of signing in.
WITH = "oidc"
_LONGEST_NAME, _LONGEST_EMAIL = 200, 254


@dataclass(frozen=True, slots=True)
class OidcSignIn:
    """Who gets in. A member is known by issuer and subject, which never change; an address proves nothing."""

    clock: Clock
    units: UnitsOfWork
    events: EventBus
    provider: IdentityProvider
    rule: PrivilegeRule
    strength: Strength

    def begin(self, *, choosing: bool = False) -> tuple[str, Pending]:
        """Where to send the browser, and what the answer has to fit. Raises ExternalServiceError("oidc")."""
        return self.provider.begin(choosing=choosing)

    def finish(self, call: Call, pending: Pending, code: str) -> tuple[StaffMember, Identity]:
        """Who came back with a code, now signed in; whoever is new here becomes a member of the desk.

        Raises ExternalServiceError("oidc"), and Unauthenticated: what `IdentityProvider.identify` raises,
        "oidc.second_factor" for a sign-in that was too weak, "oidc.no_privilege" for somebody who is nobody here, and
        "oidc.disabled" for somebody who no longer is.
        """
        try:
            identity = self.provider.identify(pending, code)
        except Unauthenticated as error:
            self._note_failure(call, error.message)
            raise
        try:
            return self._admit(call, identity), identity
        except Conflict:
            # The same person, or one of the same name, came for the first time at the same moment.
            return self._admit(call, identity), identity

    def failed(self, call: Call, reason: str) -> Unauthenticated:
        """The refusal, noted, of somebody whom the provider has sent back without a code."""
        self._note_failure(call, reason)
        return Unauthenticated(reason)

    def _admit(self, call: Call, identity: Identity) -> StaffMember:
        member, privilege = None, self.rule.privilege(identity.claims)
        with self.units.write() as unit:
            known = unit.staff.by_identity(identity.issuer, identity.subject)
            refusal = self._refusal(known, privilege, identity.claims)
            if refusal or privilege is None:
                told = self._turned_away(unit, call, known, refusal)
            else:
                member, told = self._welcomed(unit, call, identity, known, privilege)
            unit.audit.append(told)
            unit.commit()
        self.events.publish(*told)
        if member is None:
            raise Unauthenticated(refusal)
        return member

    def _refusal(self, known: StaffMember | None, privilege: Privilege | None, claims: Claims) -> str:
        """Why somebody does not get in; nothing where they do."""
        if known is not None and not known.active:
            return "oidc.disabled"
        if privilege is None:
            return "oidc.no_privilege"
        return "" if self.strength.suffices(claims) else "oidc.second_factor"

    def _welcomed(
        self, unit: UnitOfWork, call: Call, identity: Identity, known: StaffMember | None, privilege: Privilege
    ) -> tuple[StaffMember, list[Event]]:
        """The member as the provider describes them now, and what has happened."""
        email = text_of(identity.claims, "email", most=_LONGEST_EMAIL) or None
        now, told = self.clock.now(), []
        if known is None:
            member = _newcomer(unit, identity.claims, privilege)
            unit.staff.add(member)
            told.append(by_member(EventName.STAFF_ADDED, call, member, at=now, privilege=privilege.value))
            before = None
        else:
            name = text_of(identity.claims, "name", most=_LONGEST_NAME) or known.name
            member = replace(known, name=name, privilege=privilege)
            before = unit.staff.identity_of(known.id)
            if member != known:
                unit.staff.update(member)
        current = StaffIdentity(member.id, identity.issuer, identity.subject, email)
        if before != current:
            unit.staff.put_identity(current)
        details = {"with": WITH, **_raised(known, member)}
        event = by_member(EventName.STAFF_SIGNED_IN, call, member, at=now, **details)
        changes = _changes(known, member, before, current)
        return member, [*told, replace(event, changes=changes)]

    def _turned_away(self, unit: UnitOfWork, call: Call, known: StaffMember | None, reason: str) -> list[Event]:
        """That somebody is refused; whose privilege is gone is signed out everywhere, too."""
        if known is not None and reason == "oidc.no_privilege":
            unit.staff.update(replace(known, epoch=known.epoch + 1))
        return [self._failure(call, reason, known.id if known else "unknown")]

    def _note_failure(self, call: Call, reason: str) -> None:
        event = self._failure(call, reason, "unknown")
        with self.units.write() as unit:
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)

    def _failure(self, call: Call, reason: str, staff_id: str) -> Event:
        details = {"with": WITH, "reason": reason}
        return of_staff(EventName.STAFF_SIGN_IN_FAILED, call, staff_id, at=self.clock.now(), **details)


def _newcomer(unit: UnitOfWork, claims: Claims, privilege: Privilege) -> StaffMember:
    """Somebody new, under a user name that nobody has: whatever they are called there, they are nobody known here."""
    suggested = text_of(claims, "preferred_username", "email", "name", most=_LONGEST_EMAIL)
    wanted = username_like(suggested)
    username = free_username(wanted, unit.staff.usernames_like(wanted))
    name = text_of(claims, "name", "preferred_username", "email", most=_LONGEST_NAME) or username
    return StaffMember(str(uuid.uuid4()), username, name, None, privilege)


def _raised(known: StaffMember | None, member: StaffMember) -> dict[str, str]:
    """What somebody could do before, where that is now something else."""
    if known is None or known.privilege is member.privilege:
        return {}
    return {"privilege_before": known.privilege.value, "privilege": member.privilege.value}


def _changes(
    known: StaffMember | None, member: StaffMember, before: StaffIdentity | None, current: StaffIdentity
) -> Mapping[str, tuple[str | None, str | None]]:
    old = (known.name if known else None, before.email if before else None)
    values = {"name": (old[0], member.name), "email": (old[1], current.email)}
    return {name: value for name, value in values.items() if value[0] != value[1]}
