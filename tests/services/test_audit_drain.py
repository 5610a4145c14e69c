"""What a process remembers of the trail saves it a question, and decides nothing."""

from __future__ import annotations

import pytest

from tests.services.conftest import World
from wizard.core.registration import Status
from wizard.services import audit


def test_who_is_remembered_no_longer_loses_and_doubles_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_REMEMBERED", 1)
    first, second = world.staged(), world.at(Status.VALIDATED, user_business_id="osot-0000002")
    for session_id in (first.session_id, second.session_id):
        world.orchestrator.validate(world.client, session_id)
    assert world.trail(first.session_id) == ["education.staged", "education.validated"]
    assert world.trail(second.session_id).count("education.staged") == 1
