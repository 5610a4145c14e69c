"""Many register at once while parts of the site fail, as seeds have it; afterwards an independent checker looks.

`WIZARD_FAULT_SECONDS` says for how long in all, in two halves that two processes can run at once;
`WIZARD_FAULT_SEED` runs one seed's schedule alone (docs/promises.md).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from time import monotonic

import pytest

from tests.faults.harness.parts import Site, running_site
from tests.faults.harness.running import made_of, run
from tests.faults.harness.schedule import schedule

SECONDS = float(os.environ.get("WIZARD_FAULT_SECONDS", "20"))
SEED = os.environ.get("WIZARD_FAULT_SEED")
# Each half has every other seed.
FIRST = [int(SEED)] if SEED else [1, 2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.mark.postgres
@pytest.mark.parametrize("first", FIRST)
def test_whatever_fails_nothing_is_lost_doubled_or_stuck(site: Site, first: int) -> None:
    until, seed = monotonic() + SECONDS / len(FIRST), first
    while seed == first or (not SEED and monotonic() < until):
        made = made_of(seed, site)
        sys.stdout.write(f"{made.told}\n")
        ran = run(site, made)
        assert not ran.violations, f"{made.told}\nWIZARD_FAULT_SEED={seed} runs it again.\n" + "\n".join(ran.violations)
        seed += len(FIRST)
    sys.stdout.write(f"{(seed - first) // len(FIRST)} schedules, from seed {first} on: no violation.\n")
    assert "whole" in site.web.run("audit", "verify")


def test_a_seed_makes_the_same_schedule_again() -> None:
    assert schedule(7) == schedule(7)
    assert len({schedule(seed).told for seed in range(50)}) == 50
