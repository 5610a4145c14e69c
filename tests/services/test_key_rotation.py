"""Key rotation: who may, slice by slice, and told how far it is."""

from __future__ import annotations

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


def test_only_main_and_the_system_may(switched: World) -> None:
    rotation = rotation_of(switched)
    for call in (switched.staff, switched.applicant("a")):
        for operation in (rotation.standing, rotation.rotate):
            with pytest.raises(PermissionDenied):
                operation(call)
