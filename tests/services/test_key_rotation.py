"""Key rotation: who may, slice by slice, and told how far it is."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.conftest import SECRET_KEYS
from tests.services.conftest import World
from wizard.core.actors import Actor
from wizard.core.errors import ExternalServiceError, PermissionDenied
from wizard.core.events import EventName
from wizard.core.registration import Status
from wizard.services import key_rotation
from wizard.services.events import EventBus
from wizard.services.key_rotation import CHAIN, KeyRotation, Rewritten
from wizard.services.ports.calls import Call
from wizard.services.ports.units import UnitOfWork, UnitsOfWork
from wizard.storage.crypto import Cipher
from wizard.storage.sealed_columns import Seals, seal

SYSTEM = Call(Actor.system("command"))


@pytest.fixture
def switched(world: World, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which encryption was off until now, with slices of two rows."""
    monkeypatch.setattr(key_rotation, "SLICE", 2)
    world.at(Status.WORKFLOW_COMPLETED, university="other", other_details="Elsewhere", notes="A note")
    with sessions() as session:
        seal(session.get_bind().engine, Seals(Cipher(SECRET_KEYS), on=True))
    return world


def rotation_of(world: World) -> KeyRotation:
    events = EventBus()
    events.subscribe(world.told.append)
    return KeyRotation(world.clock, world.units, events, encrypted=True)


def told(world: World) -> list[tuple[str, dict[str, str]]]:
    """Who rewrote how many, as the audit trail has it."""
    with world.units.read() as unit:
        events = [row.event for row in unit.audit.history(CHAIN)]
    assert {event.name for event in events} == {EventName.KEYS_ROTATED}
    assert {event.at for event in events} == {world.clock.now()}
    return [(event.actor, dict(event.details)) for event in events]


def test_all_is_rewritten_and_every_slice_is_told(switched: World) -> None:
    rotation, sizes = rotation_of(switched), list[int]()
    before = {each.table: each.otherwise for each in rotation.standing(SYSTEM)}
    assert (before["accounts"], before["education_records"]) == (5, 1)
    done = rotation.rotate(SYSTEM, on_looked_at=sizes.append)
    assert done == [Rewritten(table, count, 0) for table, count in before.items()]
    assert (sizes[:4], sum(sizes)) == ([2, 2, 1, 1], sum(before.values()))
    assert [each.otherwise for each in rotation.standing(SYSTEM)] == [0, 0, 0]
    assert sum(each.rewritten for each in rotation.rotate(switched.main)) == 0
    none = dict.fromkeys(("accounts", "records", "values", "left"), "0") | {"encrypted": "yes"}
    first = none | dict(zip(("accounts", "records", "values"), map(str, before.values()), strict=True))
    assert told(switched) == [("system:command", first), ("staff:mia", none)]
    assert switched.told[-1].name is EventName.KEYS_ROTATED


def test_what_is_stopped_has_told_how_far_it_came(switched: World) -> None:
    rotation = rotation_of(switched)

    def stopped(_size: int) -> None:
        raise ExternalServiceError("database")

    with pytest.raises(ExternalServiceError):
        rotation.rotate(SYSTEM, on_looked_at=stopped)
    rotation.rotate(SYSTEM)
    assert [(details["accounts"], details["records"]) for _, details in told(switched)] == [("2", "0"), ("3", "1")]


@dataclass
class BusyUnits:
    """Somebody holds a row each time, for longer than it is waited for."""

    units: UnitsOfWork
    times: int

    def read(self) -> AbstractContextManager[UnitOfWork]:
        return self.units.read()

    def write(self) -> UnitOfWork:
        self.times -= 1
        if self.times >= 0:
            raise ExternalServiceError("database")
        return self.units.write()


def test_rows_that_somebody_holds_are_tried_again(switched: World) -> None:
    busy = BusyUnits(switched.units, times=key_rotation.TRIES - 1)
    done = replace(rotation_of(switched), units=busy).rotate(SYSTEM)
    assert [each.rewritten for each in done][:2] == [5, 1]
    assert busy.times < 0


def test_a_database_that_is_down_is_not_tried_for_good(switched: World) -> None:
    busy = BusyUnits(switched.units, times=1_000)
    with pytest.raises(ExternalServiceError):
        replace(rotation_of(switched), units=busy).rotate(SYSTEM)
    assert busy.times == 1_000 - key_rotation.TRIES - 1, "and once to tell of it"


def test_only_main_and_the_system_may(switched: World) -> None:
    rotation = rotation_of(switched)
    for call in (switched.staff, switched.applicant("a")):
        for operation in (rotation.standing, rotation.rotate):
            with pytest.raises(PermissionDenied):
                operation(call)
