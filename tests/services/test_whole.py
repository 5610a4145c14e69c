"""Whole registrations at once: there with their records, or not at all; and the documents that a batch holds."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import cast

import pytest

from tests.services.conftest import COMPLETE, World, build
from tests.services.outages import StoreWithMoment
from tests.services.test_bulk import ADA, BEN, Desk, row
from tests.services.test_bulk import desk as desk  # noqa: PLC0414 - a fixture
from wizard.core.errors import Conflict, ExternalServiceError, RuleViolated
from wizard.core.registration import Status
from wizard.services.bulk_batch import HeldDocuments
from wizard.services.events import EventBus
from wizard.services.ports.bulk import BulkRow, RowState
from wizard.services.ports.calls import Staging
from wizard.services.ports.registrations import RegistrationStore, RevisionConflict
from wizard.services.whole import WholeRegistrations


@pytest.fixture
def whole(world: World) -> WholeRegistrations:
    return WholeRegistrations(world.orchestrator)


def staging(world: World, **answers: str | None) -> Staging:
    return Staging(data={**COMPLETE, **answers}, account_id=world.account.id)


def test_a_whole_registration_tells_what_its_steps_tell(world: World, whole: WholeRegistrations) -> None:
    session_id = str(uuid.uuid4())
    made = whole.register(world.main, staging(world), session_id=session_id)
    assert made.record is not None
    assert made.created_now
    assert world.load(session_id).status is Status.WORKFLOW_COMPLETED
    assert world.trail(session_id) == [
        "education.staged",
        "education.validated",
        "education.category_determined",
        "education.account_linked",
        "education.created",
        "workflow.completed",
    ]
    again = whole.register(world.main, staging(world), session_id=session_id)
    assert again.record == made.record
    assert len(world.trail(session_id)) == 6


def test_what_cannot_be_registered_leaves_nothing(world: World, whole: WholeRegistrations) -> None:
    session_id = str(uuid.uuid4())
    with pytest.raises(RuleViolated) as raised:
        whole.register(world.main, staging(world, country="US"), session_id=session_id)
    assert raised.value.result is not None
    assert world.registrations.load(session_id) is None
    assert world.trail(session_id) == []


def test_two_who_register_the_same_at_once_make_one_record(world: World, whole: WholeRegistrations) -> None:
    session_id = str(uuid.uuid4())
    events = EventBus()
    moment = StoreWithMoment(
        world.registrations, lambda: whole.register(world.main, staging(world), session_id=session_id)
    )
    slower = WholeRegistrations(build(world.clock, cast("RegistrationStore", moment), world.units, events))
    found = slower.register(world.main, staging(world), session_id=session_id)
    assert found.registration.status is Status.WORKFLOW_COMPLETED
    assert len(world.trail(session_id)) == 6


def test_held_documents_are_read_as_they_will_be(world: World) -> None:
    stored = world.staged()
    documents = HeldDocuments.of(world.registrations, [stored.session_id])
    changed = documents.save(replace(stored, language="fr"), replacing=stored)
    assert documents.load_all([stored.session_id]) == {stored.session_id: changed}
    with pytest.raises(RevisionConflict):
        documents.save(stored, replacing=stored)
    assert world.load(stored.session_id) == stored
    documents.write()
    assert world.load(stored.session_id) == changed


def test_held_documents_give_way_to_who_was_quicker(world: World) -> None:
    first, second = world.staged(), world.staged()
    documents = HeldDocuments.of(world.registrations, [first.session_id, second.session_id])
    for stored in (first, second):
        documents.save(replace(stored, language="fr"), replacing=stored)
    quicker = world.registrations.save(replace(first, chosen_ttl=60), replacing=first)
    with pytest.raises(RevisionConflict):
        documents.write()
    assert world.load(first.session_id) == quicker
    assert world.load(second.session_id).language == "fr"


class Refusing:
    """What registers, and does not."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def register(self, *_: object, **__: object) -> None:
        raise self.error


def test_what_a_row_is_refused_for_after_it_was_checked_is_its_outcome(desk: Desk) -> None:
    job = desk.load(row(ADA), row(BEN))
    rows = desk.service().workers.rows
    read = BulkRow(2, {**COMPLETE})
    checked = rows.check(desk.world.main, job, read)
    refused = replace(rows, whole=cast("WholeRegistrations", Refusing(Conflict("account.one_record"))))
    outcome = refused.admit(desk.world.main, job, read, checked)
    assert (outcome.state, outcome.problems[0].message) == (RowState.REJECTED, "account.one_record")
    away = replace(rows, whole=cast("WholeRegistrations", Refusing(ExternalServiceError("redis"))))
    with pytest.raises(ExternalServiceError):
        away.admit(desk.world.main, job, read, checked)
