"""The API under a fuzzer: in `make test` for a minute, in CI for five, in `make soak` for 20,000 cases."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fuzz.fuzzing import fuzz, fuzzed_site

SECONDS = os.environ.get("WIZARD_FUZZ_SECONDS", "60")
FEWEST = 100


@pytest.mark.postgres
def test_no_call_fails_and_no_answer_is_undocumented(tmp_path: Path) -> None:
    with fuzzed_site(tmp_path) as site:
        fuzzed = fuzz(site, tmp_path / "report.json", "--max-time", SECONDS)
    assert fuzzed.failures == (), fuzzed.told
    assert fuzzed.cases >= FEWEST, fuzzed.told
    assert "POST /ot-education/orchestrator/stage" in fuzzed.accepted
