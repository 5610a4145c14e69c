"""Key rotation: who may, slice by slice, and told how far it is."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.conftest import SECRET_KEYS
from tests.services.conftest import World
from wizard.core.actors import Actor
from wizard.core.errors import PermissionDenied
from wizard.core.registration import Status
from wizard.services import key_rotation
from wizard.services.key_rotation import KeyRotation, Rewritten
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


def test_all_is_rewritten_and_every_slice_is_told(switched: World) -> None:
    rotation, sizes = KeyRotation(switched.units), list[int]()
    before = {each.table: each.otherwise for each in rotation.standing(SYSTEM)}
    assert (before["accounts"], before["education_records"]) == (5, 1)
    done = rotation.rotate(SYSTEM, on_looked_at=sizes.append)
    assert done == [Rewritten(table, count, 0) for table, count in before.items()]
    assert (sizes[:4], sum(sizes)) == ([2, 2, 1, 1], sum(before.values()))
    assert [each.otherwise for each in rotation.standing(SYSTEM)] == [0, 0, 0]
    assert sum(each.rewritten for each in rotation.rotate(switched.main)) == 0


def test_only_main_and_the_system_may(switched: World) -> None:
    rotation = KeyRotation(switched.units)
    for call in (switched.staff, switched.applicant("a")):
        for operation in (rotation.standing, rotation.rotate):
            with pytest.raises(PermissionDenied):
                operation(call)
