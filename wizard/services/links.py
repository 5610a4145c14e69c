"""Links to continue a registration in another browser: made, opened, revoked."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from wizard.core.accounts import LinkKind, LinkState, ResumeLink
from wizard.core.actors import require_desk
from wizard.core.clock import Clock
from wizard.core.education import member_number_key
from wizard.core.errors import NotFound, RuleViolated, Unauthenticated
from wizard.core.events import Event, EventName
from wizard.core.registration import Registration, Status
from wizard.services.events import EventBus, make_event
from wizard.services.ports.calls import Call, Orchestrator
from wizard.services.ports.messages import Message
from wizard.services.ports.registrations import RegistrationStore
from wizard.services.ports.units import UnitOfWork, UnitsOfWork

LINKS_KEPT = 5
WRONG_TRIES = 10
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """The registration that a link opened; the browser may be let in."""

    session_id: str
    kind: LinkKind


@dataclass(frozen=True, slots=True)
class ResumeLinks:
    """Links to continue. Of a token only a digest is kept: who reads the database cannot open anything."""

    clock: Clock
    units: UnitsOfWork
    registrations: RegistrationStore
    events: EventBus
    orchestrator: Orchestrator

    def create(
        self, call: Call, session_id: str, *, kind: LinkKind = LinkKind.APPLICANT, email: str | None = None
    ) -> str:
        """The token of a new link, shown this once; with an address it is mailed there too.

        The newest five of a registration live. Raises PermissionDenied (links for staff are made by staff), and
        what `prolong` raises for a registration that is not the caller's, over, or closed.
        """
        if kind is LinkKind.STAFF:
            require_desk(call.actor)

        def message(link: ResumeLink, language: str, token: str) -> Message | None:
            if email is None:
                return None
            return _message("link", link, key=f"link:{link.id}", email=email, language=language, token=token)

        token, _ = self._issue(call, session_id, kind, message)
        return token

    def remind(self, call: Call, session_id: str, *, email: str, mail: str = "reminder") -> Registration:
        """Mail a reminder, or an invitation, with a link, once per registration, however often it is asked for.

        Answers the registration as it lives on now. Raises what `prolong` raises.
        """

        def message(link: ResumeLink, language: str, token: str) -> Message:
            key = f"{mail}:{session_id}"
            return _message(mail, link, key=key, email=email, language=language, token=token)

        _, registration = self._issue(call, session_id, LinkKind.APPLICANT, message)
        return registration

    def kind_of(self, token: str) -> LinkKind:
        """Whom a link is for. Changes nothing: mail scanners look as well.

        Raises NotFound that says why it opens nothing: unknown, revoked or expired.
        """
        link, _ = self._find(token)
        return link.kind

    def open(self, call: Call, token: str, *, member_number: str | None) -> OpenedLink:
        """The registration that a link opens; the use is counted.

        A completed registration opens as well (its receipt), as long as its record is there to ask for the
        member number. Raises NotFound("link.unknown" | "link.revoked" | "link.expired" | "link.cancelled" |
        "link.completed"), Unauthenticated for a link for staff, and RuleViolated("link.member_number"): the tenth
        wrong number revokes the link.
        """
        link, registration = self._find(token)
        if link.kind is LinkKind.STAFF:
            if not call.actor.is_desk:
                raise Unauthenticated("sign_in")
        elif not self._is_theirs(registration, member_number):
            raise self._missed(call, link)
        self._used(call, link)
        return OpenedLink(link.session_id, link.kind)

    def of_session(self, call: Call, session_id: str) -> Sequence[ResumeLink]:
        """The links of a registration, newest first, for the desk. Raises PermissionDenied."""
        require_desk(call.actor)
        with self.units.read() as unit:
            return unit.links.of_session(session_id)

    def revoke(self, call: Call, session_id: str, link_id: str) -> None:
        """Let a link open nothing any more; safe to repeat. Raises PermissionDenied, NotFound("link.unknown")."""
        require_desk(call.actor)
        with self.units.write() as unit:
            link = unit.links.hold(link_id)
            if link is None or link.session_id != session_id:
                raise NotFound("link.unknown")
            if link.revoked_at is not None:
                return
            event = self._event(EventName.LINK_REVOKED, call, link)
            unit.links.revoke(link, at=self.clock.now())
            unit.audit.append((event,))
            unit.commit()
        self.events.publish(event)

    def _issue(
        self,
        call: Call,
        session_id: str,
        kind: LinkKind,
        message: Callable[[ResumeLink, str, str], Message | None],
    ) -> tuple[str, Registration]:
        registration = self.orchestrator.prolong(call, session_id).registration
        now = self.clock.now()
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        link = ResumeLink(
            id=str(uuid.uuid4()),
            session_id=session_id,
            digest=_digest(token),
            kind=kind,
            created_at=now,
            expires_at=registration.expires_at,
            created_by=call.actor.name,
        )
        mail = message(link, registration.language, token)
        mail = mail and replace(mail, request_id=call.request_id)
        with self.units.write() as unit:
            if mail is not None and not unit.outbox.add(mail, at=now):
                # Another worker has sent this reminder: of this one nothing stays, its link neither.
                return token, registration
            revoked = unit.links.add(link, keep=LINKS_KEPT)
            told = [self._event(EventName.LINK_REVOKED, call, older) for older in revoked]
            told.append(self._event(EventName.LINK_CREATED, call, link))
            unit.audit.append(told)
            unit.commit()
        self.events.publish(*told)
        return token, registration

    def _find(self, token: str) -> tuple[ResumeLink, Registration]:
        with self.units.read() as unit:
            link = self._opening(unit.links.by_digest(_digest(token)))
        registration = self.registrations.load(link.session_id)
        if registration is None or registration.is_expired(self.clock.now()):
            raise NotFound("link.expired")
        if registration.status is Status.CANCELLED:
            raise NotFound("link.cancelled")
        return link, registration

    def _held(self, unit: UnitOfWork, link: ResumeLink) -> ResumeLink:
        """The link as it is now: others may have tried, or revoked it, since it was looked up."""
        return self._opening(unit.links.hold(link.id))

    def _opening(self, link: ResumeLink | None) -> ResumeLink:
        """The link, if it opens. Raises NotFound that says why not."""
        if link is None:
            raise NotFound("link.unknown")
        if not link.opens(self.clock.now()):
            raise NotFound("link.revoked" if link.state(self.clock.now()) is LinkState.REVOKED else "link.expired")
        return link

    def _is_theirs(self, registration: Registration, member_number: str | None) -> bool:
        expected = registration.user_id
        if registration.status is Status.WORKFLOW_COMPLETED:
            expected = self._number_on_record(registration)
        if expected is None:
            return True
        return member_number_key(expected) == member_number_key((member_number or "").strip())

    def _number_on_record(self, registration: Registration) -> str | None:
        with self.units.read() as unit:
            record = unit.records.get(registration.record_id or "")
        if record is None:
            raise NotFound("link.completed")
        return record.data.user_business_id

    def _missed(self, call: Call, link: ResumeLink) -> RuleViolated:
        """Count a wrong member number, in the audit trail, and revoke the link after too many."""
        missed = self._event(EventName.ACCESS_DENIED, call, link)
        told = [missed]
        with self.units.write() as unit:
            self._held(unit, link)
            unit.audit.append((missed,))
            if _times_missed(unit, link) >= WRONG_TRIES:
                told.append(self._event(EventName.LINK_REVOKED, call, link))
                unit.links.revoke(link, at=self.clock.now())
                unit.audit.append(told[1:])
            unit.commit()
        self.events.publish(*told)
        return RuleViolated("link.member_number", field="user_business_id")

    def _used(self, call: Call, link: ResumeLink) -> None:
        told = [self._event(name, call, link) for name in (EventName.LINK_USED, EventName.SESSION_RESUMED)]
        with self.units.write() as unit:
            self._held(unit, link)
            unit.links.used(link, at=self.clock.now())
            unit.audit.append(told)
            unit.commit()
        self.events.publish(*told)

    def _event(self, name: EventName, call: Call, link: ResumeLink) -> Event:
        return make_event(
            name,
            call=call,
            at=self.clock.now(),
            chain=link.session_id,
            session_id=link.session_id,
            details={"link": link.id, "kind": link.kind.value},
        )


def _digest(token: str) -> str:
    """A plain hash: there is nothing to guess in 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def _times_missed(unit: UnitOfWork, link: ResumeLink) -> int:
    rows = unit.audit.history(link.session_id)
    return sum(row.event.name is EventName.ACCESS_DENIED and row.event.details.get("link") == link.id for row in rows)


def _message(kind: str, link: ResumeLink, *, key: str, email: str, language: str, token: str) -> Message:
    return Message(
        kind=kind,
        recipient=email,
        language=language,
        key=key,
        values={"expires_at": link.expires_at.isoformat(), "reader": link.kind.value},
        secret={"token": token},
    )
