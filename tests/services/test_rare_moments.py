"""What happens so rarely that it has to be brought about by hand: others are faster, or what was there is gone."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from tests.services.conftest import World
from tests.services.test_bulk import ADA, Desk, row
from tests.services.test_bulk import desk as desk  # noqa: PLC0414 - a fixture
from tests.services.test_conflicts import conflicts as conflicts  # noqa: PLC0414 - a fixture
from tests.services.test_member_numbers import numbers as numbers  # noqa: PLC0414 - a fixture
from tests.support.new_records import new_record
from wizard.core.errors import Conflict, ExternalServiceError, NotFound, PermissionDenied, StaleVersion
from wizard.core.workflow import Operation
from wizard.services import tables
from wizard.services.bulk_rows import BulkRows
from wizard.services.conflicts import Conflicts
from wizard.services.member_numbers import MemberNumbers, Newcomer
from wizard.services.my_sign_in import _held
from wizard.services.ports.bulk import BulkRow, RowState
from wizard.services.ports.calls import Staging
from wizard.services.ports.records import RecordTaken
from wizard.services.whole import WholeRegistrations

SID = "0b6f8a52-6d0a-4a5e-9f0e-0d5a8f2f7c11"


class Answering:
    """An orchestrator that answers, or raises, the same to everything."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked = 0

    def __getattr__(self, _operation: str) -> Any:  # noqa: ANN401 - as the real one has it
        return self._answer

    def _answer(self, *_: object, **__: object) -> object:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def rows_with(desk: Desk, answer: object) -> tuple[BulkRows, Answering]:
    orchestrator = Answering(answer)
    return replace(desk.service().workers.rows, whole=cast("WholeRegistrations", orchestrator)), orchestrator


def test_a_row_whose_values_are_erased_is_rejected(desk: Desk) -> None:
    job = desk.load(row(ADA))
    outcome = desk.service().workers.rows.check(desk.world.main, job, BulkRow(2, None))
    assert outcome.state is RowState.REJECTED


def test_a_row_whose_record_is_gone_already_is_told(desk: Desk) -> None:
    rows, _ = rows_with(desk, SimpleNamespace(record=None))
    with pytest.raises(NotFound, match=r"record\.gone"):
        rows._create(desk.world.main, SID, Staging())


def test_a_row_that_others_change_again_and_again_is_given_up(desk: Desk) -> None:
    rows, orchestrator = rows_with(desk, Conflict("session.busy"))
    with pytest.raises(Conflict):
        rows._register(desk.world.main, SID, Staging())
    assert orchestrator.asked == 3


def test_closing_what_an_earlier_try_made_waits_for_redis_and_nothing_else(desk: Desk) -> None:
    with desk.world.units.write() as unit:
        own = unit.records.add(new_record(desk.world.account.id))
    gone, _ = rows_with(desk, NotFound("session.unknown"))
    assert gone._finish(desk.world.main, SID, Staging(), own).state is RowState.CREATED
    away, _ = rows_with(desk, ExternalServiceError("redis"))
    with pytest.raises(ExternalServiceError):
        away._finish(desk.world.main, SID, Staging(), own)


def test_a_job_that_is_discarded_while_its_rows_are_in_work_keeps_none_of_them(desk: Desk) -> None:
    job = desk.load(row(ADA))
    service = desk.service()
    service.discard(desk.world.main, job.id)
    service.workers._settle(job, {}, ())
    assert service.job(desk.world.main, job.id).erased


def test_a_number_taken_while_a_conflict_is_decided_is_told(world: World, conflicts: Conflicts) -> None:
    session_id = world.staged().session_id

    def taken(*_: object) -> NoReturn:
        raise RecordTaken("coto_registration.unique")

    with pytest.raises(Conflict, match=r"coto_registration\.unique"):
        conflicts._decide(Operation.EXTEND, world.main, session_id, taken)


def test_a_number_for_answers_that_change_again_and_again_is_given_up(world: World, numbers: MemberNumbers) -> None:
    registration = world.staged()
    busy = replace(numbers, orchestrator=Answering(StaleVersion(seen=1, current=2)))
    newcomer = Newcomer("Zoe Zhu", "zoe@example.org", "en")
    with pytest.raises(Conflict, match=r"session\.busy"):
        busy._answer(world.main, registration.session_id, registration, "osot-0000009", newcomer)


def test_who_was_signed_out_everywhere_meanwhile_changes_nothing(world: World) -> None:
    with world.units.write() as unit, pytest.raises(PermissionDenied):
        _held(unit, replace(world.seeded.admin, epoch=world.seeded.admin.epoch + 1))


def test_a_whole_number_of_a_spreadsheet_has_no_decimal_point() -> None:
    assert [tables._text(cell) for cell in (2026.0, 20.5, None)] == ["2026", "20.5", ""]
