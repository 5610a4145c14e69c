"""The API under a fuzzer: in `make test` for a minute, in CI for five, in `make soak` for 20,000 cases."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fuzz import soak
from tests.fuzz.fuzzing import TELLING, Fuzzed, Site, fuzz, fuzzed_site
from tests.support.serving import Served

SECONDS = os.environ.get("WIZARD_FUZZ_SECONDS", "60")
FEWEST = 100


@pytest.mark.postgres
def test_no_call_fails_and_no_answer_is_undocumented(tmp_path: Path) -> None:
    with fuzzed_site(tmp_path) as site:
        fuzzed = fuzz(site, tmp_path / "report.json", "--max-time", SECONDS)
        valid = site.valid()
    assert fuzzed.failures == (), fuzzed.told
    assert fuzzed.cases >= FEWEST, fuzzed.told
    assert {operation: str(each) for operation, each in valid.items() if each.is_refused} == {}
    assert valid["stage"].accepted, "the calls are written down"


@pytest.mark.parametrize(("accepted", "refused", "result"), [(20, 80, 0), (19, 81, 1), (TELLING - 1, 0, 1)])
def test_an_operation_that_is_hardly_tested_is_told(tmp_path: Path, accepted: int, refused: int, result: int) -> None:
    site = Site(Served(tmp_path), "")
    site.calls.write_text("create 201\n" * accepted + "create 409\n" * refused, "utf-8")
    valid = {"create": site.valid()["create"]}
    assert soak.told(Fuzzed(cases=1, failures=(), told=""), valid) == result


def test_what_the_site_calls_an_error_in_its_log_is_one(tmp_path: Path) -> None:
    site = Site(Served(tmp_path), "")
    site.served.log.write_text("at [info     ] error\nat [error    ] bulk.row_failed\nat [critical ] x\n", "utf-8")
    assert site.errors() == ["at [error    ] bulk.row_failed", "at [critical ] x"]
