import pytest

from tests.core.examples import NOW, registration
from wizard.core.registration import Status
from wizard.core.results import OperationResult, ResultMetadata
from wizard.core.workflow import next_operation, possible_actions


@pytest.mark.parametrize("status", Status)
def test_result_says_what_can_be_done_next(status: Status) -> None:
    result = OperationResult(
        success=True,
        registration=registration(status),
        timestamp=NOW,
        metadata=ResultMetadata(operation_id="op-1", actor="applicant", duration_ms=3),
    )
    assert result.next_step == next_operation(status)
    assert result.actions == possible_actions(status)
