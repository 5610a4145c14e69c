"""A world to run operations in: real Valkey, each real database, a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from tests.support.event_checks import departures
from tests.support.seed import Seeded
from wizard.core.accounts import Account
from wizard.core.actors import Actor, ActorKind, Privilege
from wizard.core.clock import FixedClock
from wizard.core.events import Event
from wizard.core.registration import Lifetimes, Registration, Status
from wizard.core.rules import DEFAULT_COTO_PATTERN
from wizard.services.audit import AuditDrain
from wizard.services.checking import Checking
from wizard.services.creation import Creation
from wizard.services.events import EventBus
from wizard.services.orchestrator import RegistrationOrchestrator
from wizard.services.ports.calls import Call, Staging
from wizard.services.ports.registrations import RegistrationStore
from wizard.services.ports.units import UnitsOfWork
from wizard.services.runner import Runner
from wizard.services.transitions import Transitions
from wizard.storage.crypto import Cipher
from wizard.storage.registrations import RedisRegistrationStore

GRACE = timedelta(days=7)
LIFETIMES = Lifetimes(timedelta(hours=24), timedelta(days=14), timedelta(days=30))
COMPLETE: Mapping[str, str | None] = {
    "user_business_id": "osot-0000001",
    "degree_type": "masters",
    "university": "mcmaster",
    "country": "CA",
    "graduation_year": "2026",
    "coto_status": "pending",
    "access_modifier": "private",
}


def build(
    clock: FixedClock,
    registrations: RegistrationStore,
    units: UnitsOfWork,
    events: EventBus,
    *,
    verify_discounts: bool = False,
) -> RegistrationOrchestrator:
    """The orchestrator on given stores."""
    drain = AuditDrain(clock, units, registrations)
    checking = Checking(clock, units, DEFAULT_COTO_PATTERN, verify_discounts)
    runner = Runner(clock, registrations, drain, events, LIFETIMES)
    return RegistrationOrchestrator(runner, checking, Transitions(checking, Creation(checking, units), units))


@dataclass
class World:
    """The orchestrator with what it works on, and short cuts to a registration at any status."""

    clock: FixedClock
    registrations: RegistrationStore
    units: UnitsOfWork
    seeded: Seeded
    told: list[Event] = field(default_factory=list)
    orchestrator: RegistrationOrchestrator = field(init=False)

    def __post_init__(self) -> None:
        events = EventBus()
        events.subscribe(self.told.append)
        self.orchestrator = build(self.clock, self.registrations, self.units, events)

    @property
    def account(self) -> Account:
        return self.seeded.accounts[0]

    def applicant(self, session_id: str, *, proved: Account | None = None) -> Call:
        return Call(Actor.applicant(session_id, proved.id if proved else None), "request-1")

    @property
    def staff(self) -> Call:
        return Call(Actor.staff("ann", Privilege.ADMIN), "request-2")

    @property
    def main(self) -> Call:
        return Call(Actor.staff("mia", Privilege.MAIN), "request-3")

    @property
    def client(self) -> Call:
        return Call(Actor(ActorKind.API, "token:membership", Privilege.MAIN), "request-4")

    def staged(self, **answers: str | None) -> Registration:
        """A registration with everything answered, some answers replaced."""
        result = self.orchestrator.stage(self.client, Staging(data={**COMPLETE, **answers}))
        return result.registration

    def at(self, status: Status, **answers: str | None) -> Registration:
        """A registration brought to a status by the operations that lead there."""
        act = self.orchestrator
        if status is Status.PENDING:
            return act.stage(self.client, Staging(data={"user_business_id": "osot-0000001"})).registration
        registration = self.staged(**answers)
        session_id = registration.session_id
        if status is Status.CANCELLED:
            return act.cancel(self.client, session_id).registration
        for operation in (act.validate, act.determine_category, act.link_account, act.create, act.execute_workflow):
            if registration.status is status:
                break
            registration = operation(self.client, session_id).registration
        return registration

    def load(self, session_id: str) -> Registration:
        registration = self.registrations.load(session_id)
        assert registration is not None
        return registration

    def trail(self, session_id: str) -> list[str]:
        """The events of a registration in the audit trail, in order."""
        with self.units.read() as unit:
            return [row.event.name.value for row in unit.audit.history(session_id)]


@pytest.fixture
def registrations(redis_client: Redis, cipher: Cipher, clock: FixedClock) -> RegistrationStore:
    return RedisRegistrationStore(redis_client, cipher, clock, grace=GRACE)


@pytest.fixture
def world(
    clock: FixedClock,
    registrations: RegistrationStore,
    units: UnitsOfWork,
    seeded: Seeded,
    sessions: sessionmaker[Session],
) -> Iterator[World]:
    yield World(clock, registrations, units, seeded)
    assert departures(sessions) == [], "events that are not as wizard/core/event_schemas.py says"
